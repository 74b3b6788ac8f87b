#include "picture_jobs.h"

#include "sd/image/codecs/codecs.h"
#include "weights/files/files_below.h"
#include "weights/files/file_open.h"
#include "tools/cli/output.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The name without its ending. */
static int stem_of(const char *path, const char **name) { return (int)file_stem(*name = base_of(path)); }

static bool same_stem(const char *a, const char *b) {
    const char *x, *y;
    int n = stem_of(a, &x), m = stem_of(b, &y);
    return n == m && !memcmp(x, y, (size_t)n);
}

/* Whether pictures with such an ending are read. */
static bool is_picture(const char *path) {
    const ImageCodec *k;
    for (int i = 0; (k = image_codec_row(i)); i++)
        if (k->decode && image_has_ending(path, k->endings)) return true;
    return false;
}

typedef struct {
    PictureJobs *j;
    const char *folder;
    int others; /* files that are no pictures */
} Walk;

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for the names of a folder"); }

/* The folder's own files. */
static bool take(void *user, const char *path, const char *name, Error *e) {
    Walk *w = user;
    PictureJobs *j = w->j;
    if (strlen(path) - strlen(name) > strlen(w->folder) + 1) return true; /* of a folder in it */
    if (!is_picture(path)) return w->others++, true;
    if (!list_grow(&j->pictures, &j->capacity, j->count, sizeof *j->pictures)) return no_memory(e);
    if (!(j->pictures[j->count] = text_copy(path, strlen(path)))) return no_memory(e);
    j->count++;
    return true;
}

typedef struct {
    const char *folder, *picture;
    char *found;
    int count;
} Search;

static bool look(void *user, const char *path, const char *name, Error *e) {
    Search *s = user;
    if (strlen(path) - strlen(name) > strlen(s->folder) + 1 || !same_stem(path, s->picture) || !is_picture(path))
        return true;
    if (s->count++) return true;
    return (s->found = text_copy(path, strlen(path))) != NULL || no_memory(e);
}

/* The mask of each picture is what has its name in the folder of masks. */
static bool find_masks(PictureJobs *j, const char *folder, Error *e) {
    j->masks = calloc(j->count, sizeof *j->masks);
    bool ok = j->masks || no_memory(e);
    for (size_t i = 0; ok && i < j->count; i++) {
        Search s = {folder, j->pictures[i], NULL, 0};
        ok = files_below(folder, "a folder of masks", look, &s, e);
        j->masks[i] = s.found;
        if (ok && s.count != 1)
            ok = error_set(e, ERR_FILE, "%.300s: has %d masks for %.200s; it needs one of that name", folder, s.count,
                           base_of(j->pictures[i]));
    }
    return ok;
}

static int by_stem(const void *a, const void *b) {
    const char *x, *y;
    int n = stem_of(*(char *const *)a, &x), m = stem_of(*(char *const *)b, &y);
    int order = memcmp(x, y, (size_t)(n < m ? n : m));
    return order ? order : n - m;
}

/* Each picture has a file of its own. */
static int check_stems(const PictureJobs *j) {
    Error e = {0};
    char **sorted = malloc(j->count * sizeof *sorted);
    if (!sorted) return no_memory(&e), report(j->c, &e);
    memcpy(sorted, j->pictures, j->count * sizeof *sorted);
    qsort(sorted, j->count, sizeof *sorted, by_stem);
    int code = GO_ON;
    for (size_t i = 1; code == GO_ON && i < j->count; i++)
        if (!by_stem(&sorted[i - 1], &sorted[i]))
            code = usage_error(j->c, "--image: %.200s and %.200s would be one file in %.200s; rename one",
                               base_of(sorted[i - 1]), base_of(sorted[i]), j->a->out);
    free(sorted);
    return code;
}

static int open_folder(PictureJobs *j) {
    const PictureArguments *a = j->a;
    Error e = {0};
    Walk w = {j, a->image, 0};
    j->folder = true;
    if (!a->out) return usage_error(j->c, "a folder of pictures needs -o DIR, the folder that the new ones go to");
    if (os_kind(a->out) != OS_DIRECTORY)
        return usage_error(j->c, "--out: pictures of a folder go to a folder, and %.200s is none", a->out);
    if ((int64_t)a->batch_count * a->request.batch_size > 1)
        return usage_error(j->c, "--batch-count, --batch-size: of a folder each picture becomes one");
    if (a->sheet || a->preview || a->request.taps)
        return usage_error(j->c, "--steps-sheet, --preview-out, --taps: are of one picture, not of a folder");
    bool ok = files_below(a->image, "a folder of pictures", take, &w, &e);
    if (ok && !j->count) ok = error_set(&e, ERR_FILE, "%.300s: has no pictures; name another folder", a->image);
    if (ok && w.others && !a->open.quiet)
        fprintf(stderr, "sdc: note: %.300s: %d other files are left alone\n", a->image, w.others);
    if (ok && a->mask && os_kind(a->mask) == OS_DIRECTORY) ok = find_masks(j, a->mask, &e);
    for (size_t i = 0; ok && i < j->count; i++) {
        char name[OS_PATH_SIZE];
        if (!picture_jobs_name(j, i, name, &e)) return report(j->c, &e);
        if (file_same(name, j->pictures[i]))
            return usage_error(j->c, "--out: %.200s is also an input file; name another folder", name);
    }
    return ok ? check_stems(j) : report(j->c, &e);
}

int picture_jobs_open(const Command *c, const PictureArguments *a, PictureJobs *j) {
    Error e = {0};
    *j = (PictureJobs){.c = c, .a = a};
    if (a->image && os_kind(a->image) == OS_DIRECTORY) {
        if (a->prompts) return usage_error(c, "--prompts-from: not with a folder of pictures");
        return open_folder(j);
    }
    if (!a->prompts) return GO_ON;
    if (a->out && !strcmp(a->out, "/dev/stdout")) return usage_error(c, "--prompts-from: name a file after -o");
    if (a->sheet || a->preview || a->request.taps)
        return usage_error(c, "--steps-sheet, --preview-out, --taps: are of one picture, not of --prompts-from");
    return prompt_lines_read(a->prompts, &j->lines, &e) ? GO_ON : report(c, &e);
}

void picture_jobs_close(PictureJobs *j) {
    prompt_lines_free(&j->lines);
    for (size_t i = 0; i < j->count; i++) {
        free(j->pictures[i]);
        if (j->masks) free(j->masks[i]);
    }
    free(j->pictures);
    free(j->masks);
    *j = (PictureJobs){0};
}

size_t picture_jobs_count(const PictureJobs *j) { return j->folder ? j->count : j->lines.count ? j->lines.count : 1; }

int picture_jobs_get(const PictureJobs *j, size_t i, PictureArguments *out) {
    Error e = {0};
    if (!picture_copy(j->a, out, &e)) return report(j->c, &e);
    if (j->folder) out->image = j->pictures[i];
    if (j->masks) out->mask = j->masks[i];
    if (!j->lines.count) return GO_ON;
    int code = prompt_lines_set(j->c, j->a->prompts, &j->lines, i, out);
    out->prompts = NULL, out->next_seeds = false;
    if (code == GO_ON) code = picture_options_settings(j->c, out);
    if (code != GO_ON) picture_copy_free(out);
    return code;
}

bool picture_jobs_name(const PictureJobs *j, size_t i, char out[OS_PATH_SIZE], Error *e) {
    const char *name;
    int n = stem_of(j->pictures[i], &name);
    return path_make(out, e, "%s/%.*s.png", j->a->out, n, name);
}

bool picture_jobs_free_name(const PictureJobs *j, size_t i, char out[OS_PATH_SIZE], Error *e) {
    char name[OS_PATH_SIZE];
    return picture_jobs_name(j, i, name, e) && output_free_name(out, name, e);
}
