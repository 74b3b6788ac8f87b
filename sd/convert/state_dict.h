/* state_dict.h: a checkpoint's tensors under the names, and in the shapes and order, that other programs give them:
 * torch's state dict. What merging reads, and what converting to another program's layout writes. */
#ifndef SD_CONVERT_STATE_DICT_H
#define SD_CONVERT_STATE_DICT_H

#include "sd/load/model.h"

/* Rows of one of the checkpoint's tensors, or the whole of it. */
typedef struct {
    Found from;
    int64_t first, count; /* elements, in torch's order */
    bool channels_last;   /* [O,kh,kw,I] in the file, [O,I,kh,kw] here */
    bool transposed;      /* [A,B] in the file, [B,A] here */
} StatePiece;

typedef struct {
    char *name;
    char part[24]; /* of a folder: "unet"; "" in a single file */
    DType type;    /* of the numbers: the file's, F16 where it is F8 or quantised */
    int nd;
    int64_t n[FILE_MAX_DIMS];
    StatePiece pieces[3]; /* one after another */
    int count;
} StateTensor;

typedef struct {
    StateTensor *at;
    size_t count, capacity;
    const StateTensor **index; /* by name, once state_index has made it */
    bool wide;                 /* numbers of blocks are F32, which holds them exactly; else F16, as their sums are */
} StateDict;

typedef enum { STATE_SINGLE, STATE_DIFFUSERS } StateLayout;

/* All that a single file in torch's order holds, as the webui reads it: "text_model." is put into the names of an SD 1
 * text encoder that lack it, and scales of 8-bit weights are multiplied into them (F16). False: ERR_MEMORY. *s is {0}
 * before, but for s->wide. */
bool state_of_file(StateDict *s, const Checkpoint *c, Error *e);
/* The networks' tensors, from a checkpoint of any layout, as the original single file has them (SD 2's and SDXL's
 * OpenCLIP with its fused projections), or as the parts of a diffusers folder do (without the last layer of SD 2's
 * encoder, which is not used). Types as sd_convert keeps them. */
bool state_of_model(StateDict *s, const SdModel *m, StateLayout layout, Error *e);
/* One more tensor, under a name and in a shape, of as many numbers, that the caller chooses. */
bool state_add(StateDict *s, const char *name, Found from, int nd, const int64_t *n, Error *e);
void state_free(StateDict *s);

/* The tensor of that name, NULL: none; false: out of memory. The first of two with one name. */
bool state_index(StateDict *s, Error *e);
const StateTensor *state_find(const StateDict *s, const char *name);

int64_t state_elements(const StateTensor *t);
/* Elements [first, first + count) in the tensor's type. False, with the tensor named: ERR_FORMAT for a type of which
 * nothing can be made, ERR_MEMORY. */
bool state_read(const StateTensor *t, int64_t first, int64_t count, void *out, Error *e);
/* Tells the system that its pages are no longer needed. */
void state_drop(const StateTensor *t);

#endif
