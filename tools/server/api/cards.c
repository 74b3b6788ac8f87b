/* cards.c: LoRAs, embeddings and models with the pictures and notes that lie beside their files, as the webui has them:
 * NAME.png or NAME.preview.png, NAME.json. */
#include "routes.h"
#include "weights/files/file_read.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *ending, *type;
} KINDS[] = {{".preview.png", "image/png"},   {".png", "image/png"},           {".preview.jpg", "image/jpeg"},
             {".jpg", "image/jpeg"},          {".preview.jpeg", "image/jpeg"}, {".jpeg", "image/jpeg"},
             {".preview.webp", "image/webp"}, {".webp", "image/webp"},         {".gif", "image/gif"}};

static const struct {
    const char *name;
    ListKind kind;
} LISTS[] = {{"loras", LIST_LORAS}, {"embeddings", LIST_EMBEDDINGS}, {"models", LIST_MODELS}};

/* The file's path with another ending in place of its own. */
static bool beside(const char *file, const char *ending, char path[OS_PATH_SIZE]) {
    const char *slash = strrchr(file, '/'), *dot = strrchr(slash ? slash : file, '.');
    int size = (int)(dot ? dot - file : (long)strlen(file));
    return path_make(path, NULL, "%.*s%s", size, file, ending) && os_kind(path) == OS_REGULAR;
}

/* The preview's path; NULL: there is none. Else its type. */
static const char *preview_of(const char *file, char path[OS_PATH_SIZE]) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (beside(file, KINDS[i].ending, path)) return KINDS[i].type;
    return NULL;
}

/* The notes of NAME.json; NULL: none. */
static json_t *notes_of(const char *file) {
    char path[OS_PATH_SIZE];
    FileWanted wanted = {1 << 16, "keep notes short", NULL};
    char *text = beside(file, ".json", path) ? file_read(path, &wanted, NULL, NULL) : NULL;
    json_t *j = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (json_is_object(j)) return j;
    json_decref(j);
    return NULL;
}

static void add_card(void *list, const CatalogEntry *x) {
    static const char *const NOTES[][2] = {{"activation text", "words"},
                                           {"negative text", "negative_words"},
                                           {"preferred weight", "weight"},
                                           {"description", "description"},
                                           {"notes", "notes"}};
    char path[OS_PATH_SIZE];
    json_t *notes = x->path ? notes_of(x->path) : NULL;
    json_t *card = json_pack("{s:s, s:s, s:b}", "name", x->name, "file", x->file, "preview",
                             x->path && preview_of(x->path, path) != NULL);
    if (x->vectors) json_object_set_new(card, "vectors", json_integer(x->vectors));
    for (size_t i = 0; notes && i < sizeof NOTES / sizeof *NOTES; i++) {
        json_t *v = json_object_get(notes, NOTES[i][0]);
        if (json_is_string(v) || json_is_number(v)) json_object_set(card, NOTES[i][1], v);
    }
    json_decref(notes);
    json_array_append_new(list, card);
}

static void cards(Serve *s, Call *c) {
    json_t *all = json_object();
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        json_t *list = json_array();
        catalog_each(s->catalog, LISTS[i].kind, add_card, list);
        json_object_set_new(all, LISTS[i].name, list);
    }
    answer_json(&c->answer, 200, all);
}

static void preview(Serve *s, Call *c) {
    char file[OS_PATH_SIZE], path[OS_PATH_SIZE];
    bool builtin = true, found = false;
    size_t size;
    const char *of = call_query(c, "of"), *name = call_query(c, "name");
    if (!name) name = call_query(c, "filename");
    for (size_t i = 0; name && !found && i < sizeof LISTS / sizeof *LISTS; i++)
        if (!of || !strcmp(of, LISTS[i].name))
            found = catalog_find(s->catalog, LISTS[i].kind, name, file, NULL, &builtin);
    const char *type = found && !builtin ? preview_of(file, path) : NULL;
    FileWanted wanted = {32 << 20, "choose a smaller preview", NULL};
    char *bytes = type ? file_read(path, &wanted, &size, NULL) : NULL;
    if (bytes) answer_bytes(&c->answer, 200, type, bytes, size);
    else answer_detail(&c->answer, 404, "Not Found");
}

const Route CARD_ROUTES[] = {
    {"GET", "/v1/cards", cards, 0, "LoRAs, embeddings and models with what lies beside their files", NULL},
    {"GET", "/v1/cards/preview", preview, 0, "the picture beside a file: ?of=loras&name=FILE", "of:s!,name:s!"},
    {"GET", "/sd_extra_networks/thumb", preview, 0, "the same, as the webui has it: ?filename=FILE", "filename:s!"},
    {0},
};
