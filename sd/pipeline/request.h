/* request.h: whether a model can serve a request. */
#ifndef SD_PIPELINE_REQUEST_H
#define SD_PIPELINE_REQUEST_H

#include "sd/load/model.h"

/* ERR_ARGUMENT, with a line that names the setting, unless every setting is in its range (sd/info/params.h) and the
 * model can serve it. */
bool request_check(const SdModel *m, const SdRequest *r, Error *e);
/* The guidance scale by which predictions are combined; 1: the negative prompt is not evaluated. Of a U-Net that is
 * told the scale it is 1, and of a model that was distilled to few steps 1 at least. */
double request_scale(const SdModel *m, const SdRequest *r);
/* The layer of an encoder, counted from the last, whose output is a text's states. */
int request_layer(const ClipConfig *k, const SdRequest *r);
/* Whether it wants named activations, in a file or told. */
bool request_taps(const SdRequest *r);

/* Whether two models work on latents of the same kind, and were opened for the same device and precision. */
bool request_same_latents(const VaeConfig *a, const VaeConfig *b);
bool request_same_device(const SdModel *a, const SdModel *b);

#endif
