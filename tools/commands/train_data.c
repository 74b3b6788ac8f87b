#include "train_data.h"

#include "sd/image/image.h"
#include "sd/image/resize.h"
#include "tensor/os.h"
#include "weights/file_read.h"
#include "weights/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- drawn --- */

static bool draw(void *user, int64_t index, uint8_t *rgb, Error *e) {
    (void)e;
    const TrainSource *s = user;
    char caption[SHAPES_CAPTION];
    shapes_picture(rgb, caption, &s->shapes, s->seed, (uint64_t)index, s->data.size);
    return true;
}

static bool describe(void *user, int64_t index, char *text, size_t capacity, Error *e) {
    (void)e;
    const TrainSource *s = user;
    Scene scene;
    char caption[SHAPES_CAPTION];
    shapes_scene(&scene, &s->shapes, s->seed, (uint64_t)index);
    shapes_caption(caption, &scene, &s->shapes);
    snprintf(text, capacity, "%s", caption);
    return true;
}

/* --- a folder --- */

typedef struct {
    char *file, *caption;
} Entry;

typedef struct Folder {
    char *path;
    Entry *at;
    size_t count, capacity;
} Folder;

static bool out_of_memory(Error *e, const char *path) { return error_set(e, ERR_MEMORY, "%s: out of memory", path); }

/* Takes both strings. */
static bool append(Folder *f, char *file, char *caption, Error *e) {
    if (f->count == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 256;
        Entry *at = realloc(f->at, capacity * sizeof *at);
        if (at) f->at = at, f->capacity = capacity;
    }
    if (!file || !caption || f->count == f->capacity) return free(file), free(caption), out_of_memory(e, f->path);
    f->at[f->count++] = (Entry){file, caption};
    return true;
}

static char *join(const char *folder, const char *name) {
    size_t a = strlen(folder), b = strlen(name);
    char *path = malloc(a + b + 2);
    if (path) snprintf(path, a + b + 2, "%s/%s", folder, name);
    return path;
}

static char *copy_of(const char *s) {
    char *c = malloc(strlen(s) + 1);
    return c ? strcpy(c, s) : NULL;
}

/* A caption's file without the white space at its end. */
static char *read_text(const char *path, Error *e) {
    static const FileWanted WANTED = {.most = 1 << 16,
                                      .advice = "each picture needs a short caption, or the folder a metadata.jsonl"};
    size_t n;
    char *text = file_read(path, &WANTED, &n, e);
    while (text && n && strchr(" \t\r\n", text[n - 1])) n--;
    if (text) text[n] = 0;
    return text;
}

/* Lines {"file_name": "a.png", "text": "..."} */
static bool read_lines(Folder *f, const char *path, FILE *in, Error *e) {
    char *line = malloc(65536);
    bool ok = line || out_of_memory(e, path);
    for (int number = 1; ok && fgets(line, 65536, in); number++) {
        if (!line[strspn(line, " \t\r\n")]) continue;
        char what[1100];
        snprintf(what, sizeof what, "%.1000s: line %d", path, number);
        Json *j = json_parse(what, line, strlen(line), e);
        if (!j) {
            ok = false;
            break;
        }
        const JsonNode *file = json_get(j, &j->nodes[0], "file_name"), *text = json_get(j, &j->nodes[0], "text");
        ok = file && text && file->type == JSON_STRING && text->type == JSON_STRING;
        if (!ok) error_set(e, ERR_FORMAT, "%s: needs the strings \"file_name\" and \"text\"", what);
        ok = ok && append(f, join(f->path, file->text), copy_of(text->text), e);
        json_free(j);
    }
    free(line);
    return ok;
}

static bool is_picture(const char *name) {
    static const char *const ENDS[] = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".PNG", ".JPG", ".JPEG"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
        if (n > strlen(ENDS[i]) && !strcmp(name + n - strlen(ENDS[i]), ENDS[i])) return true;
    return false;
}

static int by_name(const void *a, const void *b) { return strcmp(((const Entry *)a)->file, ((const Entry *)b)->file); }

/* While the folder is listed. */
typedef struct {
    Folder *folder;
    bool ok;
    Error *e;
} Listing;

static bool add_picture(void *listing, const char *name) {
    Listing *l = listing;
    if (!is_picture(name)) return true;
    char *file = join(l->folder->path, name), *text = join(l->folder->path, name), *caption = NULL;
    if (text) strcpy(strrchr(text, '.'), ".txt"); /* no longer than any ending */
    if (text && file) caption = read_text(text, l->e);
    free(text);
    l->ok = append(l->folder, file, caption, l->e);
    return l->ok;
}

static bool read_names(Folder *f, Error *e) {
    Listing l = {f, true, e};
    if (!os_list(f->path, add_picture, &l)) return error_set(e, ERR_FILE, "%s: %s", f->path, strerror(errno));
    if (l.ok) qsort(f->at, f->count, sizeof *f->at, by_name); /* the same order on every machine */
    return l.ok;
}

static bool open_folder(TrainSource *s, const char *path, Error *e) {
    Folder *f = s->folder = calloc(1, sizeof *f);
    char *lines = join(path, "metadata.jsonl");
    if (f) f->path = copy_of(path);
    bool ok = (f && f->path && lines) || out_of_memory(e, path);
    FILE *in = ok ? fopen(lines, "rb") : NULL;
    if (in) {
        ok = read_lines(f, lines, in, e);
        fclose(in);
    } else if (ok) {
        ok = read_names(f, e);
    }
    free(lines);
    if (ok && !f->count)
        ok = error_set(e, ERR_FILE, "%s: contains no pictures; name a folder of PNG, JPEG, BMP or GIF files", path);
    if (ok) s->data.count = (int64_t)f->count;
    return ok;
}

static bool read_picture(void *user, int64_t index, uint8_t *rgb, Error *e) {
    const TrainSource *s = user;
    Image image;
    if (!image_read(s->folder->at[index].file, IMAGE_WHITE, &image, e)) return false;
    int size = s->data.size;
    bool ok = true;
    if (image.width == size && image.height == size) memcpy(rgb, image.rgb, (size_t)size * (size_t)size * 3);
    else ok = resize_picture(image.rgb, image.width, image.height, rgb, size, size, SD_RESIZE_CROP, e);
    image_free(&image);
    return ok;
}

static bool read_caption(void *user, int64_t index, char *text, size_t capacity, Error *e) {
    (void)e;
    const TrainSource *s = user;
    snprintf(text, capacity, "%s", s->folder->at[index].caption);
    return true;
}

/* --- both --- */

bool train_source_open(TrainSource *s, const char *what, int size, const DrawnOptions *o, Error *e) {
    const char *kinds = o->kinds;
    *s = (TrainSource){.data = {.user = s, .size = size, .picture = read_picture, .caption = read_caption}};
    bool drawn = !strncmp(what, "shapes", 6) && (!what[6] || what[6] == ':');
    if (!drawn && (o->easy > 0 || o->placed >= 0 || o->ordered > 0 || kinds))
        return error_set(e, ERR_ARGUMENT, "--easy, --placed, --ordered and --kinds are for --data shapes, not for %s",
                         what);
    if (!drawn) return open_folder(s, what, e);
    s->shapes = shapes_options();
    shapes_ease(&s->shapes, o->easy);
    if (o->placed >= 0) s->shapes.placed = o->placed;
    s->shapes.ordered = o->ordered;
    for (int k = 0, n = 0; kinds && k < SCENE_KINDS; k++, kinds += n)
        if (sscanf(kinds, k ? ",%lf%n" : "%lf%n", &s->shapes.share[k], &n) != 1 || !(s->shapes.share[k] >= 0) ||
            (k == SCENE_KINDS - 1 && kinds[n]))
            return error_set(e, ERR_ARGUMENT,
                             "--kinds: needs five numbers, such as 1,2,0,0,1: the shares of single objects, pairs, "
                             "several alike, digits, landscapes");
    if (what[6]) s->seed = strtoull(what + 7, NULL, 10);
    s->data.count = INT64_MAX;
    s->data.picture = draw;
    s->data.caption = describe;
    return true;
}

void train_source_close(TrainSource *s) {
    Folder *f = s->folder;
    for (size_t i = 0; f && i < f->count; i++) free(f->at[i].file), free(f->at[i].caption);
    if (f) free(f->at), free(f->path);
    free(f);
    s->folder = NULL;
}
