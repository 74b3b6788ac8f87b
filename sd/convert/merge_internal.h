/* merge_internal.h: what the files of `sdc merge` share: merge.c plans and writes, merge_rows.c computes a tensor,
 * merge_recipe.c says in the new file what it was made of. */
#ifndef SD_CONVERT_MERGE_INTERNAL_H
#define SD_CONVERT_MERGE_INTERNAL_H

#include "state_dict.h"
#include "weights/formats/safetensors.h"

/* What happens to a tensor of A. */
typedef enum {
    ROW_KEEP,
    ROW_SUM,
    ROW_SUM_4,   /* its first four input channels */
    ROW_CHANGED, /* by networks */
} RowKind;

typedef struct {
    const StateTensor *a, *b, *c; /* b, c: ROW_SUM; NULL: C lacks it. a is the VAE's where one is baked in */
    RowKind kind;
    Weight *weights[3]; /* ROW_CHANGED: whose numbers its pieces are */
    DType sum;          /* the type in which the sum ends, */
    DType type;         /* and the new file's */
} MergeRow;

typedef struct {
    const SdMerge *how;
    SdMerged *done;
    SdModel *models[3];
    int count;
    StateDict dicts[3];
    Given vae_file; /* to be baked in, */
    StateDict vae;  /* under A's names and in its shapes */
    MergeRow *rows; /* in A's order */
    size_t row_count;
    struct ChangedTensor *changed; /* [changed_count] (merge_networks.c) */
    size_t changed_count;
    const char *out;
} Merge;

/* Networks on top of A. False: they do not fit it. */
bool merge_networks_begin(Merge *m, Error *e);
/* Makes a row one that they change where they do. */
bool merge_networks_plan(Merge *m, MergeRow *r, Error *e);
/* Elements of such a row. scratch: a thread's */
void merge_changed(const Merge *m, const MergeRow *r, int64_t first, int64_t count, double *out, void *scratch);

/* Computes a row and writes its bytes. ERR_FORMAT, with the tensor and the number, for one that F16 cannot hold. */
bool merge_write_row(Merge *m, const MergeRow *row, StWriter *w, Error *e);

/* The new file's metadata: copied from A, B and C, and how it was made, as the webui writes it. */
typedef struct {
    FileMeta *at;
    size_t count;
    char *recipe, *models, *config; /* what some of them point into */
} MergeMeta;
bool merge_meta(const Merge *m, MergeMeta *out, Error *e);
void merge_meta_free(MergeMeta *meta);

#endif
