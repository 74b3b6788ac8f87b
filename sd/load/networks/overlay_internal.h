/* overlay_internal.h: what the files of overlay.h share. */
#ifndef SD_LOAD_OVERLAY_INTERNAL_H
#define SD_LOAD_OVERLAY_INTERNAL_H

#include "overlay.h"

#include "weights/networks/networks_internal.h"

enum {
    TILE = 256,               /* columns that are made at once */
    OVERLAY_MOST_RANK = 4096, /* so that a thread's scratch holds all that a row needs */
    OVERLAY_MOST_COLUMNS = 1 << 16,
    OVERLAY_MOST_MIXED = 4, /* changes of a weight whose rows need other rows (OFT), one on top of the other */
    OVERLAY_ROWS = 64,
};

/* A thread's scratch, from which calls take what they need and give it back by restoring `at`. */
typedef struct {
    float *at;
} Room;

static inline float *room_take(Room *r, int64_t floats) {
    float *p = r->at;
    r->at += floats;
    return p;
}

static inline double *room_take_doubles(Room *r, int64_t count) {
    uintptr_t p = (uintptr_t)room_take(r, 2 * count + 1);
    return (double *)((p + 7) & ~(uintptr_t)7);
}

/* Rows of a weight at one change. */
typedef struct {
    const Delta *d;
    Deltas before; /* the weight's changes up to this one */
    const OverlaySource *source;
    int64_t first, rows; /* within the module */
    const float *w;      /* [rows][stride]: the weight's numbers so far */
    int64_t stride;
    /* For those that need other rows of the weight: of `before` */
    void (*other_rows)(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, float *out, Room room);
    float *extra; /* what `begin` made */
    Room room;
} Change;

/* A kind: what is added to the weight, before the scale. */
typedef struct {
    /* Whether the module fits an output of so many rows and columns, of `taps` each. */
    bool (*fits)(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps);
    void (*begin)(Change *c); /* what all tiles of these rows need; NULL: nothing */
    /* out[rows][TILE]: columns [column, column + columns) of the change */
    void (*tile)(const Change *c, int64_t column, int64_t columns, float *out);
    bool mixes;                /* a row's change needs other rows of the weight */
    bool (*prepare)(Delta *d); /* what all rows need: Delta.rotations; NULL: nothing. False: out of memory */
} OverlayKind;
extern const OverlayKind OVERLAY_KINDS[NETWORK_KINDS];

/* Whether the change adds the product of two thin matrices, scaled and no more. */
bool overlay_is_thin(const Delta *d, Product *p);
/* What is added is scaled by this, and then by the request's multiplier. */
float overlay_scale(const Delta *d);

/* Rounds to Delta.round. */
float overlay_round(DType type, float x);

/* OFT (overlay_oft.c). */
bool oft_fits(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps);
bool boft_fits(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps);
bool oft_prepare(Delta *d);
void oft_begin(Change *c);
bool oft_inputs_fits(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps);
bool oft_inputs_prepare(Delta *d);
void oft_inputs_begin(Change *c);
void oft_tile(const Change *c, int64_t column, int64_t columns, float *out);

/* --- names --- */

/* A module of the model, or its bias, under one of its names. */
typedef struct {
    char *name; /* as NetworkModule.name */
    const Weight *weight;
    bool bias;
    int64_t first, rows;
    Part part;
} Target;

typedef struct {
    Target *at; /* by name */
    size_t count, capacity;
} Targets;

/* All weights of the U-Net and the text encoders. False: ERR_MEMORY. */
bool targets_init(Targets *t, const SdModel *m, Error *e);
void targets_free(Targets *t);
const Target *targets_find(const Targets *t, const char *name, bool bias); /* NULL: none */

#endif
