#include "bucket.h"

#include "bucket_config.h"
#include "bucket_send.h"
#include "tensor/os.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_read.h"
#include "weights/files/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_LEAST 0.5 /* seconds after a failure; each further one doubles it */
#define PAUSE_MOST 60.0
#define ENDING ".png"
enum {
    SENDERS = 3,
    NAME = 100,
    PATIENCE = 10 /* seconds that bucket_wait and bucket_close wait */
};

typedef struct Entry {
    struct Entry *next;
    bool busy;
    char name[NAME];
} Entry;

struct Bucket {
    BucketConfig config;
    const char *spool;
    OsFile owned; /* the spool, while this process has it */
    OsLock *lock;
    OsCondition *change;
    OsThread *threads[SENDERS];
    int started;
    /* under the lock */
    Entry *waiting, **last; /* oldest first; also those that are being sent */
    bool ended;
    double pause, until; /* after failures: nothing is sent before */
    char said[200];      /* the last error that was told */
    BucketCounts counts;
};

/* --- the spool --- */

/* With the lock. */
static bool enter(Bucket *b, const char *name) {
    for (const Entry *x = b->waiting; x; x = x->next)
        if (!strcmp(x->name, name)) return true;
    Entry *x = calloc(1, sizeof *x);
    if (!x) return false;
    snprintf(x->name, NAME, "%s", name);
    *b->last = x;
    b->last = &x->next;
    b->counts.waiting++;
    os_condition_wake(b->change);
    return true;
}

static void leave(Bucket *b, Entry *x) {
    for (Entry **at = &b->waiting; *at; at = &(*at)->next) {
        if (*at != x) continue;
        *at = x->next;
        if (b->last == &x->next) b->last = at;
        break;
    }
    b->counts.waiting--;
    free(x);
}

static bool is_name(const char *name) {
    static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t n = strlen(name), ending = strlen(ENDING);
    return n > ending && n < NAME && *name != '.' && !name[strspn(name, PLAIN)] && !strcmp(name + n - ending, ENDING);
}

static bool found(void *bucket, const char *name) {
    if (is_name(name)) (void)enter(bucket, name);
    return true;
}

static bool spool_path(const Bucket *b, const char *name, char path[OS_PATH_SIZE], Error *e) {
    return path_make(path, e, "%s/%s", b->spool, name);
}

static void remove_file(const Bucket *b, const char *name) {
    OsFile dir = os_open_directory(b->spool);
    if (dir == OS_NO_FILE) return;
    os_remove_at(dir, name);
    os_close(dir);
}

/* --- sending --- */

static bool send_one(const Bucket *b, BucketSend *to, const char *name, Error *e) {
    enum { MOST = 1 << 30 };
    FileWanted wanted = {MOST, "it is sent to the bucket", NULL};
    char path[OS_PATH_SIZE];
    size_t size = 0;
    if (!spool_path(b, name, path, e)) return false;
    if (os_kind(path) == OS_NOTHING && os_kind(b->spool) == OS_DIRECTORY) { /* somebody took it away */
        fprintf(stderr, "sdc: %.300s: is no longer in the spool; it is not sent\n", path);
        return true;
    }
    char *bytes = file_read(path, &wanted, &size, e);
    bool ok = bytes && bucket_send(to, &b->config, name, bytes, size, e);
    free(bytes);
    if (ok) remove_file(b, name);
    return ok;
}

/* With the lock: what is to be sent next; NULL: nothing yet. */
static Entry *next_entry(Bucket *b) {
    if (os_clock() < b->until) return NULL;
    for (Entry *x = b->waiting; x; x = x->next)
        if (!x->busy) return x;
    return NULL;
}

/* With the lock. */
static void failed(Bucket *b, const Error *e) {
    uint8_t chance;
    os_random(&chance, 1);
    b->counts.failures++;
    b->pause = b->pause > 0 ? 2 * b->pause : PAUSE_LEAST;
    if (b->pause > PAUSE_MOST) b->pause = PAUSE_MOST;
    b->until = os_clock() + b->pause * (0.75 + chance / 512.0);
    if (!strncmp(b->said, e->text, 190)) return;
    snprintf(b->said, sizeof b->said, "%.190s", e->text);
    fprintf(stderr, "sdc: %s; %d pictures wait in %.300s\n", e->text, b->counts.waiting, b->spool);
}

static void run(void *bucket) {
    Bucket *b = bucket;
    BucketSend *to = bucket_send_new();
    os_lock(b->lock);
    while (!b->ended) {
        Entry *x = to ? next_entry(b) : NULL;
        if (!x) {
            bool pauses = b->waiting && os_clock() < b->until;
            if (!pauses) {
                os_condition_wait(b->change, b->lock);
                continue;
            }
            os_unlock(b->lock);
            os_sleep(0.05);
            os_lock(b->lock);
            continue;
        }
        Error e = {0};
        x->busy = true;
        os_unlock(b->lock);
        bool ok = send_one(b, to, x->name, &e);
        os_lock(b->lock);
        x->busy = false;
        if (ok) {
            leave(b, x);
            b->counts.sent++, b->pause = b->until = 0, *b->said = 0;
        } else {
            failed(b, &e);
            for (Entry **at = &b->waiting; *at; at = &(*at)->next) /* others first, when it is tried again */
                if (*at == x && x->next) {
                    *at = x->next, x->next = NULL;
                    *b->last = x, b->last = &x->next;
                    break;
                }
        }
    }
    os_unlock(b->lock);
    bucket_send_free(to);
}

/* --- from outside --- */

bool bucket_put(Bucket *b, const char *name, const void *bytes, size_t size, Error *e) {
    char path[OS_PATH_SIZE];
    if (!is_name(name)) return error_set(e, ERR_ARGUMENT, "%.100s: is no name for the bucket", name);
    if (!spool_path(b, name, path, e) || !atomic_write_file(path, bytes, size, e)) return false;
    os_lock(b->lock);
    bool ok = enter(b, name);
    os_unlock(b->lock);
    return ok || error_set(e, ERR_MEMORY, "out of memory for the bucket's list");
}

/* Whether it waits; *healthy: the bucket took the last one. */
static bool waits(Bucket *b, const char *name, bool *healthy) {
    bool there = false;
    os_lock(b->lock);
    for (const Entry *x = b->waiting; x && !there; x = x->next) there = !name || !strcmp(x->name, name);
    *healthy = b->pause <= 0;
    os_unlock(b->lock);
    return there;
}

bool bucket_wait(Bucket *b, const char *name) {
    double until = os_clock() + PATIENCE;
    bool healthy = true, there;
    while ((there = waits(b, name, &healthy)) && healthy && os_clock() < until) os_sleep(0.005);
    return !there;
}

const char *bucket_address(const Bucket *b, const char *name, char out[BUCKET_ADDRESS]) {
    return bucket_config_address(&b->config, name, out);
}

BucketCounts bucket_counts(Bucket *b) {
    os_lock(b->lock);
    BucketCounts counts = b->counts;
    os_unlock(b->lock);
    return counts;
}

Bucket *bucket_open(const BucketOptions *o, Error *e) {
    Bucket *b = calloc(1, sizeof *b);
    if (b)
        b->owned = OS_NO_FILE, b->lock = os_lock_new(), b->change = os_condition_new(), b->last = &b->waiting,
        b->spool = o->spool;
    if (!b || !b->lock || !b->change) {
        error_set(e, ERR_MEMORY, "out of memory for the bucket");
        return bucket_close(b), NULL;
    }
    if (!bucket_config_read(&b->config, o, e)) return bucket_close(b), NULL;
    if (os_kind(o->spool) != OS_DIRECTORY && !os_make_directory(o->spool, true)) {
        error_set(e, ERR_FILE, "%s: cannot be made; name a folder for pictures that wait with --spool", o->spool);
        return bucket_close(b), NULL;
    }
    b->owned = os_open_directory(o->spool);
    errno = 0;
    if (b->owned != OS_NO_FILE && !os_own(b->owned) && !errno) {
        error_set(e, ERR_FILE, "%s: another server has it; name a folder for each with --spool", o->spool);
        return bucket_close(b), NULL;
    }
    if (!os_may_write(o->spool) || !os_list(o->spool, found, b)) {
        error_set(e, ERR_FILE, "%s: cannot be read and written; name another folder with --spool", o->spool);
        return bucket_close(b), NULL;
    }
    bucket_send_begin();
    for (; b->started < SENDERS; b->started++)
        if (!(b->threads[b->started] = os_thread_start(run, b))) break;
    if (b->started) return b;
    error_set(e, ERR_MEMORY, "no more threads for the bucket");
    return bucket_close(b), NULL;
}

void bucket_close(Bucket *b) {
    if (!b) return;
    if (b->started) {
        (void)bucket_wait(b, NULL);
        os_lock(b->lock);
        b->ended = true;
        os_condition_wake(b->change);
        os_unlock(b->lock);
    }
    for (int i = 0; i < b->started; i++) os_thread_join(b->threads[i]);
    while (b->waiting) {
        Entry *x = b->waiting;
        b->waiting = x->next;
        free(x);
    }
    if (b->owned != OS_NO_FILE) os_close(b->owned);
    bucket_config_free(&b->config);
    os_condition_free(b->change);
    os_lock_free(b->lock);
    free(b);
}
