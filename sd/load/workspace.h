/* workspace.h: the memory that one picture's activations live in. A model holds on to it between calls that keep their
 * weights (SdRequest.keep), so that the next call finds pages that are mapped already. */
#ifndef SD_LOAD_WORKSPACE_H
#define SD_LOAD_WORKSPACE_H

#include "tensor/ctx.h"
#include "sd/sd.h"

enum { MOST_UNET_CALLS = 2 }; /* of a step: one for all texts, or two where their lengths differ */

typedef struct {
    Arena arena;
    Recording unet[MOST_UNET_CALLS]; /* each U-Net call, as a GPU recorded it in this arena */
} Workspace;

/* Memory for `size` bytes of activations. With `keep` it is what the model kept, if that fits: on the CPU any arena
 * that is large enough; on a GPU, where unused memory cannot be given back, one of exactly this size, with its
 * recordings. What the model kept and cannot be used is freed. */
bool workspace_open(Workspace *w, SdModel *m, size_t size, bool keep, Error *e);
/* Another size, on a GPU. Device memory and recordings start anew; the host's side of the arena keeps its contents. */
bool workspace_resize(Workspace *w, size_t size, Error *e);
/* Recordings start anew: the U-Net's weights are others. */
void workspace_forget(Workspace *w);
/* Hands the memory to the model, for the next call. */
void workspace_keep(Workspace *w, SdModel *m);
void workspace_free(Workspace *w);
/* Frees what the model kept. */
void workspace_drop_kept(SdModel *m);

/* From now on what loading makes of parts lies at the end of this arena, which outlives it; NULL: in memory of its own.
 * Parts that lie in an earlier one are released. */
void workspace_lend(SdModel *m, Arena *room);

#endif
