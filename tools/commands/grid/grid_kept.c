#include "grid_kept.h"

#include "sd/image/image_text.h"
#include "weights/files/files_below.h"
#include "tensor/os.h"
#include "weights/files/file_open.h"
#include "weights/files/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Kept *kept;
    const char *folder;
    Error *e;
} Listing;

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for the pictures of a folder"); }

/* What a file says, as the program wrote it; NULL: it says nothing or is no picture. */
static char *said_by(const char *path, Error *e) {
    Error own = {0};
    ImageTexts texts = {0};
    FileBytes b = image_bytes(path, &own);
    const char *text = NULL;
    if (b.bytes && image_texts(b.bytes, b.size, path, &texts, &own)) {
        text = image_text(&texts, "parameters");
        if (!text) text = image_text(&texts, TEXT_USER_COMMENT);
    }
    char *copy = text ? text_copy(text, strlen(text)) : NULL;
    if (own.code == ERR_MEMORY || (text && !copy)) no_memory(e);
    image_texts_free(&texts);
    file_bytes_free(&b);
    return copy;
}

static bool add(void *user, const char *name) {
    Listing *l = user;
    Kept *k = l->kept;
    char path[OS_PATH_SIZE];
    const char *dot = strrchr(name, '.');
    Error too_long = {0};
    if (!dot || (strcmp(dot, ".png") && strcmp(dot, ".jpg") && strcmp(dot, ".jpeg") && strcmp(dot, ".webp")))
        return true;
    if (!path_make(path, &too_long, "%s/%s", l->folder, name) || os_kind(path) != OS_REGULAR) return true;
    if (!list_grow(&k->at, &k->capacity, k->count, sizeof *k->at)) return no_memory(l->e);
    KeptPicture new = {.text = said_by(path, l->e)};
    if (!new.text) return !l->e->code;
    if (!(new.path = text_copy(path, strlen(path)))) return free(new.text), no_memory(l->e);
    k->at[k->count++] = new;
    return true;
}

/* The same order everywhere. */
static int by_path(const void *a, const void *b) {
    return strcmp(((const KeptPicture *)a)->path, ((const KeptPicture *)b)->path);
}

bool kept_read(const char *folder, Kept *out, Error *e) {
    Error own = {0};
    Listing l = {out, folder, &own};
    *out = (Kept){0};
    if (os_kind(folder) == OS_NOTHING) return true;
    if (!os_list(folder, add, &l) && !own.code)
        error_set(&own, ERR_FILE, "%.300s: cannot be listed: %s; name a folder", folder, strerror(errno));
    if (own.code) return error_pass(e, &own);
    if (out->count) qsort(out->at, out->count, sizeof *out->at, by_path);
    return true;
}

void kept_free(Kept *k) {
    for (size_t i = 0; i < k->count; i++) free(k->at[i].path), free(k->at[i].text);
    free(k->at);
    *k = (Kept){0};
}

/* Whether a file's content is at least as young as that of one that it was made from; NULL is none. */
static bool is_younger(const char *path, const char *than) {
    OsInfo mine, other;
    if (!than) return true;
    return os_info(path, &mine) && os_info(than, &other) && other.kind == OS_REGULAR &&
           (mine.changed != other.changed ? mine.changed > other.changed : mine.changed_ns >= other.changed_ns);
}

static const char *unless_empty(const char *path) { return *path ? path : NULL; }

const char *kept_find(const Kept *k, const char *text, const PictureArguments *a) {
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->at[i].text, text)) continue;
        bool younger = is_younger(k->at[i].path, a->image) && is_younger(k->at[i].path, a->mask) &&
                       is_younger(k->at[i].path, a->request.noise);
        for (int n = 0; n < a->controls.count; n++)
            younger = younger && is_younger(k->at[i].path, unless_empty(a->controls.at[n].image)) &&
                      is_younger(k->at[i].path, unless_empty(a->controls.at[n].mask));
        if (younger) return k->at[i].path;
    }
    return NULL;
}
