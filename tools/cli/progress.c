/* progress.c: a bar on a terminal, else a line for each step, on standard error: standard output has the results. */
#include "progress.h"
#include "tensor/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BAR = 24 };

int report_stop(const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "sdc: stopped after %s\n", text);
    return 128 + os_stop_signal();
}

void progress_begin(Progress *p, bool quiet, int runs) {
    *p = (Progress){.quiet = quiet, .terminal = os_is_terminal(stderr), .runs = runs};
}

void progress_clear(Progress *p) {
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}

void progress_time(char *text, size_t capacity, double seconds) {
    long s = seconds < 1e8 ? (long)(seconds + 0.5) : 100000000;
    if (s >= 3600) snprintf(text, capacity, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60) snprintf(text, capacity, "%ld min %02ld s", s / 60, s % 60);
    else snprintf(text, capacity, "%ld s", s);
}

static void draw(const Progress *p, double seconds, bool decoding) {
    char run[48] = "", left[48], rest[112] = "";
    double each = p->step > 0 ? seconds / p->step : 0;
    size_t n = p->runs > 1 ? (size_t)snprintf(run, sizeof run, "%d/%d: ", p->run + 1, p->runs) : 0;
    if (p->tiles > 1) snprintf(run + n, sizeof run - n, "tiles %d/%d: ", p->tile + 1, p->tiles);
    progress_time(left, sizeof left, each * (p->steps - p->step));
    if (p->step > 0) snprintf(rest, sizeof rest, ", %.3g s/step, %s left", each, left);
    if (!p->terminal) {
        if (p->step > 0) fprintf(stderr, "%sstep %d/%d%s\n", run, p->step, p->steps, rest);
        return;
    }
    char bar[BAR + 1];
    int full = p->steps > 0 ? (int)((long)BAR * p->step / p->steps) : 0;
    memset(bar, '=', (size_t)full);
    memset(bar + full, ' ', (size_t)(BAR - full));
    bar[BAR] = 0;
    fprintf(stderr, "\r\033[K%s[%s] step %d/%d%s", run, bar, p->step, p->steps, decoding ? ", decoding" : rest);
    fflush(stderr);
}

bool progress_parts(Progress *p, int done, int of, double seconds) {
    p->step = done, p->steps = of;
    if (!p->quiet && p->terminal) {
        draw(p, seconds, false);
        p->drawn = true;
    }
    return !os_stop_signal();
}

bool progress_show(void *progress, const SdProgress *s) {
    Progress *p = progress;
    bool sampling = s->stage == SD_STAGE_SAMPLE, decoding = s->stage == SD_STAGE_DECODE;
    if (sampling) p->step = s->step, p->steps = s->steps; /* while decoding they count pictures */
    p->tile = s->picture, p->tiles = s->pictures;
    /* Nothing before the first step, so that an error up to then stands alone. */
    if (!p->quiet && (sampling || (decoding && p->terminal))) {
        draw(p, s->seconds, decoding);
        p->drawn = p->terminal;
    }
    return !os_stop_signal();
}
