/* file_kind.h: what a file is that is not what was asked for, so that the error can say so. */
#ifndef SD_WEIGHTS_FILE_KIND_H
#define SD_WEIGHTS_FILE_KIND_H

#include <stddef.h>

/* "a zip archive, as .ckpt and .pt files are; ..." with what to do, from the first bytes; NULL when nothing is
 * recognised. For messages only: call it after the file was refused, since a few first bytes prove nothing. */
const char *file_kind(const void *bytes, size_t size);

#endif
