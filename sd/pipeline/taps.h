/* taps.h: named activations, collected into a safetensors file in torch's layout (pictures NCHW, tokens [N,T,C]).
 *
 * They are spooled to an unnamed temporary file beside the target as they come, and written in their final form at
 * the end, so that memory does not grow with their number. */
#ifndef SD_PIPELINE_TAPS_H
#define SD_PIPELINE_TAPS_H

#include "tensor/ctx.h"

typedef struct TapFile TapFile;

/* glob: * and ? over the whole name; NULL takes all. NULL on error. */
TapFile *taps_open(const char *path, const char *glob, Error *e);
/* What a context listens with; prefix is set by the caller as it goes. */
Taps taps_listener(TapFile *t);
/* One more tensor, dense f32 in torch's layout already. */
bool taps_add(TapFile *t, const char *name, int nd, const int64_t *n, const float *data, Error *e);
bool taps_wants(const TapFile *t, const char *name);
/* Writes the file and frees t. False (and no file) on an I/O error, or when no name matched the glob. */
bool taps_close(TapFile *t, Error *e);
void taps_abort(TapFile *t); /* NULL is fine */

/* Whether `name` matches a pattern of literal characters, * and ?. Iterative, linear but for stars. */
bool glob_match(const char *pattern, const char *name);

#endif
