/* files_faults.c: the Nth allocation fails, for every N. */
#include "files.h"
#include "made_gguf.h"
#include "made_torch.h"
#include "tests/harness/faults.h"
#include "tests/harness/test.h"
#include "weights/files/json.h"
#include "weights/formats/weight_file.h"
#include "weights/files/sha256.h"

#include <stdlib.h>

static const char SAMPLE[] = "{\"a\":[1,2,3,{\"b\":\"c\",\"d\":null}],\"e\":{\"f\":1,\"g\":2,\"h\":[]}}";

static bool parse(Error *e) {
    Json *j = json_parse("TEXT", SAMPLE, sizeof SAMPLE - 1, e);
    json_free(j);
    return j != NULL;
}

static bool open_small(Error *e) {
    WeightFile *f = weight_file_open(test_path("small.safetensors"), e);
    weight_file_close(f);
    return f != NULL;
}

static bool open_other(Error *e) {
    WeightFile *f = weight_file_open(test_path("faults.other"), e);
    weight_file_close(f);
    return f != NULL;
}

static bool write_again(Error *e) { return write_small(test_path("faults.safetensors"), e); }

static bool hash(Error *e) {
    char hex[65];
    return sha256_file(test_path("small.safetensors"), hex, e);
}

static bool compare(Error *e) {
    const char *path = test_path("small.safetensors");
    char *argv[] = {"diff", (char *)(uintptr_t)path, (char *)(uintptr_t)path, "--names",
                    (char *)(uintptr_t)test_path("faults.map")};
    int code = quiet_diff(5, argv);
    if (code) error_set(e, ERR_MEMORY, "exit code %d", code); /* the command says why on stderr only */
    return code == 0;
}

void faults_every(const char *what, bool (*job)(Error *)) {
    if (!faults_possible()) {
        test_skip("%s with failing allocations: linked without --wrap", what);
        return;
    }
    for (long n = 0; n < 1000; n++) {
        Error e = {0};
        faults_watch();
        faults_fail(n);
        bool ok = job(&e), fired = faults_fired();
        long live = faults_end();
        if (!fired) {
            test_check(ok && !e.code && n > 0, "%s: %ld allocations, all failed once", what, n);
            return;
        }
        bool right = !ok && e.code == ERR_MEMORY && live == 0;
        if (!test_check(right, "%s: allocation %ld fails", what, n)) test_note("%ld alive, %s", live, e.text);
    }
    test_check(false, "%s: no end of allocations", what);
}

void files_faults(void) {
    faults_every("JSON", parse);
    faults_every("opening", open_small);
    WeightFile *f = weight_file_open(test_path("small.safetensors"), &(Error){0});
    for (int way = 0; f && way < 3; way++) {
        size_t size;
        char *bytes = way < 2 ? made_torch(f, way ? MADE_OLD : MADE_TURNED, &size) : made_gguf(f, &size);
        test_write(test_path("faults.other"), bytes, size);
        free(bytes);
        faults_every(way == 0 ? "PyTorch's zip" : way == 1 ? "PyTorch before 1.6" : "GGUF", open_other);
    }
    weight_file_close(f);
    faults_every("writing", write_again);
    faults_every("hashing", hash);
    test_write(test_path("faults.map"), "x.* y.*\n", 8);
    faults_every("comparing", compare);
}
