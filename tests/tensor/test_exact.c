/* test_exact.c: the specification of bits (ARCHITECTURE.md, "The same bits"): its known answers on every table that
 * keeps it, and the emulation of fma against fmaf. */
#define SDC_ISA test
#define SDC_EMULATE_FMA
#include "tensor/cpu/fma.h"
#include "sd/image/codecs/crc32.h"
#include "tensor/ops.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Input i of sequence s, in [-1, 1): exact in f32. */
static float input(uint32_t s, int64_t i) {
    uint32_t h = ((uint32_t)i + 1) * 2654435761u + s * 40503u;
    return (float)(h >> 8) * 0x1p-23f - 1.0f;
}

static Tensor fill(float *memory, uint32_t s, int nd, const int64_t *n) {
    Tensor t = tensor_view(memory, F32, nd, n);
    for (int64_t i = 0; i < tensor_count(t); i++) memory[i] = input(s, i);
    return t;
}

static uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* CRC-32 (of PNG and zlib) of numbers as little-endian bytes. */
static uint32_t crc_of(const float *y, int64_t n) {
    uint32_t crc = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t u = bits_of(y[i]);
        uint8_t bytes[4] = {(uint8_t)u, (uint8_t)(u >> 8), (uint8_t)(u >> 16), (uint8_t)(u >> 24)};
        crc = crc32_update(crc, bytes, sizeof bytes);
    }
    return crc;
}

typedef struct {
    Ctx *c;
    float *a, *b, *w, *bias, *y; /* each of MOST numbers */
} Bench;

enum { MOST = 1 << 16 };

/* of 1000 inputs from -8 to 8 */
static uint32_t activation(Bench *b, Act act) {
    Tensor t = fill(b->y, 1, 1, SHAPE(1000));
    for (int i = 0; i < 1000; i++) b->y[i] *= 8;
    op_activation(b->c, t, t, act);
    return crc_of(b->y, 1000);
}

static Weight weight(WeightKind kind, float *memory, uint32_t s, int nd, const int64_t *n) {
    return (Weight){.kind = kind, .t = fill(memory, s, nd, n)};
}

/* 700 products of one output */
static uint32_t linear(Bench *b) {
    Tensor x = fill(b->a, 1, 3, SHAPE(1, 1, 700)), y = tensor_view(b->y, F32, 3, SHAPE(1, 1, 1));
    Weight w = weight(WEIGHT_LINEAR, b->w, 2, 2, SHAPE(1, 700)), v = weight(WEIGHT_VECTOR, b->bias, 3, 1, SHAPE(1));
    op_linear(b->c, y, x, NULL, &w, &v, (Epilogue){0});
    return bits_of(b->y[0]);
}

/* A 3x3 convolution of h x w pixels, up: as if enlarged to twice that. */
static uint32_t conv(Bench *b, int64_t h, int64_t w, int64_t in, int64_t out, bool up, Precision precision) {
    int64_t rows = up ? 2 * h : h, columns = up ? 2 * w : w;
    Tensor x = fill(b->a, 1, 4, SHAPE(1, h, w, in)), y = tensor_view(b->y, F32, 4, SHAPE(1, rows, columns, out));
    Weight filter = weight(WEIGHT_CONV, b->w, 2, 4, SHAPE(out, 3, 3, in));
    Weight v = weight(WEIGHT_VECTOR, b->bias, 3, 1, &out);
    b->c->precision = precision;
    op_conv2d(b->c, y, x, &filter, &v,
              (Conv2d){.stride = 1, .pad_top = 1, .pad_left = 1, .up_h = up ? rows : 0, .up_w = up ? columns : 0},
              (Epilogue){0});
    b->c->precision = PRECISION_F32;
    return crc_of(b->y, rows * columns * out);
}

static uint32_t layer_norm(Bench *b, int64_t channels) {
    Tensor x = fill(b->a, 1, 3, SHAPE(1, 1, channels)), y = tensor_view(b->y, F32, 3, SHAPE(1, 1, channels));
    Weight w = weight(WEIGHT_VECTOR, b->w, 2, 1, &channels), v = weight(WEIGHT_VECTOR, b->bias, 3, 1, &channels);
    op_layer_norm(b->c, y, x, &w, &v, 1e-5f);
    return crc_of(b->y, channels);
}

static uint32_t group_norm(Bench *b) {
    int64_t channels = 24;
    Tensor x = fill(b->a, 1, 3, SHAPE(1, 100, channels)), y = tensor_view(b->y, F32, 3, SHAPE(1, 100, channels));
    Weight w = weight(WEIGHT_VECTOR, b->w, 2, 1, &channels), v = weight(WEIGHT_VECTOR, b->bias, 3, 1, &channels);
    op_group_norm(b->c, y, x, NULL, &w, &v, 4, 1e-5f, ACT_SILU);
    return crc_of(b->y, 100 * channels);
}

/* one head of d */
static uint32_t attention(Bench *b, int64_t queries, int64_t keys, int64_t d, bool causal) {
    Tensor q = fill(b->a, 1, 3, SHAPE(1, queries, d)), k = fill(b->b, 2, 3, SHAPE(1, keys, d));
    Tensor v = fill(b->w, 3, 3, SHAPE(1, keys, d)), o = tensor_view(b->y, F32, 3, SHAPE(1, queries, d));
    op_attention(b->c, o, q, k, v, 1, causal);
    return crc_of(b->y, queries * d);
}

static void answers(const Ops *table, ThreadPool *pool, Arena *arena) {
    Ctx c = {.op = table, .precision = PRECISION_F32, .pool = pool, .arena = arena};
    float *memory = malloc(5 * MOST * sizeof *memory);
    if (!memory) abort();
    Bench b = {&c, memory, memory + MOST, memory + 2 * MOST, memory + 3 * MOST, memory + 4 * MOST};
    const struct {
        const char *what;
        uint32_t is, want;
    } ROWS[] = {
        {"SiLU of 1000", activation(&b, ACT_SILU), 0xFB791875},
        {"GELU of 1000", activation(&b, ACT_GELU), 0x8C2F92FC},
        {"quick GELU of 1000", activation(&b, ACT_QUICK_GELU), 0x8649CD50},
        {"tanh of 1000", activation(&b, ACT_TANH), 0x169600CC},
        {"linear 700 -> 1", linear(&b), 0x436948F7},
        {"conv 3x3 40 -> 24, direct", conv(&b, 7, 9, 40, 24, false, PRECISION_F32_DIRECT), 0x8284A755},
        {"conv 3x3 330 -> 5, direct", conv(&b, 3, 5, 330, 5, false, PRECISION_F32_DIRECT), 0xD930E472},
        {"conv 3x3 40 -> 24, Winograd", conv(&b, 7, 9, 40, 24, false, PRECISION_F32), 0x7994230D},
        {"conv 3x3 40 -> 24 of twice the size", conv(&b, 7, 9, 40, 24, true, PRECISION_F32), 0x8A54A4EC},
        {"conv 3x3 80 -> 24 by phases", conv(&b, 11, 13, 80, 24, true, PRECISION_F32), 0x06025FA8},
        {"conv 3x3 48 -> 3", conv(&b, 7, 9, 48, 3, false, PRECISION_F32), 0x1E62119A},
        {"layer norm of 40", layer_norm(&b, 40), 0x5F9E8FD6},
        {"layer norm of 1000", layer_norm(&b, 1000), 0x73AD5923},
        {"group norm of 24 in 4, SiLU", group_norm(&b), 0x9F8EBC9D},
        {"attention 3 x 200, d 40", attention(&b, 3, 200, 40, false), 0xA82FA468},
        {"causal attention of 40, d 400", attention(&b, 40, 40, 400, true), 0xB552EA15},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        test_check(ROWS[i].is == ROWS[i].want, "%s: %s", table->name, ROWS[i].what);
        test_note("0x%08X, should be 0x%08X", ROWS[i].is, ROWS[i].want);
    }
    free(memory);
}

/* --- fma --- */

static void emulated(const char *what, float a, float b, float c) {
    float is = fma1(a, b, c), want = fmaf(a, b, c), v = fma_v(splat(a), splat(b), splat(c))[2];
    if ((bits_of(is) != bits_of(want) || bits_of(v) != bits_of(want)) && !(isnan(is) && isnan(v) && isnan(want)))
        test_check(false, "%s: fma(%a, %a, %a) is %a, should be %a", what, (double)a, (double)b, (double)c, (double)is,
                   (double)want);
}

static float any_bits(uint32_t s, int64_t i) {
    uint32_t u = (uint32_t)(test_uniform(s, (uint64_t)i) * 2147483648.0) ^ (uint32_t)i << 31;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static void emulation(void) {
    static const float SPECIAL[] = {0.0f,   -0.0f,  1.0f,    -1.0f,     INFINITY,         -INFINITY,    NAN,
                                    1e-45f, 1e-38f, 3.4e38f, 0x1p-126f, 0x1.fffffep-127f, 0x1.000002p0f};
    enum { COUNT = sizeof SPECIAL / sizeof *SPECIAL };
    /* 2^-127 + 2^-149 less a hair under half of 2^-149 */
    volatile float a0 = 0x1.000002p-75f, b0 = -0x1.fffffcp-76f, sum = 0x1.000004p-127f;
    bool twice = fmaf(a0, b0, sum) != sum;
    test_check(fma1(a0, b0, sum) == sum && fma_v(splat(a0), splat(b0), splat(sum))[2] == sum,
               "a hair from half-way, subnormal: a known answer");
    if (twice) test_skip("other sums half-way between subnormal numbers: this libc's fmaf (musl's) rounds them twice");
    for (int i = 0; i < COUNT * COUNT * COUNT; i++)
        emulated("special", SPECIAL[i % COUNT], SPECIAL[i / COUNT % COUNT], SPECIAL[i / COUNT / COUNT]);
    for (int64_t i = 0; i < 200000; i++) {
        emulated("random", input(1, i), input(2, i), input(3, i));
        emulated("any bits", any_bits(4, i), any_bits(5, i), any_bits(6, i));
        /* the product is near a number that lies half-way between two f32, or near the least numbers */
        float a = 1.0f + (float)(i & 0xfff) * 0x1p-23f, b = 1.0f + (float)(i >> 6 & 0xfff) * 0x1p-23f;
        emulated("half-way", a, b, 0x1p24f + (float)(i & 7));
        emulated("half-way, cancelling", a, b, -a * b);
        emulated("subnormal", a * 0x1p-75f, b * 0x1p-75f, (float)(i & 31) * 0x1p-149f);
        /* likewise below 2^-126, where f32 has fewer bits: the product is 2^-150 but for a hair that double loses */
        if (!twice)
            emulated("a hair from half-way, subnormal", 0x1.000002p-75f,
                     i & 1 << 12 ? 0x1.fffffcp-76f : -0x1.fffffcp-76f, (float)(0x400001 + 2 * (i & 0xfff)) * 0x1p-149f);
        /* odd products of 25 bits lie half-way; c is too small for double */
        float odd = 4097.0f + (float)(2 * (i & 0x1ff)), other = 4097.0f + (float)(2 * (i >> 9 & 0xff));
        emulated("a hair from half-way", odd, other, i & 1 << 17 ? 0x1p-40f : -0x1p-40f);
    }
    test_check(true, "fma is emulated exactly");
}

SUITE(exact, .seconds = 1) {
    const Ops *tables[8];
    int count = cpu_ops_list(tables, 7), tried = 0;
    if (cpu_table_emulating()) tables[count++] = cpu_table_emulating();
    Error e = {0};
    ThreadPool *pool = pool_new(1, &e);
    Arena arena = {0};
    if (!test_check(pool && arena_init(&arena, 1 << 20, &e), "memory")) return;
    for (int t = 0; t < count; t++)
        if (tables[t]->exact) answers(tables[t], pool, &arena), tried++;
    test_check(tried > 0, "a table keeps the specification");
    emulation();
    arena_free(&arena);
    pool_free(pool);
}
