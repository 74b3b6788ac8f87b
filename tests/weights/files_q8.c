/* files_q8.c: blocks of Q8_0: made, kept in safetensors and GGUF files, and what other blocks become. */
#include "files.h"
#include "tests/harness/test.h"
#include "weights/formats/blocks.h"
#include "weights/formats/gguf.h"
#include "weights/formats/safetensors.h"
#include "sd/load/model_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCKS = 24, NUMBERS = BLOCKS * Q8_NUMBERS };

/* Pseudo-random numbers, each block half as large as the one before; the last but one is zeros, the last too small for
 * a scale in F16. */
static void made_numbers(float *x) {
    uint32_t u = 1;
    for (int i = 0; i < NUMBERS; i++) {
        u = u * 1664525 + 1013904223;
        x[i] = ldexpf((float)(int32_t)(u & 0xffffff00u), -31 - i / Q8_NUMBERS);
        if (i / Q8_NUMBERS == BLOCKS - 2) x[i] = 0;
        if (i / Q8_NUMBERS == BLOCKS - 1) x[i] = ldexpf(x[i], -40);
    }
}

static void quantised(void) {
    float x[NUMBERS], back[Q8_NUMBERS], worst = 0;
    uint8_t blocks[BLOCKS * Q8_BYTES];
    char hex[65];
    made_numbers(x);
    for (int b = 0; b < BLOCKS; b++) {
        float most = 0, error = 0;
        quantise_q8_0(x + b * Q8_NUMBERS, blocks + b * Q8_BYTES);
        block_f32(Q8_0, blocks + b * Q8_BYTES, back);
        for (int i = 0; i < Q8_NUMBERS; i++) {
            float was = x[b * Q8_NUMBERS + i];
            most = fmaxf(most, fabsf(was)), error = fmaxf(error, fabsf(was - back[i]));
        }
        if (b < 8) worst = fmaxf(worst, error * 127 / most); /* larger scales: those of F16's normal numbers */
    }
    sha256_memory(blocks, sizeof blocks, hex);
    /* gguf 0.19's quants.quantize of the same numbers */
    test_check(!strncmp(hex, "722c610889462789", 16), "Q8_0: the bytes of ggml's quantisation");
    test_note("%s", hex);
    test_check(worst <= 0.5f + 127 * 0x1p-11f,
               "Q8_0: no number moves by more than half a step and its scale's rounding");
    test_note("%g steps", (double)worst);
    x[3] = INFINITY;
    quantise_q8_0(x, blocks);
    block_f32(Q8_0, blocks, back);
    test_check(isnan(back[0]) && isnan(back[31]), "Q8_0: a block with an infinity is NaN");
}

/* Q4_0 and Q5_0 are blocks of Q8_0 with other bytes; the rest are not. */
static void exactly(void) {
    static const DType ALL[] = {Q4_0, Q5_0, Q8_0, Q4_1, Q5_1, Q6_K};
    for (size_t k = 0; k < sizeof ALL / sizeof *ALL; k++) {
        DType t = ALL[k];
        size_t each = dtype_bytes(t, dtype_block(t));
        uint8_t bytes[4 * 210], q8[4 * Q8_BYTES];
        float from[BLOCK_MOST * 4], to[Q8_NUMBERS];
        uint32_t u = 5;
        for (size_t i = 0; i < sizeof bytes; i++) u = u * 1664525 + 1013904223, bytes[i] = (uint8_t)(u >> 24);
        for (int b = 0; b < 4; b++) bytes[(size_t)b * each + 1] = (uint8_t)(0x20 + b);
        const WeightFile f = {.map = bytes};
        const FileTensor tensor = {.dtype = t, .nd = 2, .n = {4, dtype_block(t)}, .end = 4 * each};
        bool q = k < 3, ok = file_tensor_read(&f, &tensor, 0, 4 * Q8_NUMBERS, Q8_0, q8) == q;
        ok = ok && file_tensor_type(&tensor) == (q ? Q8_0 : F16) && file_tensor_f32(&f, &tensor, from);
        for (int b = 0; q && b < 4; b++) {
            block_f32(Q8_0, q8 + b * Q8_BYTES, to);
            for (int i = 0; i < Q8_NUMBERS; i++) ok = ok && to[i] == from[b * Q8_NUMBERS + i];
        }
        test_check(ok, q ? "%s is exact in Q8_0" : "%s becomes F16", dtype_name(t));
    }
}

/* "a" F32 [3], "q" Q8_0 [2,2,64], "b" F16 [5]. */
static void made_list(FileTensor t[3]) {
    t[0] = (FileTensor){.name = "a", .dtype = F32, .nd = 1, .n = {3}};
    t[1] = (FileTensor){.name = "q", .dtype = Q8_0, .nd = 3, .n = {2, 2, 64}};
    t[2] = (FileTensor){.name = "b", .dtype = F16, .nd = 1, .n = {5}};
}

/* The file holds what was written. */
static bool reads_back(const char *path, const char *format, const float a[3], const uint8_t *q, Error *e) {
    float back[3];
    WeightFile *f = weight_file_open(path, e);
    const FileTensor *t = f ? weight_file_find(f, "q") : NULL, *one = f ? weight_file_find(f, "a") : NULL;
    const char *kind = f ? weight_file_meta(f, "kind") : NULL;
    bool ok = t && one && kind && !strcmp(kind, "test") && !strcmp(f->format, format) && t->dtype == Q8_0 &&
              t->nd == 3 && t->n[0] == 2 && t->n[1] == 2 && t->n[2] == 64 &&
              !memcmp(file_tensor_data(f, t), q, dtype_bytes(Q8_0, 256)) && file_tensor_count(one) == 3 &&
              file_tensor_f32(f, one, back) && !memcmp(back, a, 12) && weight_file_find(f, "b")->n[0] == 5;
    weight_file_close(f);
    return ok;
}

static void in_safetensors(const float *a, const uint8_t *q) {
    FileTensor t[3];
    FileMeta meta[2] = {{"kind", "test"}};
    Error e = {0};
    const char *path = test_path("q8.safetensors");
    made_list(t);
    StWriter *w = st_write_begin(path, t, 3, meta, 1, &e);
    bool ok = w && st_write_data(w, a, 12, &e) && st_write_data(w, q, dtype_bytes(Q8_0, 256), &e) &&
              st_write_data(w, a, 10, &e) && st_write_end(w, &e);
    test_check(ok && reads_back(path, "safetensors", a, q, &e), "safetensors: rows of Q8_0");
    test_note("%s", e.text);
    const struct {
        const char *type, *words;
        int64_t bytes;
    } WRONG[] = {{"Q4_0", "of type|only Q8_0", 68}, {"Q8_0", "whole blocks", 67}};
    for (int i = 0; i < 2; i++) {
        t[1] = (FileTensor){.name = "q", .dtype = U8, .nd = 2, .n = {2, WRONG[i].bytes}};
        meta[1] = (FileMeta){ST_BLOCKS, WRONG[i].type};
        e = (Error){0};
        w = st_write_begin(path, t, 3, meta, 2, &e);
        test_check(!w && e.code == ERR_FORMAT && holds(e.text, WRONG[i].words), "safetensors: %s", WRONG[i].words);
        test_note("%s", e.text);
        st_write_abort(w);
    }
}

static void in_gguf(const float *a, const uint8_t *q) {
    FileTensor t[3];
    const FileMeta meta = {"kind", "test"};
    Error e = {0};
    struct stat s;
    const char *path = test_path("q8.gguf");
    for (int lacks = 1; lacks >= 0; lacks--) {
        made_list(t);
        GgufWriter *w = gguf_write_begin(path, t, 3, &meta, 1, &e);
        bool ok = w && gguf_write_data(w, a, 8, &e) && gguf_write_data(w, a + 2, 4, &e) &&
                  gguf_write_data(w, q, dtype_bytes(Q8_0, 256), &e) && gguf_write_data(w, a, 10 - (size_t)lacks, &e);
        bool ended = ok && gguf_write_end(w, &e);
        if (lacks)
            test_check(ok && !ended && holds(e.text, "data are missing") && stat(path, &s),
                       "GGUF: without its last byte it is not written");
        else test_check(ended && reads_back(path, "GGUF v3", a, q, &e), "GGUF: written and read");
        test_note("%s", e.text);
        e = (Error){0};
    }
    made_list(t);
    t[1].n[2] = 48;
    test_check(!gguf_write_begin(path, t, 3, NULL, 0, &e) && holds(e.text, "\"q\"|cannot hold"),
               "GGUF: rows that are no blocks are not begun");
    made_list(t);
    e = (Error){0};
    GgufWriter *w = gguf_write_begin(test_path("q8_left.gguf"), t, 3, NULL, 0, &e);
    gguf_write_abort(w);
    test_check(w && stat(test_path("q8_left.gguf"), &s), "GGUF: given up, nothing is left");
}

void files_q8(void) {
    float x[NUMBERS];
    uint8_t q[8 * Q8_BYTES];
    quantised();
    exactly();
    made_numbers(x);
    for (int b = 0; b < 8; b++) quantise_q8_0(x + b * Q8_NUMBERS, q + b * Q8_BYTES);
    in_safetensors(x, q);
    in_gguf(x, q);
}
