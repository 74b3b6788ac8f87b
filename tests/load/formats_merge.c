/* formats_merge.c: in each place of a merge, every format makes what safetensors makes of the same numbers. */
#include "formats.h"
#include "sd/sd.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/weights/made_torch.h"
#include "weights/formats/weight_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSITIONS "cond_stage_model.transformer.text_model.embeddings.position_ids"

static bool has(const WeightFile *f, const char *name) { return weight_file_find(f, name) != NULL; }

/* Whether the files have the same tensors, in any order; the first may lack positions, as folders do. */
static bool same_tensors(const char *path, const char *other, Error *e) {
    WeightFile *a = weight_file_open(path, e), *b = a ? weight_file_open(other, e) : NULL;
    bool same = b && a->count > 100 && a->count + (has(b, POSITIONS) && !has(a, POSITIONS)) == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const FileTensor *x = &a->tensors[i], *y = weight_file_find(b, x->name);
        same = y && x->dtype == y->dtype && x->nd == y->nd && !memcmp(x->n, y->n, (size_t)x->nd * sizeof *x->n) &&
               !memcmp(file_tensor_data(a, x), file_tensor_data(b, y), (size_t)(x->end - x->begin));
    }
    weight_file_close(a);
    weight_file_close(b);
    return same;
}

static void fives(void *user, MadeTensors *l) {
    (void)user;
    for (size_t i = 0; i < l->count; i++) l->at[i].values = VALUES_ALL, l->at[i].value = 5;
}

/* In each place of a merge, the format makes what the safetensors file of the same numbers makes. */
static void check_merges(const char *what, const char *path, const char *ref, SdConfig k) {
    static const char *const NAMES[] = {"A", "B", "C"};
    char other[512], got[512], wanted[512];
    snprintf(other, sizeof other, "%s", test_path("fives.safetensors"));
    snprintf(got, sizeof got, "%s", test_path("got.safetensors"));
    snprintf(wanted, sizeof wanted, "%s", test_path("wanted.safetensors"));
    if (!make_model_of(other, (MakeModel){.dtype = F32, .edit = fives}, k)) abort();
    for (int place = 0; place < 3; place++) {
        SdMerge how = {.mode = place < 2 ? SD_MERGE_WEIGHTED : SD_MERGE_ADD_DIFFERENCE, .ratio = 0.3};
        SdMerged done[2] = {0};
        const char *in[3] = {other, other, place < 2 ? NULL : other};
        Error e = {0};
        in[place] = path;
        bool ok = sd_merge(in, got, &how, &done[0], &e);
        in[place] = ref;
        ok = ok && sd_merge(in, wanted, &how, &done[1], &e) && same_tensors(got, wanted, &e);
        test_check(ok && done[0].merged > 100 && done[0].merged == done[1].merged, "merged as %s: %s", NAMES[place],
                   what);
        test_note("%lld and %lld %s", (long long)done[0].merged, (long long)done[1].merged, e.text);
    }
}

static void merges_of_pickles(void) {
    Error e = {0};
    size_t size;
    if (!make_model_of(test_path("p.safetensors"), (MakeModel){.dtype = F16, .config = ""}, plain_config())) abort();
    WeightFile *f = weight_file_open(test_path("p.safetensors"), &e);
    if (!f) abort();
    for (int old = 0; old < 2; old++) {
        char *bytes = made_torch(f, (old ? MADE_OLD : 0) | MADE_NESTED | MADE_TURNED, &size);
        if (!test_write(test_path("p.ckpt"), bytes, size)) abort();
        free(bytes);
        check_merges(old ? "torch.save before 1.6" : "torch.save", test_path("p.ckpt"), test_path("p.safetensors"),
                     plain_config());
    }
    weight_file_close(f);
}

/* Blocks are merged as the numbers in F16 that a conversion makes of them. */
static void merges_of_blocks(void) {
    static const char *const FORMATS[] = {NULL, "gguf"};
    for (int i = 0; i < 2; i++) {
        Error e = {0};
        const SdConvert to = {.dtype = "q8_0", .format = FORMATS[i]}, wide = {.dtype = "f16", .layout = "single"};
        char plain[512], blocks[512], half[512];
        snprintf(plain, sizeof plain, "%s", test_path("p.safetensors"));
        snprintf(blocks, sizeof blocks, "%s", test_path(i ? "q8.gguf" : "q8.safetensors"));
        snprintf(half, sizeof half, "%s", test_path("half.safetensors"));
        test_check(sd_convert(plain, blocks, &to, NULL, &e) && sd_convert(blocks, half, &wide, NULL, &e),
                   "a model of blocks: %s", e.text);
        check_merges(i ? "Q8_0 in GGUF" : "Q8_0", blocks, half, plain_config());
    }
}

void formats_merge(const char *ref) {
    const SdConfig k = tiny_config();
    merges_of_pickles();
    check_merges("GGUF", test_path("a.gguf"), ref, k);
    check_merges("8-bit weights with scales", test_path("f8.safetensors"), test_path("f16.safetensors"), k);
    check_merges("a folder of .bin", test_path("bin-shards"), ref, k);
    check_merges("a folder of shards", test_path("folder, 3 shards"), ref, k);
    merges_of_blocks();
}
