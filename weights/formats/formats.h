/* formats.h: the table of weight formats. A format that is read is a file and a row; what is recognised but not read is
 * a row with its message. */
#ifndef SD_WEIGHTS_FORMATS_FORMATS_H
#define SD_WEIGHTS_FORMATS_FORMATS_H

#include "weight_file.h"

typedef struct {
    const char *name;
    const char *magic; /* the first bytes, magic_size of them; or a function: */
    size_t magic_size;
    bool (*sniff)(const uint8_t *bytes, size_t size);
    /* Fills in data, tensors, index, meta and pool from map[size], believing nothing that was not checked; false with a
     * line in e. What it allocated so far is left to weight_file_close. NULL: not read, and */
    bool (*read)(WeightFile *f, Error *e);
    const char *refusal; /* what the file is and what to do, after "PATH: is " */
} WeightFormat;

/* The first row whose content it is; never NULL, since the last row takes everything. */
const WeightFormat *weight_format(const uint8_t *bytes, size_t size);
/* Row i, or NULL past the last. */
const WeightFormat *weight_format_row(int i);

/* For readers: fills f->index, which has room for f->count names. The name that occurs twice, or NULL. */
const char *weight_file_index(WeightFile *f);

#endif
