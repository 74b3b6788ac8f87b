#include "lab.h"

#include "sd/noise/math64.h"

#include <math.h>
#include <stdbool.h>

enum { MATRIX = 12, ROOT = 15, BASE = 1 << 14 }; /* fractional bits of matrices and roots; 1 of X, Y and Z */

/* To X, Y, Z over the white point (D65), and back, times 2^MATRIX. */
static const int FORWARD[9] = {1777, 1541, 778, 871, 2929, 296, 73, 448, 3575};
static const int BACK[9] = {12615, -6296, -2223, -3773, 7684, 185, 217, -836, 4715};

/* Half to even. */
static int nearest(float v) { return (int)rintf(v); }

static float without_gamma(float x) {
    double v = x;
    return (float)(v <= 809.0 / 20000 ? v / (323.0 / 25) : pow64((v + 11.0 / 200) / (1 + 11.0 / 200), 12.0 / 5));
}

static float with_gamma(float x) {
    double v = x;
    return (float)(v <= 7827.0 / 2500000 ? v * (323.0 / 25) : pow64(v, 1 / (12.0 / 5)) * (1 + 11.0 / 200) - 11.0 / 200);
}

/* The cube root, with a line near 0. */
static float root(float x) {
    const float least = 216.0f / 24389.0f, slope = 841.0f / 108.0f, low = 16.0f / 116.0f;
    return (float)(x < least ? (double)x * slope + low : pow64(x, 1.0 / 3));
}

void lab_tables(LabTables *t) {
    enum { TIE = 324 };
    const float step = 1.0f / LAB_SRGB, part = 1.0f / 2040.0f;
    for (int i = 0; i < 256; i++) t->linear[i] = (uint16_t)nearest(2040.0f * without_gamma((float)i / 255.0f));
    for (int i = 0; i < LAB_SRGB; i++) t->srgb[i] = (uint8_t)nearest(255.0f * with_gamma(step * (float)i));
    for (int i = 0; i < LAB_ROOTS; i++) t->root[i] = (uint16_t)nearest((float)(1 << ROOT) * root(part * (float)i));
    t->root[TIE]--; /* a half, rounded up; OpenCV's root is the next lower float */
    for (int i = 0; i < 256; i++) {
        float f = (float)(i * 100 * BASE) / (float)(255 * 116) + (float)(16 * BASE) / 116.0f;
        bool dark = i <= 20; /* L below 8 */
        float y = dark ? (float)(i * BASE * 20 * 9) / (float)(17 * 29 * 29 * 29) : f * f * f / (float)(1 << 28);
        if (dark) f = (float)BASE * (16.0f / 116.0f + (float)(i * 5) / (float)(3 * 17 * 29));
        t->light[i] = (int16_t)nearest(y), t->grey[i] = (int16_t)nearest(f);
    }
}

static int rounded(int v, int bits) { return (v + (1 << (bits - 1))) >> bits; }

static uint8_t byte(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

static int dot(const int *row, int a, int b, int c) { return row[0] * a + row[1] * b + row[2] * c; }

void lab_of_rgb(const LabTables *t, uint8_t lab[3], const uint8_t rgb[3]) {
    const int r = t->linear[rgb[0]], g = t->linear[rgb[1]], b = t->linear[rgb[2]], one = 1 << ROOT;
    int x = t->root[rounded(dot(FORWARD, r, g, b), MATRIX)];
    int y = t->root[rounded(dot(FORWARD + 3, r, g, b), MATRIX)];
    int z = t->root[rounded(dot(FORWARD + 6, r, g, b), MATRIX)];
    lab[0] = byte(rounded(296 * y - (16 * 255 * one + 50) / 100, ROOT));
    lab[1] = byte(rounded(500 * (x - y) + 128 * one, ROOT));
    lab[2] = byte(rounded(200 * (y - z) + 128 * one, ROOT));
}

/* Of 16384 times f(X) or f(Z). */
static int cube(int f) { return f <= 3390 ? f * 108 / 841 - BASE * 16 / 116 * 108 / 841 : f * f / BASE * f / BASE; }

void lab_to_rgb(const LabTables *t, uint8_t rgb[3], const uint8_t lab[3]) {
    int a = ((5 * lab[1] * 53687 + (1 << 7)) >> 13) - 128 * BASE / 500;
    int b = ((lab[2] * 41943 + (1 << 4)) >> 9) - 128 * BASE / 200 + 1;
    int y = t->light[lab[0]], x = cube(t->grey[lab[0]] + a), z = cube(t->grey[lab[0]] - b);
    for (int k = 0; k < 3; k++) {
        int sum = dot(BACK + 3 * k, x, y, z), v = sum > 0 ? rounded(sum, MATRIX + 2) : 0;
        rgb[k] = t->srgb[v < LAB_SRGB ? v : LAB_SRGB - 1];
    }
}
