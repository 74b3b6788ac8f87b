#include "catalog.h"

#include "weights/files/path.h"
#include "weights/files/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 8, MOST_ENTRIES = 20000 };

typedef struct {
    CatalogEntry *at;
    int count;
} List;

struct Catalog {
    OsLock *lock;
    const char *folders[LIST_COUNT];
    const char *model; /* of the command line */
    List lists[LIST_COUNT];
};

static char *copy(const char *s, size_t n) {
    char *p = malloc(n + 1);
    if (p) memcpy(p, s, n), p[n] = 0;
    return p;
}

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c | 32 : (unsigned char)c; }

static bool same(const char *a, const char *b, size_t n) { /* b has n characters */
    size_t i = 0;
    while (i < n && lower(a[i]) == lower(b[i])) i++;
    return i == n && !a[n];
}

static size_t ending(const char *file) {
    static const char *const ENDINGS[] = {".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft"};
    size_t n = strlen(file);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t k = strlen(ENDINGS[i]);
        if (n > k && same(file + n - k, ENDINGS[i], k)) return k;
    }
    return 0;
}

/* --- looking through a folder --- */

static void add(List *l, const char *path, const char *file) {
    if (l->count >= MOST_ENTRIES) return;
    CatalogEntry *more = realloc(l->at, (size_t)(l->count + 1) * sizeof *more);
    if (!more) return;
    l->at = more;
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    CatalogEntry *x = &more[l->count];
    *x = (CatalogEntry){.path = path ? copy(path, strlen(path)) : NULL,
                        .file = copy(file, strlen(file)),
                        .name = copy(base, strlen(base) - ending(base))};
    if ((path && !x->path) || !x->file || !x->name) free(x->path), free(x->file), free(x->name);
    else l->count++;
}

typedef struct {
    List *list;
    bool models;
    const char *folder, *below; /* below: from the first folder on, "" or "people/" */
    int depth;
} Walk;

static void walk(const Walk *w);

static bool visit(void *user, const char *name) {
    const Walk *w = user;
    char path[OS_PATH_SIZE], file[OS_PATH_SIZE], index[OS_PATH_SIZE];
    if (*name == '.' || !utf8_is_valid(name, strlen(name)) || /* JSON cannot tell it */
        !path_make(path, NULL, "%s/%s", w->folder, name) || !path_make(file, NULL, "%s%s", w->below, name))
        return true;
    OsKind kind = os_kind(path);
    if (kind == OS_REGULAR && ending(name)) add(w->list, path, file);
    if (kind != OS_DIRECTORY || w->depth >= DEEPEST) return true;
    if (w->models && path_make(index, NULL, "%s/model_index.json", path) && os_kind(index) == OS_REGULAR)
        return add(w->list, path, file), true;
    if (path_make(index, NULL, "%s/", file)) walk(&(Walk){w->list, w->models, path, index, w->depth + 1});
    return true;
}

static void walk(const Walk *w) { (void)os_list(w->folder, visit, (void *)(uintptr_t)w); }

static int by_file(const void *a, const void *b) {
    const CatalogEntry *x = a, *y = b;
    for (size_t i = 0;; i++) {
        int d = lower(x->file[i]) - lower(y->file[i]);
        if (d || !x->file[i]) return d ? d : strcmp(x->file, y->file);
    }
}

static void free_list(List *l) {
    for (int i = 0; i < l->count; i++) free(l->at[i].path), free(l->at[i].file), free(l->at[i].name);
    free(l->at);
    *l = (List){0};
}

static CatalogEntry *entry_of(List *l, const char *path) {
    for (int i = 0; i < l->count; i++)
        if (path ? l->at[i].path && !strcmp(l->at[i].path, path) : !l->at[i].path) return &l->at[i];
    return NULL;
}

/* What of an embedding is the same as long as it is the same file. */
static void measure(CatalogEntry *x) {
    SdInfo info;
    long long vectors, width;
    if (!sd_info(x->path, false, &info, NULL)) return;
    if (sscanf(info.embedding, "%lld vector%*1[s] of %lld", &vectors, &width) != 2 &&
        sscanf(info.embedding, "%lld vector of %lld", &vectors, &width) != 2)
        return;
    if (vectors > 0 && vectors < 10000) x->vectors = (int)vectors, x->width = (int)width;
}

static List look(const Catalog *c, ListKind kind) {
    List l = {0};
    const char *model = c->model, *slash = model ? strrchr(model, '/') : NULL;
    const char *folder = c->folders[kind], *last = folder ? strrchr(folder, '/') : NULL;
    if (folder && os_kind(folder) == OS_REGULAR) add(&l, folder, last ? last + 1 : folder);
    else if (folder) walk(&(Walk){&l, kind == LIST_MODELS, folder, "", 0});
    if (kind == LIST_MODELS && model && os_kind(model) != OS_NOTHING && !entry_of(&l, model))
        add(&l, model, slash && slash[1] ? slash + 1 : model);
    if (l.count) qsort(l.at, (size_t)l.count, sizeof *l.at, by_file);
    if (kind == LIST_MODELS && sd_builtin()) add(&l, NULL, BUILTIN_NAME);
    return l;
}

void catalog_refresh(Catalog *c) {
    for (int i = 0; i < LIST_COUNT; i++) {
        List l = look(c, (ListKind)i);
        for (int k = 0; i == LIST_EMBEDDINGS && k < l.count; k++) measure(&l.at[k]);
        os_lock(c->lock);
        List old = c->lists[i];
        for (int k = 0; k < old.count; k++) {
            CatalogEntry *x = entry_of(&l, old.at[k].path);
            if (x) memcpy(x->hash, old.at[k].hash, sizeof x->hash);
        }
        c->lists[i] = l;
        os_unlock(c->lock);
        free_list(&old);
    }
}

Catalog *catalog_new(const ServerOptions *o, Error *e) {
    Catalog *c = calloc(1, sizeof *c);
    if (c) c->lock = os_lock_new();
    if (!c || !c->lock) return free(c), error_set(e, ERR_MEMORY, "out of memory for the lists of files"), NULL;
    const char *const folders[LIST_COUNT] = {o->models_dir,   o->vae_dir,       o->lora_dir, o->open_as.embedding_dir,
                                             o->upscaler_dir, o->controlnet_dir};
    for (int i = 0; i < LIST_COUNT; i++) {
        c->folders[i] = folders[i];
        bool file = i == LIST_EMBEDDINGS && folders[i] && os_kind(folders[i]) == OS_REGULAR; /* that alone */
        if (folders[i] && !file && os_kind(folders[i]) != OS_DIRECTORY)
            return catalog_free(c), error_set(e, ERR_FILE, "%s: is not a folder", folders[i]), NULL;
    }
    c->model = o->model;
    catalog_refresh(c);
    return c;
}

void catalog_free(Catalog *c) {
    if (!c) return;
    for (int i = 0; i < LIST_COUNT; i++) free_list(&c->lists[i]);
    os_lock_free(c->lock);
    free(c);
}

/* --- names --- */

void catalog_title(const CatalogEntry *entry, char out[OS_PATH_SIZE]) {
    if (*entry->hash) snprintf(out, OS_PATH_SIZE, "%.4000s [%.10s]", entry->file, entry->hash);
    else snprintf(out, OS_PATH_SIZE, "%.4000s", entry->file);
}

static bool is_called(const CatalogEntry *x, const char *name, size_t n) {
    const char *slash = strrchr(x->file, '/');
    if (same(x->file, name, n) || same(x->name, name, n) || (slash && same(slash + 1, name, n))) return true;
    if (x->path && same(x->path, name, n)) return true;
    return n >= 8 && n <= strlen(x->hash) && !strncmp(x->hash, name, n);
}

bool catalog_find(Catalog *c, ListKind kind, const char *name, char path[OS_PATH_SIZE], char title[OS_PATH_SIZE],
                  bool *builtin) {
    size_t whole = strlen(name), n = whole;
    const char *bracket = strrchr(name, '[');
    if (bracket && name[whole - 1] == ']')
        for (n = (size_t)(bracket - name); n && name[n - 1] == ' ';) n--;
    const CatalogEntry *found = NULL;
    os_lock(c->lock);
    List *l = &c->lists[kind];
    for (int pass = 0; pass < 2 && !found; pass++)
        for (int i = 0; i < l->count && !found; i++)
            if (is_called(&l->at[i], name, pass ? n : whole)) found = &l->at[i];
    if (found) {
        *builtin = !found->path;
        snprintf(path, OS_PATH_SIZE, "%s", found->path ? found->path : "");
        if (title) catalog_title(found, title);
    }
    os_unlock(c->lock);
    return found != NULL;
}

void catalog_each(Catalog *c, ListKind kind, void (*each)(void *user, const CatalogEntry *entry), void *user) {
    os_lock(c->lock);
    for (int i = 0; i < c->lists[kind].count; i++) each(user, &c->lists[kind].at[i]);
    os_unlock(c->lock);
}

int catalog_count(Catalog *c, ListKind kind) {
    os_lock(c->lock);
    int n = c->lists[kind].count;
    os_unlock(c->lock);
    return n;
}

void catalog_learn(Catalog *c, const char *path, const char *hash) {
    os_lock(c->lock);
    CatalogEntry *x = entry_of(&c->lists[LIST_MODELS], path);
    if (x && strlen(x->hash) < strlen(hash)) snprintf(x->hash, sizeof x->hash, "%s", hash);
    os_unlock(c->lock);
}
