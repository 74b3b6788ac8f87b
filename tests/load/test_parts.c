/* test_parts.c: parts of a model from files of their own: whatever the names in them, the picture is that of a model
 * that holds the same numbers; what does not fit is refused by name. */
#include "sd/load/model_hash.h"
#include "sd/sd.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- files --- */

/* Tensors whose names begin with `from` stay; in the file that is `to`, and their values are those of "OTHER" +
 * name where `other` says so. */
typedef struct {
    const char *from, *to;
    bool drop, other; /* drop: those that begin so go, and all others stay */
} Edit;

static void edit(void *user, MadeTensors *l) {
    const Edit *k = user;
    size_t n = strlen(k->from), kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        MadeTensor t = l->at[i];
        bool begins = !strncmp(t.name, k->from, n);
        if (begins == k->drop && !k->other) continue;
        if (!k->drop && !k->other) snprintf(t.name, sizeof t.name, "%s%.150s", k->to, l->at[i].name + n);
        if (k->other && begins) snprintf(t.source, sizeof t.source, "other.%.180s", l->at[i].source);
        l->at[kept++] = t;
    }
    l->count = kept;
}

/* The micro model without all or with nothing but what the edit says. */
static const char *make_edited(const char *name, Edit k, SdConfig config) {
    const char *path = test_path(name);
    bool whole = k.drop || k.other;
    MakeModel spec = {.dtype = F32, .config = whole ? NULL : "", .edit = edit, .user = &k};
    test_check(make_model_of(path, spec, config), "%s is written", name);
    return path;
}

typedef struct {
    const char *decoder, *encoder; /* prefixes; NULL: without */
    bool diffusers;
    int latent, levels; /* levels 0: TAESD's */
} Tiny;

/* Adds a half of TAESD under these names; generated values, whatever the names. */
static void add_taesd(MadeTensors *l, bool decoder, const Tiny *t, const char *prefix) {
    TaesdConfig k = decoder ? taesd_decoder_config() : taesd_encoder_config();
    static Taesd network;
    Error e = {0};
    WeightList w = {.err = &e};
    k.channels = 16, k.latent = t->latent;
    if (t->levels) k.levels = t->levels;
    (decoder ? taesd_bind_decoder : taesd_bind_encoder)(&network, &k, &w);
    for (int64_t i = 0; i < w.count; i++) {
        char source[192], name[192], *rest;
        const int64_t *n = w.w[i]->t.n;
        bool conv = w.w[i]->t.nd == 4;
        long number = strtol(w.w[i]->name, &rest, 10);
        snprintf(source, sizeof source, "taesd.%s.%s", decoder ? "decoder" : "encoder", w.w[i]->name);
        snprintf(name, sizeof name, "%s%ld%s", prefix, number - (t->diffusers && decoder), rest);
        made_tensor(l, source, name, F32, conv ? 4 : 1, conv ? SHAPE(n[0], n[3], n[1], n[2]) : n);
    }
    weight_list_free(&w);
}

static void only_taesd(void *user, MadeTensors *l) {
    const Tiny *t = user;
    l->count = 0;
    if (t->decoder) add_taesd(l, true, t, t->decoder);
    if (t->encoder) add_taesd(l, false, t, t->encoder);
}

static const char *make_taesd(const char *name, Tiny t) {
    const char *path = test_path(name);
    test_check(make_model(path, (MakeModel){.dtype = F32, .config = "", .edit = only_taesd, .user = &t}),
               "%s is written", name);
    return path;
}

/* --- pictures --- */

static const uint8_t INPUT[64 * 64 * 3];

typedef struct {
    uint8_t rgb[2][64 * 64 * 3];
    char text[1024];
    bool ok;
    SdPlan plan;
} Drawn;

static void change_nothing(SdRequest *r) { (void)r; }
static void from_picture(SdRequest *r) { r->image = INPUT, r->image_width = r->image_height = 64; }
static void two_pictures(SdRequest *r) { r->batch_size = 2; }
static void by_vae(SdRequest *r) { r->vae_decoder = r->vae_encoder = SD_VAE_FULL; }

static Drawn draw_as(const char *path, const SdOptions *o, void (*change)(SdRequest *), Error *e) {
    Drawn d = {.ok = false};
    SdResult result = {0};
    SdModel *m = sd_open(path, o, e);
    SdRequest r = sd_request(m);
    r.prompt = "a cat", r.width = r.height = 64, r.steps = 2, r.seed = 5;
    change(&r);
    d.ok = m && sd_plan(m, &r, &d.plan, e) && (r.image ? sd_img2img : sd_txt2img)(m, &r, &result, e);
    for (int i = 0; d.ok && i < result.count && i < 2; i++) memcpy(d.rgb[i], result.pictures[i].rgb, sizeof d.rgb[i]);
    if (d.ok) snprintf(d.text, sizeof d.text, "%s", result.pictures[0].parameters);
    sd_free(&result);
    sd_close(m);
    return d;
}

static Drawn draw(const char *path, SdOptions o) {
    Error e = {0};
    o.threads = 1;
    Drawn d = draw_as(path, &o, change_nothing, &e);
    test_check(d.ok, "%s is drawn", strrchr(path, '/') + 1);
    test_note("%s", e.text);
    return d;
}

static bool same(const Drawn *a, const Drawn *b) {
    return a->ok && b->ok && !memcmp(a->rgb[0], b->rgb[0], sizeof a->rgb[0]);
}

static void check_same(const char *what, const char *path, SdOptions o, const Drawn *want) {
    Drawn d = draw(path, o);
    test_check(same(&d, want), "%s: the model's own picture", what);
}

/* `words`, separated by '|', are all in the line. */
static void check_refused(const char *what, const char *path, SdOptions o, const char *words) {
    Error e = {0};
    SdModel *m = sd_open(path, &o, &e);
    test_check(!m && e.code == ERR_FORMAT && cli_holds(e.text, words), "%s is refused", what);
    test_note("%s", m ? "was opened" : e.text);
    sd_close(m);
}

/* --- the parts of SD 1.x --- */

#define VAE "first_stage_model."
#define UNET "model.diffusion_model."
#define TEXT "cond_stage_model.transformer."

static void sd1(void) {
    SdConfig k = micro_config();
    char whole[600], folder[600];
    snprintf(whole, sizeof whole, "%s", test_path("m.safetensors"));
    snprintf(folder, sizeof folder, "%s", test_path("folder"));
    test_check(make_model(whole, (MakeModel){.dtype = F32}), "a model is written");
    test_check(make_model(folder, (MakeModel){.dtype = F32, .layout = MODEL_DIFFUSERS}), "a folder is written");
    Drawn own = draw(whole, (SdOptions){0});
    char vae[600], bare[600], old[600], unet[600], text[600], other[600], part[700];
    snprintf(vae, sizeof vae, "%s", make_edited("vae.safetensors", (Edit){VAE, VAE, false, false}, k));
    snprintf(bare, sizeof bare, "%s", make_edited("bare.safetensors", (Edit){VAE, "", false, false}, k));
    snprintf(unet, sizeof unet, "%s", make_edited("unet.safetensors", (Edit){UNET, "", false, false}, k));
    snprintf(text, sizeof text, "%s", make_edited("text.safetensors", (Edit){TEXT, "", false, false}, k));
    snprintf(old, sizeof old, "%s", make_edited("old.safetensors", (Edit){TEXT "text_model.", "", false, false}, k));
    snprintf(other, sizeof other, "%s", make_edited("other.safetensors", (Edit){VAE, "", false, true}, k));
    check_same("a VAE as in a whole model", whole, (SdOptions){.vae = vae}, &own);
    check_same("a bare VAE", whole, (SdOptions){.vae = bare}, &own);
    check_same("a folder's VAE", whole, (SdOptions){.vae = folder}, &own);
    snprintf(part, sizeof part, "%s/vae/diffusion_pytorch_model.safetensors", folder);
    check_same("the file of a folder's VAE", whole, (SdOptions){.vae = part}, &own);
    check_same("a bare VAE in a folder's place", folder, (SdOptions){.vae = bare}, &own);
    check_same("a bare U-Net", whole, (SdOptions){.unet = unet}, &own);
    snprintf(part, sizeof part, "%s/unet", folder);
    check_same("a folder's U-Net", whole, (SdOptions){.unet = part}, &own);
    check_same("a text encoder", whole, (SdOptions){.text_encoder = text}, &own);
    check_same("a text encoder without text_model.", whole, (SdOptions){.text_encoder = old}, &own);
    test_check(make_model(test_path("shards"), (MakeModel){.dtype = F32, .layout = MODEL_DIFFUSERS, .shards = 3}),
               "a folder of shards is written");
    check_same("a folder's U-Net in shards", whole, (SdOptions){.unet = test_path("shards")}, &own);
    snprintf(part, sizeof part, "%s/text_encoder", folder);
    check_same("all at once", folder, (SdOptions){.vae = bare, .unet = unet, .text_encoder = part}, &own);

    Error e = {0};
    char fast[600];
    snprintf(fast, sizeof fast, "%s", test_path("fast.safetensors"));
    test_check(sd_convert(whole, fast, NULL, NULL, &e), "the model is converted");
    test_note("%s", e.text);
    check_same("a converted file's U-Net", whole, (SdOptions){.unet = fast}, &own);
    check_same("a converted file's VAE", whole, (SdOptions){.vae = fast}, &own);
    check_same("a converted file's parts in a folder", folder, (SdOptions){.unet = fast, .text_encoder = fast}, &own);

    /* another VAE is another picture, and that of a whole model with it */
    Drawn with = draw(whole, (SdOptions){.vae = other}), baked = draw(other, (SdOptions){0});
    test_check(!same(&with, &own) && same(&with, &baked), "another VAE is the one that decodes");
    test_check(strstr(with.text, "VAE hash: ") && strstr(with.text, ", VAE: other.safetensors"),
               "and its text says so");
    test_note("%s", with.text);

    char lacks[600];
    snprintf(lacks, sizeof lacks, "%s", make_edited("no-vae.safetensors", (Edit){VAE, "", true, false}, k));
    check_refused("a model without a VAE", lacks, (SdOptions){0}, "no-vae.safetensors: holds no VAE|--vae");
    check_same("a model without a VAE, and one", lacks, (SdOptions){.vae = bare}, &own);
    snprintf(lacks, sizeof lacks, "%s", make_edited("no-text.safetensors", (Edit){TEXT, "", true, false}, k));
    check_refused("a model without a text encoder", lacks, (SdOptions){0}, "holds no text encoder|--text-encoder");
    check_same("a model without a text encoder, and one", lacks, (SdOptions){.text_encoder = text}, &own);
    check_refused("a U-Net as a VAE", whole, (SdOptions){.vae = unet}, "unet.safetensors: holds no VAE");
    check_refused("a VAE as a U-Net", whole, (SdOptions){.unet = bare}, "bare.safetensors: holds no U-Net");
    check_refused("a U-Net alone", unet, (SdOptions){0}, "is a U-Net alone|--vae and --text-encoder");
}

/* --- families --- */

static void families(void) {
    const struct {
        const char *name;
        SdConfig (*config)(void);
        const char *first, *second; /* the folder's encoders that take the file's places */
    } ROWS[] = {{"sd2", micro_sd2_config, "text_encoder", NULL},
                {"sdxl", micro_sdxl_config, "text_encoder", "text_encoder_2"}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char single[600], folder[600], first[640], second[640], name[40];
        snprintf(name, sizeof name, "%s.safetensors", ROWS[i].name);
        snprintf(single, sizeof single, "%s", test_path(name));
        snprintf(folder, sizeof folder, "%s", test_path(ROWS[i].name));
        MakeModel spec = {.dtype = F32};
        bool ok = make_model_of(single, spec, ROWS[i].config());
        spec.layout = MODEL_DIFFUSERS;
        if (!test_check(ok && make_model_of(folder, spec, ROWS[i].config()), "%s is written", name)) continue;
        snprintf(first, sizeof first, "%s/%s", folder, ROWS[i].first);
        snprintf(second, sizeof second, "%s/%s", folder, ROWS[i].second ? ROWS[i].second : "");
        Drawn own = draw(folder, (SdOptions){.prediction = SD_PREDICTION_EPS});
        Drawn whole = draw(single, (SdOptions){.prediction = SD_PREDICTION_EPS});
        check_same("a folder's encoders in a single file", single,
                   (SdOptions){.prediction = SD_PREDICTION_EPS,
                               .text_encoder = first,
                               .text_encoder_2 = ROWS[i].second ? second : NULL},
                   &own);
        char last[700]; /* nothing but its names and shapes tell what it is */
        const char *from = ROWS[i].second ? second : first;
        snprintf(last, sizeof last, "%s/model.safetensors", from);
        SdOptions bare = {.prediction = SD_PREDICTION_EPS, .text_encoder = first};
        if (ROWS[i].second) bare.text_encoder_2 = last;
        else bare.text_encoder = last;
        check_same("the file of a folder's encoder", single, bare, &own);
        check_same("a single file's encoders in a folder", folder,
                   (SdOptions){.prediction = SD_PREDICTION_EPS,
                               .text_encoder = single,
                               .text_encoder_2 = ROWS[i].second ? single : NULL},
                   &whole);
    }
    check_refused("SDXL's U-Net in SD 1", test_path("m.safetensors"),
                  (SdOptions){.unet = test_path("sdxl.safetensors")}, "sdxl.safetensors: is a U-Net of|m.safetensors");
    check_refused("SDXL's second text encoder in SD 1", test_path("m.safetensors"),
                  (SdOptions){.text_encoder = test_path("sdxl/text_encoder_2")},
                  "text_encoder_2: is a text encoder of|m.safetensors is of|--text-encoder");
}

/* --- TAESD --- */

static int previews;
static uint8_t last_preview[64 * 64 * 3];
static int preview_side;

static bool keep_preview(void *user, const SdPicture *p, int step, int steps) {
    (void)user, (void)step, (void)steps;
    previews++, preview_side = p->width;
    memcpy(last_preview, p->rgb, (size_t)p->width * (size_t)p->height * 3);
    return true;
}

static void preview_taesd(SdRequest *r) {
    r->preview = keep_preview, r->preview_by = SD_PREVIEW_TAESD, r->sampler = "Euler";
}
static void preview_approx(SdRequest *r) {
    r->preview = keep_preview, r->preview_by = SD_PREVIEW_APPROX, r->sampler = "Euler";
}

/* A folder whose VAE is a TAESD, as SDXS has it. */
static void tiny_folder(const Drawn *want) {
    static const char CONFIG[] = "{\"_class_name\": \"AutoencoderTiny\", \"act_fn\": \"relu\", \"scaling_factor\": 1.0,"
                                 "\"num_encoder_blocks\": [1, 3, 3, 3], \"latent_magnitude\": 3}";
    static const char INDEX[] =
        "{\"_class_name\": \"StableDiffusionPipeline\", \"vae\": [\"diffusers\", \"AutoencoderTiny\"]}";
    char folder[600], config[700], index[700], bad[] = "{\"_class_name\": \"AutoencoderTiny\", \"act_fn\": \"silu\"}";
    snprintf(folder, sizeof folder, "%s", test_path("with_taesd"));
    snprintf(config, sizeof config, "%s/vae/config.json", folder);
    snprintf(index, sizeof index, "%s/model_index.json", folder);
    bool ok = make_model(folder, (MakeModel){.dtype = F32, .layout = MODEL_DIFFUSERS}) &&
              test_write(config, CONFIG, strlen(CONFIG)) && test_write(index, INDEX, strlen(INDEX));
    test_check(ok, "a folder with a TAESD is written");
    make_taesd("with_taesd/vae/diffusion_pytorch_model.safetensors",
               (Tiny){"decoder.layers.", "encoder.layers.", true, 4, 0});
    check_same("a TAESD as a folder's VAE", folder, (SdOptions){0}, want);
    Drawn d = draw(folder, (SdOptions){0});
    test_check(strstr(d.text, "VAE Decoder: TAESD") && !strstr(d.text, ", TAESD: "),
               "its text names no file of its own");
    Error e = {0};
    test_check(!sd_convert(folder, test_path("taesd-converted.safetensors"), NULL, NULL, &e) &&
                   strstr(e.text, "AutoencoderTiny"),
               "it is not converted without its VAE");
    test_note("%s", e.text);
    test_check(test_write(config, bad, strlen(bad)), "another is written");
    check_refused("an AutoencoderTiny with another activation", folder, (SdOptions){0}, "vae/config.json|act_fn|silu");
}

static void taesd(void) {
    char both[600], half[600], other[600], wide[600], whole[600];
    snprintf(whole, sizeof whole, "%s", test_path("m.safetensors"));
    snprintf(both, sizeof both, "%s",
             make_taesd("both.safetensors", (Tiny){"taesd_decoder.", "taesd_encoder.", false, 4, 0}));
    snprintf(half, sizeof half, "%s", make_taesd("taesd_decoder.safetensors", (Tiny){"", NULL, false, 4, 0}));
    snprintf(other, sizeof other, "%s",
             make_taesd("tiny.safetensors", (Tiny){"decoder.layers.", "encoder.layers.", true, 4, 0}));
    snprintf(wide, sizeof wide, "%s", make_taesd("wide.safetensors", (Tiny){"", NULL, false, 16, 0}));
    make_taesd("low.safetensors", (Tiny){"", NULL, false, 4, 3});
    Error e = {0};
    Drawn full = draw(whole, (SdOptions){0}), own = draw(whole, (SdOptions){.taesd = half});
    test_check(!same(&full, &own) && strstr(own.text, "VAE Decoder: TAESD") &&
                   strstr(own.text, "TAESD: taesd_decoder.safetensors ["),
               "TAESD decodes, and its text says so");
    test_note("%s", own.text);
    check_same("TAESD of both halves", whole, (SdOptions){.taesd = both}, &own);
    check_same("TAESD in diffusers' names", whole, (SdOptions){.taesd = other}, &own);
    check_same("TAESD without a VAE", test_path("no-vae.safetensors"), (SdOptions){.taesd = half}, &own);
    tiny_folder(&own);
    Drawn limited = draw(whole, (SdOptions){.taesd = half, .memory_limit = own.plan.least});
    test_check(same(&limited, &own) && own.plan.least < own.plan.process, "TAESD in as little memory as can be");
    Drawn vae = draw_as(whole, &(SdOptions){.threads = 1, .taesd = both}, by_vae, &e);
    test_check(same(&vae, &full), "the VAE decodes where the request says so");
    Drawn two = draw_as(whole, &(SdOptions){.threads = 2, .taesd = half}, two_pictures, &e);
    test_check(same(&two, &own), "TAESD, two pictures and threads: the same bits");
    Drawn encoded = draw_as(whole, &(SdOptions){.threads = 1, .taesd = both}, from_picture, &e),
          not_encoded = draw_as(whole, &(SdOptions){.threads = 1, .taesd = half}, from_picture, &e);
    test_check(encoded.ok && not_encoded.ok && !same(&encoded, &not_encoded) &&
                   strstr(encoded.text, "VAE Encoder: TAESD") && !strstr(not_encoded.text, "VAE Encoder"),
               "TAESD encodes if its file can");
    check_refused("a TAESD of wide latents", whole, (SdOptions){.taesd = wide},
                  "wide.safetensors: is a TAESD decoder of SD 3 or Flux|m.safetensors is of SD 1.x");
    check_refused("SDXL's second text encoder beside SD 1's", whole,
                  (SdOptions){.text_encoder_2 = test_path("sdxl/text_encoder_2")},
                  "text_encoder_2: is a second text encoder, and|m.safetensors is of SD 1.x");
    check_refused("a TAESD of other pixels", whole, (SdOptions){.taesd = test_path("low.safetensors")},
                  "low.safetensors: is a TAESD decoder of 4 pixels a latent|are of 8");
    check_refused("a model as a TAESD", whole, (SdOptions){.taesd = whole}, "m.safetensors: holds no TAESD");

    /* Euler's last prediction is its last latent */
    Drawn shown = draw_as(whole, &(SdOptions){.threads = 1, .taesd = half}, preview_taesd, &e);
    test_check(shown.ok && previews == 2 && preview_side == 64 &&
                   !memcmp(last_preview, shown.rgb[0], sizeof last_preview),
               "the last preview by TAESD is the picture");
    shown = draw_as(whole, &(SdOptions){.threads = 1}, preview_approx, &e);
    test_check(shown.ok && previews == 4 && preview_side == 8, "an approximate preview has the latents' size");
    test_note("%s", e.text);
}

/* --- the program --- */

static void program(void) {
    if (!cli_begin()) return;
    char m[600], vae[600], tiny[600];
    snprintf(m, sizeof m, "%s", test_path("m.safetensors"));
    snprintf(vae, sizeof vae, "%s", test_path("other.safetensors"));
    snprintf(tiny, sizeof tiny, "%s", test_path("both.safetensors"));
    cli_works("v.png", "txt2img -m %s --vae %s -p cat --steps 1 -W 64 -H 64 --seed 1 -o v.png", m, vae);
    cli_works("equal", "replay v.png -m %s --vae %s", m, vae);
    cli_fails(1, "v.png: VAE: needs other.safetensors|--vae", "replay v.png -m %s", m);
    cli_works("t.png", "txt2img -m %s --taesd %s -p cat --steps 1 -W 64 -H 64 --seed 1 -o t.png", m, tiny);
    cli_works("equal", "replay t.png -m %s --taesd %s", m, tiny);
    cli_works("h.png",
              "txt2img -m %s --taesd %s -p cat --steps 1 -W 64 -H 64 --seed 1 --hires-scale 1.5 "
              "--hires-upscaler Lanczos -o h.png",
              m, tiny);
    cli_works("VAE Encoder  |TAESD", "png-info h.png");
    cli_works("equal", "replay h.png -m %s --taesd %s", m, tiny);
    cli_fails(1, "t.png: TAESD: needs both.safetensors|--taesd", "replay t.png -m %s", m);
    cli_fails(1, "t.png: was made without a VAE of its own", "replay t.png -m %s --taesd %s --vae %s", m, tiny, vae);
    cli_works("p.png",
              "txt2img -m %s --vae none -p cat --steps 2 -W 64 -H 64 --preview approx --preview-out q.png -o p.png", m);
    cli_fails(1, "q.png: does not say how it was made", "png-info q.png");
    cli_fails(2, "--preview: needs --preview-out", "txt2img -m %s -p cat --preview approx", m);
    cli_fails(2, "--preview: taesd needs its file", "txt2img -m %s -p cat --preview taesd --preview-out q.png", m);
    cli_fails(2, "--vae-decoder: no TAESD", "txt2img -m %s -p cat --vae-decoder taesd", m);
    cli_works("TAESD", "info %s --no-hash", tiny);
    cli_works("U-Net", "info %s --no-hash", test_path("unet.safetensors"));
    cli_works("VAE", "info %s --no-hash", test_path("bare.safetensors"));
    cli_works("text encoder", "info %s --no-hash", test_path("text.safetensors"));
}

SUITE(parts, .seconds = 6) {
    sd1();
    families();
    taesd();
    program();
}
