/* file_tensor.c: what an open file holds: names, values, pages. */
#include "formats.h"
#include "tensor/half.h"
#include "tensor/os.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b) {
    return strcmp((*(const FileTensor *const *)a)->name, (*(const FileTensor *const *)b)->name);
}

const char *weight_file_index(WeightFile *f) {
    for (size_t i = 0; i < f->count; i++) f->index[i] = &f->tensors[i];
    qsort(f->index, f->count, sizeof *f->index, by_name);
    for (size_t i = 1; i < f->count; i++)
        if (!strcmp(f->index[i - 1]->name, f->index[i]->name)) return f->index[i]->name;
    return NULL;
}

const FileTensor *weight_file_find(const WeightFile *f, const char *name) {
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

const char *weight_file_meta(const WeightFile *f, const char *key) {
    for (size_t i = 0; i < f->meta_count; i++)
        if (!strcmp(f->meta[i].key, key)) return f->meta[i].value;
    return NULL;
}

const void *file_tensor_data(const WeightFile *f, const FileTensor *t) { return f->map + f->data + t->begin; }

int64_t file_tensor_count(const FileTensor *t) {
    return (int64_t)((t->end - t->begin) / dtype_bytes(t->dtype, dtype_block(t->dtype))) * dtype_block(t->dtype);
}

/* Data may lie at any address, so every element comes through memcpy. */
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

bool file_tensor_f32(const WeightFile *f, const FileTensor *t, float *out) {
    return to_f32(t->dtype, file_tensor_data(f, t), 0, file_tensor_count(t), out);
}

bool file_tensor_f64(const WeightFile *f, const FileTensor *t, int64_t first, int64_t count, double *out) {
    return to_f64(t->dtype, file_tensor_data(f, t), first, count, out);
}

/* Whole pages: including the first, since tensors are read in order and what else lies on it was read before; without
 * the last, on which the next tensor begins. */
static void advise(const WeightFile *f, const FileTensor *t, void (*advice)(const void *p, size_t size)) {
    if (!f->mapped) return;
    size_t page = os_page_size();
    size_t begin = (f->data + t->begin) / page * page, end = (f->data + t->end) / page * page;
    if (t->end == f->size - f->data) end = f->size;
    if (end > begin) advice(f->map + begin, end - begin);
}

void file_tensor_drop(const WeightFile *f, const FileTensor *t) { advise(f, t, os_drop_pages); }
void file_tensor_expect(const WeightFile *f, const FileTensor *t) { advise(f, t, os_expect_pages); }
