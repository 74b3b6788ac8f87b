/* models.h: the models that a worker has open. The least recently used go when memory is short. */
#ifndef SD_TOOLS_SERVER_JOBS_MODELS_H
#define SD_TOOLS_SERVER_JOBS_MODELS_H

#include "sd/sd.h"

typedef struct Models Models;

/* How all are opened; how->memory_limit bounds them together with what is being drawn (0: four fifths of the machine's
 * memory). NULL: out of memory. */
Models *models_new(const SdOptions *how);
void models_free(Models *m);
/* The model of that file (NULL: the built-in one) with that VAE (NULL: its own), opened if need be; it stays open until
 * models_room or models_drop. NULL on error. */
SdModel *models_get(Models *m, const char *path, const char *vae, Error *e);
/* A ControlNet of a model from models_get, likewise; `nth`: of those of one file, which. With the file of a vision
 * encoder an IP-Adapter. */
SdControlNet *models_control(Models *m, SdModel *model, const char *path, const char *vision, int nth, Error *e);
/* Closes models other than the request's own, its refiner and that of hires fix until it fits. */
bool models_room(Models *m, SdModel *model, const SdRequest *r, Error *e);
/* Closes all but this one and the request's others; NULL: none stays. */
void models_drop(Models *m, const SdModel *keep, const SdRequest *r);
int models_count(const Models *m);

#endif
