/* picture_options.c: the options of txt2img, img2img and record: those of a request from the table of settings
 * (params.h), and the program's own among them. */
#include "picture_options.h"
#include "output.h"
#include "setting_option.h"
#include "sd/image/image.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the table --- */

typedef PictureArguments Arguments; /* for the rows */

enum { IN_TXT2IMG = 1, IN_IMG2IMG = 2, IN_RECORD = 4, IN_ALL = 7 };

/* Each follows a setting in the help. */
static const struct {
    const char *after; /* "": comes first */
    int in;            /* of which commands it is an option */
    Option option;
} OWN[] = {
    {"", IN_IMG2IMG | IN_RECORD,
     OPTION(STRING, image, 'i', "image", "FILE",
            "the picture to start from: PNG, JPEG, BMP, GIF; - is standard input")},
    {"noise", IN_TXT2IMG | IN_IMG2IMG, OPTION(LIST, networks.lora, 0, "lora", "FILE[:TE[:UNET]]", LORA_HELP)},
    {"vae-encoder", IN_IMG2IMG,
     OPTION(STRING, mask, 0, "mask", "FILE",
            "repaint what is white in this picture, or, where parts of it are transparent, what is not")},
    {"encode", IN_ALL, OPTION(STRING, model, 'm', "model", "MODEL", MODEL_HELP)},
    {"discard-next-to-last", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(LIST, controls.control, 0, "control", "FILE:IMAGE[:...]",
            "a ControlNet or T2I-Adapter and the picture that it is shown, then :weight=1 (0..2), :start=0, :end=1 (of "
            "the steps), :hint=canny (or invert, tile, scribble, luminance: what is made of IMAGE before), :low=100, "
            ":high=200 (canny's), :mode=balanced|prompt|control (what counts more), :resize=crop|stretch|fill; several "
            "times for several")},
    {"discard-next-to-last", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(
         LIST, controls.image_prompt, 0, "image-prompt", "IMAGE[:...]",
         "draw what this picture shows, by an IP-Adapter, then :weight=1 (0..2), :start=0, :end=1; several times for "
         "several")},
    {"discard-next-to-last", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(STRING, controls.ip_adapter, 0, "ip-adapter", "FILE",
            "the IP-Adapter (base or plus) of the model's family")},
    {"discard-next-to-last", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(STRING, controls.image_encoder, 0, "image-encoder", "FILE",
            "the IP-Adapter's vision encoder: CLIP's model.safetensors, or its folder")},
    {"negative-aesthetic-score", IN_ALL, OPTION(STRING, refiner, 0, "refiner", "MODEL", REFINER_HELP)},
    {"negative", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(STRING, out, 'o', "out", "FILE", "the picture, a PNG file; - is standard output")},
    {"negative", IN_RECORD,
     OPTION(STRING, out, 'o', "out", "FILE", "the record, a safetensors file; - is standard output")},
    {"ensd", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(STRING, sheet, 0, "steps-sheet", "FILE", "a contact sheet of the first picture after each step")},
    {"ensd", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(STRING, preview, 0, "preview-out", "FILE", "the first picture after each step, written over the last")},
    {"ensd", IN_TXT2IMG | IN_IMG2IMG,
     OPTION(ENUM, preview_by, 0, "preview", "full|taesd|approx",
            "how these two are decoded: by the VAE, by --taesd, or roughly and small (full)")},
    {"batch-size", IN_TXT2IMG | IN_IMG2IMG,
     OPTION_IN(INT, batch_count, 0, "batch-count", "N", 1, 100000, "number of batches (1)")},
    {"tap", IN_RECORD,
     OPTION_IN(INT, values, 0, "values", "N", 1, RECORD_MOST_VALUES,
               "sampled values to keep of each activation (32)")}};

enum { OWN_COUNT = sizeof OWN / sizeof *OWN };

/* Whether a setting is an option of these commands: a record has no mask. */
static bool is_in(const Param *p, int in) {
    if (in == IN_TXT2IMG) return !p->of_image || p->or_hires;
    return !p->of_hires && !(in == IN_RECORD && p->of_mask);
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

static bool txt2img_row(int i, Option *o) { return row(i, IN_TXT2IMG, o); }
static bool img2img_row(int i, Option *o) { return row(i, IN_IMG2IMG, o); }
static bool record_row(int i, Option *o) { return row(i, IN_RECORD, o); }

#define OF_PROGRAM OPTION_ROWS(open, model_rows), OPTION_END
const Option TXT2IMG_OPTIONS[] = {{.kind = OPT_ROWS, .row = txt2img_row}, OF_PROGRAM};
const Option IMG2IMG_OPTIONS[] = {{.kind = OPT_ROWS, .row = img2img_row}, OF_PROGRAM};
const Option RECORD_OPTIONS[] = {{.kind = OPT_ROWS, .row = record_row}, OF_PROGRAM};

/* --- checks --- */

static int check_seed(const Command *c, const char *option, int64_t seed, const PictureArguments *a) {
    if (seed <= INT64_MAX - ((int64_t)a->request.batch_size * a->batch_count - 1)) return GO_ON;
    return usage_error(c, "%s: %" PRId64 " leaves no room to count up", option, seed);
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
        if (p->or_hires && c->options == TXT2IMG_OPTIONS && !param_is_unset(p, &a->request) &&
            !request_hires(&a->request))
            return usage_error(c, "--%s: counts only with --hires-scale, or a hires size", p->name);
    if (a->preview_by && !a->sheet && !a->preview)
        return usage_error(c, "--preview: needs --preview-out FILE or --steps-sheet FILE");
    if (a->preview_by == SD_PREVIEW_TAESD && !a->open.parts.taesd)
        return usage_error(c, "--preview: taesd needs its file; name it with --taesd");
    if (a->request.tap && !a->request.taps && c->options != RECORD_OPTIONS)
        return usage_error(c, "--tap: needs --taps FILE");
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
    return !path || image_write_check(path, &e) ? GO_ON : usage_error(c, "%s: %s", option, e.text);
}

/* "-": standard input and output. */
static int take_streams(const Command *c, PictureArguments *a) {
    int64_t pictures = (int64_t)a->request.batch_size * a->batch_count;
    if (a->out && !strcmp(a->out, "-") && pictures > 1 && c->options != RECORD_OPTIONS)
        return usage_error(c, "--out: standard output takes one picture, not %" PRId64 "; name a file", pictures);
    input_file(&a->image);
    input_file(&a->mask);
    if (a->mask && a->image && !strcmp(a->mask, "/dev/stdin") && !strcmp(a->image, a->mask))
        return usage_error(c, "--mask: standard input is the picture; name a file");
    int code = output_file(c, "--out", &a->out);
    if (code == GO_ON) code = output_file(c, "--steps-sheet", &a->sheet);
    if (code == GO_ON) code = output_file(c, "--preview-out", &a->preview);
    return code == GO_ON ? output_file(c, "--taps", &a->request.taps) : code;
}

static int check_files(const Command *c, const PictureArguments *a) {
    Error e = {0};
    int code = c->options == RECORD_OPTIONS ? GO_ON : check_format(c, "--out", a->out);
    if (code == GO_ON) code = check_format(c, "--steps-sheet", a->sheet);
    if (code == GO_ON) code = check_format(c, "--preview-out", a->preview);
    if (code != GO_ON) return code;
    enum { WRITTEN = 4, READ = 6 };
    const char *const written[WRITTEN][2] = {
        {"--out", a->out}, {"--steps-sheet", a->sheet}, {"--taps", a->request.taps}, {"--preview-out", a->preview}};
    const char *const read[READ] = {a->model, a->refiner, a->request.noise,
                                    a->image, a->mask,    a->request.hires_upscaler};
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
    if (!output_check(a->out, (int64_t)a->request.batch_size * a->batch_count > 1, &e) ||
        (a->request.taps && !atomic_check(a->request.taps, &e)) || (a->sheet && !atomic_check(a->sheet, &e)) ||
        (a->preview && !atomic_check(a->preview, &e)))
        return report(c, &e) && EXIT_FAILED;
    return GO_ON;
}

/* A record has a name; what counts only with a picture needs one; it is of one device's run. */
static int check_record(const Command *c, const PictureArguments *a) {
    if (!a->out) return usage_error(c, "no record named: say where it goes after -o");
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_image && !a->image && !param_is_unset(p, &a->request))
            return usage_error(c, "--%s: needs the picture to start from, after -i", p->name);
    if (a->open.device && strchr(a->open.device, ',')) return usage_error(c, "--device: one at a time");
    return GO_ON;
}

int picture_options(const Command *c, PictureArguments *a, int argc, char **argv) {
    int rest = 0;
    *a = (PictureArguments){.batch_count = 1, .values = RECORD_VALUES, .request = sd_request(NULL)};
    params_forget(&a->request);
    int code = options_parse(c, a, argc, argv, &rest);
    if (code == GO_ON) code = control_options_read(c, &a->controls);
    if (code != GO_ON) return code;
    if (rest) return usage_error(c, "unexpected argument '%.60s'; put the prompt after -p", argv[0]);
    code = network_options_read(c, &a->networks);
    if (code == GO_ON) code = check_request(c, a);
    if (code == GO_ON) code = check_program(c, a);
    if (code == GO_ON && !a->model && !sd_builtin())
        code = usage_error(
            c, "no model is built in: -m takes a .safetensors file of Stable Diffusion 1.x, 2.x or SDXL, or a "
               "diffusers folder");
    if (code == GO_ON && !a->request.prompt) code = usage_error(c, "no prompt: say what to show after -p");
    if (code == GO_ON && c->options == RECORD_OPTIONS) code = check_record(c, a);
    if (code == GO_ON && c->options == IMG2IMG_OPTIONS && !a->image)
        code = usage_error(c, "no picture to start from: name one after -i");
    if (code == GO_ON) code = take_streams(c, a);
    return code == GO_ON ? check_files(c, a) : code;
}

void picture_options_free(const Command *c, PictureArguments *a) {
    control_options_free(&a->controls);
    network_options_free(&a->networks);
    options_free(c, a);
}
