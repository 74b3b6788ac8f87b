#include "tensor.h"
#include "sizes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name; /* as the safetensors format or GGUF spells it */
    int block, bytes; /* numbers stored together, and the bytes that they take */
} TYPES[DTYPE_COUNT] = {
    [F32] = {"F32", 1, 4},
    [F16] = {"F16", 1, 2},
    [BF16] = {"BF16", 1, 2},
    [F64] = {"F64", 1, 8},
    [I64] = {"I64", 1, 8},
    [I32] = {"I32", 1, 4},
    [U8] = {"U8", 1, 1},
    [BOOL] = {"BOOL", 1, 1},
    [I8] = {"I8", 1, 1},
    [I16] = {"I16", 1, 2},
    [U16] = {"U16", 1, 2},
    [U32] = {"U32", 1, 4},
    [U64] = {"U64", 1, 8},
    [C64] = {"C64", 1, 8},
    [F8_E4M3] = {"F8_E4M3", 1, 1},
    [F8_E5M2] = {"F8_E5M2", 1, 1},
    [F8_E8M0] = {"F8_E8M0", 1, 1},
    [F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 1, 1},
    [F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 1, 1},
    [F4] = {"F4", 2, 1},
    [F6_E2M3] = {"F6_E2M3", 4, 3},
    [F6_E3M2] = {"F6_E3M2", 4, 3},
    [Q4_0] = {"Q4_0", 32, 18},
    [Q4_1] = {"Q4_1", 32, 20},
    [Q5_0] = {"Q5_0", 32, 22},
    [Q5_1] = {"Q5_1", 32, 24},
    [Q8_0] = {"Q8_0", 32, 34},
    [Q2_K] = {"Q2_K", 256, 84},
    [Q3_K] = {"Q3_K", 256, 110},
    [Q4_K] = {"Q4_K", 256, 144},
    [Q5_K] = {"Q5_K", 256, 176},
    [Q6_K] = {"Q6_K", 256, 210},
};

int64_t dtype_block(DType t) { return TYPES[t].block; }

uint64_t dtype_bytes(DType t, int64_t count) {
    assert(count % TYPES[t].block == 0);
    return (uint64_t)(count / TYPES[t].block) * (uint64_t)TYPES[t].bytes;
}

bool dtype_count(DType t, int nd, const int64_t *n, int64_t *count) {
    int64_t most = INT64_MAX / 8 / TYPES[t].bytes * TYPES[t].block, product = 1;
    bool empty = false;
    for (int i = 0; i < nd; i++) {
        if (n[i] < 0 || (n[i] && product > most / n[i])) return false;
        if (n[i]) product *= n[i];
        else empty = true;
    }
    *count = empty ? 0 : product;
    return true;
}

const char *dtype_name(DType t) { return TYPES[t].name; }

bool dtype_from_name(const char *name, size_t len, DType *out) {
    for (int t = 0; t < DTYPE_SAFETENSORS; t++)
        if (strlen(TYPES[t].name) == len && !memcmp(TYPES[t].name, name, len)) {
            *out = (DType)t;
            return true;
        }
    return false;
}

Tensor tensor_view(void *data, DType t, int nd, const int64_t *n) {
    assert(nd >= 1 && nd <= MAX_DIMS);
    Tensor v = {.data = data, .dtype = t, .nd = nd};
    int64_t stride = 1;
    for (int i = nd - 1; i >= 0; i--) {
        v.n[i] = n[i];
        v.s[i] = stride;
        stride *= n[i];
    }
    return v;
}

int64_t tensor_count(Tensor t) {
    int64_t c = 1;
    for (int i = 0; i < t.nd; i++) c *= t.n[i];
    return c;
}

size_t tensor_bytes(Tensor t) { return size_of(dtype_bytes(t.dtype, tensor_count(t))); }

bool tensor_dense(Tensor t) {
    int64_t stride = 1;
    for (int i = t.nd - 1; i >= 0; i--) {
        if (t.n[i] != 1 && t.s[i] != stride) return false;
        stride *= t.n[i];
    }
    return true;
}

bool tensor_same_shape(Tensor a, Tensor b) { return a.nd == b.nd && !memcmp(a.n, b.n, (size_t)a.nd * sizeof a.n[0]); }

Tensor tensor_slice(Tensor t, int dim, int64_t begin, int64_t count) {
    assert(dim >= 0 && dim < t.nd && begin >= 0 && count >= 0 && begin + count <= t.n[dim]);
    if (t.data) t.data = (char *)t.data + dtype_bytes(t.dtype, begin * t.s[dim]);
    t.n[dim] = count;
    return t;
}

Tensor tensor_reshape(Tensor t, int nd, const int64_t *n) {
    assert(tensor_dense(t));
    Tensor v = tensor_view(t.data, t.dtype, nd, n);
    assert(tensor_count(v) == tensor_count(t));
    return v;
}

Tensor tensor_repeat(Tensor t, int64_t n) {
    assert(t.n[0] == 1 || t.n[0] == n);
    if (t.n[0] == 1) t.s[0] = 0;
    t.n[0] = n;
    return t;
}

void *tensor_row(Tensor t, int64_t row) {
    int64_t offset = 0;
    for (int i = t.nd - 2; i >= 0; i--) {
        offset += row % t.n[i] * t.s[i];
        row /= t.n[i];
    }
    return (char *)t.data + dtype_bytes(t.dtype, offset);
}

Tensor tensor_tokens(Tensor p) {
    assert(p.nd == 4 && (p.n[1] == 1 || p.s[1] == p.n[2] * p.s[2]));
    return (Tensor){
        .data = p.data, .dtype = p.dtype, .nd = 3, .n = {p.n[0], p.n[1] * p.n[2], p.n[3]}, .s = {p.s[0], p.s[2], 1}};
}

Tensor tensor_picture(Tensor t, int64_t h, int64_t w) {
    assert(t.nd == 3 && t.n[1] == h * w);
    return (Tensor){
        .data = t.data, .dtype = t.dtype, .nd = 4, .n = {t.n[0], h, w, t.n[2]}, .s = {t.s[0], w * t.s[1], t.s[1], 1}};
}

const char *tensor_shape_text(Tensor t, char *buf, size_t size) {
    size_t at = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < t.nd && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%lld", i ? "," : "", (long long)t.n[i]);
    if (at < size) snprintf(buf + at, size - at, "]");
    return buf;
}
