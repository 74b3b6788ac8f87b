/* overlay.h: networks (LoRA and its kin) on top of a model's weights.
 *
 *     overlay_names.c   the modules of the model under every name that networks' files give them
 *     overlay.c         which changes a call's networks make to which weights; what the files say and do not fit
 *     overlay_find.c    a weight's changes; numbers that are not finite
 *     overlay_rows.c    the changed rows of a weight: the one loop over its changes
 *     overlay_kinds.c   the table of kinds, and what each changes
 *     overlay_oft.c     the rotations of OFT and BOFT
 *
 * There is no second copy of the model: weights.c makes each weight from the file, row by row, and a changed one passes
 * through overlay_rows on its way. Sums are in f32, one network after the other in the order of the request, and are
 * rounded to the weight's type once (SD_APPLY_EXACT) or wherever the webui rounds (SD_APPLY_WEBUI).
 *
 * Numbers are in torch's order here: [outputs][inputs][taps]; `first`, `rows`: outputs; `columns`: the rest. */
#ifndef SD_LOAD_OVERLAY_H
#define SD_LOAD_OVERLAY_H

#include "sd/load/model.h"
#include "weights/networks/networks.h"

/* One network's change of one weight. */
typedef struct {
    const Network *network;
    const NetworkModule *module;
    const Weight *weight;
    NetworkRole role;    /* the part that is added to a bias; NET_ROLES: the module's weight changes as its kind says */
    int64_t first, rows; /* of the weight: the module's outputs (open_clip keeps three modules in one weight) */
    int64_t columns;     /* that change: the weight's, or its first ones (inpainting: 4 of 9 channels) */
    int64_t taps;        /* of the weight */
    float multiplier;    /* the request's */
    int64_t limit;       /* only so much of the rank; 0: all */
    DType round;         /* SD_APPLY_WEBUI: results are rounded to it; F32: are not */
    float *norms;        /* DoRA by columns: their norms [columns / taps]; overlay_begin makes them */
    float *rotations;    /* OFT, BOFT: [blocks][s][s], [stages][blocks][b][b]; likewise */
} Delta;

/* All of one weight, in the order of the request. */
typedef struct {
    Delta *at;
    int count;
} Deltas;

typedef struct Overlay {
    Network *networks; /* [count], in order */
    SdNetwork *asked;  /* likewise; what the request said, with paths of its own */
    int count;
    Delta *deltas; /* by weight, then in order */
    size_t delta_count;
    bool webui;
} Overlay;

/* Has the model's weights be those of its files with these networks on top. Of a part that is loaded, weights whose
 * changes differ from those so far are made anew in place, or the part is released. count 0: the files' own. On an
 * error nothing changes: ERR_FILE, ERR_FORMAT (no network; of another family; not one module fits; shapes do not fit;
 * with `strict`, any key or module without its place), ERR_MEMORY. */
bool overlay_set(SdModel *m, const SdNetwork *networks, int count, SdApply apply, bool strict, Error *e);
void overlay_free(Overlay *o); /* NULL is fine */
/* Whether all numbers of the networks' files are finite, which is looked at only once a drawing's are not. ERR_FORMAT,
 * with the name of the first that is not. o NULL: there are none. */
bool overlay_finite(const Overlay *o, Error *e);

/* The changes of a weight; none where o is NULL. name: Weight.name itself. */
Deltas overlay_find(const Overlay *o, const char *name);

/* The weight's own numbers: out[count * columns of the weight]. */
typedef struct {
    const void *user;
    void (*rows)(const void *user, int64_t first, int64_t count, float *out);
    int64_t outputs, columns;
    const void
        *stored; /* where they lie as numbers of F32, F16 or BF16, in torch's order, at any byte; NULL: nowhere */
    DType type;  /* of those */
} OverlaySource;

/* What needs the whole weight: DoRA's norms, OFT's rotations. Before overlay_rows, by one thread. Does nothing if it is
 * done. False: out of memory. scratch: a thread's. */
bool overlay_begin(Deltas d, const OverlaySource *s, void *scratch);
void overlay_end(Deltas d);
/* Rows that one call of overlay_rows may make with a thread's scratch. */
int64_t overlay_most_rows(const OverlaySource *s);
/* The changed rows, [rows * columns], in `scratch`. */
float *overlay_rows(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, void *scratch);
/* The same rounded to F32, F16 or BF16: out[rows * columns], on a number's boundary, not in `scratch`. */
void overlay_rows_as(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, DType type, void *out,
                     void *scratch);

#endif
