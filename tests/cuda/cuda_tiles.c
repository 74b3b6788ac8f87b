#include "cuda_tiles.h"

#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURES = 2 };

typedef struct {
    int64_t h, w, in, out, k;
    Conv2d g;
    int64_t oh, ow;
} ConvShape;

static const ConvShape CONVS[] = {
    {20, 36, 16, 24, 3, {2, 1, 1, 0, 0, 0}, 10, 18},    /* stride 2: boxes of several widths are possible */
    {2, 300, 8, 16, 3, {2, 0, 0, 0, 0, 0}, 1, 150},     /* the widest possible box; zeros below */
    {17, 23, 72, 168, 3, {2, 1, 1, 0, 0, 0}, 9, 12},    /* odd; a second step of channels and tile of outputs */
    {22, 18, 24, 160, 3, {2, 0, 0, 0, 0, 0}, 11, 9},    /* as in the VAE's encoder: zeros on the right and below */
    {19, 21, 8, 32, 1, {2, 0, 0, 0, 0, 0}, 10, 11},     /* one tap */
    {18, 25, 136, 32, 3, {1, 1, 1, 0, 0, 0}, 18, 25},   /* stride 1, K split */
    {30, 30, 16, 16, 3, {4, 1, 1, 0, 0, 0}, 8, 8},      /* a stride that boxes cannot have */
    {9, 37, 16, 40, 3, {1, 1, 1, 18, 74, 0}, 18, 74},   /* twice its size: phases of several tiles */
    {5, 6, 136, 24, 3, {1, 1, 1, 10, 12, 0}, 10, 12},   /* K split */
    {12, 10, 8, 160, 3, {1, -1, 1, 24, 20, 0}, 15, 20}, /* rows of a taller picture; phases of 8 rows and of 7 */
    {7, 8, 16, 16, 3, {1, 0, 2, 14, 16, 0}, 13, 19},    /* phases that begin elsewhere */
    {3, 4, 8, 16, 1, {1, 0, 0, 6, 8, 0}, 6, 8},         /* one tap */
    {6, 5, 8, 16, 3, {1, 1, 1, 11, 10, 0}, 11, 10},     /* not quite twice its size */
};

/* For Winograd's filtering in f32: what it computes at once, and phases that begin elsewhere. */
static const ConvShape WINOGRADS[] = {
    {88, 92, 32, 20, 3, {1, 1, 1, 0, 0, 0}, 88, 92},   /* two pictures of 506 tiles, of which 768 fit */
    {9, 7, 288, 36, 3, {1, 1, 1, 0, 0, 0}, 9, 7},      /* channels in two passes, the last of half a block */
    {6, 7, 264, 830, 3, {1, 1, 1, 0, 0, 0}, 6, 7},     /* outputs in two passes */
    {9, 10, 72, 40, 3, {1, 1, 1, 18, 20, 0}, 18, 20},  /* enlarged, too small for phases */
    {17, 15, 72, 24, 3, {1, 1, 1, 34, 30, 0}, 34, 30}, /* by phases */
    {17, 15, 40, 16, 3, {1, 0, 2, 34, 30, 0}, 33, 35}, /* phases that begin elsewhere */
    {12, 11, 40, 16, 3, {1, 1, 1, 23, 22, 0}, 23, 22}, /* enlarged, but not to twice its size */
};

static float *some_numbers(int64_t count, uint32_t seed, double scale, bool whole) {
    float *p = malloc((size_t)count * sizeof *p);
    if (!p) abort();
    for (int64_t i = 0; i < count; i++) {
        double v = scale * test_uniform(seed, (uint64_t)i);
        p[i] = (float)(whole ? floor(v) : v);
    }
    return p;
}

static Ctx on_gpu(Gpu *gpu, Arena *arena, DType type) {
    return (Ctx){.op = gpu_ops(gpu, type),
                 .precision = type == F32 ? PRECISION_F32_DIRECT : PRECISION_F32,
                 .type = type,
                 .arena = arena};
}

static void placed(Ctx *c, Weight *w) {
    if (c->op->memory) gpu_weight(c, w, false);
}

/* The numbers of y, malloc'ed. */
static float *taken(Ctx *c, Tensor y, const char *label) {
    size_t bytes = (size_t)tensor_count(y) * sizeof(float);
    float *result = malloc(bytes);
    if (!result) abort();
    memcpy(result, tensor_pull(c, y).data, bytes);
    test_check(!c->err.code, "%s: no error", label);
    test_note("%s", c->err.text);
    return result;
}

/* An op of one shape, on two arrays of random numbers: of a seed and the next one, from -scale to scale. */
typedef struct {
    const void *shape;
    int64_t a, b, outputs; /* how many */
    uint32_t seed;
    double a_scale, b_scale;
    bool whole; /* whole numbers, which 16 bits hold exactly */
    /* The op's outputs, malloc'ed, for the pictures from `first` on. */
    float *(*run)(const Ctx *on, const void *shape, const float *a, const float *b, int64_t first, const char *label);
} TileCase;

static float *convolve(const Ctx *on, const void *shape, const float *x, const float *weights, int64_t first,
                       const char *label) {
    const ConvShape *s = shape;
    Ctx c = *on;
    size_t scope = scope_begin(&c);
    Weight w = {.kind = WEIGHT_CONV,
                .t = tensor_view((void *)(uintptr_t)weights, F32, 4, SHAPE(s->out, s->k, s->k, s->in))};
    Weight b = {.kind = WEIGHT_VECTOR, .t = tensor_view((void *)(uintptr_t)weights, F32, 1, SHAPE(s->out))};
    placed(&c, &w);
    placed(&c, &b);
    Tensor all = tensor_view((void *)(uintptr_t)x, F32, 4, SHAPE(PICTURES, s->h, s->w, s->in));
    Tensor from = gpu_copy(&c, c.type, tensor_slice(all, 0, first, PICTURES - first));
    Tensor y = tensor_new(&c, 4, SHAPE(PICTURES - first, s->oh, s->ow, s->out));
    op_conv2d(&c, y, from, &w, &b, s->g, (Epilogue){0});
    float *result = taken(&c, y, label);
    scope_end(&c, scope);
    return result;
}

typedef struct {
    int64_t queries, keys, heads, d;
    bool repeated; /* all pictures share the same keys */
    bool large;    /* scores far beyond f16's largest number, as SD 2's are in some layers */
} AttentionShape;

static const AttentionShape ATTENTIONS[] = {
    {130, 300, 2, 40, false, false}, /* partial tiles of queries and of keys */
    {64, 256, 2, 40, false, false},  /* whole tiles of keys */
    {70, 77, 3, 40, true, false},    /* one text for two pictures */
    {129, 129, 2, 64, false, false}, /* one more than a tile */
    {40, 231, 2, 64, true, false},    {200, 513, 1, 80, false, false}, {20, 154, 2, 80, true, false},
    {140, 161, 2, 128, false, false}, {33, 77, 1, 128, true, false},   {131, 200, 2, 160, false, false},
    {16, 231, 1, 160, true, false},   {36, 154, 10, 64, true, false}, /* SDXL's second level, two chunks of text */
    {130, 140, 2, 64, false, true},   {40, 77, 2, 64, true, true},     {33, 70, 1, 40, false, true},
};

/* Overwrites q unless keys are repeated, as the models do. k and v are columns of one tensor. */
static float *attend(const Ctx *on, const void *shape, const float *q, const float *kv, int64_t first,
                     const char *label) {
    const AttentionShape *s = shape;
    Ctx c = *on;
    size_t scope = scope_begin(&c);
    int64_t n = PICTURES - first, width = s->heads * s->d, texts = s->repeated ? 1 : PICTURES;
    Tensor queries = tensor_view((void *)(uintptr_t)q, F32, 3, SHAPE(PICTURES, s->queries, width));
    Tensor both = tensor_view((void *)(uintptr_t)kv, F32, 3, SHAPE(texts, s->keys, 2 * width));
    Tensor x = gpu_copy(&c, c.type, tensor_slice(queries, 0, first, n)), o = x;
    Tensor y = gpu_copy(&c, c.type, s->repeated ? both : tensor_slice(both, 0, first, n));
    if (s->repeated) y = tensor_repeat(y, n), o = tensor_new(&c, 3, x.n);
    op_attention(&c, o, x, tensor_slice(y, 2, 0, width), tensor_slice(y, 2, width, width), (int)s->heads, false);
    float *result = taken(&c, o, label);
    scope_end(&c, scope);
    return result;
}

/* Compares with the same op in F32, and the last picture alone with itself in the batch. */
static void check_case(Gpu *gpu, Arena *arena, DType type, const TileCase *k, Bound bound, const char *label) {
    Ctx plain = on_gpu(gpu, arena, F32), c = on_gpu(gpu, arena, type);
    float *a = some_numbers(k->a, k->seed, k->a_scale, k->whole),
          *b = some_numbers(k->b, k->seed + 1, k->b_scale, k->whole);
    float *expected = k->run(&plain, k->shape, a, b, 0, label);
    float *y = k->run(&c, k->shape, a, b, 0, label);
    float *alone = k->run(&c, k->shape, a, b, PICTURES - 1, label);
    double square = 0, errors = 0, worst = 0;
    for (int64_t i = 0; i < k->outputs; i++) square += (double)expected[i] * (double)expected[i];
    double unit = sqrt(square / (double)k->outputs);
    for (int64_t i = 0; i < k->outputs; i++) {
        double d = fabs((double)y[i] - (double)expected[i]) / unit;
        errors += d * d;
        worst = d > worst || isnan(d) ? d : worst;
    }
    errors = sqrt(errors / (double)k->outputs);
    test_check(errors <= bound.rms && worst <= bound.max, "%s: error %.1e, at most %.1e", label, errors, worst);
    int64_t each = k->outputs / PICTURES;
    test_check(!memcmp(alone, y + k->outputs - each, (size_t)each * sizeof *y), "%s: the same bits alone", label);
    free(a);
    free(b);
    free(expected);
    free(y);
    free(alone);
}

static TileCase conv_case(const ConvShape *s) {
    return (TileCase){.shape = s,
                      .a = PICTURES * s->h * s->w * s->in,
                      .b = s->out * s->k * s->k * s->in,
                      .outputs = PICTURES * s->oh * s->ow * s->out,
                      .seed = 1,
                      .a_scale = 1,
                      .b_scale = 0.1,
                      .run = convolve};
}

static TileCase attention_case(const AttentionShape *s) {
    int64_t width = s->heads * s->d, numbers = PICTURES * s->queries * width;
    return (TileCase){.shape = s,
                      .a = numbers,
                      .b = PICTURES * s->keys * 2 * width,
                      .outputs = numbers,
                      .seed = 3,
                      .a_scale = s->large ? 256 : 2,
                      .b_scale = s->large ? 256 : 2,
                      .whole = s->large,
                      .run = attend};
}

enum { LABEL = 128 };

static void conv_label(char *label, const char *name, const ConvShape *s) {
    snprintf(label, LABEL, "%s: convolution of %dx%dx%d, stride %d%s, to %dx%dx%d", name, (int)s->h, (int)s->w,
             (int)s->in, s->g.stride, s->g.up_h ? ", enlarged" : "", (int)s->oh, (int)s->ow, (int)s->out);
}

static void attention_label(char *label, const char *name, const AttentionShape *s) {
    snprintf(label, LABEL, "%s: attention of %d to %d%s%s, %d heads of %d", name, (int)s->queries, (int)s->keys,
             s->repeated ? " of one text" : "", s->large ? ", large scores" : "", (int)s->heads, (int)s->d);
}

void cuda_tiles(Gpu *gpu, Arena *arena, DType type, Bound bound) {
    const char *name = gpu_ops(gpu, type)->name;
    char label[LABEL];
    for (size_t i = 0; i < sizeof CONVS / sizeof *CONVS; i++) {
        TileCase k = conv_case(&CONVS[i]);
        conv_label(label, name, &CONVS[i]);
        check_case(gpu, arena, type, &k, bound, label);
    }
    for (size_t i = 0; i < sizeof ATTENTIONS / sizeof *ATTENTIONS; i++) {
        TileCase k = attention_case(&ATTENTIONS[i]);
        attention_label(label, name, &ATTENTIONS[i]);
        check_case(gpu, arena, type, &k, bound, label);
    }
}

static void check_bits(const Ctx *gpu, const Ctx *cpu, const TileCase *k, const char *label) {
    float *a = some_numbers(k->a, k->seed, k->a_scale, k->whole),
          *b = some_numbers(k->b, k->seed + 1, k->b_scale, k->whole);
    float *expected = k->run(cpu, k->shape, a, b, 0, label), *y = k->run(gpu, k->shape, a, b, 0, label);
    test_check(!memcmp(expected, y, (size_t)k->outputs * sizeof *y), "%s%s: the CPU's bits", label,
               gpu->precision == PRECISION_F32 ? "" : ", direct");
    free(a);
    free(b);
    free(expected);
    free(y);
}

void cuda_tiles_bits(const Ctx *gpu, const Ctx *cpu) {
    char label[LABEL];
    for (size_t i = 0; i < sizeof CONVS / sizeof *CONVS; i++) {
        TileCase k = conv_case(&CONVS[i]);
        conv_label(label, gpu->op->name, &CONVS[i]);
        check_bits(gpu, cpu, &k, label);
    }
    for (size_t i = 0; gpu->precision == PRECISION_F32 && i < sizeof WINOGRADS / sizeof *WINOGRADS; i++) {
        TileCase k = conv_case(&WINOGRADS[i]);
        conv_label(label, gpu->op->name, &WINOGRADS[i]);
        check_bits(gpu, cpu, &k, label);
    }
    for (size_t i = 0; gpu->precision == PRECISION_F32 && i < sizeof ATTENTIONS / sizeof *ATTENTIONS; i++) {
        TileCase k = attention_case(&ATTENTIONS[i]);
        attention_label(label, gpu->op->name, &ATTENTIONS[i]);
        check_bits(gpu, cpu, &k, label);
    }
}
