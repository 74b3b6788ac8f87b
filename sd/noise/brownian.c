/* brownian.c: the tree. Its root is the increment over the whole path. A node is split at its middle; given the
 * increment W over [s, e], the one over [s, m] is normal with mean W (m - s) / (e - s) and variance
 * (m - s)(e - m) / (e - s) (a Brownian bridge). Its noise comes from a generator seeded with a hash of the path's seed
 * and the node's place. All times are multiples of 1e-6, where splitting ends.
 *
 * An increment is the float sum, from left to right, of the largest nodes that make up its interval. Nothing is kept
 * between calls: a descent visits about 24 nodes, little next to a U-Net. */
#include "brownian.h"

#include "seed_sequence.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { POOL = 24 };

/* Python's round(x, 6) for 0 <= x < 10^9: the multiple of 1e-6 nearest to the exact value of x, ties to even. */
static double round6(double x) {
    double p = x * 1e6, lost = fma(x, 1e6, -p); /* p + lost is exact */
    double k = floor(p), over = (p - k) - 0.5 + lost;
    if (over > 0 || (over == 0 && fmod(k, 2) != 0)) k += 1;
    return k / 1e6;
}

typedef struct {
    const Brownian *b;
    float *out, *noise, *levels; /* the increments of the nodes being descended */
    int64_t n;
    int depth;
} Tree;

static int depth_of(const Brownian *b) {
    int depth = 3;
    for (double length = ((double)b->high - b->low) * 1e6; length > 1; length /= 2) depth++;
    return depth;
}

int64_t brownian_work(const Brownian *b, int64_t n) { return (depth_of(b) + 2) * n; }

static void draw(const Tree *t, uint32_t seed) {
    Noise g;
    noise_init(&g, t->b->kind, seed);
    noise_fill(&g, t->noise, t->n);
}

/* Adds the increment over [a, c] within the node [s, e] at (key, depth), whose increment is known. */
static void add(const Tree *t, uint64_t key, int depth, double s, double e, double a, double c) {
    const float *w = t->levels + depth * t->n;
    if (a == s && c == e) {
        for (int64_t i = 0; i < t->n; i++) t->out[i] = t->out[i] + w[i];
        return;
    }
    assert(depth + 1 < t->depth);
    float *child = t->levels + (depth + 1) * t->n;
    double m = round6(0.5 * (e + s)), left = m - s, right = e - m, h = 1 / (e - s);
    uint32_t seeds[4];
    seed_sequence(t->b->seed, (const uint64_t[]){key, (uint64_t)depth}, 2, POOL, seeds, 4);
    draw(t, seeds[0]);
    float x = (float)left, y = (float)h, z = (float)sqrt(left * right * h);
    for (int64_t i = 0; i < t->n; i++) child[i] = x * w[i] * y + z * t->noise[i];
    if (a < m) add(t, 2 * key, depth + 1, s, m, a, c < m ? c : m);
    if (c <= m) return;
    for (int64_t i = 0; i < t->n; i++) child[i] = w[i] - child[i];
    add(t, 2 * key + 1, depth + 1, m, e, a > m ? a : m, c);
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

void brownian_noise(const Brownian *b, float *out, int64_t n, float from, float to, float *work) {
    memset(out, 0, (size_t)n * sizeof *out);
    double start = round6(b->low), end = round6(b->high);
    double a = round6(clamp(from < to ? from : to, start, end)), c = round6(clamp(from < to ? to : from, start, end));
    if (!(a < c)) return; /* the original recurses endlessly here */
    Tree t = {.b = b, .out = out, .noise = work, .levels = work + n, .n = n, .depth = depth_of(b) + 1};
    uint32_t seeds[3];
    seed_sequence(b->seed, NULL, 0, POOL, seeds, 3);
    draw(&t, seeds[0]);
    float size = (float)sqrt((double)b->high - (double)b->low);
    for (int64_t i = 0; i < n; i++) t.levels[i] = t.noise[i] * size;
    add(&t, 0, 0, start, end, a, c);
    float sign = from < to ? 1.0f : -1.0f, root = sqrtf(fabsf(to - from));
    for (int64_t i = 0; i < n; i++) out[i] = out[i] * sign / root;
}
