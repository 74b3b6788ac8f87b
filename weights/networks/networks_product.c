#include "networks_product.h"

#include "tensor/half.h"
#include "tensor/row_ops.h"

#include <string.h>

enum { TOGETHER = PRODUCT_TOGETHER };

static int64_t width(const FileTensor *t) { return t->n[0] ? file_tensor_count(t) / t->n[0] : 0; }

/* Of numbers, and some of them. A vector is a column. */
static bool is_matrix(const FileTensor *t) {
    DType type = file_tensor_type(t);
    return t->nd >= 1 && file_tensor_count(t) > 0 && (type == F32 || type == F16 || type == BF16 || type == Q8_0);
}

bool product_init(Product *p, const WeightFile *f, const FileTensor *a, const FileTensor *b, const FileTensor *mid,
                  bool turned) {
    *p = (Product){.file = f, .a = a, .b = b, .mid = mid, .turned = turned, .taps = 1, .round = F32};
    if (!a || !is_matrix(a) || (b && !is_matrix(b)) || (mid && (!is_matrix(mid) || !b || mid->nd < 3))) return false;
    p->rows = turned ? width(a) : a->n[0];
    p->columns = width(b ? b : a);
    if (!b) return true;
    p->rank = p->limit = turned ? a->n[0] : width(a);
    if (!mid) return b->n[0] == p->rank;
    p->taps = width(mid) / mid->n[1];
    if (p->taps > INT64_MAX / p->columns) return false;
    p->columns *= p->taps;
    return mid->n[0] == p->rank && mid->n[1] == b->n[0];
}

static void read(const Product *p, const FileTensor *t, int64_t first, int64_t count, float *out) {
    file_tensor_widen(p->file, t, first, count, out);
    for (int64_t i = 0; p->round == F16 && i < count; i++) out[i] = f16_to_f32(f32_to_f16(out[i]));
    for (int64_t i = 0; p->round == BF16 && i < count; i++) out[i] = bf16_to_f32(f32_to_bf16(out[i]));
}

void product_left(const Product *p, int64_t first, int64_t rows, float *out) {
    if (!p->turned) {
        read(p, p->a, first * p->rank, rows * p->rank, out);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t n = 0; n < p->rank; n++) read(p, p->a, n * p->rows + first + r, 1, out + r * p->rank + n);
}

void product_right(const Product *p, int64_t first, int64_t count, int64_t column, int64_t columns, float *out,
                   int64_t stride) {
    for (int64_t n = 0; n < count; n++) read(p, p->b, (first + n) * p->columns + column, columns, out + n * stride);
}

/* out[k] = sum over m of mid[n,m,t] b[m,i] for column + k = i * taps + t. */
static void read_middle(const Product *p, int64_t n, int64_t column, int64_t columns, float *out, float *scratch) {
    int64_t inner = p->mid->n[1], inputs = p->columns / p->taps;
    float *mid = scratch, *b = scratch + inner * p->taps;
    int64_t i = column / p->taps, end = (column + columns - 1) / p->taps + 1;
    read(p, p->mid, n * inner * p->taps, inner * p->taps, mid);
    memset(out, 0, (size_t)columns * sizeof *out);
    for (int64_t m = 0; m < inner; m++) {
        read(p, p->b, m * inputs + i, end - i, b);
        for (int64_t k = 0; k < columns; k++) {
            int64_t c = column + k;
            out[k] += mid[m * p->taps + c % p->taps] * b[c / p->taps - i];
        }
    }
}

void product_tile(const Product *p, int64_t first, int64_t rows, int64_t column, int64_t columns, float *out,
                  int64_t stride, float *scratch) {
    if (!p->b) {
        for (int64_t r = 0; r < rows; r++) read(p, p->a, (first + r) * p->columns + column, columns, out + r * stride);
        return;
    }
    float *a = scratch, *b = a + rows * p->rank, *more = b + TOGETHER * columns;
    product_left(p, first, rows, a);
    for (int64_t r = 0; r < rows; r++) memset(out + r * stride, 0, (size_t)columns * sizeof *out);
    for (int64_t n = 0, some; n < p->limit; n += some) {
        some = p->limit - n < TOGETHER ? p->limit - n : TOGETHER;
        if (!p->mid) product_right(p, n, some, column, columns, b, columns);
        for (int64_t i = 0; p->mid && i < some; i++) read_middle(p, n + i, column, columns, b + i * columns, more);
        cpu_row_ops()->add_product(out, stride, rows, columns, a + n, p->rank, b, columns, some);
    }
}
