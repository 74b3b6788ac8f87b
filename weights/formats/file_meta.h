/* file_meta.h: metadata of a weight file, whatever its format. */
#ifndef SD_WEIGHTS_FORMATS_FILE_META_H
#define SD_WEIGHTS_FORMATS_FILE_META_H

#include "weight_file.h"

/* False, with a line, where a key of the metadata is there twice. where: what the format calls them. */
bool file_meta_check(const WeightFile *f, const char *where, Error *e);

#endif
