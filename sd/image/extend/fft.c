#include "fft.h"

#include "sd/noise/math64.h"

#include <stdint.h>
#include <stdlib.h>

enum { MOST_FACTORS = 32 };

/* Transforms of one length. */
typedef struct {
    int n, factors[MOST_FACTORS], largest;
    Complex *turn; /* [n]: e^(-+ 2 pi i k / n) */
    Complex *work; /* [largest] of a factor's terms, then [n] of a line, and [n] of its transform */
} Fft;

static Complex product(Complex a, Complex b) { return (Complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
static Complex plus(Complex a, Complex b) { return (Complex){a.re + b.re, a.im + b.im}; }
static Complex minus(Complex a, Complex b) { return (Complex){a.re - b.re, a.im - b.im}; }

static void split(Fft *f) {
    int rest = f->n, count = 0;
    f->largest = 4;
    for (int p = 4; rest > 1; p = p == 4 ? 2 : p == 2 ? 3 : p + 2)
        for (; rest % p == 0; rest /= p) {
            f->factors[count++] = p;
            if (p > f->largest) f->largest = p;
        }
    f->factors[count] = 1;
}

static bool begin(Fft *f, int n, bool inverse, Error *e) {
    *f = (Fft){.n = n};
    split(f);
    f->turn = malloc((size_t)n * sizeof *f->turn);
    f->work = malloc((size_t)(2 * n + f->largest) * sizeof *f->work);
    if (!f->turn || !f->work) return error_set(e, ERR_MEMORY, "out of memory for a picture's spectrum");
    for (int k = 0; k < n; k++) {
        double sine, cosine;
        sincos64(0x1.921fb54442d18p+2 /* 2 pi */ * k / n, &sine, &cosine);
        f->turn[k] = (Complex){cosine, inverse ? sine : -sine};
    }
    return true;
}

static void end(Fft *f) {
    free(f->turn);
    free(f->work);
}

/* Four terms at once: the turns between them are -+ i. */
static void join4(Complex *out, int m, int k, Complex *t, Complex i) {
    Complex a = plus(t[0], t[2]), b = minus(t[0], t[2]), c = plus(t[1], t[3]), d = product(minus(t[1], t[3]), i);
    out[k] = plus(a, c), out[k + m] = plus(b, d), out[k + 2 * m] = minus(a, c), out[k + 3 * m] = minus(b, d);
}

/* out[n] = the transform of in[0], in[step], ..., n of them; n step is the whole length. */
static void transform(const Fft *f, Complex *out, const Complex *in, int n, int step, const int *factor) {
    const int p = *factor, m = n / p;
    Complex *t = f->work;
    if (n == 1) {
        *out = *in;
        return;
    }
    for (int i = 0; i < p; i++) transform(f, out + i * m, in + i * step, m, step * p, factor + 1);
    for (int k = 0; k < m; k++) {
        for (int i = 0; i < p; i++) t[i] = product(out[k + i * m], f->turn[i * k * step]);
        if (p == 4) join4(out, m, k, t, (Complex){0, f->turn[f->n / 4].im});
        else
            for (int q = 0; q < p; q++) {
                Complex s = t[0];
                for (int i = 1; i < p; i++) s = plus(s, product(t[i], f->turn[(int64_t)i * q % p * m * step]));
                out[k + q * m] = s;
            }
    }
}

/* `lines` of them, `next` apart, whose numbers are `step` apart. */
static void transform_lines(const Fft *f, Complex *x, int lines, int64_t next, int64_t step) {
    Complex *line = f->work + f->largest, *out = line + f->n;
    for (int l = 0; l < lines; l++, x += next) {
        for (int i = 0; i < f->n; i++) line[i] = x[i * step];
        transform(f, out, line, f->n, 1, f->factors);
        for (int i = 0; i < f->n; i++) x[i * step] = out[i];
    }
}

bool fft_2d(Complex *x, int rows, int columns, bool inverse, Error *e) {
    Fft across, down = {0};
    bool ok = begin(&across, columns, inverse, e);
    if (ok) transform_lines(&across, x, rows, columns, 1);
    end(&across);
    ok = ok && begin(&down, rows, inverse, e);
    if (ok) transform_lines(&down, x, columns, 1, columns);
    end(&down);
    return ok;
}
