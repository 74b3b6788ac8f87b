/* spans.h: a set of addresses, as sorted spans that do not touch. */
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
    size_t count, capacity;
} Spans;

typedef enum { COVERED_NOT, COVERED_PARTLY, COVERED } Cover;

void spans_free(Spans *s);
/* Makes room for one more change. False: out of memory. */
bool spans_reserve(Spans *s);
Cover spans_cover(const Spans *s, Span p);
void spans_add(Spans *s, Span p);    /* after spans_reserve */
void spans_remove(Spans *s, Span p); /* after spans_reserve */
/* The first gap in p at or after `from`; false: there is none. */
bool spans_gap(const Spans *s, Span p, uintptr_t from, Span *gap);

#endif
