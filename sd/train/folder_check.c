/* folder_check.c: every picture is decoded once before anything is learned, on all cores. */
#include "folder_parts.h"

#include "sd/image/image.h"
#include "tensor/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EACH = 256 /* pictures between two looks at whether to go on */, THREADS_MOST = 64 };

typedef struct {
    Folder *f;
    size_t next, end;
    bool without_caption;
    OsLock *lock; /* of next and e */
    Error *e;
} Work;

/* What says that the machine is at its limit, which is no fault of a picture. */
static bool is_passing(const Error *e) {
    static const int CODES[] = {EMFILE, ENFILE, ENOMEM, EIO};
    if (e->code == ERR_MEMORY) return true;
    for (size_t i = 0; e->code == ERR_FILE && i < sizeof CODES / sizeof *CODES; i++)
        if (strstr(e->text, strerror(CODES[i]))) return true;
    return false;
}

static bool look(Folder *f, FolderPicture *p, Error *e) {
    Error why = {0};
    Image image = {0};
    char *path = folder_path(f, p->name, e);
    if (!path) return false;
    bool good = image_read(path, IMAGE_WHITE, &image, &why), ok = true;
    p->checked = true;
    p->width = image.width, p->height = image.height, p->warning = image.warning;
    p->transparent = image.transparent;
    image_free(&image);
    if (!good && is_passing(&why)) ok = error_pass(e, &why);
    else if (!good) {
        size_t n = strlen(path);
        const char *text = !strncmp(why.text, path, n) && why.text[n] == ':' ? why.text + n + 2 : why.text;
        ok = (p->reason = folder_copy(text, strlen(text))) || folder_no_memory(f, e);
    }
    free(path);
    return ok;
}

static void work(void *arg) {
    Work *w = arg;
    Error e = {0};
    for (bool ok = true; ok;) {
        os_lock(w->lock);
        ok = error_pass(w->e, &e) && !w->e->code && w->next < w->end;
        size_t i = w->next;
        w->next += ok;
        os_unlock(w->lock);
        FolderPicture *p = ok ? &w->f->at[i] : NULL;
        if (p && !p->checked && !(w->without_caption && p->caption)) look(w->f, p, &e);
    }
}

/* Looks at pictures [from, to). */
static bool run(Work *w, size_t from, size_t to, int threads) {
    OsThread *started[THREADS_MOST];
    int n = 0;
    w->next = from, w->end = to;
    while (n + 1 < threads && n < THREADS_MOST && (size_t)n + 1 < to - from && (started[n] = os_thread_start(work, w)))
        n++;
    work(w);
    for (int i = 0; i < n; i++) os_thread_join(started[i]);
    return !w->e->code;
}

bool folder_check(Folder *f, const FolderOptions *o, bool without_caption, Error *e) {
    Error own = {0};
    Work w = {.f = f, .without_caption = without_caption, .lock = os_lock_new(), .e = &own};
    int threads = !os_threads_share_libc() ? 1 : o->threads > 0 ? o->threads : os_processors();
    bool ok = w.lock || folder_no_memory(f, &own);
    int64_t good = 0;
    for (size_t at = 0, end; ok && at < f->count && good < o->most; at = end) {
        end = f->count - at < EACH ? f->count : at + EACH;
        ok = run(&w, at, end, threads);
        for (size_t i = at; i < end; i++) good += f->at[i].checked && !f->at[i].reason;
        if (ok && o->progress && !o->progress(o->user, (int64_t)end, (int64_t)f->count))
            ok = error_set(&own, ERR_CANCELLED, "%s: stopped while its pictures were looked at", f->path);
    }
    os_lock_free(w.lock);
    return error_pass(e, &own);
}

/* What is done to a good picture that its owner may not expect. */
static bool note_good(Folder *f, const FolderPicture *p, int size, Error *e) {
    int64_t w = p->width, h = p->height, least = w < h ? w : h, longest = w < h ? h : w;
    return (!p->transparent ||
            folder_note(f, false, p->name, "pictures with transparent parts, which become white", e)) &&
           (!p->warning || folder_note(f, false, p->name, p->warning, e)) &&
           (least >= size || folder_note(f, false, p->name, "pictures smaller than --size, which are enlarged", e)) &&
           (longest <= 2 * least ||
            folder_note(f, false, p->name, "pictures more than twice as long as wide, whose ends are cut off", e));
}

bool folder_drop(Folder *f, const FolderOptions *o, Error *e) {
    bool ok = true;
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        FolderPicture *p = &f->at[i];
        if (ok && p->reason) ok = folder_note(f, true, p->name, p->reason, e);
        else if (ok && p->checked && (int64_t)f->checked < o->most) ok = note_good(f, p, o->size, e);
        else if (ok && o->captions)
            ok = folder_note(f, false, p->name, "pictures beyond --cache, which are not used", e);
        if (p->reason) {
            f->skipped++;
            free(p->name), free(p->caption), free(p->reason);
            continue;
        }
        f->checked += p->checked && (int64_t)f->checked < o->most;
        f->at[kept++] = *p;
    }
    f->count = kept;
    return ok;
}
