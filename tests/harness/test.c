#include "test.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static struct {
    Counts counts;
    bool verbose, last_ok;
    char dir[HARNESS_DIR];
} state;

void harness_begin(void) {
    state.verbose = getenv("SDC_TEST_VERBOSE") != NULL;
    harness_make_dir(state.dir);
}

Counts harness_end(void) {
    harness_remove_dir(state.dir);
    return state.counts;
}

int counts_status(Counts n) { return n.failed || !n.passed; }

void test_line(const char *front, const char *format, va_list args) {
    fputs(front, stdout);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
}

bool test_check(bool ok, const char *format, ...) {
    *(ok ? &state.counts.passed : &state.counts.failed) += 1;
    state.last_ok = ok;
    if (!ok || state.verbose) {
        va_list args;
        va_start(args, format);
        test_line(ok ? "  ok   " : "  FAIL ", format, args);
        va_end(args);
    }
    return ok;
}

void test_note(const char *format, ...) {
    if (state.last_ok && !state.verbose) return;
    va_list args;
    va_start(args, format);
    test_line("         ", format, args);
    va_end(args);
}

void test_floats(const char *name, const float *x, const float *want, int n, float tolerance) {
    float worst = 0;
    for (int i = 0; i < n; i++) {
        float d = fabsf(x[i] - want[i]) / fmaxf(1, fabsf(want[i]));
        if (!(d <= worst)) worst = d;
    }
    test_check(worst <= tolerance, "%s", name);
    test_note("largest difference %g, allowed %g", (double)worst, (double)tolerance);
}

void test_skip(const char *format, ...) {
    state.counts.skipped++;
    va_list args;
    va_start(args, format);
    test_line("  skip  ", format, args);
    va_end(args);
}

const char *test_dir(void) { return state.dir; }

const char *test_path(const char *name) {
    static char buf[8][1024];
    static int next;
    char *p = buf[next++ & 7];
    snprintf(p, sizeof buf[0], "%s/%s", state.dir, name);
    return p;
}

char *test_read(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    size_t capacity = 1 << 16, n = 0;
    char *p = malloc(capacity + 1);
    while (p) {
        n += fread(p + n, 1, capacity - n, f);
        if (n < capacity) break;
        char *q = realloc(p, (capacity *= 2) + 1);
        if (!q) free(p);
        p = q;
    }
    bool ok = p && !ferror(f);
    fclose(f);
    if (!ok) return free(p), NULL;
    p[n] = 0;
    if (size) *size = n;
    return p;
}

bool test_write(const char *path, const void *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    if (!f) return false;
    bool ok = fwrite(bytes, 1, size, f) == size;
    return fclose(f) == 0 && ok;
}

double test_uniform(uint32_t seed, uint64_t index) {
    uint32_t x = seed + (uint32_t)index * 0x9E3779B1u;
    x ^= x >> 16, x *= 0x85EBCA6Bu, x ^= x >> 13, x *= 0xC2B2AE35u, x ^= x >> 16;
    return x * 0x1p-31 - 1;
}
