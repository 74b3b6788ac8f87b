/* generated.c: the values of tools/goldens/values.py. Doubles with one rounding to f32 at the end, as numpy has it. */
#include "generated.h"

#include "tensor/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t gen_crc(const char *name) {
    uint32_t crc = ~0u;
    for (; *name; name++) {
        crc ^= (uint8_t)*name;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

uint32_t gen_mixed(uint32_t crc, uint64_t j) {
    uint32_t x = crc + (uint32_t)j * 0x9E3779B1u;
    x ^= x >> 16, x *= 0x85EBCA6Bu;
    x ^= x >> 13, x *= 0xC2B2AE35u;
    return x ^ x >> 16;
}

static double uniform(uint32_t crc, int64_t j) { return gen_mixed(crc, (uint64_t)j) * 0x1p-31 - 1.0; }

static bool ends_with(const char *s, const char *end) {
    size_t a = strlen(s), b = strlen(end);
    return a >= b && !strcmp(s + a - b, end);
}

void gen_weight(float *out, const char *name, int nd, const int64_t *n, int64_t first, int64_t count) {
    uint32_t crc = gen_crc(name);
    if (nd >= 2) {
        int64_t row = 1;
        for (int i = 1; i < nd; i++) row *= n[i];
        double scale = strstr(name, "embedding") ? 0.05 : sqrt(3.0 / (double)row);
        for (int64_t j = 0; j < count; j++) out[j] = (float)(uniform(crc, first + j) * scale);
    } else if (ends_with(name, "bias")) {
        for (int64_t j = 0; j < count; j++) out[j] = (float)(0.1 * uniform(crc, first + j));
    } else {
        for (int64_t j = 0; j < count; j++) out[j] = (float)(1.0 + 0.1 * uniform(crc, first + j));
    }
}

void gen_input(float *out, const char *name, int64_t count, double scale, double mean) {
    uint32_t crc = gen_crc(name);
    double root = sqrt(3.0);
    for (int64_t j = 0; j < count; j++) {
        float a = (float)(uniform(crc, j) * root);
        a = a * (float)scale;
        out[j] = a + (float)mean;
    }
}

void gen_ids(int32_t *out, const char *name, int64_t count, int64_t below) {
    uint32_t crc = gen_crc(name);
    for (int64_t j = 0; j < count; j++)
        out[j] = (int32_t)((uint64_t)gen_mixed(crc, (uint64_t)j) * (uint64_t)below >> 32);
}

int64_t gen_sample(int64_t k, int64_t n) {
    return (int64_t)((uint64_t)gen_mixed(0, (uint64_t)k) * (uint64_t)n >> 32); /* n < 2^32 */
}

int gen_torch_shape(const Weight *w, int64_t n[MAX_DIMS]) {
    memcpy(n, w->t.n, sizeof w->t.n);
    if (w->kind == WEIGHT_CONV) {
        n[1] = w->t.n[3];
        n[2] = w->t.n[1];
        n[3] = w->t.n[2];
    }
    if (w->inputs_first) n[0] = w->t.n[1], n[1] = w->t.n[0];
    if (w->kind != WEIGHT_LINEAR || !w->pointwise) return w->t.nd;
    n[2] = n[3] = 1;
    return 4;
}

void gen_narrow(void *out, const float *in, int64_t count, DType type) {
    uint16_t *h = out;
    if (type == F32) memcpy(out, in, (size_t)count * sizeof *in);
    else
        for (int64_t i = 0; i < count; i++) h[i] = type == F16 ? f32_to_f16(in[i]) : f32_to_bf16(in[i]);
}

bool gen_fill(Weight *w, const char *name, DType type) {
    int64_t n[MAX_DIMS], rows = w->t.n[0], row = tensor_count(w->t) / (rows ? rows : 1);
    int nd = gen_torch_shape(w, n);
    if (w->kind == WEIGHT_VECTOR) type = F32;
    size_t width = dtype_bytes(type, 1);
    w->t = tensor_view(malloc((size_t)tensor_count(w->t) * width), type, w->t.nd, w->t.n);
    float *line = malloc((size_t)row * 2 * sizeof *line), *transposed = line + row;
    if (!w->t.data || !line) return free(line), false;
    if (!name) name = w->name;
    for (int64_t o = 0; o < rows; o++) {
        if (!w->inputs_first) gen_weight(line, name, nd, n, o * row, row);
        for (int64_t i = 0; w->inputs_first && i < row; i++) gen_weight(line + i, name, nd, n, i * rows + o, 1);
        if (w->kind == WEIGHT_CONV) to_channels_last(transposed, line, 1, n[1], n[2] * n[3]);
        gen_narrow((char *)w->t.data + (size_t)(o * row) * width, w->kind == WEIGHT_CONV ? transposed : line, row,
                   type);
    }
    w->version++;
    free(line);
    return true;
}

bool gen_fill_all(WeightList *l, DType type) {
    bool ok = true;
    for (int64_t i = 0; ok && i < l->count; i++) ok = gen_fill(l->w[i], NULL, type);
    return ok;
}

void gen_free(Weight *w) {
    free(w->t.data);
    w->t.data = NULL;
}

void gen_free_all(WeightList *l) {
    for (int64_t i = 0; i < l->count; i++) gen_free(l->w[i]);
}

void to_channels_last(float *out, const float *in, int64_t n, int64_t channels, int64_t spatial) {
    for (int64_t p = 0; p < n; p++, in += channels * spatial, out += channels * spatial)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < spatial; i++) out[i * channels + c] = in[c * spatial + i];
}

void to_channels_first(float *out, const float *in, int64_t n, int64_t channels, int64_t spatial) {
    to_channels_last(out, in, n, spatial, channels);
}
