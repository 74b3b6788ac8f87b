/* upscale.c: `sdc upscale -m FILE IMAGE... -o OUT`: pictures enlarged by an upscaler, or by a filter alone. */
#include "tools/cli/commands.h"
#include "tools/cli/options/model_options.h"
#include "tools/cli/output.h"
#include "tools/cli/precision.h"
#include "tools/cli/progress.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"
#include "sd/image/image_text.h"
#include "sd/image/codecs/png.h"
#include "sd/info/info_writer.h"
#include "sd/info/params.h"
#include "sd/info/picture_info.h"
#include "weights/files/files_below.h"
#include "sd/sd.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILTERS "nearest|bilinear|bicubic|lanczos"

typedef struct {
    const char *model, *image, *out;
    double scale; /* 0: the upscaler's */
    int quality;  /* of JPEG and WebP; 0: the usual one */
    int filter;   /* SdFilter; -1: not given */
    SdUpscale how;
    ModelOptions open;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, model, 'm', "model", "FILE",
           "the upscaler: ESRGAN, Real-ESRGAN or compact; .pth or .safetensors (none: --filter alone)"),
    OPTION(STRING, image, 'i', "image", "FILE", "the picture, as the arguments are; - is standard input"),
    OPTION(
        STRING, out, 'o', "out", "FILE",
        "the larger picture, .png, .jpg or .webp (needed), - is standard output; a folder for several PNG files, which "
        "keep their names"),
    OPTION_IN(INT, quality, 0, "quality", "N", 1, 100, "of JPEG and WebP; 100: WebP without loss (80)"),
    OPTION_IN(DOUBLE, scale, 's', "scale", "F", 0.01, 64, "how many times as wide and high (the upscaler's)"),
    OPTION(ENUM, filter, 0, "filter", FILTERS, "what brings it to that size, or does it all (lanczos)"),
    OPTION_IN(INT, how.tile, 0, "tile", "N", 24, 4096,
              "rows of the picture at once, at most, the same bits for any; squares where memory is short (192)"),
    OPTION_IN(INT, how.overlap, 0, "overlap", "N", 0, 4095, "pixels by which such squares overlap (8)"),
    OPTION(FLAG, how.bgr, 0, "bgr", NULL, "give the network blue, green, red, as the webui does"),
    OPTION(STRING, open.device, 0, "device", "auto|cpu|cuda[:N]", "where to compute (auto)"),
    OPTION(CHOICE, open.precision, 0, "precision", PRECISION_WORDS, "as of txt2img (f32)"),
    OPTION_IN(INT, open.threads, 0, "threads", "N", 0, SD_MOST_THREADS, "threads to use (0: one for each core)"),
    OPTION(SIZE, open.memory_limit, 0, "memory-limit", "SIZE", "memory that the process may use: 900M, 4G, 1.5GiB"),
    OPTION(FLAG, open.quiet, 'q', "quiet", NULL, "print errors only"),
    OPTION_END};

typedef struct {
    Progress *progress;
    double begun;
} Work;

static bool show(void *user, int done, int of) {
    Work *w = user;
    return progress_parts(w->progress, done, of, os_clock() - w->begun);
}

/* The name of a path's file, without folders, and its length without its ending. */
static int stem_of(const char *path, const char **name) {
    const char *slash = strrchr(path, '/');
    return (int)file_stem(*name = slash ? slash + 1 : path);
}

/* What the webui's extras tab writes of an upscaled picture (scripts/postprocessing_upscale.py). The caller frees it;
 * NULL: out of memory. */
static char *extras_of(const Arguments *a, double scale) {
    static const char *const OF[] = {"Nearest", "Bilinear", "Bicubic", "Lanczos"};
    InfoWriter t = {.p = NULL};
    char by[INFO_NUMBER], upscaler[201];
    const char *name;
    int length = a->model ? stem_of(a->model, &name) : (int)strlen(name = OF[a->filter]);
    info_number(scale, by);
    snprintf(upscaler, sizeof upscaler, "%.*s", length, name);
    info_pair(&t, "Postprocess upscale by", by);
    info_pair(&t, "Postprocess upscaler", upscaler);
    if (t.failed) free(t.p), t.p = NULL;
    return t.p;
}

enum { TEXTS_MOST = 64 };

static bool png_keyword(const char *k) {
    size_t n = strlen(k);
    for (size_t i = 0; i < n; i++)
        if (k[i] < ' ' || k[i] > '~') return false;
    return n > 0 && n < 80 && strncmp(k, "EXIF ", 5) != 0 && strcmp(k, TEXT_COMMENT) != 0;
}

/* As JPEG or WebP, which have one text, and no transparency here: white shows through. */
static bool save_lossy(const Arguments *a, SdPicture *p, const uint8_t *alpha, const char *parameters,
                       const char *extras, const char *name, Error *e) {
    InfoWriter t = {.p = NULL};
    const size_t pixels = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; alpha && i < 3 * pixels; i++)
        p->rgb[i] = (uint8_t)((p->rgb[i] * alpha[i / 3] + 255 * (255 - alpha[i / 3]) + 127) / 255);
    if (parameters) info_add(&t, parameters), info_add(&t, ", ");
    info_add(&t, extras);
    bool ok = !t.failed || error_set(e, ERR_MEMORY, "%s: out of memory for its text", name);
    if (ok && alpha && !a->open.quiet)
        fprintf(stderr, "sdc: note: %.300s: white shows where it is transparent; name it .png to keep that\n",
                file_shown(name));
    ok = ok && image_write_fits(name, p->width, p->height, strlen(t.p), e) &&
         image_write(p->rgb, p->width, p->height, t.p, a->quality, name, e);
    free(t.p);
    return ok;
}

/* The picture with its transparency, if it has some; its texts, and what was done to it. */
static bool save(const Arguments *a, SdPicture *p, const uint8_t *alpha, const ImageTexts *texts,
                 const PictureInfo *info, double scale, const char *name, Error *e) {
    PngText out[TEXTS_MOST];
    char *extras = extras_of(a, scale);
    int count = 0;
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!extras) return error_set(e, ERR_MEMORY, "%s: out of memory for its text", name);
    if (image_codec_for(name, e) != image_codec_row(0)) {
        bool saved = save_lossy(a, p, alpha, info->raw, extras, name, e);
        return free(extras), saved;
    }
    if (info->raw && !image_text(texts, "parameters")) out[count++] = (PngText){"parameters", info->raw};
    for (int i = 0; i < texts->count && count < TEXTS_MOST - 2; i++)
        if (png_keyword(texts->at[i].keyword) && strcmp(texts->at[i].keyword, "postprocessing") &&
            strcmp(texts->at[i].keyword, "extras"))
            out[count++] = (PngText){texts->at[i].keyword, texts->at[i].text};
    out[count++] = (PngText){"postprocessing", extras};
    out[count++] = (PngText){"extras", extras};
    const size_t pixels = (size_t)p->width * (size_t)p->height;
    uint8_t *rgba = alpha ? malloc(4 * pixels) : NULL;
    bool ok = rgba || !alpha || error_set(e, ERR_MEMORY, "%s: out of memory for its transparency", name);
    for (size_t i = 0; rgba && i < pixels; i++) memcpy(rgba + 4 * i, p->rgb + 3 * i, 3), rgba[4 * i + 3] = alpha[i];
    ok = ok && (rgba ? png_encode_rgba(rgba, p->width, p->height, out, count, &bytes, &size, e)
                     : png_encode(p->rgb, p->width, p->height, out, count, &bytes, &size, e));
    ok = ok && atomic_write_file(name, bytes, size, e);
    free(rgba);
    free(bytes);
    free(extras);
    return ok;
}

/* The file that a picture goes to. */
static bool name_of(char to[OS_PATH_SIZE], const Arguments *a, const char *path, bool folder, Error *e) {
    const char *name;
    int length = stem_of(path, &name);
    return folder ? path_make(to, e, "%s/%.*s.png", a->out, length, name) : path_make(to, e, "%s", a->out);
}

/* alpha [height][width] of the picture in `how`, enlarged in place as the picture is: as a grey one. */
static bool enlarge_alpha(SdUpscaler *u, const SdUpscale *how, SdFilter filter, uint8_t **alpha, Error *e) {
    const size_t from = (size_t)how->width * (size_t)how->height;
    SdUpscale grey = *how;
    SdUpscaled done = {0};
    uint8_t *rgb = malloc(3 * from);
    if (!rgb) return error_set(e, ERR_MEMORY, "out of memory for a picture's transparency");
    for (size_t i = 0; i < 3 * from; i++) rgb[i] = (*alpha)[i / 3];
    grey.rgb = rgb;
    bool ok = sd_upscale(u, &grey, filter, &done, e);
    free(rgb);
    if (!ok) return false;
    free(*alpha);
    *alpha = done.picture.rgb;
    const size_t to = (size_t)done.picture.width * (size_t)done.picture.height;
    for (size_t i = 0; i < to; i++) (*alpha)[i] = done.picture.rgb[3 * i];
    return true;
}

static bool one(const Arguments *a, SdUpscaler *u, const char *path, bool folder, Work *work, Error *e) {
    char name[OS_PATH_SIZE];
    Image image = {0};
    ImageTexts texts = {0};
    PictureInfo info = {0};
    SdUpscaled done = {0};
    Error unread = {0};
    FileBytes file = {0};
    uint8_t *alpha = NULL;
    const SdFilter filter = a->filter < 0 ? SD_FILTER_LANCZOS : (SdFilter)a->filter;
    bool ok = name_of(name, a, path, folder, e);
    if (ok)
        ok = atomic_check(name, e) && (file = image_bytes(path, e)).bytes &&
             image_decode_alpha(file.bytes, file.size, file_shown(path), &image, &alpha, e);
    if (ok && image.warning) warn(file_shown(path), image.warning);
    if (ok &&
        (!image_texts(file.bytes, file.size, file_shown(path), &texts, &unread) ||
         !picture_info(&texts, file_shown(path), &info, &unread)) &&
        unread.code != ERR_MEMORY)
        warn(file_shown(path), "its text is damaged and is left out");
    file_bytes_free(&file);
    SdUpscale how = a->how;
    how.rgb = image.rgb, how.width = image.width, how.height = image.height, how.progress = show, how.user = work;
    double scale = a->scale > 0 ? a->scale : sd_upscaler_scale(u);
    if (ok && a->scale > 0) {
        how.to_width = (int)(image.width * scale), how.to_height = (int)(image.height * scale);
        if (how.to_width < 1) how.to_width = 1;
        if (how.to_height < 1) how.to_height = 1;
    }
    work->begun = os_clock();
    ok = ok && sd_upscale(u, &how, filter, &done, e) && (!alpha || enlarge_alpha(u, &how, filter, &alpha, e));
    progress_clear(work->progress);
    if (ok && done.tiles && !a->open.quiet)
        fprintf(stderr,
                "sdc: note: %.300s: memory is short: joined of %d tiles, which may differ where they meet; allow more "
                "with --memory-limit\n",
                file_shown(path), done.tiles);
    ok = ok && save(a, &done.picture, alpha, &texts, &info, scale, name, e);
    if (ok && !a->open.quiet)
        printf("%s: %d x %d, %.2f s\n", file_shown(name), done.picture.width, done.picture.height,
               os_clock() - work->begun);
    fflush(stdout);
    free(done.picture.rgb);
    free(alpha);
    picture_info_free(&info);
    image_texts_free(&texts);
    image_free(&image);
    return ok;
}

/* --- the pictures --- */

typedef struct {
    const char *name; /* without folders and its ending */
    int length;
} Stem;

static int by_stem(const void *a, const void *b) {
    const Stem *x = a, *y = b;
    int order = strncmp(x->name, y->name, (size_t)(x->length < y->length ? x->length : y->length));
    return order ? order : x->length - y->length;
}

/* In a folder each picture has a file of its own. */
static int check_stems(const Command *c, const Arguments *a, const char *const *pictures, int count) {
    Error e = {0};
    Stem *stems = malloc((size_t)count * sizeof *stems);
    if (!stems) return error_set(&e, ERR_MEMORY, "out of memory for the names of %d pictures", count), report(c, &e);
    for (int i = 0; i < count; i++) stems[i].length = stem_of(pictures[i], &stems[i].name);
    qsort(stems, (size_t)count, sizeof *stems, by_stem);
    int code = GO_ON;
    for (int i = 1; code == GO_ON && i < count; i++)
        if (!by_stem(&stems[i - 1], &stems[i]))
            code = usage_error(c, "--out: two pictures would be %.200s/%.*s.png; enlarge them into different folders",
                               a->out, stems[i].length < 200 ? stems[i].length : 200, stems[i].name);
    free(stems);
    return code;
}

/* Nothing that is read is written over, and nothing is written twice. */
static int check_files(const Command *c, const Arguments *a, const char *const *pictures, int count, bool folder) {
    int code = folder ? check_stems(c, a, pictures, count) : GO_ON;
    for (int i = 0; code == GO_ON && i < count; i++) {
        char name[OS_PATH_SIZE];
        Error e = {0};
        OsInfo there;
        if (!name_of(name, a, pictures[i], folder, &e)) return report(c, &e);
        bool exists = os_info(name, &there);
        for (int k = 0; exists && code == GO_ON && k < count; k++)
            if (file_same(pictures[k], name))
                code = usage_error(c, "--out: %.200s is also an input file; name another folder or file",
                                   file_shown(name));
    }
    return code;
}

static int check(const Command *c, Arguments *a, int rest, char **argv) {
    if (!rest && !a->image) return usage_error(c, "no picture; name one, or several");
    if (!a->out) return usage_error(c, "needs -o FILE, where the larger picture goes");
    if (!a->model && a->filter < 0) return usage_error(c, "no upscaler; name one after -m, or say --filter");
    if (!a->model && a->scale <= 0) return usage_error(c, "--filter alone needs --scale F");
    if (!a->model && (a->how.bgr || a->open.memory_limit || a->open.threads || a->open.device || a->open.precision))
        return usage_error(c, "--bgr, --device, --precision, --threads, --memory-limit: count with an upscaler (-m)");
    if (a->how.overlap >= a->how.tile) return usage_error(c, "--overlap: %d is not below --tile", a->how.overlap);
    Error e = {0};
    const bool folder = os_kind(a->out) == OS_DIRECTORY;
    if (!folder && !image_write_check(a->out, &e)) return report(c, &e);
    int code = output_quality(c, a->quality, folder ? NULL : a->out);
    if (code != GO_ON) return code;
    if (file_same(a->out, a->model))
        return usage_error(c, "--out: %.200s is also an input file; name another file", a->out);
    for (int i = 0; i < rest; i++)
        if (!*argv[i]) return usage_error(c, "a picture's name is empty");
    return a->model ? check_device(c, a->open.device, "auto", a->open.precision) : GO_ON;
}

static SdUpscaler *open_upscaler(const Arguments *a, Error *e) {
    const SdOptions options = {.threads = a->open.threads,
                               .memory_limit = a->open.memory_limit,
                               .precision = precision_of(a->open.precision),
                               .device = a->open.device ? a->open.device : "auto"};
    return sd_upscaler_open(a->model, &options, e);
}

static int enlarge_all(const Command *c, const Arguments *a, const char *const *pictures, int count, bool folder) {
    Error e = {0};
    os_catch_stop();
    Progress progress;
    progress_begin(&progress, a->open.quiet, count);
    Work work = {.progress = &progress};
    SdUpscaler *u = a->model ? open_upscaler(a, &e) : NULL;
    int done = 0;
    bool ok = u || !a->model;
    for (; ok && done < count; done++) {
        progress.run = done;
        ok = one(a, u, pictures[done], folder, &work, &e);
        if (!ok) break;
    }
    sd_upscaler_close(u);
    if (!ok && e.code == ERR_CANCELLED && os_stop_signal()) return report_stop("%d of %d pictures", done, count);
    return ok ? finish_output() : report(c, &e);
}

/* The model that the arguments name, before they are parsed; NULL: none. */
static const char *model_named(int argc, char **argv) {
    const char *name = NULL;
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (!strncmp(argv[i], "--model=", 8)) name = argv[i] + 8;
        else if ((!strcmp(argv[i], "-m") || !strcmp(argv[i], "--model")) && i + 1 < argc) name = argv[++i];
    }
    return name;
}

static int upscale(const Command *c, int argc, char **argv) {
    if (sd_is_x4_upscaler(model_named(argc, argv))) return IMG2IMG.run(&IMG2IMG, argc, argv);
    Arguments a = {.filter = -1, .how = sd_upscale_defaults()};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON) code = check(c, &a, rest, argv);
    if (code != GO_ON) return code;
    int count = rest + (a.image != NULL);
    bool folder = os_kind(a.out) == OS_DIRECTORY;
    if (count > 1 && !folder) return usage_error(c, "--out: several pictures need a folder, and %.200s is none", a.out);
    if (!folder) code = output_file(c, "--out", &a.out);
    if (code != GO_ON) return code;
    input_file(&a.image);
    Error e = {0};
    const char **pictures = malloc((size_t)count * sizeof *pictures);
    if (!pictures) return error_set(&e, ERR_MEMORY, "out of memory for the names of %d pictures", count), report(c, &e);
    for (int i = 0; i < count; i++) pictures[i] = a.image && !i ? a.image : argv[i - (a.image != NULL)];
    code = check_files(c, &a, pictures, count, folder);
    if (code == GO_ON) code = enlarge_all(c, &a, pictures, count, folder);
    free(pictures);
    return code;
}

const Command UPSCALE = {
    "upscale",
    upscale,
    "-m FILE IMAGE... -o OUT [options]",
    "enlarge pictures with an upscaler, or a filter",
    "Reads RRDBNet (ESRGAN, BSRGAN, Real-ESRGAN, anime6B) and SRVGGNetCompact (realesr-general-x4v3, animevideo). A "
    "picture is made as one, without seams, in strips that fit the memory; only where that is impossible, of tiles, "
    "which "
    "is said. Transparency is enlarged as a grey picture is. Texts in a picture are kept, and how it was enlarged is "
    "added, as the webui's extras tab does.\n"
    "With Stable Diffusion's x4 upscaler (x4-upscaler-ema, stable-diffusion-x4-upscaler) it is img2img, whose options "
    "count: -i IMAGE -p PROMPT --noise-level N; --tiled-diffusion for large pictures.",
    OPTIONS};
