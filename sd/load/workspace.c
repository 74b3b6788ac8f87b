#include "workspace.h"

#include "model.h"
#include "weights.h"
#include "weights_memory.h"

void workspace_forget(Workspace *w) {
    for (int i = 0; i < MOST_UNET_CALLS; i++) recording_free(&w->arena, &w->unet[i]);
}

void workspace_free(Workspace *w) {
    workspace_forget(w);
    arena_free(&w->arena);
}

void workspace_drop_kept(SdModel *m) {
    if (m->gpu) m->kept.arena.memory = m->ops->memory; /* the table it was reserved through may be gone */
    workspace_free(&m->kept);
}

bool workspace_open(Workspace *w, SdModel *m, size_t size, bool keep, Error *e) {
    const Arena *kept = &m->kept.arena;
    bool fits = m->gpu ? kept->size == size && kept->memory == m->ops->memory : kept->size >= size;
    *w = (Workspace){0};
    if (!keep || !kept->base || !fits) {
        workspace_drop_kept(m);
        return arena_init_on(&w->arena, m->ops, m->gpu, size, e);
    }
    *w = m->kept;
    m->kept = (Workspace){0};
    w->arena.used = size;
    arena_trim(&w->arena); /* no more than the plan promised */
    w->arena.used = w->arena.peak = 0;
    return true;
}

bool workspace_resize(Workspace *w, size_t size, Error *e) {
    workspace_forget(w);
    return arena_resize(&w->arena, size, e);
}

void workspace_keep(Workspace *w, SdModel *m) {
    m->kept = *w;
    *w = (Workspace){0};
}

void workspace_lend(SdModel *m, Arena *room) {
    for (int i = 0; i < PART_COUNT; i++)
        if (weights_in_room(m, m->memory[i])) model_release(m, (Part)i);
    m->room = room;
}
