/* spans.h: a set of places in memory, as sorted spans that do not touch. */
#ifndef SD_TENSOR_SPANS_H
#define SD_TENSOR_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uintptr_t from, to;
} Span;

typedef struct {
    Span *at; /* owned */
    size_t count, room;
} Spans;

typedef enum { COVERED_NOT, COVERED_PARTLY, COVERED } Cover;

void spans_free(Spans *s);
/* Room for one more change; false when memory is out. */
bool spans_reserve(Spans *s);
Cover spans_cover(const Spans *s, Span p);
void spans_add(Spans *s, Span p);    /* after spans_reserve */
void spans_remove(Spans *s, Span p); /* after spans_reserve */
/* The first gap of p at or behind `from`; false: none. */
bool spans_gap(const Spans *s, Span p, uintptr_t from, Span *gap);

#endif
