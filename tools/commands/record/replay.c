/* replay.c: `sdc replay FILE -m MODEL`: makes a picture again from what it says, and compares. */
#include "named_files.h"
#include "replay_compare.h"
#include "replay_find.h"
#include "said.h"
#include "tools/cli/commands.h"
#include "tools/cli/options/network_options.h"
#include "tools/cli/output.h"
#include "tools/cli/picture_start.h"
#include "tools/cli/progress.h"
#include "sd/image/image.h"
#include "sd/image/image_text.h"
#include "sd/info/infotext_control.h"
#include "sd/info/infotext_request.h"
#include "sd/info/picture_info.h"
#include "sd/load/control.h"
#include "sd/load/model_hash.h"
#include "sd/info/params.h"
#include "sd/sd.h"
#include "tensor/os.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    NamedFiles named;
    const char *out, *files;
    ReplayFound found;
} Arguments;

static const Option OPTIONS[] = {OPTION_ROWS(named, named_files_rows),
                                 OPTION(STRING, out, 'o', "out", "FILE", "save the new picture, a PNG file"),
                                 OPTION(STRING, files, 0, "files", "DIR",
                                        "look below it for the files that the text names and options do not, by name "
                                        "and hash; a ControlNet's as --control :IMAGE, an IP-Adapter's and its vision "
                                        "encoder's as --image-prompt IMAGE alone"),
                                 OPTION_ROWS(named.open, model_rows), OPTION_END};

/* --- from text to request --- */

typedef struct {
    PictureInfo info;
    SdRequest request;
    SdPrecision precision;
    SdPrediction prediction;
    int exact;   /* version of the same bits; 0: not promised */
    Image image; /* img2img's, */
    Image mask;  /* and its mask */
} Replay;

/* The first key of the text that tells of a mask; NULL: none does. */
static const char *mask_key(const InfoRead *text) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_mask && p->key && infotext_get(text, p->key)) return p->key;
    return NULL;
}

/* Whether the text is complete, and the files that it needs were named. */
static bool check_request(const Arguments *a, Replay *r, Error *e) {
    static const char *const NEEDED[] = {"Steps", "Sampler", "Seed", "Size-1", "Size-2"};
    bool from_image = infotext_get(&r->info.read, "Denoising strength") != NULL && !request_hires(&r->request);
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++)
        if (!infotext_get(&r->info.read, NEEDED[i]))
            return error_set(e, ERR_FORMAT, "the text does not tell its %.*s", (int)strcspn(NEEDED[i], "-"), NEEDED[i]);
    if (r->request.seed < 0) return error_set(e, ERR_FORMAT, "Seed: %lld is random", (long long)r->request.seed);
    if (from_image && !a->named.image)
        return error_set(e, ERR_FORMAT,
                         "Denoising strength: needs the picture that it was made from; name it after -i");
    if (!from_image && a->named.image)
        return error_set(e, ERR_FORMAT, "was not made from a picture: has no Denoising strength; leave -i out");
    const char *masked = mask_key(&r->info.read);
    if (masked && !a->named.mask)
        return error_set(e, ERR_FORMAT, "%s: needs the mask that it was made with; name it after --mask", masked);
    if (!from_image && a->named.mask) return error_set(e, ERR_FORMAT, "was not made from a picture; leave --mask out");
    bool network = request_enlarges_by_file(&r->request);
    const char **enlarger = request_enlarger(&r->request);
    if (network && !a->named.upscaler)
        return error_set(e, ERR_FORMAT, "%s upscaler: needs %.100s; name its file after --upscaler",
                         request_hires(&r->request) ? "Hires" : "SD upscale", *enlarger);
    if (!network && a->named.upscaler)
        return error_set(e, ERR_FORMAT, "was made without an upscaler's file; leave --upscaler out");
    if (network) *enlarger = a->named.upscaler;
    const char *refiner = infotext_refiner(&r->info.read);
    if (refiner && !a->named.refiner)
        return error_set(e, ERR_FORMAT, "Refiner: needs %.100s; name its file after --refiner", refiner);
    if (!refiner && a->named.refiner)
        return error_set(e, ERR_FORMAT, "was made without a refiner; leave --refiner out");
    const char *next = infotext_hires_model(&r->info.read);
    if (next && !a->named.hires_model)
        return error_set(e, ERR_FORMAT, "Hires checkpoint: needs %.100s; name its file after --hires-checkpoint", next);
    if (!next && a->named.hires_model)
        return error_set(e, ERR_FORMAT, "was made without a second model in hires fix; leave --hires-checkpoint out");
    if (a->named.noise && !infotext_get(&r->info.read, "Noise"))
        return error_set(e, ERR_FORMAT, "did not begin with a file of noise; leave --noise out");
    SdRequest checked = r->request;
    if (network) *request_enlarger(&checked) = NULL; /* a file, which is not open yet */
    return params_check(&checked, e);
}

/* The webui does not say how many times SD upscale enlarged, which its picture tells: whole numbers up to 4. */
static void find_scale(SdRequest *r, const Image *was) {
    SdRequest other = *r;
    for (int scale = 1, w, h; scale <= 4; scale++) {
        other.sd_upscale = scale;
        sd_finished_size(&other, &w, &h);
        if (w == was->width && h == was->height) {
            r->sd_upscale = scale;
            return;
        }
    }
}

static const char *part_option(const Arguments *a, int i) {
    return *(const char *const *)(const void *)((const char *)&a->named.open.parts + REPLAY_PART[i].at);
}

/* Whether the files that the text names were given, and no others. --vae none is the user's own decision. */
static bool check_parts(const Arguments *a, const Replay *r, Error *e) {
    bool tiny = r->request.vae_decoder == SD_VAE_TAESD || r->request.vae_encoder == SD_VAE_TAESD;
    const char *hash, *version = infotext_get(&r->info.read, "Version");
    bool ours = version && !strcmp(version, "sd.c");
    for (int i = 0; i < REPLAY_PARTS; i++) {
        const char *given = part_option(a, i), *name = infotext_part(&r->info.read, REPLAY_PART[i].key, &hash);
        bool taesd = REPLAY_PART[i].part == GIVEN_TAESD_DECODER;
        if (taesd && tiny && !name && !ours) name = "TAESD"; /* the webui does not say which; ours: the model's own */
        if (name && !given)
            return error_set(e, ERR_FORMAT, "%s: needs %.100s; name its file after %s%s", REPLAY_PART[i].key, name,
                             REPLAY_PART[i].option, REPLAY_PART[i].part == GIVEN_VAE ? ", or none" : "");
        if (!name && given && strcmp(given, "none"))
            return error_set(e, ERR_FORMAT, "was made without a %s of its own; leave %s out", REPLAY_PART[i].key,
                             REPLAY_PART[i].option);
    }
    return true;
}

/* The ControlNets that the text names, by the files that were given. */
static bool take_controls(const Arguments *a, const Replay *r, Error *e) {
    int count = infotext_controls(&r->info.read);
    char model[280];
    for (int i = 0; i < count; i++) {
        SdControl said = {0};
        bool prompt;
        if (!infotext_control(&r->info.read, i, &said, model, &prompt, e)) return false;
        if (i >= a->named.controls.count || a->named.controls.at[i].prompt != prompt)
            return error_set(e, ERR_FORMAT,
                             "ControlNet %d: needs %.100s and the picture that it was shown; name both %s", i, model,
                             prompt ? "after --ip-adapter and --image-prompt, with --image-encoder"
                                    : "after --control, as FILE:IMAGE");
        a->named.controls.at[i].control = said;
    }
    return a->named.controls.count <= count ||
           error_set(e, ERR_FORMAT,
                     "was made with %d ControlNets and image prompts; leave --control and --image-prompt out %s", count,
                     count ? "for the others" : "");
}

/* The files of --files, once the request is read. */
static bool find_files(Arguments *a, Replay *r, Error *e) {
    const char **by = request_enlarges_by_file(&r->request) ? request_enlarger(&r->request) : NULL;
    if (a->files && !replay_find(&r->info.read, by ? *by : NULL, a->files, &a->named, &a->found, e)) return false;
    r->request.lora_dir = a->named.lora_dir;
    return true;
}

static bool read_request(Arguments *a, Replay *r, Error *e) {
    r->request = sd_request(NULL);
    r->request.noise = a->named.noise;
    r->request.network_hashes = infotext_get(&r->info.read, "Lora hashes");
    if (r->info.missing)
        return error_set(e, ERR_FORMAT, "%s's text says more than sdc can do again: %s", r->info.program,
                         r->info.missing);
    r->exact = infotext_exact(&r->info.read);
    return infotext_request(&r->info.read, &r->request, e) && infotext_precision(&r->info.read, &r->precision, e) &&
           infotext_prediction(&r->info.read, &r->prediction, e) && find_files(a, r, e) && check_request(a, r, e) &&
           check_parts(a, r, e) &&
           said_folder(infotext_get(&r->info.read, "TI hashes"), r->request.network_hashes, a->named.open.embedding_dir,
                       e) &&
           take_controls(a, r, e);
}

/* --- comparing --- */

static void warn_of_model(SdModel *model, const InfoRead *text, Error *e) {
    const char *said = infotext_get(text, "Model hash"), *is = model_hash(model, e);
    const char *name = infotext_get(text, "Model");
    if (!said || !is || strlen(said) < 10) return; /* shorter ones are an old kind, of a part of the file */
    if (strncmp(said, is, strlen(said)))
        fprintf(stderr, "sdc: warning: the picture was made by another model: %.64s %.100s, this one is %.10s\n", said,
                name ? name : "", is);
}

/* The same of "NAME [HASH]"; old texts have a shorter hash there, too. */
static void warn_of_second(SdModel *m, const char *said, const char *what, Error *e) {
    const char *is = m ? model_hash(m, e) : NULL, *hash = said ? strrchr(said, '[') : NULL;
    size_t n = hash ? strcspn(hash + 1, "]") : 0;
    if (is && n >= 10 && strncmp(hash + 1, is, n))
        fprintf(stderr, "sdc: warning: the picture was %s by another model: %.100s, this one is %.10s\n", what, said,
                is);
}

/* The same where both have one kind of hash. */
static void warn_of_title(const char *said, const char *is, const char *what) {
    const char *a = strrchr(said, '['), *b = strrchr(is, '[');
    if (a && b && strlen(a) == strlen(b) && strcmp(a, b))
        fprintf(stderr, "sdc: warning: the picture was made %s: %.100s, this one is %.100s\n", what, said, is);
}

/* The same of parts from files of their own. */
static void warn_of_parts(SdModel *model, const InfoRead *text, Error *e) {
    for (int i = 0; i < REPLAY_PARTS; i++) {
        GivenPart part = REPLAY_PART[i].part;
        const char *said, *name = infotext_part(text, REPLAY_PART[i].key, &said);
        if (part == GIVEN_TAESD_DECODER && !checkpoint_is_given(model->checkpoint, part)) part = GIVEN_TAESD_ENCODER;
        const char *is =
            name && said && checkpoint_is_given(model->checkpoint, part) ? given_hash(model, part, e) : NULL;
        size_t n = said ? strspn(said, "0123456789abcdef") : 0;
        if (is && n >= 10 && strncmp(said, is, n))
            fprintf(stderr, "sdc: warning: the picture was made with another %s: %.100s %.10s, this one is %.10s\n",
                    REPLAY_PART[i].key, name, said, is);
    }
}

/* The same of ControlNets and image prompts. */
static void warn_of_controls(const OpenControls *open, const InfoRead *text, Error *e) {
    const char *said, *vision = infotext_part(text, "Image encoder", &said);
    for (int i = 0; i < open->count; i++) {
        SdControl how = {0};
        char was[280], is[280];
        bool prompt;
        if (!infotext_control(text, i, &how, was, &prompt, e)) return;
        control_title(open->controls[i].net, is);
        warn_of_title(was, is, prompt ? "with another IP-Adapter" : "with another ControlNet");
        if (!prompt || !vision || !control_vision_title(open->controls[i].net, is, e)) continue;
        warn_of_title(vision, is, "with another vision encoder");
        vision = NULL;
    }
}

static bool save(const SdPicture *p, const char *path, Error *e) {
    return image_write(p->rgb, p->width, p->height, p->parameters, IMAGE_QUALITY, path, e);
}

static int generate(const Command *c, const Arguments *a, Replay *r, const ReplayFile *was) {
    Error e = {0};
    Progress progress;
    SdResult result = {0};
    ModelOptions open = a->named.open;
    char precision[16], prediction[8];
    if (!open.precision) open.precision = words_get(PRECISION_WORDS, (int)r->precision, precision, sizeof precision);
    if (!open.prediction && r->prediction)
        open.prediction = words_get(PREDICTION_WORDS, (int)r->prediction - 1, prediction, sizeof prediction);
    open.ema = open.ema || infotext_ema(&r->info.read);
    if (!a->named.open.precision && !a->named.open.device && r->exact == SD_EXACT_VERSION) open.exact = true;
    else if (r->exact && r->exact != SD_EXACT_VERSION)
        fprintf(stderr, "sdc: note: %s: has the bits of version %d, this program those of version %d\n", was->path,
                r->exact, SD_EXACT_VERSION);
    os_catch_stop();
    progress_begin(&progress, open.quiet, 1);
    SdModel *model = model_options_open(&open, a->named.model, &e),
            *refiner = refiner_open(&open, a->named.refiner, &e), *next = refiner_open(&open, a->named.hires_model, &e);
    if (model) warn_of_model(model, &r->info.read, &e);
    if (model) warn_of_parts(model, &r->info.read, &e);
    if (model && !e.code)
        said_embeddings(infotext_get(&r->info.read, "TI hashes"), r->request.network_hashes, "picture", model, &e);
    warn_of_second(refiner, infotext_refiner(&r->info.read), "refined", &e);
    warn_of_second(next, infotext_hires_model(&r->info.read), "drawn the second time", &e);
    char called[UPSCALER_NAME];
    SdUpscaler *upscaler = model && !e.code ? picture_upscaler(&open, &r->request, called, &e) : NULL;
    r->request.refiner = refiner, r->request.hires_model = next;
    OpenControls controls;
    controls_open(&controls, &a->named.controls, model, &r->request, &e);
    if (!e.code) warn_of_controls(&controls, &r->info.read, &e);
    networks_note(model, &r->request, open.quiet, &e);
    model_note_ignored(&open, model, &r->request);
    r->request.progress = progress_show;
    r->request.user = &progress;
    bool ok = model && !e.code && (r->request.image ? sd_img2img : sd_txt2img)(model, &r->request, &result, &e),
         equal = false;
    progress_clear(&progress);
    ok = ok && (!a->out || save(&result.pictures[0], a->out, &e));
    if (ok) replay_compare(was, &result.pictures[0], &equal);
    if (ok && !equal && a->found.converted[1])
        fprintf(stderr, "sdc: note: %s is the same model as %s, converted; name it if the picture was made with it\n",
                a->found.converted[1], a->found.converted[0]);
    if (ok) said_networks(r->request.network_hashes, "picture", result.pictures[0].parameters);
    sd_free(&result);
    controls_close(&controls);
    sd_close(model);
    sd_close(refiner);
    sd_close(next);
    sd_upscaler_close(upscaler);
    if (e.code == ERR_CANCELLED && os_stop_signal()) return report_stop("step %d of %d", progress.step, progress.steps);
    if (e.code) return report(c, &e);
    int code = finish_output();
    return code ? code : equal ? EXIT_DONE : EXIT_FAILED;
}

static int replay(const Command *c, Arguments *a, const char *path) {
    Error e = {0}, field = {0};
    Replay r = {0};
    ReplayFile was = {.path = file_shown(path), .bytes = image_bytes(path, &e)};
    const FileBytes *b = &was.bytes;
    int code = EXIT_FAILED;
    path = was.path;
    bool ok = b->bytes && picture_info_of(b->bytes, b->size, path, &r.info, &e);
    was.text = r.info.raw;
    if (ok && !r.info.text) ok = error_set(&e, ERR_FORMAT, "%s: does not say how it was made", path);
    if (ok && !read_request(a, &r, &field)) ok = error_set(&e, ERR_FORMAT, "%s: %s", path, field.text);
    ok = ok && image_decode(b->bytes, b->size, path, IMAGE_WHITE, &was.image, &e);
    if (ok) warn(path, was.image.warning);
    ok = ok && picture_start(a->named.image, a->named.background, &r.image, &r.request, NULL, &e) &&
         picture_mask(a->named.mask, &r.mask, &r.request, &e);
    if (ok && a->named.mask && !infotext_get(&r.info.read, "Mask blur"))
        r.request.mask_blur = 0; /* the webui omits it */
    if (ok && request_tiles(&r.request) && !infotext_get(&r.info.read, "SD upscale scale"))
        find_scale(&r.request, &was.image);
    int width, height;
    sd_finished_size(&r.request, &width, &height);
    if (ok && (was.image.width != width || was.image.height != height))
        ok = error_set(&e, ERR_FORMAT, "%s: is %dx%d, but its text says %dx%d", path, was.image.width, was.image.height,
                       width, height);
    ok = ok && (!a->out || atomic_check(a->out, &e));
    if (ok) code = generate(c, a, &r, &was);
    else report(c, &e);
    file_bytes_free(&was.bytes);
    image_free(&was.image);
    image_free(&r.image);
    image_free(&r.mask);
    picture_info_free(&r.info);
    return code;
}

static int run(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest != 1) return usage_error(c, rest ? "'%.60s': one picture at a time" : "no picture named", argv[rest > 1]);
    if (!a.named.model && !a.files && !sd_builtin())
        return usage_error(c, "no model is built in: -m takes the one that the picture was made with");
    const char *path = argv[0];
    input_file(&path);
    code = output_file(c, "--out", &a.out);
    if (code == GO_ON && a.out && !image_write_check(a.out, &e)) code = usage_error(c, "--out: %s", e.text);
    if (code == GO_ON) code = named_files_check(c, &a.named, a.files != NULL);
    if (code == GO_ON && a.out && (file_same(a.out, path) || named_files_name(&a.named, a.out)))
        code = usage_error(c, "--out: %.200s is also an input file; name another file", a.out);
    if (code == GO_ON) code = replay(c, &a, path);
    control_options_free(&a.named.controls);
    replay_found_free(&a.found);
    return code;
}

const Command REPLAY = {
    "replay",
    run,
    "FILE -m MODEL [options]",
    "make a picture again from what it says, and compare",
    "The precision is the one that the picture says, unless --precision names another.\n"
    "Prints \"equal\" when every pixel is the same, of a JPEG and a WebP with loss when the new picture becomes the "
    "same file; else how much differs, and the exit code is 1. A field of the text "
    "that this version does not know is an error.",
    OPTIONS};
