/* file_tensor.c: what an open file holds: names, values, pages. */
#include "blocks.h"
#include "byte_order.h"
#include "formats.h"
#include "tensor/half.h"
#include "tensor/os.h"
#include "tensor/row_ops.h"

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
    int64_t count = 1;
    for (int i = 0; i < t->nd; i++) count *= t->n[i];
    return count;
}

int file_tensor_size(const FileTensor *t, int dim) {
    return t && dim < t->nd && t->n[dim] <= 1 << 20 ? (int)t->n[dim] : 0;
}

DType file_tensor_type(const FileTensor *t) {
    if (t->dtype == F64) return F32;
    if (block_is_q8_0(t->dtype)) return Q8_0;
    return t->dtype == F8_E4M3 || t->dtype == F8_E5M2 || dtype_is_quantised(t->dtype) ? F16 : t->dtype;
}

bool file_tensor_is_plain(const FileTensor *t) {
    return !t->strides && !t->scale && file_tensor_type(t) == t->dtype &&
           (!host_is_big_endian() || dtype_order(t->dtype) == 1);
}

/* --- converting: dense numbers of an unquantised type --- */

/* Data may lie at any address, and in another order of bytes. */
#define EACH(TYPE, CONVERT)                                                                                            \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        TYPE x;                                                                                                        \
        file_number(&x, p + i * (int64_t)sizeof x, sizeof x);                                                          \
        out[i] = CONVERT(x);                                                                                           \
    }                                                                                                                  \
    return true
#define TRUTH(x) ((x) != 0)
#define E4M3(x) f16_to_f32(e4m3_to_f16(x))
#define E5M2(x) f16_to_f32(e5m2_to_f16(x))

#define CONVERT_ALL(OUT)                                                                                               \
    switch (t) {                                                                                                       \
    case F64: EACH(double, (OUT));                                                                                     \
    case F32: EACH(float, (OUT));                                                                                      \
    case F16: EACH(uint16_t, f16_to_f32);                                                                              \
    case BF16: EACH(uint16_t, bf16_to_f32);                                                                            \
    case F8_E4M3: EACH(uint8_t, E4M3);                                                                                 \
    case F8_E5M2: EACH(uint8_t, E5M2);                                                                                 \
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

static bool to_f32(DType t, const uint8_t *p, int64_t count, float *out) { CONVERT_ALL(float) }
static bool to_f64(DType t, const uint8_t *p, int64_t count, double *out) { CONVERT_ALL(double) }

/* --- and of what is not dense --- */

enum { SOME = 256 }; /* numbers at a time */
_Static_assert((int)SOME >= (int)BLOCK_MOST, "a block is decoded whole");

/* Numbers of a strided tensor, side by side. */
static void gather(const uint8_t *p, const FileTensor *t, int64_t first, int64_t count, uint8_t *out) {
    size_t width = dtype_bytes(t->dtype, 1);
    int64_t at[FILE_MAX_DIMS], offset = 0;
    for (int i = t->nd - 1; i >= 0; i--) {
        at[i] = first % t->n[i];
        first /= t->n[i];
        offset += at[i] * t->strides[i];
    }
    for (int64_t k = 0; k < count; k++) {
        memcpy(out + (size_t)k * width, p + (size_t)offset * width, width);
        for (int i = t->nd - 1; i >= 0; i--) {
            offset += t->strides[i];
            if (++at[i] < t->n[i]) break;
            offset -= at[i] * t->strides[i];
            at[i] = 0;
        }
    }
}

/* At most SOME numbers, within a block if quantised, as t's own type or as F32 (quantised), in the order of files. */
static const uint8_t *some(const uint8_t *p, const FileTensor *t, int64_t first, int64_t count, uint8_t *buffer) {
    if (t->strides) return gather(p, t, first, count, buffer), buffer;
    if (!dtype_is_quantised(t->dtype)) return p + dtype_bytes(t->dtype, first);
    float block[BLOCK_MOST];
    int64_t in = first % dtype_block(t->dtype);
    block_f32(t->dtype, p + dtype_bytes(t->dtype, first - in), block);
    file_numbers(buffer, block + in, sizeof *block, count);
    return buffer;
}

/* Whole blocks as Q8_0. */
static bool blocks(const FileTensor *t, const uint8_t *p, int64_t first, int64_t count, uint8_t *out) {
    if (!block_is_q8_0(t->dtype) || first % Q8_NUMBERS || count % Q8_NUMBERS) return false;
    size_t each = dtype_bytes(t->dtype, Q8_NUMBERS);
    for (p += dtype_bytes(t->dtype, first); count; count -= Q8_NUMBERS, p += each, out += Q8_BYTES)
        block_q8_0(t->dtype, p, out);
    return true;
}

static bool convert(const WeightFile *f, const FileTensor *t, DType type, const uint8_t *p, int64_t n, DType to,
                    void *out) {
    float wide[SOME], factor = 1;
    if (to == t->dtype && !t->scale) {
        size_t width = dtype_order(to);
        return file_numbers(out, p, width, (int64_t)(dtype_bytes(to, n) / width)), true;
    }
    if (t->scale && !to_f32(t->scale->dtype, file_tensor_data(f, t->scale), 1, &factor)) return false;
    if (to == F64 && !t->scale) return to_f64(type, p, n, out);
    if ((to != F64 && to != F32 && to != F16) || !to_f32(type, p, n, to == F32 ? out : wide)) return false;
    float *single = to == F32 ? out : wide;
    for (int64_t i = 0; t->scale && i < n; i++) single[i] *= factor;
    for (int64_t i = 0; to == F64 && i < n; i++) ((double *)out)[i] = (double)wide[i];
    for (int64_t i = 0; to == F16 && i < n; i++) ((uint16_t *)out)[i] = f32_to_f16(wide[i]);
    return true;
}

bool file_tensor_read(const WeightFile *f, const FileTensor *t, int64_t first, int64_t count, DType to, void *out) {
    const uint8_t *p = file_tensor_data(f, t);
    if (to == Q8_0) return blocks(t, p, first, count, out);
    if (!t->strides && !t->scale && to == F32) /* in one piece, which is faster */
        if (to_f32(t->dtype, p + (dtype_block(t->dtype) == 1 ? dtype_bytes(t->dtype, first) : 0), count, out))
            return true;
    bool quantised = dtype_is_quantised(t->dtype);
    if (!quantised && dtype_block(t->dtype) > 1) return false;
    uint8_t buffer[SOME * sizeof(double)];
    for (int64_t n; count > 0; first += n, count -= n, out = (char *)out + dtype_bytes(to, n)) {
        n = quantised ? dtype_block(t->dtype) - first % dtype_block(t->dtype) : SOME;
        n = n < count ? n : count;
        if (!convert(f, t, quantised ? F32 : t->dtype, some(p, t, first, n, buffer), n, to, out)) return false;
    }
    return true;
}

bool file_tensor_widen(const WeightFile *f, const FileTensor *t, int64_t first, int64_t count, float *out) {
    bool widened = file_tensor_is_plain(t) && (t->dtype == F32 || t->dtype == F16 || t->dtype == BF16);
    if (!widened) return file_tensor_read(f, t, first, count, F32, out);
    cpu_row_ops()->widen(out, (const char *)file_tensor_data(f, t) + dtype_bytes(t->dtype, first), t->dtype, count);
    return true;
}

bool file_tensor_f32(const WeightFile *f, const FileTensor *t, float *out) {
    return file_tensor_read(f, t, 0, file_tensor_count(t), F32, out);
}

bool file_tensor_f64(const WeightFile *f, const FileTensor *t, int64_t first, int64_t count, double *out) {
    return file_tensor_read(f, t, first, count, F64, out);
}

static bool tensor_finite(const WeightFile *f, const FileTensor *t) {
    enum { PIECE = 1024 };
    double numbers[PIECE];
    int64_t count = file_tensor_count(t);
    for (int64_t at = 0; at < count; at += PIECE) {
        int64_t n = count - at < PIECE ? count - at : PIECE;
        if (!file_tensor_f64(f, t, at, n, numbers)) return true; /* no numbers */
        for (int64_t i = 0; i < n; i++)
            if (numbers[i] - numbers[i] != 0) return false;
    }
    return true;
}

bool weight_file_finite(const WeightFile *f, Error *e) {
    for (size_t i = 0; i < f->count; i++)
        if (!tensor_finite(f, &f->tensors[i]))
            return error_set(e, ERR_FORMAT,
                             "%s: %.200s has numbers that are not finite, which draw nothing; use another file",
                             f->path, f->tensors[i].name);
    return true;
}

/* All pages that t's data lie on, or all but the last. */
static void advise(const WeightFile *f, const FileTensor *t, bool last, void (*advice)(const void *p, size_t size)) {
    if (!f->backed) return;
    size_t page = os_page_size(), skew = (uintptr_t)f->map % page; /* of the program's own model */
    size_t begin = skew + f->data + t->begin, end = skew + f->data + t->end, all = skew + f->size;
    begin = begin / page * page;
    if (last) end = end + (page - end % page) % page;
    else end = end / page * page;
    if (end > all || t->end == f->size - f->data) end = all;
    if (end > begin) advice(f->map - skew + begin, end - begin);
}

/* Including the first, since tensors are read in order and what else lies on it was read before; without the last, on
 * which the next tensor begins. */
void file_tensor_drop(const WeightFile *f, const FileTensor *t) { advise(f, t, false, os_drop_pages); }
void file_tensor_drop_around(const WeightFile *f, const FileTensor *t) {
    const uint64_t around = 64 << 10, all = f->size - f->data;
    FileTensor read = *t;
    read.begin = t->begin > around ? t->begin - around : 0;
    read.end = all - t->end > around ? t->end + around : all;
    file_tensor_drop(f, &read);
}

/* Including the last: touching a page that is not there has the system read its neighbours, up to some MiB. */
void file_tensor_expect(const WeightFile *f, const FileTensor *t) { advise(f, t, true, os_expect_pages); }
void file_tensor_bring(const WeightFile *f, const FileTensor *t) { advise(f, t, true, os_read_pages); }
