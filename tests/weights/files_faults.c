/* files_faults.c: the Nth allocation fails, for every N.
 *
 * The program must be linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free. Without these flags
 * the names __real_... are missing, and the checks are skipped. */
#include "files.h"
#include "tests/harness/test.h"
#include "weights/json.h"
#include "weights/weight_file.h"
#include "weights/sha256.h"

#include <stdlib.h>

extern void *__real_malloc(size_t size) __attribute__((weak));
extern void *__real_calloc(size_t count, size_t size) __attribute__((weak));
extern void *__real_realloc(void *p, size_t size) __attribute__((weak));
extern void __real_free(void *p) __attribute__((weak));
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

/* Counts only while armed, when one thread runs. */
static struct {
    bool armed, fired;
    long left; /* allocations until one fails */
    long live;
} hook;

static bool fails(void) {
    if (!hook.armed || hook.left-- > 0) return false;
    hook.fired = true;
    return true;
}

static void *counted(void *p) {
    if (hook.armed && p) hook.live++;
    return p;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : counted(__real_malloc(size)); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : counted(__real_calloc(count, size)); }

void *__wrap_realloc(void *p, size_t size) {
    if (fails()) return NULL;
    return p ? __real_realloc(p, size) : counted(__real_realloc(p, size));
}

void __wrap_free(void *p) {
    if (hook.armed && p) hook.live--;
    __real_free(p);
}

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
    if (!__real_malloc) {
        test_skip("%s with failing allocations: linked without --wrap", what);
        return;
    }
    for (long n = 0; n < 1000; n++) {
        Error e = {0};
        hook.armed = true, hook.fired = false, hook.left = n, hook.live = 0;
        bool ok = job(&e);
        hook.armed = false;
        if (!hook.fired) {
            test_check(ok && !e.code && n > 0, "%s: %ld allocations, all failed once", what, n);
            return;
        }
        bool right = !ok && e.code == ERR_MEMORY && hook.live == 0;
        if (!test_check(right, "%s: allocation %ld fails", what, n)) test_note("%ld alive, %s", hook.live, e.text);
    }
    test_check(false, "%s: no end of allocations", what);
}

void files_faults(void) {
    faults_every("JSON", parse);
    faults_every("opening", open_small);
    faults_every("writing", write_again);
    faults_every("hashing", hash);
    test_write(test_path("faults.map"), "x.* y.*\n", 8);
    faults_every("comparing", compare);
}
