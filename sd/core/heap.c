/* heap.c: the memory of sd_core: blocks in a row, each with its size and the size of the one before it; the first free
 * block that is large enough is taken, and free neighbours become one. What lives long is taken first, so that it lies
 * at the bottom. The one state that sd_core has outside of its models, as malloc has one; no locks, since there are no
 * threads. */
#include "tensor/os/os_bare.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    size_t size;   /* with this header; a multiple of UNIT, plus TAKEN; 0: the end */
    size_t before; /* of the block before, without TAKEN; 0: the first */
} Block;

enum { UNIT = sizeof(Block), TAKEN = 1 };

static struct {
    Block *first;
    size_t size, peak;
} heap;

static size_t size_of(const Block *b) { return b->size & ~(size_t)TAKEN; }
static bool taken(const Block *b) { return b->size & TAKEN; }
static Block *after(Block *b) { return (Block *)(void *)((char *)b + size_of(b)); }
static Block *before(Block *b) { return b->before ? (Block *)(void *)((char *)b - b->before) : NULL; }
static size_t end_of(Block *b) { return (size_t)((char *)after(b) - (char *)heap.first); }

void heap_begin(void *bytes, size_t size) {
    size_t skip = -(uintptr_t)bytes % HEAP_ALIGN;
    heap.first = NULL, heap.size = heap.peak = 0;
    if (!bytes || size < skip + 3 * HEAP_ALIGN) return;
    heap.size = (size - skip) / UNIT * UNIT;
    heap.first = (Block *)(void *)((char *)bytes + skip);
    *heap.first = (Block){.size = heap.size - UNIT};
    *after(heap.first) = (Block){.size = TAKEN, .before = heap.size - UNIT};
}

size_t heap_size(void) { return heap.size; }
size_t heap_peak(void) { return heap.peak; }

size_t heap_used(void) {
    size_t end = 0;
    for (Block *b = heap.first; b && size_of(b); b = after(b))
        if (taken(b)) end = end_of(b);
    return end;
}

/* Leaves a free b with this size, less than it has; returns the rest. */
static Block *cut(Block *b, size_t size) {
    size_t rest = b->size - size;
    b->size = size;
    *after(b) = (Block){.size = rest, .before = size};
    after(after(b))->before = rest;
    return after(b);
}

/* align: a power of two, UNIT to HEAP_ALIGN */
static void *take(size_t size, size_t align) {
    if (size > heap.size) return NULL;
    size_t whole = (size + 2 * UNIT - 1) / UNIT * UNIT;
    for (Block *b = heap.first; b && size_of(b); b = after(b)) {
        size_t skip = -(uintptr_t)(b + 1) % align;
        if (taken(b) || b->size < whole + skip) continue;
        if (skip) b = cut(b, skip);
        if (b->size > whole) cut(b, whole);
        b->size |= TAKEN;
        if (end_of(b) > heap.peak) heap.peak = end_of(b);
        return b + 1;
    }
    return NULL;
}

void *core_malloc(size_t size) { return take(size, UNIT); }
void *core_aligned_alloc(size_t align, size_t size) { return (void)align, take(size, HEAP_ALIGN); }

void core_free(void *p) {
    if (!p) return;
    Block *b = (Block *)p - 1, *next, *last = before(b);
    b->size = size_of(b);
    next = after(b);
    if (size_of(next) && !taken(next)) b->size += next->size;
    if (last && !taken(last)) last->size += b->size, b = last;
    after(b)->before = b->size;
}

void *core_calloc(size_t count, size_t size) {
    if (size && count > SIZE_MAX / size) return NULL;
    void *p = core_malloc(count * size);
    return p ? memset(p, 0, count * size) : NULL;
}

void *core_realloc(void *p, size_t size) {
    if (!p) return core_malloc(size);
    Block *b = (Block *)p - 1;
    size_t has = size_of(b) - UNIT, whole = (size + 2 * UNIT - 1) / UNIT * UNIT;
    if (size <= has && whole + UNIT < b->size) { /* the rest becomes a block of its own, which is given back */
        b->size = size_of(b);
        Block *rest = cut(b, whole);
        b->size |= TAKEN, rest->size |= TAKEN;
        core_free(rest + 1);
    }
    if (size <= has) return p;
    void *to = core_malloc(size);
    if (!to) return NULL;
    memcpy(to, p, has);
    core_free(p);
    return to;
}
