/* taps.h: named activations, in torch's layout (pictures NCHW, tokens [N,T,C]): collected in a safetensors file, shown
 * to a listener as they come, or both.
 *
 * For a file they are spooled to an unnamed temporary file next to the target and written in their final form at the
 * end, so that memory does not grow with their number. */
#ifndef SD_PIPELINE_TAPS_H
#define SD_PIPELINE_TAPS_H

#include "sd/sd.h"
#include "tensor/ctx.h"

typedef struct TapFile TapFile;
typedef bool TapHeard(void *user, const char *name, int nd, const int64_t *n, const float *values);

/* path: the file, or NULL: none. glob: a pattern for whole names, with * and ?; NULL: all. heard: called with every
 * tensor once it is complete, false stops with ERR_CANCELLED; NULL: no listener. Returns NULL on an error. */
TapFile *taps_open(const char *path, const char *glob, TapHeard *heard, void *user, Error *e);
/* From here on this comes before all names; NULL: nothing. It must outlive t. */
void taps_enter(TapFile *t, const char *before);
/* A listener for Ctx.taps; the caller sets its prefix as it goes. */
Taps taps_listener(TapFile *t);
/* Adds a tensor, dense f32 already in torch's layout. */
bool taps_add(TapFile *t, const char *name, int nd, const int64_t *n, const float *data, Error *e);
bool taps_wants(const TapFile *t, const char *name);
/* Writes the file, if there is one, and frees t. False, and no file, on an I/O error or when no name matched the glob.
 */
bool taps_close(TapFile *t, Error *e);
void taps_abort(TapFile *t); /* NULL is fine */

/* The activations of a request that is several drawings: NULL, and true, where nobody wants them. */
bool taps_open_all(const SdRequest *r, TapFile **out, Error *e);
/* After the last drawing; *t becomes NULL. */
bool taps_close_all(TapFile **t, Error *e);

#endif
