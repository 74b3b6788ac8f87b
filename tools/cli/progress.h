/* progress.h: what a user sees while a picture is made, and how Ctrl-C reaches the work. */
#ifndef SD_TOOLS_CLI_PROGRESS_H
#define SD_TOOLS_CLI_PROGRESS_H

#include "sd/sd.h"

typedef struct {
    bool quiet, terminal; /* terminal: one line is drawn again and again; else a line for each step */
    int run, runs;        /* of --batch-count, from 0 */
    int step, steps;      /* the last ones heard of */
    bool drawn;           /* a bar stands on the terminal's line */
} Progress;

void progress_begin(Progress *p, bool quiet, int runs);
bool progress_show(void *progress, const SdProgress *s); /* SdRequest.progress; false after Ctrl-C */
void progress_clear(Progress *p);                        /* wipes the bar, so that a line can be printed */

void catch_signals(void); /* SIGINT, SIGTERM and SIGHUP are noted from now on; a second one ends the process */
int caught_signal(void);  /* the signal that came, or 0 */

#endif
