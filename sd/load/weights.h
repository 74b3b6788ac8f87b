/* weights.h: how a part's weights get their bytes, and where they stay.
 *
 *     IN_PLACE    the mapped file serves as it is
 *     COPIED      the file's numbers, aligned, widened to F32 where no kernel reads their type
 *     TRANSPOSED  a convolution's weights, from torch's OIHW to OHWI
 *     PREPARED    the layout that the backend's kernels read; on a GPU, in its memory
 *     STREAMED    not in memory: made in one of these ways whenever an op needs them
 */
#ifndef SD_LOAD_WEIGHTS_H
#define SD_LOAD_WEIGHTS_H

#include "model.h"

/* The type that weight w has once loaded; a vector's is F32 where this says another. */
DType model_weight_type(const Weight *w, const Found *from);
/* Makes a part's weights usable. Matrices and convolutions keep the file's width; vectors become F32. Pages of the file
 * that were read to make something else are dropped. Does nothing when the part is loaded already. False on ERR_FORMAT
 * (tensors are missing or have another shape), ERR_MEMORY or ERR_DEVICE. */
bool model_load(SdModel *m, Part part, Error *e);
/* The same, but matrices and convolutions stay in the file until an op needs them: model_source brings them. */
bool model_load_streamed(SdModel *m, Part part, Error *e);
/* Rows of a weight with the networks on top, in torch's order, before they are rounded to its type: in a thread's
 * scratch, at most model_most_rows of them. model_changes: whether there are such networks; it makes ready, by one
 * thread, what they need. ERR_MEMORY. */
bool model_changes(const SdModel *m, Weight *w, bool *any, void *scratch, Error *e);
int64_t model_most_rows(const Weight *w);
const float *model_changed_rows(const SdModel *m, Weight *w, int64_t first, int64_t rows, void *scratch);

/* Brings streamed weights to a context (Ctx.source). Valid as long as the model. */
WeightSource model_source(const SdModel *m);
/* Makes some weights of a loaded part anew, where they are, with other networks on top; changed: [weights of the part].
 * False, with the part as it was or in part made anew, and to be released: one of them has no room, there is no memory,
 * or they are streamed. m->overlay stays. */
struct Overlay;
bool model_remake(SdModel *m, Part part, const bool *changed, struct Overlay *now);
void model_release(SdModel *m, Part part); /* does nothing unless it is loaded */
/* Bytes that a part's weights have in memory once loaded, file pages included. */
size_t model_part_bytes(const SdModel *m, Part part, bool streamed);
/* And of the host's, while it loads them. */
size_t model_loading_bytes(const SdModel *m, Part part);

#endif
