#include "spans.h"

#include <stdlib.h>
#include <string.h>

void spans_free(Spans *s) {
    free(s->at);
    *s = (Spans){0};
}

bool spans_reserve(Spans *s) {
    if (s->count + 2 <= s->capacity) return true;
    size_t capacity = s->capacity ? 2 * s->capacity : 256;
    Span *at = realloc(s->at, capacity * sizeof *at);
    if (!at) return false;
    s->at = at;
    s->capacity = capacity;
    return true;
}

/* The first span that ends after `place`. */
static size_t first_after(const Spans *s, uintptr_t place) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->at[middle].to > place) high = middle;
        else low = middle + 1;
    }
    return low;
}

Cover spans_cover(const Spans *s, Span p) {
    size_t i = first_after(s, p.from);
    if (i == s->count || s->at[i].from >= p.to) return COVERED_NOT;
    return s->at[i].from <= p.from && s->at[i].to >= p.to ? COVERED : COVERED_PARTLY;
}

/* Replaces spans [i, j) by the n <= 2 of `by`. */
static void replace(Spans *s, size_t i, size_t j, const Span *by, size_t n) {
    memmove(s->at + i + n, s->at + j, (s->count - j) * sizeof *s->at);
    memcpy(s->at + i, by, n * sizeof *by);
    s->count = s->count - (j - i) + n;
}

void spans_add(Spans *s, Span p) {
    size_t i = first_after(s, p.from), j;
    if (i > 0 && s->at[i - 1].to == p.from) i--; /* they touch */
    for (j = i; j < s->count && s->at[j].from <= p.to; j++) {
        if (s->at[j].from < p.from) p.from = s->at[j].from;
        if (s->at[j].to > p.to) p.to = s->at[j].to;
    }
    replace(s, i, j, &p, 1);
}

void spans_remove(Spans *s, Span p) {
    size_t i = first_after(s, p.from), j = i, n = 0;
    Span rest[2];
    if (i < s->count && s->at[i].from < p.from) rest[n++] = (Span){s->at[i].from, p.from};
    for (; j < s->count && s->at[j].from < p.to; j++)
        if (s->at[j].to > p.to) rest[n++] = (Span){p.to, s->at[j].to};
    replace(s, i, j, rest, n);
}

bool spans_gap(const Spans *s, Span p, uintptr_t from, Span *gap) {
    if (from < p.from) from = p.from;
    size_t i = first_after(s, from);
    if (i < s->count && s->at[i].from <= from) from = s->at[i++].to;
    if (from >= p.to) return false;
    *gap = (Span){from, i < s->count && s->at[i].from < p.to ? s->at[i].from : p.to};
    return true;
}
