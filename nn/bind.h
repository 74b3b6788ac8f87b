/* bind.h: a model's one walk over its weights.
 *
 * Each module has one bind function that names its weights, gives their shapes, and appends them to a list in the
 * order of computation. The list is what loading, counting, planning, releasing and converting go through. */
#ifndef SD_NN_BIND_H
#define SD_NN_BIND_H

#include "tensor/error.h"
#include "tensor/weight.h"

typedef struct WeightList {
    Weight **w; /* borrowed: they live in the modules */
    int64_t count, capacity;
    char path[192]; /* the prefix that names are built on */
    char **names;   /* owned strings */
    bool keep_f32;  /* given to the weights bound while it is set (weight.h): small ones whose error would reach far */
    Error *err;
} WeightList;

void weight_list_free(WeightList *l);

/* Appends to the path, printf-style; returns what bind_leave takes to undo it. */
size_t bind_enter(WeightList *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bind_leave(WeightList *l, size_t mark);

/* Names w `path` + name and appends it. n: shape in compute order (see weight.h). */
void bind_weight(WeightList *l, Weight *w, WeightKind kind, const char *name, int nd, const int64_t *n);

#endif
