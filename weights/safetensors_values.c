/* safetensors_values.c: what an open file holds: names, values, pages. */
#define _DEFAULT_SOURCE /* madvise */
#define _XOPEN_SOURCE 700
#include "safetensors.h"
#include "tensor/half.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const StTensor *st_find(const StFile *f, const char *name) {
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, f->index[middle]->name);
        if (!order) return f->index[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

const char *st_meta(const StFile *f, const char *key) {
    for (size_t i = 0; i < f->meta_count; i++)
        if (!strcmp(f->meta[i].key, key)) return f->meta[i].value;
    return NULL;
}

const void *st_data(const StFile *f, const StTensor *t) { return f->map + f->data + t->begin; }

int64_t st_count(const StTensor *t) {
    return (int64_t)((t->end - t->begin) / dtype_bytes(t->dtype, dtype_block(t->dtype))) * dtype_block(t->dtype);
}

/* The bytes lie where they lie: every element comes through memcpy. */
#define EACH(TYPE, CONVERT)                                                                                            \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        TYPE x;                                                                                                        \
        memcpy(&x, p + (first + i) * (int64_t)sizeof x, sizeof x);                                                     \
        out[i] = CONVERT(x);                                                                                           \
    }                                                                                                                  \
    return true
#define TRUTH(x) ((x) != 0)

#define CONVERT_ALL(OUT)                                                                                               \
    switch (t) {                                                                                                       \
    case F64: EACH(double, (OUT));                                                                                     \
    case F32: EACH(float, (OUT));                                                                                      \
    case F16: EACH(uint16_t, f16_to_f32);                                                                              \
    case BF16: EACH(uint16_t, bf16_to_f32);                                                                            \
    case I64: EACH(int64_t, (OUT));                                                                                    \
    case U64: EACH(uint64_t, (OUT));                                                                                   \
    case I32: EACH(int32_t, (OUT));                                                                                    \
    case U32: EACH(uint32_t, (OUT));                                                                                   \
    case I16: EACH(int16_t, (OUT));                                                                                    \
    case U16: EACH(uint16_t, (OUT));                                                                                   \
    case I8: EACH(int8_t, (OUT));                                                                                      \
    case U8: EACH(uint8_t, (OUT));                                                                                     \
    case BOOL: EACH(uint8_t, TRUTH);                                                                                   \
    default: return false;                                                                                             \
    }

static bool to_f32(DType t, const uint8_t *p, int64_t first, int64_t count, float *out) { CONVERT_ALL(float) }
static bool to_f64(DType t, const uint8_t *p, int64_t first, int64_t count, double *out) { CONVERT_ALL(double) }

bool st_read_f32(const StFile *f, const StTensor *t, float *out) {
    return to_f32(t->dtype, st_data(f, t), 0, st_count(t), out);
}

bool st_read_f64(const StFile *f, const StTensor *t, int64_t first, int64_t count, double *out) {
    return to_f64(t->dtype, st_data(f, t), first, count, out);
}

/* Whole pages: the first one in full, since what lies before is behind us when tensors are read in order; the last,
 * which the next tensor begins on, is left out. */
static void advise(const StFile *f, const StTensor *t, int advice) {
    if (!f->mapped) return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t begin = (f->data + t->begin) / page * page, end = (f->data + t->end) / page * page;
    if (t->end == f->size - f->data) end = f->size;
    if (end > begin) (void)madvise((void *)(uintptr_t)(f->map + begin), end - begin, advice);
}

void st_drop(const StFile *f, const StTensor *t) { advise(f, t, MADV_DONTNEED); }
void st_expect(const StFile *f, const StTensor *t) { advise(f, t, MADV_WILLNEED); }
