/* weight_file.h: a file of weights, whatever its format: tensors by name, type, shape and bytes.
 *
 * The file is mapped and its list of tensors checked; nothing else is read before it is used. formats.h has the table
 * of formats. */
#ifndef SD_WEIGHTS_FORMATS_WEIGHT_FILE_H
#define SD_WEIGHTS_FORMATS_WEIGHT_FILE_H

#include "tensor/error.h"
#include "tensor/tensor.h"

/* Models use at most 5, those that sd_core runs 4; more is refused with a clear line. */
#if defined SDC_SMALL
enum { FILE_MAX_DIMS = 4 };
#else
enum { FILE_MAX_DIMS = 8 };
#endif

typedef struct FileTensor {
    const char *name;
    DType dtype;
    int nd; /* 0 for a scalar */
    int64_t n[FILE_MAX_DIMS];
    uint64_t begin, end;            /* bytes, relative to WeightFile.data */
    const int64_t *strides;         /* [nd], in elements, not negative; NULL: dense, the last dimension contiguous */
    const struct FileTensor *scale; /* one number of the same file that multiplies all of these (F8); NULL: none */
} FileTensor;

typedef struct {
    const char *key, *value;
} FileMeta;

typedef struct {
    const char *format; /* "safetensors", "PyTorch zip", "GGUF v3" */
    char *path;
    const uint8_t *map;  /* the whole file, read-only */
    size_t size;         /* of the file */
    size_t data;         /* where in the file the tensors' data begin */
    FileTensor *tensors; /* in order of their data */
    size_t count;
    FileMeta *meta; /* in order of the file */
    size_t meta_count;
    const FileTensor **index; /* by name. Sorted, not hashed: no choice of names can make it slow */
    char *pool;               /* owns the strings */
    char *names;              /* owns those of tensors that other programs have renamed; NULL: none */
    int64_t *strides;         /* owns those of all tensors; NULL: all are dense */
    bool mapped;
    bool backed; /* a file is behind the bytes: pages that are dropped are read again, and do not count as memory */
    bool channels_last; /* "sdc.conv_layout" says OHWI: convolutions lie in compute order */
} WeightFile;

/* Opens a file of any format that is read. NULL and one line in e ("PATH: ...") when it is missing, breaks a rule of
 * its format, or is something else; the line says what. A file that another program shortens while it is open ends the
 * process where what is gone is touched (os_map). Replacing it by rename, as st_write_end does, is safe. */
WeightFile *weight_file_open(const char *path, Error *e);
/* The same for bytes in memory, which must outlive the result; `path` is used in messages only. */
WeightFile *weight_file_open_memory(const char *path, const void *bytes, size_t size, Error *e);
void weight_file_close(WeightFile *f); /* NULL is fine */

const FileTensor *weight_file_find(const WeightFile *f, const char *name); /* NULL: none of that name */
const char *weight_file_meta(const WeightFile *f, const char *key);        /* NULL: no such key */

/* The bytes of dense numbers, as the file has them; aligned only if the writer saw to it. */
const void *file_tensor_data(const WeightFile *f, const FileTensor *t);
int64_t file_tensor_count(const FileTensor *t); /* elements */
/* A dimension; 0 where there is none (t may be NULL), or it is over 2^20, as no network's is. */
int file_tensor_size(const FileTensor *t, int dim);
/* The type in which weights are computed that holds t's numbers: F32, F16, BF16 and Q8_0 are such. Q4_0 and Q5_0 become
 * Q8_0, exactly: the same scale, and whole numbers of 4 and 5 bits. F64 becomes F32, F8 and the other quantised blocks
 * F16 (the numbers of F8 exactly; a product with a scale, or of a block, rounded once to F32 and once more: by at most
 * 2^-11 of the number, where Q8_0 would move it by up to 1/254 of the block's largest). Other types, of which no
 * weights are made, stay as they are. */
DType file_tensor_type(const FileTensor *t);
/* Whether the bytes at file_tensor_data are the numbers in that type, in order. */
bool file_tensor_is_plain(const FileTensor *t);
/* Elements [first, first + count) in order as F64, F32, F16, file_tensor_type or, without a scale, t's own type, into
 * `out`; as Q8_0 in whole blocks. False for types that cannot be converted. Exact to F64, but for 64-bit integers
 * beyond 2^53. */
bool file_tensor_read(const WeightFile *f, const FileTensor *t, int64_t first, int64_t count, DType to, void *out);
/* The same as F32, faster: by the machine's vectors, which may quiet a NaN. */
bool file_tensor_widen(const WeightFile *f, const FileTensor *t, int64_t first, int64_t count, float *out);
/* All elements as f32 into out[file_tensor_count(t)]. */
bool file_tensor_f32(const WeightFile *f, const FileTensor *t, float *out);
/* Elements [first, first + count) as f64. */
bool file_tensor_f64(const WeightFile *f, const FileTensor *t, int64_t first, int64_t count, double *out);
/* Whether all its numbers are finite, which reads the whole file. ERR_FORMAT: one line that names the first that has
 * others. */
bool weight_file_finite(const WeightFile *f, Error *e);
/* Tells the kernel that the pages of t's data are no longer needed (touching them reads the file again). */
void file_tensor_drop(const WeightFile *f, const FileTensor *t);
/* The same, with what the system maps together with a page that is read. */
void file_tensor_drop_around(const WeightFile *f, const FileTensor *t);
/* The opposite: t's data will be read soon. */
void file_tensor_expect(const WeightFile *f, const FileTensor *t);
/* The same, and waits until they are in memory. What cannot be read is left to whoever touches it. */
void file_tensor_bring(const WeightFile *f, const FileTensor *t);

#endif
