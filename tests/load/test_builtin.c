/* test_builtin.c: a model in memory is the same as in a file; programs with a built-in model and without one (make
 * test-builtin runs this with one). */
#include "tests/harness/test.h"
#include "tests/harness/make_model.h"
#include "sd/load/model_hash.h"
#include "sd/sd.h"
#include "weights/builtin.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool draw(SdModel *m, SdResult *out, Error *e) {
    SdRequest r = sd_request(m);
    r.prompt = "a red circle", r.seed = 3, r.steps = 2, r.width = r.height = 64;
    return m && sd_txt2img(m, &r, out, e);
}

static bool same_picture(const SdResult *a, const SdResult *b) {
    return a->count == 1 && b->count == 1 && !memcmp(a->pictures[0].rgb, b->pictures[0].rgb, 64 * 64 * 3);
}

/* The ten digits after "Model hash: ", or NULL. */
static const char *hash_of(const SdResult *r) {
    const char *at = r->count ? strstr(r->pictures[0].parameters, "Model hash: ") : NULL;
    return at ? at + strlen("Model hash: ") : NULL;
}

static void memory(void) {
    const char *path = test_path("memory.safetensors");
    size_t size = 0;
    Error e = {0};
    SdResult a = {0}, b = {0};
    char *bytes = make_model(path, (MakeModel){.dtype = F16}) ? test_read(path, &size) : NULL;
    SdModel *file = sd_open(path, NULL, &e), *mem = bytes ? sd_open_memory("here", bytes, size, NULL, &e) : NULL;
    bool ok = draw(file, &a, &e) && draw(mem, &b, &e);
    test_check(ok && same_picture(&a, &b), "a model in memory draws what the file does");
    test_note("%s", e.text);
    test_check(hash_of(&a) && hash_of(&b) && !strncmp(hash_of(&a), hash_of(&b), 10), "and has the file's hash");
    sd_free(&a);
    sd_free(&b);
    sd_close(file);
    sd_close(mem);
    mem = bytes ? sd_open_memory("half of it", bytes, size / 2, NULL, &e) : NULL;
    test_check(!mem && e.code == ERR_FORMAT && strstr(e.text, "half of it"), "half a model in memory is refused");
    free(bytes);
}

static void built_in(void) {
    size_t size = 1;
    const void *bytes = builtin_model(&size);
    Error e = {0};
    SdResult r = {0};
    SdModel *m = sd_open(NULL, NULL, &e);
    test_check(!*sd_device(NULL), "no model has no device");
    test_check(sd_builtin() == (bytes != NULL) && (bytes != NULL) == (size > 0),
               "sd_builtin tells whether a model is built in");
    if (!bytes) {
        test_check(!m && e.code == ERR_ARGUMENT && strstr(e.text, "no model is built in"),
                   "without a built-in model the error says so");
        return;
    }
    test_check((uintptr_t)bytes % 64 == 0, "the built-in model is aligned");
    test_check(draw(m, &r, &e) && r.count == 1, "the built-in model draws");
    test_note("%s", e.text);
    char hex[65];
    sha256_memory(bytes, size, hex);
    test_check(hash_of(&r) && !strncmp(hash_of(&r), hex, 10), "its hash is that of its file, as the webui's would be");
    bool usual = r.count && strstr(r.pictures[0].parameters, ", Model: sd.c-nano,");
    test_check(usual || size < 11000000, "its name says whose it is"); /* make test-builtin's is another, smaller */
    sd_free(&r);
    sd_close(m);
}

SUITE(builtin, .seconds = 1, .blas = true) {
    memory();
    built_in();
}
