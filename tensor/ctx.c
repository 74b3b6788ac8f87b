/* In sd/guide/plain.c: release(). */
#include "half.h"
#include "large.h"
#include "ops.h"
#include "os.h"
#include "sizes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

bool arena_init(Arena *a, size_t size, Error *e) {
    *a = (Arena){0};
    a->base = large_new(size);
    if (!a->base) return error_set(e, ERR_MEMORY, "out of memory: %zu MiB for activations", size >> 20);
    a->size = size;
    return true;
}

static bool reserve(Arena *a, size_t size, Error *e) {
    void *host = realloc(a->host, 2 * size + ALIGN); /* only what crosses is ever touched */
    if (!host)
        return error_set(e, ERR_MEMORY, "out of memory: %zu MiB for the host's copy of the GPU's arena", size >> 19);
    a->host = host;
    a->size = size;
    a->used = a->peak = 0;
    a->base = a->memory->reserve(a->gpu, size ? size : ALIGN, e);
    return a->base != NULL;
}

bool arena_init_on(Arena *a, const Ops *ops, Gpu *gpu, size_t size, Error *e) {
    if (!ops->memory) return arena_init(a, size, e);
    *a = (Arena){.memory = ops->memory, .gpu = gpu};
    if (reserve(a, size, e)) return true;
    arena_free(a);
    return false;
}

bool arena_resize(Arena *a, size_t size, Error *e) {
    if (a->base) a->memory->release(a->gpu, a->base);
    a->base = NULL;
    return reserve(a, size, e);
}

void arena_trim(Arena *a) {
    size_t page = os_page_size(), begin = (a->used + page - 1) / page * page;
    if (!a->memory && a->base && begin < a->size) os_drop_pages(a->base + begin, a->size - begin);
}

void arena_free(Arena *a) {
    if (a->memory && a->base) a->memory->release(a->gpu, a->base);
    else large_free(a->base);
    free(a->host);
    *a = (Arena){0};
}

Tensor tensor_new(Ctx *c, int nd, const int64_t *n) { return tensor_new_typed(c, c->type, nd, n); }

Tensor tensor_new_typed(Ctx *c, DType type, int nd, const int64_t *n) {
    Arena *a = c->arena;
    Tensor t = tensor_view(NULL, type, nd, n);
    size_t bytes = arena_bytes(t), at = a->used;
    a->used = size_sum(a->used, bytes);
    if (a->used > a->peak) a->peak = a->used;
    if (!a->base) return t; /* planning */
    if (a->imagined && a->used > a->size) {
        error_set(&c->err, ERR_MEMORY, "out of memory: %zu MiB for activations", a->used >> 20);
        a->used = at;
    }
    assert(a->used <= a->size);
    t.data = a->base + at;
    if (a->poison && !a->memory) memset(t.data, 0xff, bytes);
    return t;
}

size_t scope_begin(Ctx *c) {
    if (c->scopes) c->scopes->begin(c);
    return c->arena->used;
}

void scope_end(Ctx *c, size_t mark) {
    assert(mark <= c->arena->used);
    if (!c->scopes || c->scopes->end(c)) c->arena->used = mark;
}

size_t arena_top(const Ctx *c) { return c->arena->used; }

void arena_set_top(Ctx *c, size_t top) {
    if (c->scopes) return;
    Arena *a = c->arena;
    a->used = top;
    if (a->used > a->peak) a->peak = a->used;
    assert(!a->base || a->used <= a->size);
}

size_t arena_bytes(Tensor t) { return size_sum(tensor_bytes(t), ALIGN - 1) & ~(size_t)(ALIGN - 1); }

/* --- the host's side --- */

static bool on_gpu(const Ctx *c, Tensor t) { return c->arena->host && t.data; }
static bool narrow(Tensor t) { return t.dtype == F16 || t.dtype == BF16; }

Tensor tensor_host(const Ctx *c, Tensor t) {
    if (!on_gpu(c, t)) return t;
    size_t at = (size_t)((uint8_t *)t.data - c->arena->base);
    assert(at <= c->arena->size);
    t.data = c->arena->host + (narrow(t) ? 2 * at : at);
    if (narrow(t)) t.dtype = F32;
    return t;
}

enum { PIECE = 32768 }; /* numbers that cross at once if their width changes */

void tensor_push(Ctx *c, Tensor t) {
    if (!on_gpu(c, t) || c->err.code) return;
    assert(tensor_dense(t));
    const Arena *a = c->arena;
    const float *host = tensor_host(c, t).data;
    if (!narrow(t)) a->memory->push(a->gpu, t.data, host, tensor_bytes(t), &c->err);
    for (int64_t at = 0, n = tensor_count(t); narrow(t) && at < n; at += PIECE) {
        uint16_t piece[PIECE];
        int64_t count = n - at < PIECE ? n - at : PIECE;
        for (int64_t i = 0; i < count; i++)
            piece[i] = t.dtype == F16 ? f32_to_f16(host[at + i]) : f32_to_bf16(host[at + i]);
        if (!a->memory->push(a->gpu, (uint16_t *)t.data + at, piece, (size_t)count * 2, &c->err)) return;
    }
}

Tensor tensor_pull(Ctx *c, Tensor t) {
    Tensor h = tensor_host(c, t);
    if (!on_gpu(c, t) || c->err.code) return h;
    const Arena *a = c->arena;
    int64_t span = 1; /* including gaps between rows */
    for (int i = 0; i < t.nd; i++) span += (t.n[i] - 1) * t.s[i];
    char *to = h.data, *from = to + (narrow(t) ? 2 * span : 0); /* always after what widening has written so far */
    if (!a->memory->pull(a->gpu, from, t.data, dtype_bytes(t.dtype, span), &c->err)) return h;
    for (int64_t i = 0; narrow(t) && i < span; i++) {
        uint16_t half;
        memcpy(&half, from + 2 * i, 2);
        float wide = t.dtype == F16 ? f16_to_f32(half) : bf16_to_f32(half);
        memcpy(to + 4 * i, &wide, 4);
    }
    return h;
}

static bool same_tensor(Tensor a, Tensor b) {
    bool same = a.data == b.data && a.dtype == b.dtype && a.nd == b.nd;
    for (int i = 0; same && i < a.nd; i++) same = a.n[i] == b.n[i] && a.s[i] == b.s[i];
    return same;
}

void recording_start(const Ctx *c, Recording *r, const Tensor *of, int count) {
    bool same = true;
    assert(count <= RECORDING_TENSORS);
    for (int i = 0; i < count; i++) same = same && same_tensor(r->of[i], of[i]);
    if (!same) recording_free(c->arena, r);
    for (int i = 0; i < count; i++) r->of[i] = of[i];
    r->ran = false;
}

bool recording_next(Ctx *c, Recording *r) {
    const GpuMemory *m = c->arena->memory;
    Gpu *gpu = c->arena->gpu;
    if (r->recording_now) {
        r->recording_now = false;
        r->recording = m->record_end(gpu);
        r->never = !r->recording;
    }
    bool recorded = m && m->record_begin && !r->never && !c->taps && !c->err.code;
    if (r->ran) return false;
    if (recorded && r->recording) return m->play(gpu, r->recording, &c->err), false;
    if (recorded && r->seen) return r->recording_now = m->record_begin(gpu), r->ran = !r->recording_now, true;
    return r->ran = r->seen = true;
}

void recording_free(const Arena *a, Recording *r) {
    if (r->recording) a->memory->forget(a->gpu, r->recording);
    *r = (Recording){0};
}

void tap(Ctx *c, Tensor t, const char *format, ...) {
    if (!c->taps || c->err.code) return;
    char name[160];
    int at = snprintf(name, sizeof name, "%s", c->taps->prefix);
    va_list args;
    va_start(args, format);
    vsnprintf(name + at, sizeof name - (size_t)at, format, args);
    va_end(args);
    if (c->taps->want(c->taps->user, name)) c->taps->put(c->taps->user, name, tensor_pull(c, t), &c->err);
}
