#include "tap_measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* floor(i * count / k) without overflow: i <= k <= RECORD_MOST_VALUES */
static int64_t share(int64_t i, int64_t k, int64_t count) { return count / k * i + count % k * i / k; }

int64_t tap_place(const char *name, int i, int k, int64_t count) {
    char number[16];
    unsigned char digest[32];
    Sha256 s;
    uint64_t u = 0;
    snprintf(number, sizeof number, ":%d", i);
    sha256_init(&s);
    sha256_update(&s, name, strlen(name));
    sha256_update(&s, number, strlen(number));
    sha256_final(&s, digest);
    for (int b = 7; b >= 0; b--) u = u << 8 | digest[b];
    int64_t begin = share(i, k, count), end = share(i + 1, k, count);
    return begin + (int64_t)(u % (uint64_t)(end - begin));
}

static void next_place(TapMeasure *m) {
    m->place = m->next < m->kept ? tap_place(m->name, m->next, m->kept, m->count) : INT64_MAX;
}

void tap_measure_begin(TapMeasure *m, const char *name, int64_t count, int most) {
    m->name = name;
    m->count = count, m->seen = 0;
    m->kept = count < most ? (int)count : most, m->next = 0;
    m->squares = 0;
    sha256_init(&m->sha);
    next_place(m);
}

void tap_measure_add(TapMeasure *m, const float *values, int64_t n) {
    for (int64_t i = 0; i < n; i++) m->squares += (double)values[i] * values[i];
    for (; m->place < m->seen + n; next_place(m)) m->values[m->next++] = values[m->place - m->seen];
    sha256_update(&m->sha, values, (size_t)n * sizeof *values);
    m->seen += n;
}

double tap_measure_end(TapMeasure *m, unsigned char digest[32]) {
    sha256_final(&m->sha, digest);
    return sqrt(m->squares);
}
