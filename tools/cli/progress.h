/* progress.h: what a user sees while work goes on, and how Ctrl-C stops it. */
#ifndef SD_TOOLS_CLI_PROGRESS_H
#define SD_TOOLS_CLI_PROGRESS_H

#include "sd/sd.h"

typedef struct {
    bool quiet, terminal; /* terminal: one line, redrawn; else a line for each step */
    int run, runs;        /* of --batch-count, from 0 */
    int tile, tiles;      /* batches of tiles (SD upscale), from 0 */
    int step, steps;      /* the latest */
    bool drawn;           /* the terminal's line shows a bar */
} Progress;

void progress_begin(Progress *p, bool quiet, int runs);
bool progress_show(void *progress, const SdProgress *s); /* SdRequest.progress; false after os_stop_signal */
void progress_clear(Progress *p);                        /* wipes the bar to make room for a line */
/* The same for other work: `done` of `of` parts, since `seconds`. */
bool progress_parts(Progress *p, int done, int of, double seconds);
/* "1 h 02 min", "2 min 03 s", "4 s" */
void progress_time(char *text, size_t capacity, double seconds);

/* After os_catch_stop and a signal: prints "sdc: stopped after WHAT" as one line on standard error; returns the exit
 * code, 128 + the signal. */
int report_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
