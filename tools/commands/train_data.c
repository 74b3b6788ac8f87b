#include "train_data.h"

#include "tools/cli/command.h"
#include "tools/cli/printable.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
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

static char *copy_of(const char *text, Error *e) {
    char *copy = malloc(strlen(text) + 1);
    if (!copy) error_set(e, ERR_MEMORY, "out of memory for a caption");
    return copy ? strcpy(copy, text) : NULL;
}

static char *describe(void *user, int64_t index, Error *e) {
    const TrainSource *s = user;
    Scene scene;
    char caption[SHAPES_CAPTION];
    shapes_scene(&scene, &s->shapes, s->seed, (uint64_t)index);
    shapes_caption(caption, &scene, &s->shapes);
    return copy_of(caption, e);
}

/* --- a folder --- */

static bool read_picture(void *user, int64_t index, uint8_t *rgb, Error *e) {
    const TrainSource *s = user;
    return folder_picture(s->folder, (size_t)index, s->data.size, rgb, e);
}

static char *read_caption(void *user, int64_t index, Error *e) {
    const TrainSource *s = user;
    return copy_of(s->folder->at[index].caption, e);
}

static TrainSizes read_sizes(void *user, int64_t index) {
    const TrainSource *s = user;
    const FolderPicture *p = &s->folder->at[index];
    TrainSizes sizes = {.width = p->width, .height = p->height};
    folder_crop(s->folder, (size_t)index, s->data.size, &sizes.crop_left, &sizes.crop_top);
    return sizes;
}

/* --- what is told of a folder --- */

static void print_name(FILE *to, const char *name, bool more) {
    if (more) fputs(", ", to);
    for (; *name; name++) fputc(printable(*name), to);
}

static void print_note(FILE *to, const FolderNote *n, int names) {
    fprintf(to, "  %s%" PRId64 ": %s: ", n->skipped ? "skipped " : "", n->count, n->what);
    for (int i = 0; i < names && i < n->count; i++) print_name(to, n->names[i], i > 0);
    fputs(n->count > names ? ", ...\n" : "\n", to);
}

static void print_range(FILE *to, int least, int most) {
    if (least == most) fprintf(to, "%d", least);
    else fprintf(to, "%d-%d", least, most);
}

void train_source_tell(const TrainSource *s, FILE *to, bool all) {
    const Folder *f = s->folder;
    int least[2] = {INT_MAX, INT_MAX}, most[2] = {0, 0};
    if (!f) return;
    for (size_t i = 0; i < f->checked; i++) {
        const int n[2] = {f->at[i].width, f->at[i].height};
        for (int k = 0; k < 2; k++) {
            if (n[k] < least[k]) least[k] = n[k];
            if (n[k] > most[k]) most[k] = n[k];
        }
    }
    fprintf(to, "%s: %zu picture%s of ", f->path, f->checked, f->checked == 1 ? "" : "s");
    print_range(to, least[0], most[0]);
    fputs(" x ", to);
    print_range(to, least[1], most[1]);
    fprintf(to, " pixels, captions %s, %" PRId64 " skipped\n",
            !f->at[0].caption ? "not needed"
            : f->lines        ? "in metadata.jsonl"
                              : "beside them",
            f->skipped);
    for (int skipped = 1; skipped >= 0; skipped--)
        for (int i = 0; i < f->note_count; i++)
            if (f->notes[i].skipped == skipped) print_note(to, &f->notes[i], all ? FOLDER_NAMES : 3);
}

void train_source_warn(const TrainSource *s) {
    char line[900];
    for (int i = 0; s->folder && i < s->folder->note_count; i++) {
        const FolderNote *n = &s->folder->notes[i];
        if (!n->skipped) continue;
        snprintf(line, sizeof line, "skipped %" PRId64 ": %s: %.200s%s", n->count, n->what, n->names[0],
                 n->count > 1 ? ", ..." : "");
        warn(s->folder->path, line);
    }
}

/* With --strict: one line for all that is skipped. */
static bool none_skipped(const Folder *f, Error *e) {
    for (int i = 0; i < f->note_count; i++)
        if (f->notes[i].skipped)
            return error_set(
                e, ERR_FORMAT, "%s: %" PRId64 " to be skipped: %.200s: %.400s%s; mend that, or leave --strict out",
                f->path, f->skipped, f->notes[i].names[0], f->notes[i].what, f->skipped > 1 ? ", ..." : "");
    return true;
}

/* --- both --- */

/* "shapes:SEED": the seed, strictly. */
static bool read_seed(const char *text, uint64_t *seed, Error *e) {
    char *end;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    return (*text >= '0' && *text <= '9' && !*end && !errno) ||
           error_set(
               e, ERR_ARGUMENT,
               "--data shapes:%.40s: its seed is not a whole number; write shapes:1, or ./shapes:... for a folder",
               text);
}

static bool open_drawn(TrainSource *s, const char *what, const DrawnOptions *o, Error *e) {
    const char *kinds = o->kinds;
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
    double all = 0;
    for (int k = 0; k < SCENE_KINDS; k++) all += s->shapes.share[k];
    if (!(all > 0 && all <= 1e300))
        return error_set(e, ERR_ARGUMENT, "--kinds: the shares add up to %g; give others", all);
    s->data.count = INT64_MAX;
    s->data.picture = draw;
    s->data.caption = describe;
    s->data.sizes = NULL;
    return !what[6] || read_seed(what + 7, &s->seed, e);
}

bool train_source_open(TrainSource *s, const char *what, const FolderOptions *folder, bool strict,
                       const DrawnOptions *o, Error *e) {
    *s = (TrainSource){
        .data = {
            .user = s, .size = folder->size, .picture = read_picture, .caption = read_caption, .sizes = read_sizes}};
    if (!strncmp(what, "shapes", 6) && (!what[6] || what[6] == ':')) return open_drawn(s, what, o, e);
    if (o->easy > 0 || o->placed >= 0 || o->ordered > 0 || o->kinds)
        return error_set(e, ERR_ARGUMENT, "--easy, --placed, --ordered and --kinds are for --data shapes, not for %s",
                         what);
    s->folder = folder_open(what, folder, e);
    if (!s->folder) return false;
    s->data.count = (int64_t)s->folder->count;
    return !strict || none_skipped(s->folder, e);
}

void train_source_close(TrainSource *s) {
    folder_close(s->folder);
    s->folder = NULL;
}
