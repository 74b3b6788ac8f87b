/* weights_memory.c: see weights_memory.h. */
#include "weights_memory.h"

#include "tensor/large.h"

bool weights_in_room(const SdModel *m, const void *p) {
    const uint8_t *at = p, *base = m->room ? m->room->base : NULL;
    return at && base && at >= base && at < base + m->room->size;
}

/* Above what the arena's user will take, below what other parts have; bytes: a multiple of 64. */
static void *new_in_room(const SdModel *m, size_t bytes) {
    size_t end = m->room->size / 64 * 64;
    for (int i = 0; i < PART_COUNT; i++)
        if (weights_in_room(m, m->memory[i])) {
            size_t at = (size_t)((uint8_t *)m->memory[i] - m->room->base);
            if (at < end) end = at;
        }
    return m->room->used <= end && bytes <= end - m->room->used ? m->room->base + (end - bytes) : NULL;
}

void *weights_memory(const SdModel *m, size_t bytes, Error *e) {
    if (m->gpu) return m->ops->memory->reserve(m->gpu, bytes, e);
    void *p = m->room ? new_in_room(m, bytes) : large_new(bytes);
    if (!p) error_set(e, ERR_MEMORY, "%s: out of memory: %zu MiB for weights", m->checkpoint->path, bytes >> 20);
    return p;
}

void weights_memory_free(const SdModel *m, void *p) {
    if (m->gpu && p) m->ops->memory->release(m->gpu, p);
    else if (!weights_in_room(m, p)) large_free(p);
}
