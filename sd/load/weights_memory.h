/* weights_memory.h: where the weights lie that loading makes. */
#ifndef SD_LOAD_WEIGHTS_MEMORY_H
#define SD_LOAD_WEIGHTS_MEMORY_H

#include "model.h"

/* `bytes`, a multiple of 64, for a part of m; on a GPU: there. NULL and an error: there are not so many. */
void *weights_memory(const SdModel *m, size_t bytes, Error *e);
void weights_memory_free(const SdModel *m, void *p);
/* Whether they lie in the arena that the model was given (workspace_lend). */
bool weights_in_room(const SdModel *m, const void *p);

#endif
