/* safetensors.h: reading and writing the safetensors format.
 *
 * A file is: u64 little-endian N; N bytes of UTF-8 JSON, an object of tensor name -> {"dtype","shape","data_offsets"}
 * and optionally "__metadata__" (string -> string); then the data. Every rule of the format is checked before anything
 * is believed (https://github.com/huggingface/safetensors, README "Format" and safetensors/src/tensor.rs). */
#ifndef SD_WEIGHTS_FORMATS_SAFETENSORS_H
#define SD_WEIGHTS_FORMATS_SAFETENSORS_H

#include "weight_file.h"

enum {
    ST_MAX_HEADER = 100000000, /* the format's own limit */
    ST_MAX_TENSORS = 1 << 18,  /* real files have a few thousand; these three bound what a hostile header costs */
    ST_MAX_META = 1 << 16,
    ST_MAX_STRINGS = 1 << 25, /* bytes of all names and metadata */
};

/* The metadata that names the type of blocks in the file: "Q8_0". Tensors of that type are stored as U8, their last
 * dimension in bytes: 34 for each 32 numbers. Reading and writing see to both. */
#define ST_BLOCKS "sdc.blocks"

/* Reading, for the table of formats (formats.h). */
bool safetensors_sniff(const uint8_t *bytes, size_t size);
bool safetensors_read(WeightFile *f, Error *e);

/* Writing. The file appears under its name only once it is complete (atomic_file.h). Give names, types and shapes in
 * the order of the data; begin and end are set here. The header is padded so that the data begin at a multiple of 64
 * bytes; since the format allows no holes, a tensor begins at one only while all before it have such sizes: put those
 * first. The list must last until all data are written. */
typedef struct StWriter StWriter;
StWriter *st_write_begin(const char *path, FileTensor *tensors, size_t count, const FileMeta *meta, size_t meta_count,
                         Error *e);
/* The next of the data, any count of numbers as they lie in memory. */
bool st_write_data(StWriter *w, const void *bytes, size_t size, Error *e);
/* Completes the file; frees w. False on an I/O error, or when the data are not exactly what the tensors need; then
 * nothing is left, and an old file is intact. */
bool st_write_end(StWriter *w, Error *e);
/* The same into memory: the writer's data go to a buffer, which st_write_end_memory hands over, *size bytes; the caller
 * frees it. NULL as st_write_end is false. name begins messages. */
StWriter *st_write_begin_memory(const char *name, FileTensor *tensors, size_t count, const FileMeta *meta,
                                size_t meta_count, Error *e);
void *st_write_end_memory(StWriter *w, size_t *size, Error *e);
void st_write_abort(StWriter *w); /* removes the temporary file, frees w; NULL is fine */

#endif
