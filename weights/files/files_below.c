/* files_below.c: walks folders in one order. */
#include "files_below.h"

#include "tensor/os.h"
#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char **at;
    size_t count, capacity;
    bool failed;
} Names;

typedef struct {
    const char *what;
    bool (*each)(void *user, const char *path, const char *name, Error *e);
    void *user;
    Error *e;
} Walk;

bool list_grow(void *items, size_t *capacity, size_t count, size_t size) {
    void *old, *new;
    if (count < *capacity) return true;
    memcpy(&old, items, sizeof old); /* `items` points to a pointer of any type */
    if (!(new = realloc(old, (2 * count + 16) * size))) return false;
    memcpy(items, &new, sizeof new);
    *capacity = 2 * count + 16;
    return true;
}

char *text_copy(const char *text, size_t size) {
    char *s = malloc(size + 1);
    if (!s) return NULL;
    memcpy(s, text, size);
    s[size] = 0;
    return s;
}

size_t file_stem(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

static bool add_name(void *user, const char *name) {
    Names *n = user;
    if (n->count == FILES_MOST || !list_grow(&n->at, &n->capacity, n->count, sizeof *n->at)) return !(n->failed = true);
    n->at[n->count] = text_copy(name, strlen(name));
    if (!n->at[n->count]) return !(n->failed = true);
    n->count++;
    return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
/* Without case; a digit ends a run of letters, and the shorter run comes first. */
static int order_of(char c) { return is_digit(c) ? 0 : (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

static int by_name(const void *one, const void *other) {
    const char *const first = *(char *const *)one, *const second = *(char *const *)other;
    const char *a = first, *b = second;
    while (*a && *b) {
        if (is_digit(*a) && is_digit(*b)) {
            size_t x, y;
            while (*a == '0') a++;
            while (*b == '0') b++;
            for (x = 0; is_digit(a[x]);) x++;
            for (y = 0; is_digit(b[y]);) y++;
            int order = x != y ? (x < y ? -1 : 1) : strncmp(a, b, x);
            if (order) return order;
            a += x, b += y;
        } else if (order_of(*a) != order_of(*b)) return order_of(*a) - order_of(*b);
        else a++, b++;
    }
    return *a || *b ? (*a ? 1 : -1) : strcmp(first, second);
}

static bool list(const Walk *w, const char *folder, Names *n) {
    errno = 0;
    if (os_list(folder, add_name, n)) return true;
    if (!n->failed)
        return error_set(w->e, ERR_FILE, "%s: cannot be opened as a folder: %s; name %s", folder, strerror(errno),
                         w->what);
    if (n->count == FILES_MOST)
        return error_set(w->e, ERR_FILE, "%s: holds more than %d names; name %s", folder, FILES_MOST, w->what);
    return error_set(w->e, ERR_MEMORY, "%s: out of memory for its names", folder);
}

/* Depth is limited, so that this may be recursive, and links may go round. */
static bool walk(const Walk *w, const char *folder, int depth) {
    Names n = {0};
    bool ok = list(w, folder, &n);
    if (ok && n.count) qsort(n.at, n.count, sizeof *n.at, by_name);
    for (int folders = 0; folders < 2; folders++)
        for (size_t i = 0; ok && i < n.count; i++) {
            char path[OS_PATH_SIZE];
            OsInfo info;
            ok = path_make(path, w->e, "%s/%s", folder, n.at[i]);
            if (!ok || !os_info(path, &info)) continue; /* a link that leads nowhere */
            if (folders && info.kind == OS_DIRECTORY && depth < FILES_DEPTH) ok = walk(w, path, depth + 1);
            if (!folders && info.kind == OS_REGULAR && info.size) ok = w->each(w->user, path, n.at[i], w->e);
        }
    for (size_t i = 0; i < n.count; i++) free(n.at[i]);
    free(n.at);
    return ok;
}

bool files_below(const char *folder, const char *what,
                 bool (*each)(void *user, const char *path, const char *name, Error *e), void *user, Error *e) {
    const Walk w = {what, each, user, e};
    return !(e && e->code) && walk(&w, folder, 0);
}
