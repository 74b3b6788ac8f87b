#include "ctx.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

bool arena_init(Arena *a, size_t size, Error *e) {
    *a = (Arena){0};
    size = (size + 4095) & ~(size_t)4095;
    a->base = aligned_alloc(4096, size ? size : 4096);
    if (!a->base) return error_set(e, ERR_MEMORY, "out of memory: %zu MiB for activations", size >> 20);
    a->size = size;
    return true;
}

void arena_free(Arena *a) {
    free(a->base);
    *a = (Arena){0};
}

Tensor tensor_new(Ctx *c, int nd, const int64_t *n) { return tensor_new_typed(c, F32, nd, n); }

Tensor tensor_new_typed(Ctx *c, DType type, int nd, const int64_t *n) {
    Arena *a = c->arena;
    Tensor t = tensor_view(NULL, type, nd, n);
    size_t bytes = (tensor_bytes(t) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    size_t at = a->used;
    a->used += bytes;
    if (a->used > a->peak) a->peak = a->used;
    if (!a->base) return t; /* planning */
    assert(a->used <= a->size);
    t.data = a->base + at;
    if (a->poison) memset(t.data, 0xff, bytes);
    return t;
}

size_t scope_begin(Ctx *c) { return c->arena->used; }

void scope_end(Ctx *c, size_t mark) {
    assert(mark <= c->arena->used);
    c->arena->used = mark;
}

void tap(Ctx *c, Tensor t, const char *format, ...) {
    if (!c->taps || c->err.code) return;
    char name[160];
    int at = snprintf(name, sizeof name, "%s", c->taps->prefix);
    va_list args;
    va_start(args, format);
    vsnprintf(name + at, sizeof name - (size_t)at, format, args);
    va_end(args);
    if (c->taps->want(c->taps->user, name)) c->taps->put(c->taps->user, name, t, &c->err);
}
