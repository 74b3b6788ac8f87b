/* diff_html.h: `sdc diff --html FILE`: where two runs part, drawn. */
#ifndef SD_TOOLS_COMMANDS_DIFF_HTML_H
#define SD_TOOLS_COMMANDS_DIFF_HTML_H

#include "diff.h"

/* A pair that was compared, in the order of A. */
typedef struct {
    const FileTensor *a, *b;
    Difference is;
    bool apart;
} DiffRow;

/* Writes a page: the differences over the tensors of A as a chart with the bound; A, B and A - B of the first tensors
 * that are apart, and of the last picture that both have; the table of all. */
bool diff_html(const char *path, const WeightFile *a, const WeightFile *b, const DiffRow *rows, size_t count,
               double bound, Error *e);

#endif
