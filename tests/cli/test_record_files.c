/* test_record_files.c: runs that read other files than a model, recorded, checked and replayed: files are found by
 * option, below a folder and beside the record, by name and by hash, and what is not found is named. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/make_adapter.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"
#include "sd/info/picture_info.h"
#include "tests/load/made_network.h"
#include "tests/pipeline/control_files.h"
#include "tools/commands/record/record.h"
#include "tools/ledger/made_nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the files --- */

static void move(const char *from, const char *to) {
    char command[400];
    snprintf(command, sizeof command, "mv '%.150s' '%.150s'", from, to);
    CliRun r = cli_shell(command, false);
    test_check(!r.code, "%s", command);
    cli_free(&r);
}

static void make_upscaler(void) {
    Error e = {0};
    size_t size = 0;
    EsrganConfig k = micro_rrdbnet_config();
    void *bytes = made_upscaler(&k, &size, &e);
    test_check(bytes && test_write(cli_path("esrgan.safetensors"), bytes, size), "an upscaler is written");
    free(bytes);
}

static void make_lora(const char *name, const char *key) {
    MadeNetwork n = {.count = 0};
    MadeWeight none = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    made_lora(&n, key, none);
    move(made_save(&n, name, NULL, 0), cli_path(name));
    made_free(&n);
    free(none.w);
}

static bool make_files(void) {
    char vision[1024];
    if (!cli_begin() || !make_micro_model(cli_path("m.safetensors"), F16)) return false;
    make_control(cli_path("control.safetensors"), (ControlFile){.config = micro_config()});
    make_control(cli_path("c2.safetensors"), (ControlFile){.config = micro_config(), .number = 1});
    make_adapter(cli_path("adapter.safetensors"), (MadeAdapter){.config = micro_config()});
    make_vision(vision);
    move(vision, cli_path("image_encoder"));
    make_upscaler();
    make_lora("one.safetensors", "lora_unet_" LINEAR);
    make_lora("two.safetensors", "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_k");
    cli_embedding("zq-style.pt");
    cli_works("", "txt2img -m m.safetensors -p x -W 32 -H 32 --steps 1 --seed 1 -q -o from.png");
    cli_works("", "txt2img -m m.safetensors -p x -W 32 -H 32 --steps 1 --seed 2 -q -o mask.png --cfg 1");
    cli_works("", "convert m.safetensors vae.safetensors -q --layout single");
    return true;
}

/* --- runs --- */

typedef struct {
    const char *name, *options, *replay; /* replay: what `sdc replay` is told besides; NULL: other suites do */
} Run;

#define FROM "-i from.png --strength 0.6 "
static const Run RUNS[] = {
    {"lora", "--lora one.safetensors:0.5 --lora two.safetensors:0.3:0.7", NULL},
    {"tag", "-p 'a cat<lora:one:0.5>' --lora two.safetensors --lora-dir .", NULL},
    {"embedding", "-p 'a zq-style cat' --embedding-dir zq-style.pt", NULL},
    {"control", "--control control.safetensors:from.png:0.7:hint=canny --control control.safetensors:mask.png:end=0.5",
     "--control control.safetensors:from.png --control control.safetensors:mask.png"},
    {"prompt", "--image-prompt from.png:0.6 --ip-adapter adapter.safetensors --image-encoder image_encoder",
     "--image-prompt from.png --ip-adapter adapter.safetensors --image-encoder image_encoder"},
    {"repainted",
     FROM "--mask mask.png --control control.safetensors::hint=inpaint "
          "--control c2.safetensors:from.png:0.7:hint=inpaint:mask=mask.png",
     "-i from.png --mask mask.png --control control.safetensors: --control c2.safetensors:from.png:mask=mask.png"},
    {"masked", FROM "--mask mask.png --mask-blur 2 --fill fill", "-i from.png --mask mask.png"},
    {"part", FROM "--mask mask.png --only-masked --mask-padding 4", "-i from.png --mask mask.png"},
    {"soft", FROM "--mask mask.png --soft", "-i from.png --mask mask.png"},
    {"hires",
     "--hires-scale 1.5 --hires-steps 2 --strength 0.7 --hires-prompt 'a dog<lora:two:0.4>' --lora-dir . "
     "--hires-cfg 3 --hires-sampler Euler --lora one.safetensors",
     "--lora-dir ."},
    {"enlarged",
     "--hires-width 48 --hires-upscaler esrgan.safetensors --hires-checkpoint vae.safetensors --strength 0.5",
     "--upscaler esrgan.safetensors --hires-checkpoint vae.safetensors"},
    {"tiles",
     FROM
     "--mask mask.png --sd-upscale 2 --sd-upscale-overlap 16 --batch-size 2 --sd-upscale-upscaler esrgan.safetensors",
     "-i from.png --mask mask.png --upscaler esrgan.safetensors"},
    {"extend", FROM "--extend left=8,top=16 --extend-fill spectrum --background 00ff00", NULL},
    {"windows",
     "-W 136 -H 128 --cfg 1 --tiled-diffusion multidiffusion --tile-width 16 --tile-height 16 --tile-overlap 8", ""},
    {"tiling", "--tiling both --rng cpu --variation-strength 0.3 --variation-seed 5", ""},
    {"parts", "--vae vae.safetensors --refiner m.safetensors --refiner-switch 0.5 -n blurry", NULL},
};

/* One check each: a picture, its replay, a record, and the record checked with what lies beside it. */
static void run(const Run *k) {
    char options[600];
    snprintf(options, sizeof options, "-m m.safetensors %s%s--steps 2 --seed 7 --threads 1 -q %s",
             strstr(k->options, "-p '") ? "" : "-p 'a cat' ", strstr(k->options, "-W ") ? "" : "-W 32 -H 32 ",
             k->options);
    if (k->replay) cli_works("", "%s %s -o %s.png", strstr(k->options, FROM) ? "img2img" : "txt2img", options, k->name);
    if (k->replay) cli_works(": equal", "replay %s.png -m m.safetensors --threads 1 -q %s", k->name, k->replay);
    cli_works("", "record %s -o %s.record", options, k->name);
    cli_works(".record: equal: ", "check %s.record --threads 1 -q", k->name);
}

/* --- how files are found --- */

/* What is missing is named with its hash, and every option that names it serves. */
static void finding(void) {
#define ALONE "check far/all.record --threads 1 -q "
#define NAMED "-m m.safetensors --vae vae.safetensors --control control.safetensors:from.png --image-prompt mask.png "
#define ADAPTER "--ip-adapter adapter.safetensors --image-encoder image_encoder "
    cli_works("",
              "record -p 'a zq-style<lora:two:0.5>' -W 16 -H 16 --steps 1 --seed 7 --threads 1 -q -o all.record " NAMED
                  ADAPTER "--lora one.safetensors:0.5 --lora-dir . --embedding-dir zq-style.pt --tap 'latents*'");
    CliRun r = cli_shell("mkdir far other && mv all.record far && cp one.safetensors other/renamed.safetensors && "
                         "cp two.safetensors m.safetensors zq-style.pt other && "
                         "(head -c -1 one.safetensors; printf x) > other/a.safetensors",
                         false);
    test_check(!r.code, "the record lies far from its files");
    cli_free(&r);
    cli_fails(1, "far/all.record: needs the file m.safetensors (SHA-256 |-m, or its folder with --files", ALONE);
    cli_fails(1, "needs the file vae.safetensors (SHA-256 |): name it with --vae", ALONE "-m m.safetensors");
    cli_fails(2, "far/all.record: has 2 ControlNets and image prompts, and 1 are named",
              ALONE "-m m.safetensors --vae vae.safetensors --control control.safetensors:from.png");
    cli_fails(1, "needs the file one.safetensors (SHA-256 |): name it with --lora-dir", ALONE NAMED ADAPTER);
    cli_fails(1, "needs the file zq-style.pt (SHA-256 |): name it with --embedding-dir",
              ALONE NAMED ADAPTER "--lora-dir other");
    cli_works("far/all.record: equal: ", ALONE NAMED ADAPTER "--lora-dir other --embedding-dir other/zq-style.pt");
    cli_works("far/all.record: equal: ", ALONE NAMED ADAPTER "--files other");
    cli_works("far/all.record: equal: ", ALONE "--files .");
    cli_fails(1, "far/all.record: ControlNet 0 was shown another picture",
              ALONE "--files . " ADAPTER "--control control.safetensors:mask.png --image-prompt mask.png");
    cli_fails(2, "number 1 is an image prompt; name it with --image-prompt",
              ALONE "--files . --control control.safetensors:from.png --control control.safetensors:mask.png");
    cli_fails(2, "was made without an upscaler's file; leave --upscaler out",
              ALONE "--files . --upscaler esrgan.safetensors");
    cli_fails(2, "was made without a second model in hires fix; leave --hires-checkpoint out",
              ALONE "--files . --hires-checkpoint m.safetensors");
    cli_fails(2, "was made without a mask; leave --mask out", ALONE "--files . --mask mask.png");
    cli_fails(1, "none: ", ALONE "--files none");
    cli_fails(1, "masked.record: has another mask than the one after --mask", "check masked.record -q --mask from.png");
    r = cli(ALONE "--files . --vae m.safetensors --tap '*'");
    test_check(!r.code && cli_holds(r.err, "sdc: warning: --vae: the record's is | vae.safetensors, and this "),
               "another file is told");
    cli_tell(&r);
    cli_free(&r);
#undef ALONE
#undef NAMED
#undef ADAPTER
}

/* --- what records hold --- */

static int64_t beginning(const Record *r, const char *text) {
    int64_t n = 0;
    for (size_t i = 0; r && i < r->count; i++) n += !strncmp(r->taps[i].name, text, strlen(text));
    return n;
}

/* Each drawing's activations have names of their own. */
static void drawings(void) {
    static const struct {
        const char *record, *names[3];
    } OF[] = {{"hires.record", {"hires.unet.", "unet.step001.", "hires.image"}},
              {"tiles.record", {"tiles0.unet.", "tiles1.vae.", "tiles4.image"}},
              {"extend.record", {"part0.latents.", "part1.unet.", "part1.image"}}};
    for (size_t i = 0; i < sizeof OF / sizeof *OF; i++) {
        Error e = {0};
        Record *r = record_open(cli_path(OF[i].record), &e);
        for (int k = 0; k < 3; k++)
            test_check(beginning(r, OF[i].names[k]) > 0, "%s has %s", OF[i].record, OF[i].names[k]);
        record_close(r);
    }
    cli_works("", "img2img -m m.safetensors -p x -W 32 -H 32 --steps 1 --seed 3 -q -o t.png " FROM
                  "--sd-upscale 2 --sd-upscale-overlap 8 --taps t.safetensors --tap 'tiles3.*'");
    cli_works("", "img2img -m m.safetensors -p x --steps 1 --seed 3 -q -o t.png " FROM
                  "--extend left=8 --taps t.safetensors --tap 'part0.*'");
}

/* --- what texts name, in a folder --- */

/* The files that a picture's text names, below --files, under other names, too; what is missing is said in one line. */
static void texts_files(void) {
#define DRAWN "-p 'a cat<lora:one:0.5>' -W 32 -H 32 --steps 2 --seed 7 --threads 1 -q "
    CliRun r =
        cli_shell("mkdir -p all/deep && cp m.safetensors all/other.safetensors && cp vae.safetensors all/deep/ && "
                  "cp control.safetensors all/deep/shows.safetensors && cp esrgan.safetensors all/ && "
                  "cp one.safetensors all/deep/",
                  false);
    test_check(!r.code, "a folder of files");
    cli_free(&r);
    cli_works("",
              "txt2img " DRAWN "-m m.safetensors --vae vae.safetensors --refiner m.safetensors --refiner-switch 0.5 "
              "--lora-dir . --control control.safetensors:from.png:hint=canny --hires-width 48 --hires-upscaler "
              "esrgan.safetensors -o texts.png");
    cli_works("texts.png: equal", "replay texts.png --files all --control :from.png --threads 1 -q");
    r = cli_shell("rm all/deep/vae.safetensors all/esrgan.safetensors all/deep/shows.safetensors", false);
    cli_free(&r);
    cli_fails(
        1,
        "all: lacks VAE vae.safetensors [|] (--vae), the upscaler esrgan (--upscaler), the ControlNet control [|] "
        "(--control)",
        "replay texts.png --files all --control :from.png --threads 1 -q");
    cli_fails(1, "nowhere: |folder", "replay texts.png --files nowhere --control :from.png -q");
    cli_fails(
        2, "--control: names no FILE",
        "replay texts.png -m m.safetensors --vae vae.safetensors --refiner m.safetensors --upscaler esrgan.safetensors "
        "--lora-dir . --control :from.png -q");
}

static void shell(const char *command) {
    CliRun r = cli_shell(command, false);
    test_check(!r.code, "%s", command);
    cli_tell(&r);
    cli_free(&r);
}

/* One check: it ends so, with these words on stdout and on stderr. */
static void says(int code, const char *out, const char *err, const char *command) {
    CliRun r = cli("%s", command);
    test_check(r.code == code && cli_holds(r.out, out) && cli_holds(r.err, err), "%s: %s, %s", command, out, err);
    cli_tell(&r);
    cli_free(&r);
}

/* A picture again, without a field of its text, which is not the last. */
static void without(const char *from, const char *key, const char *to) {
    Error e = {0};
    PictureInfo info;
    Image image = {0};
    char text[4000] = "", field[64];
    bool ok = picture_info_read(cli_path(from), &info, &e) && image_read(cli_path(from), 0, &image, &e);
    snprintf(text, sizeof text, "%s", ok ? info.text : "");
    snprintf(field, sizeof field, ", %s: ", key);
    char *at = strstr(text, field), *next = at ? strstr(at + strlen(field), ", ") : NULL;
    if (next) memmove(at, next, strlen(next) + 1);
    ok = next && image_write(image.rgb, image.width, image.height, text, 80, cli_path(to), &e);
    test_check(ok, "%s is %s without its %s: %s", to, from, key, e.text);
    picture_info_free(&info);
    image_free(&image);
}

/* A safetensors file again, its header a MiB longer, so that the webui's old hash, of bytes from there on, is its own.
 */
static void lengthen(const char *from, const char *to) {
    enum { MORE = 1 << 20 };
    size_t size = 0;
    uint64_t header = 0;
    char *bytes = test_read(cli_path(from), &size), *all = bytes ? malloc(size + MORE) : NULL;
    if (all) memcpy(&header, bytes, 8);
    const size_t begin = 8 + (size_t)header;
    bool ok = all && begin < size;
    if (ok) {
        memcpy(all, bytes, begin);
        memset(all + begin, ' ', MORE);
        memcpy(all + begin + MORE, bytes + begin, size - begin);
        header += MORE;
        memcpy(all, &header, 8);
        ok = test_write(cli_path(to), all, size + MORE);
    }
    test_check(ok, "%s is %s with a long header", to, from);
    free(bytes);
    free(all);
}

#define DRAW "txt2img -p 'a cat' -W 32 -H 32 --steps 2 --seed 7 --threads 1 -q "

/* An IP-Adapter by name and the webui's hash; its vision encoder by ours, or, where the text names none, by what fits.
 */
static void texts_vision(void) {
#define SEE " --image-prompt from.png --threads 1 -q"
#define EYES "-m m.safetensors --image-prompt from.png:0.6 --ip-adapter adapter.safetensors --image-encoder "
    shell("mkdir -p kept/deep && cp m.safetensors kept && cp adapter.safetensors kept/deep/renamed.safetensors && "
          "cp -r image_encoder kept/eye && cp image_encoder/model.safetensors seen.safetensors && "
          "cp seen.safetensors kept/deep/other.safetensors && cp seen.safetensors s2.safetensors && "
          "printf x | dd of=s2.safetensors bs=1 seek=$(($(wc -c < s2.safetensors) - 4)) conv=notrunc 2> /dev/null");
    cli_works("", DRAW EYES "kept/eye -o folder.png");
    cli_works("Image encoder|eye", "png-info folder.png");
    says(0, "folder.png: equal", "", "replay folder.png --files kept" SEE);
    cli_works("", DRAW EYES "seen.safetensors -o file.png"); /* without its folder's configuration */
    cli_works("Image encoder|seen.safetensors [", "png-info file.png");
    says(0, "file.png: equal", "", "replay file.png --files kept" SEE);
    says(1, "file.png: differs", "", "replay file.png --files kept --image-encoder kept/eye" SEE);
    without("folder.png", "Image encoder", "webui.png");
    shell("mv kept/deep/other.safetensors other && cp m.safetensors kept/eye/a.safetensors");
    make_adapter(cli_path("kept/a.safetensors"),
                 (MadeAdapter){.config = micro_config(), .vision = true, .projected = 24});
    says(0, "webui.png: equal", "sdc: note: --image-encoder: kept/eye, the first that fits; the text names none",
         "replay webui.png --files kept" SEE);
    shell("mv kept/eye kept/deep/renamed.safetensors other");
    cli_fails(1, "kept: lacks the IP-Adapter adapter [|] (--ip-adapter)", "replay file.png --files kept" SEE);
    cli_fails(1, "kept: lacks the vision encoder seen.safetensors [|] (--image-encoder)",
              "replay file.png --files kept --ip-adapter adapter.safetensors" SEE);
    cli_fails(1, "kept: lacks the vision encoder that fits the IP-Adapter (--image-encoder)",
              "replay webui.png --files kept --ip-adapter adapter.safetensors" SEE);
    cli_fails(2, "--image-prompt: needs an IP-Adapter's file, after --ip-adapter",
              "replay file.png -m m.safetensors" SEE);
    make_adapter(cli_path("plus.safetensors"), (MadeAdapter){.config = micro_config(), .plus = true});
    lengthen("plus.safetensors", "a2.safetensors");
    says(
        1, "differs",
        "warning: the picture was made with another IP-Adapter: adapter [|], this one is a2 [|"
        "warning: the picture was made with another vision encoder: seen.safetensors [|], this one is s2.safetensors [",
        "replay file.png -m m.safetensors --ip-adapter a2.safetensors --image-encoder s2.safetensors" SEE);
#undef SEE
#undef EYES
}

/* Folders, which have no hash, and models that `sdc convert` wrote, which have their source's. */
static void texts_models(void) {
    shell("rm -r kept/* && mkdir kept/maps && cp control.safetensors kept/maps/diffusion_pytorch_model.safetensors && "
          "echo '{}' > kept/maps/config.json && $SDC convert m.safetensors kept/whole --layout diffusers -q");
    cli_works("", DRAW "-m kept/whole --vae kept/whole/vae --control kept/maps:from.png -o folders.png");
    says(0, "folders.png: equal", "", "replay folders.png --files kept --control :from.png --threads 1 -q");
    says(0, "folders.png: equal", "",
         "replay folders.png --files kept/whole/ --control kept/maps:from.png --threads 1 -q");
    cli_works("", "convert kept/whole kept/maps/one.safetensors -q");
    cli_works("", DRAW "-m kept/maps/one.safetensors -o again.png");
    shell("rm -r kept/whole");
    says(0, "again.png: equal", "", "replay again.png --files kept --threads 1 -q");
    cli_works("", "convert m.safetensors kept/maps/blocks.gguf --out-format gguf --dtype q8_0 -q");
    cli_works("", "convert m.safetensors kept/half.safetensors --dtype f16 -q");
    cli_works("", DRAW "-m kept/maps/blocks.gguf -o blocks.png");
    says(1, "blocks.png: differs",
         "sdc: note: kept/maps/blocks.gguf is the same model as kept/half.safetensors, converted",
         "replay blocks.png --files kept --threads 1 -q");
    shell("rm kept/half.safetensors");
    says(0, "blocks.png: equal", "", "replay blocks.png --files kept --threads 1 -q");
}

/* A record's folder, below --files. */
static void records_folders(void) {
    shell("mkdir -p kept/a/b && $SDC convert m.safetensors kept/a/b/whole --layout diffusers -q");
    cli_works("", "record -m kept/a/b/whole -p x -W 16 -H 16 --steps 1 --seed 7 --threads 1 -q -o far/whole.record");
    cli_works("far/whole.record: equal: ", "check far/whole.record --files kept --threads 1 -q");
    shell("mv kept/a/b/whole kept/a/b/other");
    cli_works("far/whole.record: equal: ", "check far/whole.record --files kept --threads 1 -q");
}

/* --- formats that keep pixels only nearly --- */

static void lossy(const char *ending, int quality, const char *words) {
    cli_works("", "txt2img -p 'a red circle' --steps 1 --seed 3 -q --quality %d -o q.%s", quality, ending);
    cli_works(words, "replay q.%s -q", ending);
}

/* One seed's text with another's pixels. */
static void differs(const char *ending) {
    char words[120], path[40];
    Error e = {0};
    PictureInfo info;
    Image image = {0};
    snprintf(path, sizeof path, "o.%s", ending);
    cli_works("", "txt2img -p 'a red circle' --steps 1 --seed 4 -q -o o.png");
    bool ok = picture_info_read(cli_path("o.png"), &info, &e) && image_read(cli_path("q.png"), 0, &image, &e) &&
              image_write(image.rgb, image.width, image.height, info.text, 80, cli_path(path), &e);
    test_check(ok, "%s has the text of another picture: %s", path, e.text);
    picture_info_free(&info);
    image_free(&image);
    CliRun r = cli("replay %s -q", path);
    snprintf(words, sizeof words, "%s: differs in | keeps pixels only nearly, and of no quality is ", path);
    test_check(r.code == 1 && cli_holds(r.out, words), "%s is no picture of its text", path);
    cli_tell(&r);
    cli_free(&r);
}

static void formats(void) {
    const ImageCodec *k;
    for (int i = 0; (k = image_codec_row(i)); i++) {
        bool jpeg = !strcmp(k->name, "JPEG"), webp = !strcmp(k->name, "WebP");
        if (!jpeg && !webp) continue;
        if (!k->writes() || !k->reads()) {
            test_skip("%s: not read or written here", k->name);
            continue;
        }
        lossy(jpeg ? "jpg" : "webp", 80,
              jpeg ? "q.jpg: equal as a JPEG of quality 80" : "q.webp: equal as a WebP of quality 80");
        lossy(jpeg ? "jpg" : "webp", 37,
              jpeg ? "q.jpg: equal as a JPEG of quality 37" : "q.webp: equal as a WebP of quality 37");
        if (webp) lossy("webp", 100, "q.webp: equal\n");
        cli_works("", "txt2img -p 'a red circle' --steps 1 --seed 3 -q -o q.png");
        cli_fails(2, "--quality: counts with JPEG and WebP, and q.png is a PNG", "txt2img -p x --quality 100 -o q.png");
        cli_fails(2, "--quality: counts with JPEG and WebP, and the picture is a PNG", "txt2img -p x --quality 100");
        cli_fails(2, "--quality: counts with JPEG and WebP, and q.png is a PNG",
                  "upscale from.png --filter nearest --scale 2 --quality 80 -o q.png");
        differs(jpeg ? "jpg" : "webp");
    }
}

SUITE(record_files, .seconds = 8) {
    if (!make_files()) return;
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) run(&RUNS[i]);
    finding();
    texts_files();
    texts_vision();
    texts_models();
    records_folders();
    drawings();
    formats();
}
