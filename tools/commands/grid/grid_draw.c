/* grid_draw.c: draws the pictures of a grid, those that are not there yet, and puts them into their places. */
#include "grid.h"

#include "grid_kept.h"
#include "sd/info/infotext_read.h"
#include "sd/info/params.h"
#include "weights/files/files_below.h"
#include "tools/cli/drawing.h"
#include "tools/cli/output.h"
#include "tools/cli/progress.h"
#include "tools/cli/options/setting_option.h"
#include "tensor/os.h"
#include "weights/files/file_open.h"
#include "weights/files/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Grid *g;
    GridArguments a; /* with what the model and chance decide */
    Kept kept;
    Plot plot;
    Image *images; /* [z]: those that are begun */
    char **texts;  /* [z]: of their first pictures */
    int *left;     /* [z]: pictures that they lack */
    Drawing drawing;
    Progress progress;
    int done, found;
    bool random_seed; /* one that the last line tells */
    int code;         /* the exit code where a cell's options were refused; GO_ON */
} Work;

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a grid"); }

/* --- sizes --- */

/* What picture i has as its arguments; false: e, or w->code, says why. */
static bool cell(Work *w, int i, PictureArguments *a) {
    w->code = grid_cell(w->g, grid_place(w->g, i), a);
    return w->code == GO_ON;
}

/* The size of what these arguments make of model m; *at is the picture whose size *image is. */
static bool size_of(const SdModel *m, const PictureArguments *a, const char **at, Image *image, int *width, int *height,
                    Error *e) {
    static const uint8_t THERE;
    SdRequest r = a->request;
    const SdRequest usual = sd_request(NULL);
    if (a->image && (!*at || strcmp(*at, a->image))) {
        image_free(image);
        if (!image_read(a->image, IMAGE_WHITE, image, e)) return false;
        free(image->rgb), image->rgb = NULL;
        *at = a->image;
    }
    r.image_width = image->width, r.image_height = image->height;
    int w, h;
    sd_start_size(m, &r, &w, &h);
    if (a->image && r.width < 8) r.width = w;
    if (a->image && r.height < 8) r.height = h;
    params_adopt(&r, &usual);
    r.mask = a->mask ? &THERE : NULL;
    if (a->mask && r.only_masked) *width = r.image_width, *height = r.image_height;
    else sd_finished_size(&r, width, height);
    return true;
}

static bool measure(Work *w, Error *e) {
    const char *at = NULL;
    Image image = {0};
    Plot *p = &w->plot;
    bool ok = true;
    *p = (Plot){.columns = w->g->count[GRID_X], .rows = w->g->count[GRID_Y], .margin = w->a.margin};
    for (int i = 0; ok && i < grid_size(w->g); i++) {
        PictureArguments a;
        int width, height;
        if (!cell(w, i, &a)) return false;
        ok = size_of(w->drawing.model, &a, &at, &image, &width, &height, e);
        if (ok && width > p->width) p->width = width;
        if (ok && height > p->height) p->height = height;
        picture_copy_free(&a);
    }
    p->times = plot_times(p->width);
    if (!w->a.no_labels) p->above = w->g->labels[GRID_X], p->beside = w->g->labels[GRID_Y];
    if (!w->a.no_labels && w->g->count[GRID_Z] > 1) { /* the title that takes most is measured for all */
        PlotLabel longest = {0};
        int64_t most = 0;
        for (int z = 0; ok && z < w->g->count[GRID_Z]; z++) {
            p->title = w->g->labels[GRID_Z][z];
            ok = plot_measure(p, e);
            if (p->full_height > most) most = p->full_height, longest = p->title;
        }
        p->title = longest;
    }
    return ok && plot_measure(p, e);
}

/* What grids take beside the model, which a limit has to have room for. */
static bool leave_room(Work *w, Error *e) {
    size_t *limit = &w->a.picture.open.memory_limit;
    int at_once = grid_by_z(w->g) ? 1 : w->g->count[GRID_Z];
    size_t bytes = (size_t)(w->plot.full_width * w->plot.full_height) * 3 * (size_t)at_once;
    if (!*limit) return true;
    if (bytes >= *limit)
        return error_set(e, ERR_MEMORY, "memory: the grid alone takes %zu MiB, but the limit is %zu MiB; allow more",
                         bytes >> 20, *limit >> 20);
    *limit -= bytes;
    return true;
}

/* --- the first model, and what it decides for all --- */

/* Sizes are the first model's, so that a grid of models has places of one size. */
static bool settle_size(Work *w, Error *e) {
    SdRequest *base = &w->a.picture.request, r;
    PictureArguments a;
    if (!cell(w, 0, &a)) return false;
    bool ok = drawing_set(&w->drawing, &a, &r, e);
    if (ok && !a.image) {
        SdRequest usual = sd_request(w->drawing.model);
        if (base->width < 8) base->width = usual.width;
        if (base->height < 8) base->height = usual.height;
    }
    picture_copy_free(&a);
    return ok;
}

static bool is_axis(const Grid *g, const char *option) {
    for (int k = 0; k < GRID_AXES; k++)
        if (g->axes[k].kind == AXIS_OPTION && !strcmp(g->axes[k].option.name, option)) return true;
    return false;
}

/* The number that a text has for a key; -1: none. */
static int64_t number_of(const InfoRead *read, const char *key) {
    const char *said = infotext_get(read, key);
    int64_t v = -1;
    return said && infotext_int(said, &v) && v >= 0 ? v : -1;
}

/* Without --seed, or --variation-seed where it counts: those of the pictures that are there, if they are of this grid;
 * else random ones. */
static bool settle_seed(Work *w, Error *e) {
    SdRequest *base = &w->a.picture.request, r;
    bool seed = base->seed < 0 && !is_axis(w->g, "seed");
    bool variation = base->variation_seed < 0 && !is_axis(w->g, "variation-seed") &&
                     (base->variation_strength != 0 || is_axis(w->g, "variation-strength"));
    w->random_seed = seed;
    if (!seed && !variation) return true;
    for (size_t i = 0; i <= w->kept.count; i++) {
        InfoRead read = {0};
        PictureArguments a;
        char *text = NULL;
        if (i == w->kept.count) {
            if (seed) base->seed = sd_random_seed();
            if (variation) base->variation_seed = sd_random_seed();
            return true;
        }
        bool ok = infotext_read(w->kept.at[i].text, &read, e);
        if (ok && seed) base->seed = number_of(&read, "Seed");
        if (ok && variation) base->variation_seed = number_of(&read, "Variation seed");
        infotext_read_free(&read);
        if (!ok) return false;
        if ((seed && base->seed < 0) || (variation && base->variation_seed < 0)) continue;
        if (!cell(w, 0, &a)) return false;
        ok = drawing_set(&w->drawing, &a, &r, e) && sd_parameters(w->drawing.model, &r, &text, e);
        bool same = ok && kept_find(&w->kept, text, &a);
        free(text);
        picture_copy_free(&a);
        if (!ok || same) return ok;
        if (seed) base->seed = -1;
        if (variation) base->variation_seed = -1;
    }
    return true;
}

/* --- drawing --- */

/* Where a picture is kept: its labels' first words and its seed. */
static bool kept_name(const Work *w, GridPlace at, int64_t seed, const char *ending, char out[OS_PATH_SIZE], Error *e) {
    enum { MOST = 1600 };
    char labels[MOST] = "", words[200], stem[OS_PATH_SIZE];
    size_t n = 0;
    for (int k = 0; k < GRID_AXES; k++) {
        const PlotLabel *l = &w->g->labels[k][at.at[k]];
        for (int i = 0; i < l->count && n < MOST; i++)
            if (!l->lines[i].off) n += (size_t)snprintf(labels + n, MOST - n, "%s ", l->lines[i].text);
    }
    output_words(words, sizeof words, labels);
    return path_make(stem, e, "%s/%s%s", w->a.pictures, *words ? words : "picture", ending) &&
           output_name(out, stem, true, "", seed, e);
}

static bool make_folder(const char *folder, Error *e) {
    if (os_kind(folder) == OS_DIRECTORY || os_make_directory(folder, false) || errno == EEXIST) return true;
    return error_set(e, ERR_FILE, "%.300s: cannot be made: %s; name a folder that may be written", folder,
                     strerror(errno));
}

/* A grid's pictures are kept in its format. */
static const char *ending(const Work *w) {
    const char *dot = strrchr(w->a.picture.out, '.');
    return dot && !strchr(dot, '/') && strlen(dot) < 8 ? dot : ".png";
}

/* A format that keeps pixels only nearly has other ones than were drawn, which a later run would find: *as has them, so
 * that the grid is the same however often it was stopped. */
static bool read_lossy(const char *name, Image *as, Error *e) {
    FileBytes b = image_bytes(name, e);
    bool ok = b.bytes && (!image_lossy(b.bytes, b.size) || image_decode(b.bytes, b.size, name, IMAGE_WHITE, as, e));
    file_bytes_free(&b);
    return ok;
}

static bool keep(const Work *w, GridPlace at, const SdPicture *p, double seconds, Image *as, Error *e) {
    char name[OS_PATH_SIZE];
    if (!w->a.pictures) return true;
    if (!make_folder(w->a.pictures, e) || !kept_name(w, at, p->seed, ending(w), name, e) ||
        !image_write(p->rgb, p->width, p->height, p->parameters, w->a.picture.quality, name, e) ||
        !read_lossy(name, as, e))
        return false;
    if (!w->a.picture.open.quiet) printf("%s: seed %" PRId64 ", %.2f s\n", file_shown(name), p->seed, seconds);
    fflush(stdout);
    return true;
}

static bool put(Work *w, GridPlace at, const uint8_t *rgb, int width, int height, const char *text, Error *e) {
    int z = at.at[GRID_Z];
    Plot p = w->plot;
    p.title = w->g->count[GRID_Z] > 1 && !w->a.no_labels ? w->g->labels[GRID_Z][z] : (PlotLabel){0};
    if (!w->images[z].rgb && !plot_begin(&p, &w->images[z], e)) return false;
    if (width > p.width || height > p.height)
        return error_set(e, ERR_ARGUMENT, "a picture of %d x %d is larger than its place; say -W and -H", width,
                         height);
    plot_put(&p, &w->images[z], at.at[GRID_X], at.at[GRID_Y], rgb, width, height);
    if (!at.at[GRID_X] && !at.at[GRID_Y] && !(w->texts[z] = text_copy(text, strlen(text)))) return no_memory(e);
    w->left[z]--;
    return true;
}

static bool write_grid(Work *w, int z, Error *e) {
    char name[OS_PATH_SIZE];
    Image *image = &w->images[z];
    char *text = w->texts[z] ? grid_text(w->g, w->texts[z]) : NULL;
    bool ok = (text || !w->texts[z] || no_memory(e)) && grid_file(w->g, z, name, e) &&
              image_write(image->rgb, image->width, image->height, text, w->a.picture.quality, name, e);
    free(text);
    image_free(image);
    if (ok && !w->a.picture.open.quiet)
        printf("%s: %d pictures\n", file_shown(name), w->g->count[GRID_X] * w->g->count[GRID_Y] - w->left[z]);
    fflush(stdout);
    return ok;
}

/* Picture i: the one that is kept, or a new one. */
static bool make_one(Work *w, int i, Error *e) {
    GridPlace at = grid_place(w->g, i);
    PictureArguments a;
    SdRequest r;
    SdResult result = {0};
    Image was = {0};
    char *text = NULL;
    double begun = os_clock();
    if (!cell(w, i, &a)) return false;
    a.request.keep = grid_size(w->g) > 1;
    bool ok = drawing_set(&w->drawing, &a, &r, e);
    r.progress = progress_show, r.user = &w->progress;
    ok = ok && networks_note(w->drawing.model, &r, a.open.quiet || i, e);
    if (ok && !i) model_note_ignored(&a.open, w->drawing.model, &r);
    if (ok && w->kept.count) ok = sd_parameters(w->drawing.model, &r, &text, e);
    const char *there = ok && text ? kept_find(&w->kept, text, &a) : NULL;
    if (there) {
        ok = image_read(there, IMAGE_WHITE, &was, e) && put(w, at, was.rgb, was.width, was.height, text, e);
        w->found++;
    } else if (ok) {
        ok = drawing_run(&w->drawing, &r, &result, e);
        progress_clear(&w->progress);
        const SdPicture *p = result.pictures;
        ok = ok && keep(w, at, p, os_clock() - begun, &was, e) &&
             put(w, at, was.rgb ? was.rgb : p->rgb, p->width, p->height, p->parameters, e);
    }
    image_free(&was);
    sd_free(&result);
    free(text);
    picture_copy_free(&a);
    int z = at.at[GRID_Z];
    return ok && (w->left[z] || write_grid(w, z, e));
}

static bool begin(Work *w, Error *e) {
    int zs = w->g->count[GRID_Z];
    w->images = calloc((size_t)zs, sizeof *w->images);
    w->texts = calloc((size_t)zs, sizeof *w->texts);
    w->left = calloc((size_t)zs, sizeof *w->left);
    if (!w->images || !w->texts || !w->left) return no_memory(e);
    for (int z = 0; z < zs; z++) w->left[z] = w->g->count[GRID_X] * w->g->count[GRID_Y];
    return (!w->a.pictures || kept_read(w->a.pictures, &w->kept, e)) && settle_size(w, e) && measure(w, e) &&
           image_write_fits(w->a.picture.out, (int)w->plot.full_width, (int)w->plot.full_height, 0, e) &&
           leave_room(w, e) && settle_seed(w, e);
}

/* Those that are begun: nothing that was drawn is lost. */
static void write_begun(Work *w) {
    for (int z = 0; w->images && z < w->g->count[GRID_Z]; z++) {
        Error lost = {0};
        if (w->images[z].rgb) write_grid(w, z, &lost);
    }
}

static void end(Work *w) {
    for (int z = 0; z < w->g->count[GRID_Z]; z++) {
        if (w->images) image_free(&w->images[z]);
        if (w->texts) free(w->texts[z]);
    }
    free(w->images);
    free(w->texts);
    free(w->left);
    kept_free(&w->kept);
    drawing_close(&w->drawing);
}

int grid_draw(Grid *g) {
    Error e = {0};
    Work w = {.g = g, .a = *g->a, .code = GO_ON};
    double begun = os_clock();
    const GridArguments *given = g->a;
    int all = grid_size(g);
    g->a = &w.a;
    os_catch_stop();
    progress_begin(&w.progress, w.a.picture.open.quiet, all);
    w.progress.quiet = w.progress.quiet || !w.progress.terminal; /* a line for each step would be too many */
    bool ok = begin(&w, &e);
    for (; ok && w.done < all; w.done++) {
        w.progress.run = w.done;
        if (!make_one(&w, w.done, &e)) break;
        if (os_stop_signal() && w.done + 1 < all) error_set(&e, ERR_CANCELLED, "stopped");
        if (e.code) break;
    }
    ok = ok && w.done == all;
    if (!ok && w.done) write_begun(&w);
    bool stopped = !ok && e.code == ERR_CANCELLED && os_stop_signal();
    if (ok && !w.a.picture.open.quiet) {
        printf("%d pictures", all);
        if (w.found) printf(", %d of them from %s", w.found, w.a.pictures);
        if (w.random_seed) printf(", seed %" PRId64, w.a.picture.request.seed);
        printf(", %.1f s\n", os_clock() - begun);
    }
    end(&w);
    g->a = given;
    if (w.code != GO_ON) return w.code;
    if (stopped)
        return report_stop(given->pictures ? "%d of %d pictures; run it again for the rest"
                                           : "%d of %d pictures; with --pictures the next run would go on from them",
                           w.done, all);
    return ok ? finish_output() : report_request(g->c, &e);
}
