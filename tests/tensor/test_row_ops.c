/* test_row_ops.c: every instruction set's row_ops.h against plain loops, bit by bit. */
#include "tensor/half.h"
#include "tensor/row_ops.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same(float a, float b) { return f32_bits(a) == f32_bits(b) || (isnan(a) && isnan(b)); }

/* All 16-bit numbers, from an odd address, and every float that they and the midpoints between them are next to. */
static void check_types(const RowOps *ops, DType type) {
    enum { ALL = 1 << 16 };
    char *bytes = malloc(2 * ALL + 1);
    float *wide = malloc(ALL * sizeof *wide), *near = malloc(ALL * sizeof *near);
    uint16_t *back = malloc(ALL * sizeof *back);
    int64_t widened = 0, narrowed = 0;
    for (int h = 0; h < ALL; h++) memcpy(bytes + 1 + 2 * h, &(uint16_t){(uint16_t)h}, 2);
    ops->widen(wide, bytes + 1, type, ALL);
    for (int h = 0; h < ALL; h++)
        widened += !same(wide[h], type == F16 ? f16_to_f32((uint16_t)h) : bf16_to_f32((uint16_t)h));
    test_check(!widened, "%s widens every %s", ops->name, dtype_name(type));
    for (int k = -1; k <= 1; k++)
        for (uint32_t half = 0; half < 2; half++) {
            for (int h = 0; h < ALL; h++)
                near[h] = f32_from_bits(f32_bits(wide[h]) + (half << (type == F16 ? 12 : 15)) + (uint32_t)k);
            ops->narrow(back, near, type, ALL - 3); /* an end that is no whole vector */
            for (int h = 0; h < ALL - 3; h++) {
                uint16_t want = type == F16 ? f32_to_f16(near[h]) : f32_to_bf16(near[h]);
                narrowed += !isnan(near[h]) && back[h] != want;
            }
        }
    test_check(!narrowed, "%s rounds to %s", ops->name, dtype_name(type));
    free(bytes), free(wide), free(near), free(back);
}

static void fill(float *x, int64_t n, uint32_t seed) {
    for (int64_t i = 0; i < n; i++) x[i] = (float)test_uniform(seed, (uint64_t)i);
}

static void check_product(const RowOps *ops) {
    enum { ROWS = 9, COLUMNS = 150, COUNT = 33, STRIDE = 160 };
    static float a[ROWS * COUNT], b[COUNT * STRIDE], y[ROWS * STRIDE], want[ROWS * STRIDE], start[ROWS * STRIDE];
    int64_t other = 0;
    fill(a, ROWS * COUNT, 1), fill(b, COUNT * STRIDE, 2), fill(start, ROWS * STRIDE, 3);
    for (int64_t rows = 1; rows <= ROWS; rows += 2)
        for (int64_t columns = 1; columns <= COLUMNS; columns += 7)
            for (int64_t count = 1; count <= COUNT; count += 16) {
                memcpy(y, start, sizeof y), memcpy(want, start, sizeof want);
                ops->add_product(y, STRIDE, rows, columns, a, COUNT, b, STRIDE, count);
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t c = 0; c < columns; c++)
                        for (int64_t i = 0; i < count; i++) {
                            float product = a[r * COUNT + i] * b[i * STRIDE + c];
                            want[r * STRIDE + c] += product;
                        }
                other += memcmp(y, want, sizeof y) != 0;
            }
    test_check(!other, "%s adds thin products in order, and nothing beside them", ops->name);
    memcpy(want, start, sizeof want);
    ops->add_scaled(want, b, COLUMNS, 0.3f, 0.7f);
    for (int64_t i = 0; i < COLUMNS; i++) {
        float scaled = b[i] * 0.3f, change = scaled * 0.7f;
        other += !same(want[i], start[i] + change);
    }
    test_check(!other && !memcmp(want + COLUMNS, start + COLUMNS, sizeof want - COLUMNS * sizeof *want),
               "%s adds a scaled row", ops->name);
}

/* The pass for a weight against its four steps. */
static void check_change(const RowOps *ops, DType from, DType to) {
    enum { ROWS = 37, COLUMNS = 150, COUNT = 33, LDA = 35, LDB = 153, LD = 160, SIZE = ROWS * LD };
    static float a[ROWS * LDA], b[COUNT * LDB], wide[SIZE], sums[SIZE];
    static char in[SIZE * 4 + 1], out[SIZE * 4], want[SIZE * 4];
    static const float SCALES[][2] = {{0.3f, 0.7f}, {1, 0.7f}, {0.3f, 1}, {1, 1}};
    int64_t other = 0, tried = 0;
    fill(a, ROWS * LDA, 1), fill(b, COUNT * LDB, 2), fill(sums, SIZE, 3);
    ops->narrow(want, sums, from, SIZE);
    memcpy(in + 1, want, dtype_bytes(from, SIZE));
    for (int64_t rows = 1; rows <= ROWS; rows += 6)
        for (int64_t columns = COLUMNS; columns > 0; columns -= 31)
            for (int64_t count = 1; count <= COUNT; count += 16) {
                const float *by = SCALES[tried++ % 4];
                ThinChange c = {in + 1, out, from, to, a, b, rows, columns, LD, LDA, LDB, count, by[0], by[1]};
                memset(out, 7, sizeof out), memset(want, 7, sizeof want), memset(sums, 0, sizeof sums);
                ops->change(&c);
                ops->widen(wide, in + 1, from, SIZE);
                ops->add_product(sums, LD, rows, columns, a, LDA, b, LDB, count);
                for (int64_t r = 0; r < rows; r++) {
                    ops->add_scaled(wide + r * LD, sums + r * LD, columns, by[0], by[1]);
                    ops->narrow(want + dtype_bytes(to, r * LD), wide + r * LD, to, columns);
                }
                other += memcmp(out, want, sizeof out) != 0;
            }
    test_check(!other, "%s changes rows of %s to %s as in four steps, and nothing beside them", ops->name,
               dtype_name(from), dtype_name(to));
}

SUITE(row_ops, .seconds = 1) {
    const RowOps *all[3];
    int n = cpu_row_ops_list(all, 3);
    for (int i = 0; i < n; i++) {
        check_types(all[i], F16);
        check_types(all[i], BF16);
        check_product(all[i]);
        check_change(all[i], F16, F16);
        check_change(all[i], BF16, F32);
        check_change(all[i], F32, BF16);
    }
}
