/* other_kinds.h: files that people share beside models and that nothing here uses, by name. */
#ifndef SD_WEIGHTS_FORMATS_OTHER_KINDS_H
#define SD_WEIGHTS_FORMATS_OTHER_KINDS_H

#include "weight_file.h"

/* "a ControlNet-LLLite (kohya), which this version does not run": what the names of its tensors tell; NULL: nothing
 * that is listed. */
const char *other_kind(const WeightFile *f);

#endif
