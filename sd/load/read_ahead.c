#include "read_ahead.h"

#include "tensor/os.h"

#include <stdlib.h>

enum { PIECE = 1 << 20, LEAST = 64 << 10 }; /* bytes that are read at once */
enum { NONE = -1 };

typedef struct {
    const WeightFile *file;
    const FileTensor *tensor;
    uint64_t read; /* bytes from its beginning that are in memory */
    int next;      /* what came after it, or NONE */
    bool follows;  /* for give_back_others */
} Entry;

struct ReadAhead {
    OsThread *thread;
    OsLock *lock; /* of all that follows */
    OsCondition *changed;
    bool stop;
    size_t window, bytes; /* bytes: the sum of all entries' `read` */
    Entry *entries;
    int count, room;
    int told;    /* the weight that read_ahead_tell was told of last, or NONE */
    int last;    /* the weight that was taken last, or NONE */
    bool taken;  /* it is still being read by whoever took it */
    int reading; /* what the thread is reading a piece of, without the lock, or NONE */
};

/* --- which comes next --- */

static int after(const ReadAhead *a, int i) { return i == NONE ? NONE : a->entries[i].next; }

static uint64_t missing(const Entry *n) { return n->tensor->end - n->tensor->begin - n->read; }

/* The first weight to come that is not wholly in memory; NONE: none is known. */
static int first_missing(const ReadAhead *a) {
    int i = after(a, a->last);
    for (int steps = 0; i != NONE && steps < a->count; steps++, i = after(a, i)) {
        if (i == a->last && a->taken) return NONE;
        if (missing(&a->entries[i])) return i;
    }
    return NONE;
}

/* The bytes that are to be read next, of weight *i; 0: none, for now. */
static uint64_t next_piece(const ReadAhead *a, int *i) {
    uint64_t room = a->window > a->bytes ? a->window - a->bytes : 0;
    *i = first_missing(a);
    if (*i == NONE) return 0;
    uint64_t piece = missing(&a->entries[*i]);
    if (piece > PIECE) piece = PIECE;
    return piece <= room ? piece : room / LEAST * LEAST;
}

static int find(const ReadAhead *a, const FileTensor *t, int likely) {
    if (likely != NONE && a->entries[likely].tensor == t) return likely;
    for (int i = 0; i < a->count; i++)
        if (a->entries[i].tensor == t) return i;
    return NONE;
}

/* A weight's entry, which may be new; NONE: there is no memory for it. */
static int entry_of(ReadAhead *a, const WeightFile *file, const FileTensor *t, int likely) {
    int i = find(a, t, likely);
    if (i != NONE) return i;
    if (a->count == a->room) {
        int room = a->room ? 2 * a->room : 256;
        Entry *more = realloc(a->entries, (size_t)room * sizeof *more);
        if (!more) return NONE;
        a->entries = more, a->room = room;
    }
    a->entries[a->count] = (Entry){.file = file, .tensor = t, .next = NONE};
    return a->count++;
}

/* --- giving back --- */

static void give_back(ReadAhead *a, int i) {
    while (a->reading == i) os_condition_wait(a->changed, a->lock);
    Entry *n = &a->entries[i];
    FileTensor read = *n->tensor;
    read.end = read.begin + n->read;
    if (n->read) file_tensor_drop(n->file, &read);
    a->bytes -= (size_t)n->read;
    n->read = 0;
}

/* All but the last weight that was taken and those to come, up to the first that is not wholly there. */
static void give_back_others(ReadAhead *a) {
    for (int i = 0; i < a->count; i++) a->entries[i].follows = false;
    for (int i = a->last; i != NONE && !a->entries[i].follows; i = after(a, i)) {
        a->entries[i].follows = true;
        if (i != a->last && missing(&a->entries[i])) break;
    }
    for (int i = 0; i < a->count; i++)
        if (!a->entries[i].follows) give_back(a, i);
}

static void give_back_all(ReadAhead *a) {
    for (int i = 0; i < a->count; i++) give_back(a, i);
}

/* --- the thread --- */

static void run(void *arg) {
    ReadAhead *a = arg;
    os_lock(a->lock);
    while (!a->stop) {
        int i;
        uint64_t bytes = next_piece(a, &i);
        if (!bytes) {
            os_condition_wait(a->changed, a->lock);
            continue;
        }
        Entry *n = &a->entries[i];
        const WeightFile *file = n->file;
        FileTensor piece = *n->tensor;
        piece.begin += n->read;
        piece.end = piece.begin + bytes;
        n->read += bytes;
        a->bytes += (size_t)bytes;
        a->reading = i;
        os_unlock(a->lock);
        file_tensor_bring(file, &piece);
        os_lock(a->lock);
        a->reading = NONE;
        os_condition_wake(a->changed);
    }
    os_unlock(a->lock);
}

ReadAhead *read_ahead_new(void) {
    ReadAhead *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->last = a->told = a->reading = NONE;
    a->lock = os_lock_new();
    a->changed = os_condition_new();
    if (a->lock && a->changed) a->thread = os_thread_start(run, a);
    if (a->thread) return a;
    read_ahead_free(a);
    return NULL;
}

void read_ahead_free(ReadAhead *a) {
    if (!a) return;
    if (a->thread) {
        read_ahead_forget(a);
        os_lock(a->lock);
        a->stop = true;
        os_condition_wake(a->changed);
        os_unlock(a->lock);
        os_thread_join(a->thread);
    }
    os_condition_free(a->changed);
    os_lock_free(a->lock);
    free(a->entries);
    free(a);
}

/* --- for those who need weights --- */

void read_ahead_window(ReadAhead *a, size_t bytes) {
    if (!a) return;
    os_lock(a->lock);
    a->window = bytes;
    if (a->bytes > bytes) give_back_all(a);
    os_condition_wake(a->changed);
    os_unlock(a->lock);
}

static bool is_streamed(const Weight *w) { return w->kind == WEIGHT_LINEAR || w->kind == WEIGHT_CONV; }

void read_ahead_tell(ReadAhead *a, const WeightFile *file, const FileTensor *tensor) {
    if (!a) return;
    os_lock(a->lock);
    if (a->last == NONE) {
        int i = entry_of(a, file, tensor, after(a, a->told));
        if (i != NONE && a->told != NONE) a->entries[a->told].next = i;
        a->told = i;
    }
    os_unlock(a->lock);
}

size_t read_ahead_most(const SdModel *m, Part part) {
    size_t total = 0;
    for (int64_t i = 0; i < m->lists[part].count; i++) {
        const Weight *w = m->lists[part].w[i];
        Found f = checkpoint_find(m->checkpoint, w->name);
        if (f.tensor && is_streamed(w) && f.file->backed) total += (size_t)(f.tensor->end - f.tensor->begin);
    }
    return total;
}

void read_ahead_forget(ReadAhead *a) {
    if (!a) return;
    os_lock(a->lock);
    size_t window = a->window;
    a->window = 0; /* or the thread would go on where `give_back` waits for it */
    give_back_all(a);
    a->window = window;
    a->last = a->told = NONE;
    a->taken = false;
    os_unlock(a->lock);
}

void read_ahead_take(ReadAhead *a, const WeightFile *file, const FileTensor *tensor) {
    if (!a) return;
    os_lock(a->lock);
    int expected = after(a, a->last), i = entry_of(a, file, tensor, expected);
    if (i != NONE) {
        if (a->last != NONE) a->entries[a->last].next = i;
        a->last = i;
        a->taken = true;
        if (i != expected) give_back_others(a);
    }
    os_condition_wake(a->changed);
    os_unlock(a->lock);
}

void read_ahead_taken(ReadAhead *a) {
    if (!a) return;
    os_lock(a->lock);
    if (a->taken) give_back(a, a->last);
    a->taken = false;
    os_condition_wake(a->changed);
    os_unlock(a->lock);
}
