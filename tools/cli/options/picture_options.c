/* picture_options.c: the options of txt2img, img2img and record: those of a request from the table of settings
 * (params.h), and the program's own among them. */
#include "picture_options.h"

#include "options.h"
#include "tools/cli/output.h"
#include "tools/cli/picture_start.h"
#include "setting_option.h"
#include "sd/image/image.h"
#include "weights/files/files_below.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/new_folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the table --- */

typedef PictureArguments Arguments; /* for the rows */

enum {
    IN_DRAWN = OF_TXT2IMG | OF_IMG2IMG | OF_GRID,
    IN_ALL = IN_DRAWN | OF_RECORD,
    IN_STARTED = OF_IMG2IMG | OF_GRID | OF_RECORD /* that may begin with a picture */
};

/* Each follows a setting in the help. */
static const struct {
    const char *after; /* "": comes first */
    int in;            /* of which commands it is an option */
    Option option;
} OWN[] = {
    {"", IN_STARTED,
     OPTION(STRING, image, 'i', "image", "FILE",
            "the picture to start from: PNG, JPEG, WebP, BMP, GIF; - is standard input; of img2img also a folder of "
            "them")},
    {"", IN_STARTED,
     OPTION(STRING, background, 0, "background", "COLOR",
            "what shows through where the picture is transparent: RRGGBB, white, black (white)")},
    {"color-correction", IN_STARTED,
     OPTION(STRING, extend, 0, "extend", "SIDE=N[,...]",
            "outpainting: draw on beyond these sides of the picture, left, right, top or bottom, by N pixels")},
    {"noise", IN_ALL, OPTION(LIST, networks.lora, 0, "lora", "FILE[:TE[:UNET]]", LORA_HELP)},
    {"vae-encoder", IN_STARTED,
     OPTION(STRING, mask, 0, "mask", "FILE",
            "repaint what is white in this picture, or, where parts of it are transparent, what is not")},
    {"strength", OF_IMG2IMG,
     OPTION_IN(INT, loops, 0, "loops", "N", 1, 1000,
               "draw from the result again, so often, each time with the next seed (1)")},
    {"strength", OF_IMG2IMG,
     OPTION_IN(DOUBLE, final_strength, 0, "final-strength", "X", 0, 1, "the last loop's strength (that of the first)")},
    {"strength", OF_IMG2IMG,
     OPTION(ENUM, loop_curve, 0, "loop-curve", "aggressive|linear|lazy", "how the strength gets there (linear)")},
    {"strength", OF_IMG2IMG,
     OPTION_IN(DOUBLE, loop_factor, 0, "loop-factor", "X", 0.1, 10, "or: each loop's strength times this, 0.1..1 (1)")},
    {"encode", IN_ALL, OPTION(STRING, model, 'm', "model", "MODEL", MODEL_HELP)},
    {"discard-next-to-last", IN_ALL,
     OPTION(
         LIST, controls.control, 0, "control", "FILE:IMAGE[:...]",
         "a ControlNet or T2I-Adapter and the picture that it is shown, then :weight=1 (0..2), :start=0, :end=1 (of "
         "the steps), :hint=canny (or invert, tile, scribble, luminance: what is made of IMAGE before; "
         "inpaint, with :mask=FILE: IMAGE without what is white there, or, as FILE::hint=inpaint, -i's picture and "
         "--mask), :low=100, "
         ":high=200 (canny's), :mode=balanced|prompt|control (what counts more), :resize=crop|stretch|fill, and of a "
         "ControlNet Union :union=pose (what IMAGE shows: or depth, softedge, lines, normal, segment, tile, "
         "inpaint); several times for several")},
    {"discard-next-to-last", IN_ALL,
     OPTION(
         LIST, controls.image_prompt, 0, "image-prompt", "IMAGE[:...]",
         "draw what this picture shows, by an IP-Adapter, then :weight=1 (0..2), :start=0, :end=1; several times for "
         "several")},
    {"discard-next-to-last", IN_ALL,
     OPTION(STRING, controls.ip_adapter, 0, "ip-adapter", "FILE",
            "the IP-Adapter (base, plus or full) of the model's family")},
    {"discard-next-to-last", IN_ALL,
     OPTION(STRING, controls.image_encoder, 0, "image-encoder", "FILE",
            "the IP-Adapter's vision encoder: CLIP's model.safetensors, or its folder")},
    {"hires-cfg", OF_TXT2IMG | OF_GRID | OF_RECORD,
     OPTION(STRING, hires_model, 0, "hires-checkpoint", "MODEL", HIRES_HELP)},
    {"negative-aesthetic-score", IN_ALL, OPTION(STRING, refiner, 0, "refiner", "MODEL", REFINER_HELP)},
    {"negative", OF_TXT2IMG | OF_IMG2IMG,
     OPTION(STRING, prompts, 0, "prompts-from", "FILE",
            "a prompt from each line, or options as in --prompt \"a cat\" --steps 10, in place of -p; - is standard "
            "input")},
    {"negative", OF_TXT2IMG | OF_IMG2IMG,
     OPTION(FLAG, next_seeds, 0, "next-seeds", NULL, "with --prompts-from: each line goes on with the next seed")},
    {"negative", OF_TXT2IMG | OF_IMG2IMG,
     OPTION(STRING, out, 'o', "out", "FILE", "the picture: .png, .jpg or .webp, else PNG; - is standard output")},
    {"encode", OF_IMG2IMG,
     OPTION(STRING, only_encode, 0, "only-encode", "FILE",
            "write the picture's latents to a safetensors file, and no picture")},
    {"encode", OF_TXT2IMG,
     OPTION(STRING, only_decode, 0, "only-decode", "FILE", "make the pictures of a file of latents, and draw nothing")},
    {"negative", IN_DRAWN,
     OPTION_IN(INT, quality, 0, "quality", "N", 1, 100, "of JPEG and WebP; 100: WebP without loss (80)")},
    {"negative", OF_RECORD,
     OPTION(STRING, out, 'o', "out", "FILE", "the record, a safetensors file; - is standard output")},
    {"ensd", OF_TXT2IMG | OF_IMG2IMG,
     OPTION(STRING, sheet, 0, "steps-sheet", "FILE", "a contact sheet of the first picture after each step")},
    {"ensd", OF_TXT2IMG | OF_IMG2IMG,
     OPTION(STRING, preview, 0, "preview-out", "FILE", "the first picture after each step, written over the last")},
    {"ensd", OF_TXT2IMG | OF_IMG2IMG,
     OPTION(ENUM, preview_by, 0, "preview", "full|taesd|approx",
            "how these two are decoded: by the VAE, by --taesd, or roughly and small (full)")},
    {"ensd", OF_TXT2IMG | OF_IMG2IMG,
     OPTION(STRING, attention, 0, "attention-maps", "DIR",
            "where each word of the prompt drew attention: a heat map for each, laid over the picture, and all maps in "
            "numbers; a folder that is new or empty")},
    {"batch-size", OF_TXT2IMG | OF_IMG2IMG,
     OPTION_IN(INT, batch_count, 0, "batch-count", "N", 1, 100000, "number of batches (1)")},
    {"tap", OF_RECORD,
     OPTION_IN(INT, values, 0, "values", "N", 1, RECORD_MOST_VALUES,
               "sampled values to keep of each activation (32)")}};

enum { OWN_COUNT = sizeof OWN / sizeof *OWN };

/* Whether a setting is an option of these commands: a grid has one picture in each place. */
static bool is_in(const Param *p, int in) {
    if (p->in_extend) return false;
    if (in == OF_GRID) return strcmp(p->name, "batch-size") && strcmp(p->name, "taps") && strcmp(p->name, "tap");
    if (in == OF_TXT2IMG) return !p->of_image || p->or_hires;
    return in == OF_RECORD || !p->of_hires;
}

static bool row(int i, int in, Option *o) {
    for (int p = -1; p < PARAM_COUNT; p++) {
        if (p >= 0 && is_in(&PARAMS[p], in) && i-- == 0) {
            *o = setting_option(&PARAMS[p]);
            o->at += offsetof(PictureArguments, request);
            return true;
        }
        for (int k = 0; k < OWN_COUNT; k++) {
            if (strcmp(OWN[k].after, p < 0 ? "" : PARAMS[p].name) || !(OWN[k].in & in) || i-- > 0) continue;
            *o = OWN[k].option;
            return true;
        }
    }
    return false;
}

static bool txt2img_row(int i, Option *o) { return row(i, OF_TXT2IMG, o); }
static bool img2img_row(int i, Option *o) { return row(i, OF_IMG2IMG, o); }
static bool record_row(int i, Option *o) { return row(i, OF_RECORD, o); }
bool grid_row(int i, Option *o) { return row(i, OF_GRID, o); }

#define OF_PROGRAM OPTION_ROWS(open, model_rows), OPTION_END
const Option TXT2IMG_OPTIONS[] = {{.kind = OPT_ROWS, .row = txt2img_row}, OF_PROGRAM};
const Option IMG2IMG_OPTIONS[] = {{.kind = OPT_ROWS, .row = img2img_row}, OF_PROGRAM};
const Option RECORD_OPTIONS[] = {{.kind = OPT_ROWS, .row = record_row}, OF_PROGRAM};

/* --- outpainting --- */

/* "left=128,top=64"; "none" */
int picture_options_sides(const Command *c, PictureArguments *a) {
    static const char BEGIN[] = "extend-";
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->in_extend) param_set_number(p, &a->request, p->standard);
    if (a->extend && !strcmp(a->extend, "none")) a->extend = NULL;
    uint32_t color;
    if (a->background && !picture_color(a->background, &color))
        return usage_error(c, "--background: '%.40s' is no colour; write RRGGBB, white or black", a->background);
    for (const char *at = a->extend; at && *at;) {
        char name[40], *end;
        size_t n = strcspn(at, "=,");
        snprintf(name, sizeof name, "%s%.*s", BEGIN, n > 20 ? 20 : (int)n, at);
        const Param *p = param_named(name);
        if (!p || !p->in_extend)
            return usage_error(c, "--extend: '%s' is no side; say left, right, top or bottom", name + sizeof BEGIN - 1);
        if (at[n] != '=') return usage_error(c, "--extend: say by how many pixels: %s=128", name + sizeof BEGIN - 1);
        long v = strtol(at + n + 1, &end, 10);
        if (at[n + 1] < '0' || at[n + 1] > '9' || (*end && *end != ',') || v < 1 || (double)v > p->high)
            return usage_error(c, "--extend: %s: not in 1..%.0f pixels", name + sizeof BEGIN - 1, p->high);
        if (param_number(p, &a->request) > 0) return usage_error(c, "--extend: %s: twice", name + sizeof BEGIN - 1);
        param_set_number(p, &a->request, (double)v);
        at = *end ? end + 1 : end;
        if (*end && !*at) return usage_error(c, "--extend: ends with a comma");
    }
    return a->extend && !*a->extend ? usage_error(c, "--extend: no side; say left=128 or the like") : GO_ON;
}

/* --- checks --- */

bool picture_of_folder(const PictureArguments *a) {
    return a->of == OF_IMG2IMG && a->image && os_kind(a->image) == OS_DIRECTORY;
}

int64_t picture_count(const PictureArguments *a) {
    return (int64_t)request_pictures(&a->request) * a->batch_count * a->loops;
}

static bool codes(const PictureArguments *a) { return a->only_encode || a->only_decode; }

/* What only encodes or decodes leaves all else aside. */
static int check_coding(const Command *c, const PictureArguments *a) {
    static const char *const COUNT[2][9] = {
        {"resize-mode", "encode", "vae-encoder", "width", "height", "seed", "rng", "batch-size", "tiling"},
        {"vae-decoder", "tiling"}};
    if (!codes(a)) return GO_ON;
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        bool counts = false;
        const char *text =
            p->type >= PARAM_SAMPLER ? *(const char *const *)(const void *)((const char *)&a->request + p->at) : NULL;
        for (int i = 0; i < 9; i++) {
            const char *name = COUNT[a->only_decode != NULL][i];
            counts = counts || (name && !strcmp(name, p->name));
        }
        if (!counts && (text ? !p->text || strcmp(text, p->text) : !param_is_unset(p, &a->request)))
            return usage_error(c, "--%s: does not count with --only-%s; leave it out", p->name,
                               a->only_decode ? "decode" : "encode");
    }
    if (a->prompts || a->mask || a->refiner || a->hires_model || a->sheet || a->preview || a->attention || a->extend ||
        a->networks.lora.count || a->controls.count || a->batch_count > 1 || a->loops > 1)
        return usage_error(c, "--only-%s: leave out what draws", a->only_decode ? "decode" : "encode");
    return !a->only_encode || !a->out ? GO_ON
                                      : usage_error(c, "--out: does not count with --only-encode; leave it out");
}

static int check_seed(const Command *c, const char *option, int64_t seed, const PictureArguments *a) {
    if (seed <= INT64_MAX - ((int64_t)a->request.batch_size * a->batch_count * a->loops - 1)) return GO_ON;
    return usage_error(c, "%s: %" PRId64 " leaves no room to count up; choose a smaller one", option, seed);
}

static int check_request(const Command *c, const PictureArguments *a) {
    int code = check_seed(c, "--seed", a->request.seed, a);
    if (code == GO_ON) code = check_seed(c, "--variation-seed", a->request.variation_seed, a);
    return code == GO_ON ? settings_check(c, &a->request) : code;
}

static int check_program(const Command *c, const PictureArguments *a) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_refiner && !a->refiner && param_number(p, &a->request) != p->standard)
            return usage_error(c, "--%s: needs --refiner MODEL", p->name);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_mask && !a->mask && param_number(p, &a->request) != p->standard)
            return usage_error(c, "--%s: needs --mask FILE", p->name);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_extend && !a->extend && param_number(p, &a->request) != p->standard)
            return usage_error(c, "--%s: needs --extend SIDE=N", p->name);
    if (a->hires_model && !request_hires(&a->request))
        return usage_error(c, "--hires-checkpoint: counts only with --hires-scale, or a hires size");
    if (a->extend && a->mask) return usage_error(c, "--extend: makes its own mask; leave --mask out");
    if (a->extend && a->loops > 1) return usage_error(c, "--extend: once; leave --loops out");
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->or_hires && a->of == OF_TXT2IMG && !param_is_unset(p, &a->request) && !request_hires(&a->request))
            return usage_error(c, "--%s: counts only with --hires-scale, or a hires size", p->name);
    if (a->preview_by && !a->sheet && !a->preview)
        return usage_error(c, "--preview: needs --preview-out FILE or --steps-sheet FILE");
    if (a->preview_by == SD_PREVIEW_TAESD && !a->open.parts.taesd)
        return usage_error(c, "--preview: taesd needs its file; name it with --taesd");
    if (a->request.tap && !a->request.taps && a->of != OF_RECORD) return usage_error(c, "--tap: needs --taps FILE");
    if (a->loops == 1 && (a->final_strength >= 0 || a->loop_factor != 1 || a->loop_curve != LOOP_LINEAR))
        return usage_error(c, "--final-strength, --loop-curve, --loop-factor: count with --loops N");
    if (a->loop_factor != 1 && (a->final_strength >= 0 || a->loop_curve != LOOP_LINEAR))
        return usage_error(c, "--loop-factor: does not count beside --final-strength and --loop-curve; leave one out");
    if (a->loops > 1 && (a->request.batch_size > 1 || a->sheet || a->preview || a->request.taps))
        return usage_error(c, "--loops: not with --batch-size, --steps-sheet, --preview-out and --taps");
    if (a->next_seeds && !a->prompts) return usage_error(c, "--next-seeds: needs --prompts-from FILE");
    if (a->request.taps && a->batch_count > 1)
        return usage_error(c, "--taps: records one run; do not combine with --batch-count");
    return model_options_check(c, &a->open);
}

/* A model's name, which is easily taken for the picture's, or a picture's format that is not written. */
static int check_format(const Command *c, const char *option, const char *path) {
    Error e = {0};
    const char *end = path ? strrchr(path, '.') : NULL;
    if (end && (!strcmp(end, ".safetensors") || !strcmp(end, ".ckpt")))
        return usage_error(c, "%s: %.200s: is a model's name; name a picture file, such as .png", option, path);
    if (!path || image_write_check(path, &e)) return GO_ON;
    return e.code == ERR_ARGUMENT ? usage_error(c, "%s: %s", option, e.text) : report(c, &e);
}

/* "-": standard input and output. */
static int take_streams(const Command *c, PictureArguments *a) {
    int64_t pictures = picture_count(a);
    if (a->out && !strcmp(a->out, "-") && pictures > 1 && a->of != OF_RECORD)
        return usage_error(c, "--out: standard output takes one picture, not %" PRId64 "; name a file", pictures);
    input_file(&a->image);
    input_file(&a->mask);
    input_file(&a->prompts);
    if (a->mask && a->image && !strcmp(a->mask, "/dev/stdin") && !strcmp(a->image, a->mask))
        return usage_error(c, "--mask: standard input is the picture; name a file");
    int code = output_file(c, "--out", &a->out);
    if (code == GO_ON) code = output_file(c, "--only-encode", &a->only_encode);
    if (code == GO_ON) code = output_file(c, "--steps-sheet", &a->sheet);
    if (code == GO_ON) code = output_file(c, "--preview-out", &a->preview);
    return code == GO_ON ? output_file(c, "--taps", &a->request.taps) : code;
}

static int check_files(const Command *c, const PictureArguments *a) {
    Error e = {0};
    bool folder = picture_of_folder(a), several = a->prompts || picture_count(a) > 1;
    int code = a->of == OF_RECORD || folder ? GO_ON : check_format(c, "--out", a->out);
    if (code == GO_ON && !folder) code = output_quality(c, a->quality, a->out);
    if (code == GO_ON) code = check_format(c, "--steps-sheet", a->sheet);
    if (code == GO_ON) code = check_format(c, "--preview-out", a->preview);
    if (code != GO_ON) return code;
    enum { WRITTEN = 5, READ = 9 };
    const char *const written[WRITTEN][2] = {{"--out", folder ? NULL : a->out},
                                             {"--steps-sheet", a->sheet},
                                             {"--taps", a->request.taps},
                                             {"--preview-out", a->preview},
                                             {"--only-encode", a->only_encode}};
    SdRequest r = a->request;
    const char *by = request_enlarges_by_file(&r) ? *request_enlarger(&r) : NULL;
    const char *const read[READ] = {a->model, a->refiner, a->hires_model, a->request.noise, a->image,
                                    a->mask,  by,         a->prompts,     a->only_decode};
    for (int i = 0; i < WRITTEN; i++) {
        bool listed =
            network_options_name(&a->networks, written[i][1]) || control_options_name(&a->controls, written[i][1]);
        for (int k = 0; k < READ + 1; k++)
            if (k < READ ? file_same(written[i][1], read[k])
                         : listed || part_options_name(&a->open.parts, written[i][1]))
                return usage_error(c, "%s: %.200s is also an input file; name another file", written[i][0],
                                   written[i][1]);
        for (int k = 0; k < i; k++)
            if (written[i][1] && written[k][1] &&
                (!strcmp(written[i][1], written[k][1]) || file_same(written[i][1], written[k][1])))
                return usage_error(c, "%s: %.200s is also that of %s; name another file", written[i][0],
                                   file_shown(written[i][1]), written[k][0]);
    }
    if ((a->attention && !new_folder_check(a->attention, &e)) ||
        (!folder && !a->only_encode && !output_check(a->out, several, &e)) ||
        (a->only_encode && !atomic_check(a->only_encode, &e)) ||
        (a->request.taps && !atomic_check(a->request.taps, &e)) || (a->sheet && !atomic_check(a->sheet, &e)) ||
        (a->preview && !atomic_check(a->preview, &e)))
        return report(c, &e) && EXIT_FAILED;
    return GO_ON;
}

/* Where a picture to start from is an option, what counts only with one needs it. */
static int check_start(const Command *c, const PictureArguments *a) {
    const char *of_image = a->mask ? "--mask" : a->extend ? "--extend" : a->background ? "--background" : NULL;
    if (of_image && !a->image) return usage_error(c, "%s: needs the picture to start from, after -i", of_image);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_image && !a->image && !param_is_unset(p, &a->request) && !(p->or_hires && request_hires(&a->request)))
            return usage_error(c, "--%s: needs the picture to start from, after -i", p->name);
    return GO_ON;
}

/* A record has a name; it is of one device's run. */
static int check_record(const Command *c, const PictureArguments *a) {
    if (!a->out) return usage_error(c, "no record named: say where it goes after -o");
    if (a->open.device && strchr(a->open.device, ',')) return usage_error(c, "--device: one at a time");
    return GO_ON;
}

PictureArguments picture_defaults(PictureCommand of) {
    PictureArguments a = {.of = of,
                          .batch_count = 1,
                          .values = RECORD_VALUES,
                          .loops = 1,
                          .final_strength = -1,
                          .loop_factor = 1,
                          .loop_curve = LOOP_LINEAR,
                          .request = sd_request(NULL)};
    params_forget(&a.request);
    return a;
}

int picture_options_lists(const Command *c, PictureArguments *a) {
    int code = control_options_read(c, &a->controls);
    if (code == GO_ON) code = picture_options_sides(c, a);
    return code == GO_ON ? network_options_read(c, &a->networks) : code;
}

int picture_options_settings(const Command *c, const PictureArguments *a) {
    int code = check_request(c, a);
    if (code == GO_ON) code = check_program(c, a);
    if (code == GO_ON) code = control_options_check(c, &a->controls, a->image, a->mask);
    if (code == GO_ON && !a->model && !sd_builtin())
        code = usage_error(
            c, "no model is built in: -m takes a .safetensors file of Stable Diffusion 1.x, 2.x or SDXL, or a "
               "diffusers folder");
    if (code == GO_ON) code = check_coding(c, a);
    if (code == GO_ON && !a->request.prompt && !a->prompts && !codes(a))
        code = usage_error(c, "no prompt: say what to show after -p");
    if (code == GO_ON && a->of == OF_RECORD) code = check_record(c, a);
    if (code == GO_ON && a->of & (OF_RECORD | OF_GRID)) code = check_start(c, a);
    if (code == GO_ON && a->of == OF_IMG2IMG && !a->image)
        code = usage_error(c, "no picture to start from: name one after -i");
    return code;
}

int picture_options_files(const Command *c, PictureArguments *a) {
    int code = take_streams(c, a);
    return code == GO_ON ? check_files(c, a) : code;
}

int picture_options(const Command *c, PictureArguments *a, int argc, char **argv) {
    int rest = 0;
    *a = picture_defaults(c->options == TXT2IMG_OPTIONS   ? OF_TXT2IMG
                          : c->options == IMG2IMG_OPTIONS ? OF_IMG2IMG
                                                          : OF_RECORD);
    int code = options_parse(c, a, argc, argv, &rest);
    if (code == GO_ON) code = picture_options_lists(c, a);
    if (code != GO_ON) return code;
    if (rest) return usage_error(c, "unexpected argument '%.60s'; put the prompt after -p", argv[0]);
    code = picture_options_settings(c, a);
    if (code == GO_ON) code = picture_options_files(c, a);
    const char *const written[] = {a->out, a->sheet, a->request.taps, a->preview};
    for (size_t i = 0; code == GO_ON && i < sizeof written / sizeof *written; i++)
        if (written[i] && options_text_file(c, argc, argv, written[i]))
            return usage_error(c, "%.200s: a prompt is read from it; name another file", written[i]);
    return code;
}

/* Number i of the prompts of a request; NULL: past the last. */
static char **prompt_of(PictureArguments *a, int i) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->type == PARAM_PROMPT && i-- == 0) return (char **)(void *)((char *)&a->request + p->at);
    return NULL;
}

bool picture_copy(const PictureArguments *from, PictureArguments *to, Error *e) {
    char **text;
    bool ok = true;
    *to = *from;
    to->networks.paths = NULL; /* the names stay theirs */
    memset(to->networks.files, 0, sizeof to->networks.files);
    for (int i = 0; (text = prompt_of(to, i)); i++)
        if (*text && !(*text = text_copy(*text, strlen(*text)))) ok = false;
    if (!ok) picture_copy_free(to);
    return ok || error_set(e, ERR_MEMORY, "out of memory for a prompt");
}

void picture_copy_free(PictureArguments *a) {
    char **text;
    for (int i = 0; (text = prompt_of(a, i)); i++) free(*text), *text = NULL;
    network_options_free(&a->networks);
}

void picture_options_free(PictureArguments *a) {
    control_options_free(&a->controls);
    picture_copy_free(a);
}
