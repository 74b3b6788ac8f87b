/* train_log.c: the log of a training: CSV, a line for each step. Every line is handed to the system before the next
 * step begins, so that a killed training loses none, and is on the disk before a state that has its step. A log that
 * cannot be written ends the training (which saves first). */
#include "train_internal.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/file_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char HEADER[] = "step,loss,lr,gradient_norm,seconds\n";

struct TrainLog {
    OsFile f; /* its end, or what the program was handed open (/dev/stdout) */
    const char *path;
};

static bool failed(const char *path, Error *e) {
    return error_set(e, ERR_FILE, "%s: the log cannot be written: %s; name another --log", path, strerror(errno));
}

static bool put(TrainLog *l, const char *text, Error *e) {
    return os_write(l->f, text, strlen(text)) || failed(l->path, e);
}

/* Moves the lines of steps 1..steps to the front of an old log; returns their size. */
static size_t keep(char *old, int64_t steps) {
    char *out = old;
    for (char *line = old, *next; (next = strchr(line, '\n')); line = next + 1) {
        char *end;
        long long step = strtoll(line, &end, 10);
        size_t size = (size_t)(next + 1 - line);
        if (end == line || end > next || *end != ',' || step < 1 || step > steps) continue;
        memmove(out, line, size);
        out += size;
    }
    return (size_t)(out - old);
}

/* The beginning of a log that is a file: replaced in one piece, so that no kill loses lines. */
static bool begin_file(const char *path, int64_t steps, Error *e) {
    static const FileWanted WANTED = {.most = 1 << 30, .advice = "name another --log"};
    FilePresence there = file_presence(path, e);
    if (there == FILE_UNKNOWN) return false;
    char *old = steps > 0 && there == FILE_PRESENT ? file_read(path, &WANTED, NULL, e) : NULL;
    if (e && e->code) return false;
    AtomicFile *f = atomic_begin(path, e);
    bool ok = f && atomic_write(f, HEADER, sizeof HEADER - 1, e) && (!old || atomic_write(f, old, keep(old, steps), e));
    free(old);
    if (ok) return atomic_end(f, e);
    atomic_abort(f);
    return false;
}

/* Opens what is no file of its own, or a file that begin_file has made. */
static bool open_log(TrainLog *l, int64_t steps, Error *e) {
    l->f = os_handed(l->path);
    if (l->f != OS_NO_FILE) return put(l, HEADER, e);
    if (errno) return failed(l->path, e);
    OsKind kind = os_kind(l->path);
    if (kind == OS_PIPE)
        return error_set(e, ERR_FILE, "%s: is a named pipe; hand it over as /dev/stdout, or name a file", l->path);
    if (kind != OS_DEVICE && !begin_file(l->path, steps, e)) return false;
    l->f = os_open_end(l->path);
    if (l->f == OS_NO_FILE) return failed(l->path, e);
    return kind != OS_DEVICE || put(l, HEADER, e);
}

TrainLog *train_log_begin(const Trainer *t, Error *e) {
    TrainLog *l = calloc(1, sizeof *l);
    if (!l) return error_set(e, ERR_MEMORY, "%s: out of memory", t->o->log), NULL;
    l->path = t->o->log;
    l->f = OS_NO_FILE;
    if (open_log(l, t->step, e)) return l;
    train_log_end(l, NULL);
    return NULL;
}

bool train_log_step(TrainLog *l, const TrainProgress *p, Error *e) {
    char line[200];
    snprintf(line, sizeof line, "%" PRId64 ",%.9g,%.6g,%.6g,%.3f\n", p->step, p->loss, p->lr, p->norm, p->seconds);
    return !l || put(l, line, e);
}

bool train_log_flush(TrainLog *l, Error *e) { return !l || os_flush(l->f) || failed(l->path, e); }

bool train_log_end(TrainLog *l, Error *e) {
    if (!l) return true;
    bool ok = l->f == OS_NO_FILE || os_close(l->f);
    if (!ok) failed(l->path, e);
    free(l);
    return ok;
}
