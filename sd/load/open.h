/* open.h: what every way of opening a model begins with. */
#ifndef SD_LOAD_OPEN_H
#define SD_LOAD_OPEN_H

#include "model.h"

/* Checks the options, which may be NULL, and sets the table of ops and, if the device is one, the GPU that it works on.
 */
bool model_choose_device(SdModel *m, const SdOptions *o, Error *e);

#endif
