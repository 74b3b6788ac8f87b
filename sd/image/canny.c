/* canny.c. Source: OpenCV, modules/imgproc/src/canny.cpp, for what its bytes depend on: borders that repeat, the first
 * of equally steep channels, directions told apart by tan 22.5 degrees in 15 bits, and which neighbours may be equal.
 */
#include "canny.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    int16_t dx, dy;
    int32_t norm;
} Gradient;

enum { OTHER, MAYBE, EDGE };

static int clamp(int v, int end) { return v < 0 ? 0 : v >= end ? end - 1 : v; }

static Gradient gradient_of(int dx, int dy, bool l2) {
    return (Gradient){(int16_t)dx, (int16_t)dy, l2 ? dx * dx + dy * dy : abs(dx) + abs(dy)};
}

/* Sobel's 3x3. */
static Gradient steepest(const uint8_t *rgb, int w, int h, int x, int y, bool l2) {
    const uint8_t *row[3];
    int at[3];
    Gradient best = {0};
    for (int i = 0; i < 3; i++) {
        row[i] = rgb + (int64_t)clamp(y + i - 1, h) * w * 3;
        at[i] = clamp(x + i - 1, w) * 3;
    }
    for (int c = 0; c < 3; c++) {
        int dx = 0, dy = 0;
        for (int i = 0; i < 3; i++) {
            int weight = i == 1 ? 2 : 1;
            dx += weight * (row[i][at[2] + c] - row[i][at[0] + c]);
            dy += weight * (row[2][at[i] + c] - row[0][at[i] + c]);
        }
        Gradient g = gradient_of(dx, dy, l2);
        if (!c || g.norm > best.norm) best = g;
    }
    return best;
}

/* Whether the norm is a maximum across the edge. step: of a row of gradients, which have a border of zeros. */
static bool is_ridge(const Gradient *g, int64_t step) {
    enum { TAN_22 = 13573 }; /* tan(22.5 degrees) 2^15 */
    int64_t x = llabs((long long)g->dx), y = llabs((long long)g->dy) << 15, flat = x * TAN_22, steep = flat + (x << 16);
    int32_t m = g->norm;
    if (y < flat) return m > g[-1].norm && m >= g[1].norm;
    if (y > steep) return m > g[-step].norm && m >= g[step].norm;
    int64_t side = (g->dx ^ g->dy) < 0 ? -1 : 1;
    return m > g[-step - side].norm && m > g[step + side].norm;
}

/* Edges lead on through their neighbours. stack: of all pixels; top: how many are there. */
static void follow(uint8_t *state, int64_t *stack, int64_t top, int64_t step) {
    while (top) {
        int64_t at = stack[--top];
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int64_t next = at + dy * step + dx;
                if (state[next] != MAYBE) continue;
                state[next] = EDGE;
                stack[top++] = next;
            }
    }
}

/* A threshold as the norm is measured: whole numbers. */
static int32_t level(double threshold, bool l2) {
    double most = threshold < 32767 ? threshold : 32767;
    if (l2 && most > 0) most *= most;
    int32_t whole = (int32_t)most;
    return whole > most ? whole - 1 : whole;
}

bool canny(uint8_t *edges, const uint8_t *rgb, int w, int h, double low, double high, bool l2, Error *e) {
    int64_t step = (int64_t)w + 2, all = step * ((int64_t)h + 2), top = 0;
    Gradient *g = calloc((size_t)all, sizeof *g);
    uint8_t *state = calloc((size_t)all, 1);
    int64_t *stack = malloc((size_t)w * (size_t)h * sizeof *stack);
    bool ok = (g && state && stack) || error_set(e, ERR_MEMORY, "canny: out of memory for %dx%d pixels", w, h);
    int32_t least = level(low < high ? low : high, l2), sure = level(low < high ? high : low, l2);
    for (int y = 0; ok && y < h; y++)
        for (int x = 0; x < w; x++) g[(y + 1) * step + x + 1] = steepest(rgb, w, h, x, y, l2);
    for (int y = 0; ok && y < h; y++)
        for (int x = 0; x < w; x++) {
            int64_t at = (y + 1) * step + x + 1;
            if (g[at].norm <= least || !is_ridge(g + at, step)) continue;
            state[at] = g[at].norm > sure ? EDGE : MAYBE;
            if (state[at] == EDGE) stack[top++] = at;
        }
    if (ok) follow(state, stack, top, step);
    for (int y = 0; ok && y < h; y++)
        for (int x = 0; x < w; x++) edges[(int64_t)y * w + x] = state[(y + 1) * step + x + 1] == EDGE ? 255 : 0;
    free(g);
    free(state);
    free(stack);
    return ok;
}
