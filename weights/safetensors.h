/* safetensors.h: reading and writing the safetensors format.
 *
 * A file is: u64 little-endian N; N bytes of UTF-8 JSON, an object of tensor name -> {"dtype","shape","data_offsets"}
 * and optionally "__metadata__" (string -> string); then the data. Every rule of the format is checked before anything
 * is believed (https://github.com/huggingface/safetensors, README "Format" and safetensors/src/tensor.rs). */
#ifndef SD_WEIGHTS_SAFETENSORS_H
#define SD_WEIGHTS_SAFETENSORS_H

#include "tensor/error.h"
#include "tensor/tensor.h"

enum {
    ST_MAX_DIMS = 8,           /* models use at most 5; more is refused with a clear line */
    ST_MAX_HEADER = 100000000, /* the format's own limit */
    ST_MAX_TENSORS = 1 << 18,  /* real files have a few thousand; these three bound what a hostile header costs */
    ST_MAX_META = 1 << 16,
    ST_MAX_STRINGS = 1 << 25, /* bytes of all names and metadata */
};

typedef struct {
    const char *name;
    DType dtype;
    int nd; /* 0 for a scalar */
    int64_t n[ST_MAX_DIMS];
    uint64_t begin, end; /* bytes, relative to the data buffer */
} StTensor;

typedef struct {
    const char *key, *value;
} StMeta;

typedef struct {
    char *path;
    const uint8_t *map; /* the whole file, read-only */
    size_t size;        /* of the file */
    size_t data;        /* offset of the data buffer in the file: 8 + N */
    StTensor *tensors;  /* in order of their data */
    size_t count;
    StMeta *meta; /* "__metadata__", in order of the file */
    size_t meta_count;
    const StTensor **index; /* by name, for st_find. Sorted, not hashed: no names can be chosen to make it slow */
    char *pool;             /* owns the strings */
    bool mapped;
} StFile;

/* Maps and checks a file; reads nothing but the header. NULL and one line in e ("PATH: ...") when it is missing or
 * breaks a rule of the format. Out of scope: a file that another program makes shorter while it is open; touching what
 * is gone then ends the process (SIGBUS), as with any mapped file. Replacing it by rename, as st_write_end does, is
 * safe. */
StFile *st_open(const char *path, Error *e);
/* The same for bytes in memory (they must outlive the result); `path` is used in messages only. */
StFile *st_open_memory(const char *path, const void *bytes, size_t size, Error *e);
void st_close(StFile *f); /* NULL is fine */

const StTensor *st_find(const StFile *f, const char *name); /* NULL when absent */
const char *st_meta(const StFile *f, const char *key);      /* NULL when absent */
const void *st_data(const StFile *f, const StTensor *t);    /* not aligned, unless the writer saw to it */
int64_t st_count(const StTensor *t);                        /* elements */
/* Elements of t as f32 (from F64, F32, F16, BF16, integers, BOOL) into out[st_count(t)]; false for other types. */
bool st_read_f32(const StFile *f, const StTensor *t, float *out);
/* Elements [first, first + count) as f64, exactly (but for 64-bit integers beyond 2^53); false for other types. */
bool st_read_f64(const StFile *f, const StTensor *t, int64_t first, int64_t count, double *out);
/* Tells the kernel that the pages of t's data are no longer needed (they are read again from the file when touched). */
void st_drop(const StFile *f, const StTensor *t);
/* The opposite: t's data will be read soon. */
void st_expect(const StFile *f, const StTensor *t);

/* Writing. The file appears under its name only when it is complete: temporary file beside it, fsync, rename.
 * A path that exists and is not a regular file is refused. Give the tensors in the order of their data (names, dtypes
 * and shapes; begin and end are set here, each begin a multiple of 64 bytes from the start of the file where the
 * format's no-holes rule allows: sizes that are not multiples of 64 are followed directly by the next tensor, so order
 * large aligned ones first). The header is padded with spaces so that the data begins at a multiple of 64. */
typedef struct StWriter StWriter;
StWriter *st_write_begin(const char *path, StTensor *tensors, size_t count, const StMeta *meta, size_t meta_count,
                         Error *e);
/* The next bytes of the data, any piece at a time. */
bool st_write_data(StWriter *w, const void *bytes, size_t size, Error *e);
/* Completes the file; frees w. False (and nothing left behind, an old file intact) on an I/O error, or when the data
 * given is not exactly what the tensors need. */
bool st_write_end(StWriter *w, Error *e);
void st_write_abort(StWriter *w); /* removes the temporary file, frees w; NULL is fine */

#endif
