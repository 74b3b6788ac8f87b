/* diff.h: the comparison of `sdc diff`, also for tests. */
#ifndef SD_TOOLS_COMMANDS_DIFF_H
#define SD_TOOLS_COMMANDS_DIFF_H

#include "weights/formats/weight_file.h"

typedef struct {
    double relative; /* rms(a - b) / rms(b); 0 when both are zero, infinite when only b is */
    double max;      /* max |a - b| / rms(b) */
    double cosine;   /* 1 when both are zero, 0 when one is */
    const char *why; /* NULL, or why the two cannot be compared */
} Difference;

/* How far apart two lists of numbers are, in double; all zero is empty. */
typedef struct {
    double dd, xx, yy, xy; /* sums over the differences' squares, the squares, the products */
    double max;            /* of |x - y| */
    int64_t count;
    const char *why; /* NULL, or what is not finite */
} DiffSums;
void diff_add(DiffSums *s, const double *x, const double *y, int64_t n);
/* rms: of all that y is taken from. */
Difference diff_result(const DiffSums *s, double rms);

/* Compares by value, in double, whatever the two types are. */
Difference diff_tensors(const WeightFile *fa, const FileTensor *a, const WeightFile *fb, const FileTensor *b);

/* A name, made printable, and spaces up to `width`; " [2,3]" and spaces; ",\"key\":v", null for infinities. */
void diff_print_name(const char *name, int width);
void diff_print_shape(int nd, const int64_t *n);
void diff_print_json(const char *key, double v);

enum { DIFF_NAME = 1024 }; /* bytes of a name in a rule, or made by one, with the NUL */

/* Renames by the rule `from` -> `to`: each * of `from` stands for any text, which replaces the * of `to` in the same
 * position. Takes time in proportion to the names. False: the name does not match, or is or becomes too long. */
bool diff_rename(const char *from, const char *to, const char *name, char *out, size_t capacity);

/* The rules of --names. */
typedef struct {
    char *from, *to;
} DiffRule;

typedef struct {
    const char *path; /* for messages */
    char *text;       /* owns the names */
    DiffRule *rules;
    size_t count;
    const DiffRule **plain, **starred; /* those without * and those with, by what stands before it */
    size_t plain_count, starred_count, tries;
} DiffNames;

bool diff_names_read(DiffNames *n, const char *path, Error *e);
/* The other name of a tensor, by the first rule that matches, if one does. False: too much work. */
bool diff_names_find(DiffNames *n, const char *name, char out[DIFF_NAME], bool *found, Error *e);
void diff_names_free(DiffNames *n);

#endif
