/* piece.h: what goes through Redis: pieces of jobs, in streams, and what is told of them.
 *
 * - sdc:jobs:MODEL: a stream of pieces to draw with this model, read by the group "sdc"
 * - sdc:models: the models that have a stream
 * - sdc:piece:NAME: a piece: state (queued, done), body, entry in the stream; then told and png0, png1 ...
 * - sdc:to:JOB: a channel: "INDEX P DONE STAGE STEP STEPS", "INDEX V STEP WIDTH HEIGHT PIXELS" a preview,
 *   "INDEX D" it has ended
 * - sdc:from:NAME: a channel: "cancel", "interrupt", "skip"
 * - sdc:wake: a channel: there is something to draw
 * - sdc:workers: workers and when they were last heard of; sdc:loaded:MODEL: those that have it open
 * - sdc:dead: a list of pieces that ended the workers that drew them
 *
 * A piece is done by whoever says so first; what others then say of it counts for nothing. */
#ifndef SD_TOOLS_SERVER_REDIS_PIECE_H
#define SD_TOOLS_SERVER_REDIS_PIECE_H

#include "tools/server/serve.h"

enum {
    PIECE_DAY = 86400, /* seconds that Redis keeps a piece */
    PIECE_NAME = 64,
    PIECE_ALIVE = 10, /* seconds without a word after which a worker counts as gone */
};

/* "a lovely/model.safetensors" of "a lovely/model.safetensors [0123456789]". */
const char *piece_model(const char *title, char out[OS_PATH_SIZE]);

/* What the drawing of a job came to, but for the bytes of its pictures. */
json_t *piece_tell(const Job *j);
/* Adds a piece's pictures to a job; png[i] and sizes[i] are taken over. first: its settings, too, as they were drawn.
 * False: it is not what piece_tell wrote. */
bool piece_take(Job *j, json_t *told, uint8_t **png, const size_t *sizes, int count, bool first);

#endif
