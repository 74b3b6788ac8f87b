/* files_gguf.c: GGUF files, quantised blocks and 8-bit floating point. */
#include "attacks.h"
#include "files.h"
#include "tensor/half.h"
#include "tests/harness/test.h"
#include "weights/formats/byte_order.h"
#include "weights/formats/blocks.h"
#include "weights/formats/formats.h"
#include "weights/formats/safetensors.h"
#include "sd/load/model_hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

/* Bytes that are pseudo-random, but whose F16s at two places are of a magnitude between 2^-7 and 1. */
static void made_blocks(uint8_t *p, size_t block, int blocks, int at, int second) {
    uint32_t x = 1;
    for (size_t i = 0; i < block * (size_t)blocks; i++) {
        x = x * 1103515245u + 12345u;
        uint8_t v = (uint8_t)(x >> 16);
        int in = (int)(i % block) - 1;
        p[i] = in == at || (in == second && second >= 0) ? (v & 0x9f) | 0x20 : v;
    }
}

/* The SHA-256 (first 16 digits) of the numbers of three such blocks, as gguf 0.19's gguf.quants.dequantize gives them.
 */
static void blocks(void) {
    static const struct {
        DType type;
        int at, second;
        const char *sha;
    } KNOWN[] = {
        {Q4_0, 0, -1, "e5393e247ff70700"},   {Q4_1, 0, 2, "03a13203b65ffa0c"},  {Q5_0, 0, -1, "2b9f5a145e4b6833"},
        {Q5_1, 0, 2, "4860ab26fcec0dfd"},    {Q8_0, 0, -1, "578818659c0c96b4"}, {Q2_K, 80, 82, "11a88a6b1c7e1c02"},
        {Q3_K, 108, -1, "54124eff1a35152d"}, {Q4_K, 0, 2, "fdba1d11ea41b207"},  {Q5_K, 0, 2, "13583125a1eb8f7f"},
        {Q6_K, 208, -1, "148508f80428ef40"},
    };
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        DType t = KNOWN[i].type;
        uint8_t bytes[3 * 210];
        float x[3 * BLOCK_MOST], stored[3 * BLOCK_MOST], most = 0;
        int64_t n = 3 * dtype_block(t);
        char hex[65];
        made_blocks(bytes, dtype_bytes(t, dtype_block(t)), 3, KNOWN[i].at, KNOWN[i].second);
        const WeightFile f = {.map = bytes};
        const FileTensor tensor = {.dtype = t, .nd = 1, .n = {n}, .end = dtype_bytes(t, n)};
        bool ok = file_tensor_read(&f, &tensor, 0, n, F32, x);
        for (int64_t k = 0; k < n; k++) x[k] += 0.0f, most = fabsf(x[k]) > most ? fabsf(x[k]) : most; /* -0 as 0 */
        file_numbers(stored, x, sizeof *x, n);
        sha256_memory(stored, (size_t)n * sizeof *x, hex);
        test_check(ok && !strncmp(hex, KNOWN[i].sha, 16), "%s: known numbers", dtype_name(t));
        test_note("%s", hex);
        double bound = blocks_bound(t, bytes, 3), piece[40];
        test_check(bound >= (double)most && bound < 8 * (double)most, "%s: %g is bounded by %g", dtype_name(t),
                   (double)most, bound);
        uint16_t half[40];
        ok = file_tensor_read(&f, &tensor, 20, 40, F64, piece) && file_tensor_read(&f, &tensor, 20, 40, F16, half);
        for (int k = 0; k < 40; k++)
            ok = ok && piece[k] == (double)x[20 + k] && f16_to_f32(half[k]) == f16_to_f32(f32_to_f16(x[20 + k]));
        test_check(ok, "%s: a piece across blocks", dtype_name(t));
        bytes[KNOWN[i].at + 1] = 0x7c, bytes[KNOWN[i].at] = 0;
        test_check(isinf(blocks_bound(t, bytes, 3)), "%s: an infinite scale is noticed", dtype_name(t));
    }
}

/* All 256 values of both kinds, by their definition (OCP 8-bit Floating Point Specification, tables 1 and 2) and by
 * torch. */
static void eight_bits(void) {
    static const uint16_t TORCH[2][256] = {
#include "known_f8.inc"
    };
    int wrong[2] = {0};
    for (int b = 0; b < 256; b++)
        for (int kind = 0; kind < 2; kind++) {
            int mantissa = kind ? 2 : 3, bias = kind ? 15 : 7, e = (b & 127) >> mantissa, m = b & ((1 << mantissa) - 1);
            double value = e ? ldexp(1 + ldexp(m, -mantissa), e - bias) : ldexp(m, 1 - bias - mantissa);
            if (kind && e == 31) value = m ? NAN : INFINITY;
            if (!kind && (b & 127) == 127) value = NAN;
            if (b & 128) value = -value;
            uint8_t byte = (uint8_t)b;
            const WeightFile f = {.map = &byte};
            const FileTensor t = {.dtype = kind ? F8_E5M2 : F8_E4M3, .nd = 1, .n = {1}, .end = 1};
            double wide = 0;
            float single = 0;
            uint16_t half = 0;
            bool ok = file_tensor_read(&f, &t, 0, 1, F64, &wide) && file_tensor_read(&f, &t, 0, 1, F32, &single) &&
                      file_tensor_read(&f, &t, 0, 1, F16, &half);
            double back = (double)f16_to_f32(half);
            if (isnan(value)) ok = ok && isnan(wide) && isnan(single) && isnan(back);
            else ok = ok && wide == value && (double)single == value && back == value && !signbit(wide) == !(b & 128);
            ok = ok && (isnan(value) ? TORCH[kind][b] == 0x7e00 : half == TORCH[kind][b]);
            wrong[kind] += !ok;
        }
    test_check(!wrong[0] && !wrong[1], "F8: %d of E4M3 and %d of E5M2 wrong of 256", wrong[0], wrong[1]);
}

static void scaled(const char *name) {
    FileTensor t[] = {{.name = "x.weight", .dtype = F8_E4M3, .nd = 1, .n = {4}},
                      {.name = name, .dtype = F32, .nd = 1, .n = {1}}};
    static const uint8_t values[] = {0x38, 0xb8, 0x7e, 1}; /* 1, -1, 448, 2^-9 */
    float scale = 0.1f, x[4];
    uint16_t half[4];
    Error e = {0};
    StWriter *w = st_write_begin(test_path("f8"), t, 2, NULL, 0, &e);
    bool ok = w && st_write_data(w, values, 4, &e) && st_write_data(w, &scale, 4, &e) && st_write_end(w, &e);
    WeightFile *f = ok ? weight_file_open(test_path("f8"), &e) : NULL;
    const FileTensor *u = f ? weight_file_find(f, "x.weight") : NULL;
    ok = u && !file_tensor_is_plain(u) && file_tensor_type(u) == F16 && file_tensor_f32(f, u, x) &&
         file_tensor_read(f, u, 0, 4, F16, half);
    test_check(ok && x[0] == scale && x[1] == -scale && x[2] == 448 * scale && x[3] == 0x1p-9f * scale &&
                   half[2] == f32_to_f16(448 * scale),
               "F8 with a scale, %s", name);
    weight_file_close(f);
    t[1].n[0] = 2;
    w = st_write_begin(test_path("f8"), t, 2, NULL, 0, &e);
    test_check(!w && holds(e.text, name) && holds(e.text, "one number"),
               "F8 with two scales is refused, by the writer already");
    test_note("%s", e.text);
    st_write_abort(w);
}

/* --- files --- */

typedef struct {
    uint8_t p[1024];
    size_t size;
} Bytes;

static void put_number(Bytes *b, uint64_t x, int bytes) {
    for (int i = 0; i < bytes; i++) b->p[b->size++] = (uint8_t)(x >> (8 * i));
}

static void put_text(Bytes *b, const char *text) {
    put_number(b, strlen(text), 8);
    memcpy(b->p + b->size, text, strlen(text));
    b->size += strlen(text);
}

static void put_tensor(Bytes *b, const char *name, uint64_t rows, uint64_t columns, uint32_t type, uint64_t offset) {
    put_text(b, name);
    put_number(b, 2, 4);
    put_number(b, columns, 8);
    put_number(b, rows, 8);
    put_number(b, type, 4);
    put_number(b, offset, 8);
}

/* "a" F32 [2,3] = 0..5 and "q" Q8_0 [2,32]; a text, a list of texts, a number. */
static Bytes made(uint32_t version) {
    Bytes b = {.p = "GGUF", .size = 4};
    put_number(&b, version, 4);
    put_number(&b, 2, 8);
    put_number(&b, 3, 8);
    put_text(&b, "general.name"), put_number(&b, 8, 4), put_text(&b, "small");
    put_text(&b, "list"), put_number(&b, 9, 4), put_number(&b, 8, 4), put_number(&b, 2, 8);
    put_text(&b, "x"), put_text(&b, "yy");
    put_text(&b, "general.alignment"), put_number(&b, 4, 4), put_number(&b, 64, 4);
    put_tensor(&b, "a", 2, 3, 0, 0);
    put_tensor(&b, "q", 2, 32, 8, 64);
    while (b.size % 64) put_number(&b, 0, 1);
    for (int i = 0; i < 6; i++) put_number(&b, f32_bits((float)i), 4);
    while (b.size % 64) put_number(&b, 0, 1);
    for (int row = 0; row < 2; row++) {
        put_number(&b, f32_to_f16(0.5f), 2);
        for (int i = 0; i < 32; i++) put_number(&b, (uint64_t)(row ? -i : i), 1);
    }
    return b;
}

static WeightFile *open_tight(const Bytes *b, size_t size, uint8_t **copy, Error *e) {
    *copy = malloc(size ? size : 1);
    if (!*copy) abort();
    memcpy(*copy, b->p, size);
    return weight_file_open_memory("FILE", *copy, size, e);
}

static void files(void) {
    for (uint32_t version = 2; version <= 3; version++) {
        Bytes b = made(version);
        uint8_t *copy;
        Error e = {0};
        float x[64];
        WeightFile *f = open_tight(&b, b.size, &copy, &e);
        const FileTensor *a = f ? weight_file_find(f, "a") : NULL, *q = f ? weight_file_find(f, "q") : NULL;
        bool ok = a && q && f->count == 2 && !strcmp(f->format, version == 2 ? "GGUF v2" : "GGUF v3") && a->nd == 2 &&
                  a->n[0] == 2 && a->n[1] == 3 && q->dtype == Q8_0 && q->n[0] == 2 && q->n[1] == 32;
        test_check(ok && file_tensor_f32(f, a, x) && x[5] == 5, "GGUF version %u opens", version);
        test_note("%s", e.text);
        test_check(ok && file_tensor_f32(f, q, x) && x[31] == 15.5f && x[63] == -15.5f, "GGUF version %u: Q8_0",
                   version);
        const char *name = ok ? weight_file_meta(f, "general.name") : NULL;
        test_check(name && !strcmp(name, "small") && f->meta_count == 1, "GGUF version %u: its texts", version);
        weight_file_close(f);
        free(copy);
    }
}

/* "a" F32 [2,3] and what ComfyUI-GGUF says of its shape: numbers of this type. */
static Bytes reshaped(uint32_t type, int bytes, int count, const uint64_t *n) {
    Bytes b = {.p = "GGUF", .size = 4};
    put_number(&b, 3, 4);
    put_number(&b, 1, 8);
    put_number(&b, 1, 8);
    put_text(&b, "comfy.gguf.orig_shape.a"), put_number(&b, 9, 4), put_number(&b, type, 4);
    put_number(&b, (uint64_t)count, 8);
    for (int i = 0; i < count; i++) put_number(&b, n[i], bytes);
    put_tensor(&b, "a", 2, 3, 0, 0);
    while (b.size % 32) put_number(&b, 0, 1);
    for (int i = 0; i < 6; i++) put_number(&b, f32_bits((float)i), 4);
    return b;
}

static void shapes(void) {
    static const struct {
        const char *what;
        uint32_t type;
        int bytes, count;
        uint64_t n[9];
        bool opens;
    } SHAPES[] = {{"as INT32", 5, 4, 4, {1, 3, 2, 1}, true},
                  {"as INT64", 11, 8, 2, {6, 1}, true},
                  {"of other numbers", 5, 4, 2, {2, 4}, false},
                  {"with a negative size", 5, 4, 2, {0xffffffff, 0xfffffffa}, false},
                  {"with 2^63", 11, 8, 3, {(uint64_t)1 << 63, 2, 3}, false},
                  {"with a product of 2^64 + 6", 11, 8, 3, {6, 0x2aaaaaaaaaaaaaab, 1}, false},
                  {"with 0", 5, 4, 2, {0, 6}, false},
                  {"of none", 5, 4, 0, {0}, false}};
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        Bytes b = reshaped(SHAPES[i].type, SHAPES[i].bytes, SHAPES[i].count, SHAPES[i].n);
        uint8_t *copy;
        Error e = {0};
        float x[6];
        WeightFile *f = open_tight(&b, b.size, &copy, &e);
        const FileTensor *a = f ? weight_file_find(f, "a") : NULL;
        bool ok = SHAPES[i].opens ? a && a->nd == SHAPES[i].count && file_tensor_f32(f, a, x) && x[5] == 5
                                  : !f && e.code == ERR_FORMAT && holds(e.text, "\"a\"|not that of its numbers");
        for (int k = 0; a && k < a->nd; k++) ok = ok && a->n[k] == (int64_t)SHAPES[i].n[k];
        test_check(ok, "GGUF: a shape of ComfyUI's %s", SHAPES[i].what);
        test_note("%s", e.text);
        weight_file_close(f);
        free(copy);
    }
}

static void broken(void) {
    Bytes b = made(3);
    size_t kept = 0;
    uint8_t *copy;
    for (size_t n = 0; n < b.size; n++) {
        Error e = {0};
        WeightFile *f = open_tight(&b, n, &copy, &e);
        if (f || e.code != ERR_FORMAT || !strchr(e.text, ';')) test_check(false, "GGUF cut to %zu: %s", n, e.text);
        weight_file_close(f);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * b.size; bit++) {
        Error e = {0};
        b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        WeightFile *f = open_tight(&b, b.size, &copy, &e);
        bool ok = f ? !e.code : e.code == ERR_FORMAT;
        for (size_t i = 0; f && i < f->count; i++) {
            float *x = malloc((size_t)file_tensor_count(&f->tensors[i]) * sizeof *x + 1);
            if (x) file_tensor_f32(f, &f->tensors[i], x);
            free(x);
        }
        if (!ok) test_check(false, "GGUF, bit %zu: %s", bit, e.text);
        kept += f != NULL;
        weight_file_close(f);
        free(copy);
        b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    test_check(kept > 0 && kept < 8 * b.size, "GGUF: %zu of %zu changed bits are noticed", 8 * b.size - kept,
               8 * b.size);
}

/* Numbers that lie: where one stands (before the first tensor's or after its name), and what it becomes. */
static const struct {
    const char *what, *words;
    const char *after; /* the text that ends before it; NULL: from the beginning */
    int at, bytes;
    uint64_t value;
} LIES[] = {
    {"version 1", "GGUF version 1; versions 2 and 3", NULL, 4, 4, 1},
    {"big-endian", "or big-endian", NULL, 4, 4, 0x03000000},
    {"2^60 tensors", "claims more tensors", NULL, 8, 8, (uint64_t)1 << 60},
    {"2^60 pairs", "claims more tensors or pairs", NULL, 16, 8, (uint64_t)1 << 60},
    {"a key of 2^60 bytes", "ends inside its header", NULL, 24, 8, (uint64_t)1 << 60},
    {"a value of type 13", "no known type", "general.name", 0, 4, 13},
    {"a text of 2^64 - 1 bytes", "ends inside its header", "general.name", 4, 8, UINT64_MAX},
    {"an array of arrays", "array of what is no value", "list", 4, 4, 9},
    {"2^60 texts", "ends inside its header", "list", 8, 8, (uint64_t)1 << 60},
    {"alignment 0", "alignment is no power", "general.alignment", 4, 4, 0},
    {"alignment 48", "alignment is no power", "general.alignment", 4, 4, 48},
    {"9 dimensions", "more than 8 dimensions", "\1\0\0\0\0\0\0\0a", 0, 4, 9},
    {"2^63 columns", "overflows 64 bits", "\1\0\0\0\0\0\0\0a", 4, 8, (uint64_t)1 << 63},
    {"2^60 columns", "overflows 64 bits", "\1\0\0\0\0\0\0\0a", 4, 8, (uint64_t)1 << 60},
    {"2^40 columns", "beyond the file", "\1\0\0\0\0\0\0\0a", 4, 8, (uint64_t)1 << 40},
    {"IQ2_XS", "type is IQ2_XS", "\1\0\0\0\0\0\0\0a", 20, 4, 17},
    {"a type of nobody's", "none of GGUF's", "\1\0\0\0\0\0\0\0a", 20, 4, 99},
    {"an unaligned place", "not aligned", "\1\0\0\0\0\0\0\0a", 24, 8, 4},
    {"a place beyond the file", "beyond the file", "\1\0\0\0\0\0\0\0a", 24, 8, (uint64_t)1 << 62},
    {"an overlap", "overlap", "\1\0\0\0\0\0\0\0q", 24, 8, 0},
    {"rows that are no blocks", "whole blocks", "\1\0\0\0\0\0\0\0q", 4, 8, 16},
};

bool attack_gguf(size_t i, Attack *a) {
    *a = (Attack){.name = NULL};
    if (i >= sizeof LIES / sizeof *LIES) return false;
    Bytes b = made(3);
    size_t at = 0, n = 0;
    if (LIES[i].after) {
        n = LIES[i].after[0] == 1 ? 9 : strlen(LIES[i].after);
        while (memcmp(b.p + at, LIES[i].after, n)) at++;
    }
    at += n + (size_t)LIES[i].at;
    for (int k = 0; k < LIES[i].bytes; k++) b.p[at + (size_t)k] = (uint8_t)(LIES[i].value >> (8 * k));
    *a = (Attack){.name = LIES[i].what, .words = LIES[i].words, .bytes = malloc(b.size), .size = b.size};
    if (!a->bytes) abort();
    memcpy(a->bytes, b.p, b.size);
    return true;
}

void files_gguf(void) {
    blocks();
    eight_bits();
    scaled("x.scale_weight");
    scaled("x.weight_scale");
    files();
    shapes();
    broken();
    Attack a;
    for (size_t i = 0; attack_gguf(i, &a); i++) files_attack(&a);
}
