/* diff.h: the comparison of `sdc diff`, also for tests. */
#ifndef SD_TOOLS_COMMANDS_DIFF_H
#define SD_TOOLS_COMMANDS_DIFF_H

#include "weights/weight_file.h"

typedef struct {
    double relative; /* rms(a - b) / rms(b); 0 when both are zero, infinite when only b is */
    double max;      /* max |a - b| / rms(b) */
    double cosine;   /* 1 when both are zero, 0 when one is */
    const char *why; /* NULL, or why the two cannot be compared */
} Difference;

/* Compares by value, in double, whatever the two types are. */
Difference diff_tensors(const WeightFile *fa, const FileTensor *a, const WeightFile *fb, const FileTensor *b);

/* Renames by the rule `from` -> `to`: each * of `from` stands for any text, which replaces the * of `to` in the same
 * position. False: the name does not match, or the result does not fit. */
bool diff_rename(const char *from, const char *to, const char *name, char *out, size_t capacity);

#endif
