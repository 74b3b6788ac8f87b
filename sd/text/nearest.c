/* nearest.c: see nearest.h. */
#include "nearest.h"

#include <stdio.h>
#include <string.h>

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c; }

bool nearest_same(const char *a, const char *b) {
    while (*a && lower(*a) == lower(*b)) a++, b++;
    return *a == *b;
}

int nearest_edits(const char *a, const char *b) {
    int row[64];
    for (int j = 0; j < 64; j++) row[j] = j;
    int n = 0;
    while (n < 63 && b[n]) n++;
    for (int i = 0; i < 63 && a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= n; j++) {
            int replace = diagonal + (lower(a[i]) != lower(b[j - 1]));
            int change = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replace < change ? replace : change;
        }
    }
    return row[n];
}

int nearest_find(const char *name, SpellingFn spelling, int count) {
    for (int i = 0; i < count; i++)
        for (int k = 0; spelling(i, k); k++)
            if (nearest_same(name, spelling(i, k))) return i;
    return -1;
}

static int distance(const char *name, SpellingFn spelling, int i) {
    int least = 1 << 20;
    for (int k = 0; spelling(i, k); k++) {
        int d = nearest_edits(name, spelling(i, k));
        if (d < least) least = d;
    }
    return least;
}

int nearest_name(const char *name, SpellingFn spelling, int count) {
    int best = 0;
    for (int i = 1; i < count; i++)
        if (distance(name, spelling, i) < distance(name, spelling, best)) best = i;
    return best;
}

void nearest_suggest(const char *name, SpellingFn spelling, int count, char *out, size_t size) {
    enum { MOST = 3 };
    int best[MOST], d[MOST], n = 0;
    for (int i = 0; i < count; i++) {
        int mine = distance(name, spelling, i), at = n < MOST ? n++ : MOST;
        for (; at > 0 && mine < d[at - 1]; at--)
            if (at < MOST) d[at] = d[at - 1], best[at] = best[at - 1];
        if (at < MOST) d[at] = mine, best[at] = i;
    }
    while (n > 1 && d[n - 1] > d[0] + 2) n--; /* farther ones do not help */
    size_t used = 0;
    if (size) *out = 0;
    for (int i = 0; i < n && used < size; i++) {
        const char *join = i == 0 ? "" : i == n - 1 ? " or " : ", ";
        int k = snprintf(out + used, size - used, "%s'%s'", join, spelling(best[i], 0));
        used += k > 0 ? (size_t)k : 0;
    }
}
