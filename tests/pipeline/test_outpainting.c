/* test_outpainting.c: extended pictures, and colour correction, by the micro model; suite outpaint has the arithmetic.
 */
#include "pipeline.h"
#include "sd/image/image.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 72, H = 56 };

static uint8_t rgb[W * H * 3];

static SdRequest request(SdFill fill) {
    SdRequest r = sd_request(NULL);
    r.prompt = "a lovely cat", r.negative = "blurry", r.seed = 42, r.steps = 2, r.strength = 0.9, r.keep = true;
    r.image = rgb, r.image_width = W, r.image_height = H, r.extend_blur = 1, r.extend_fill = fill;
    return r;
}

/* Whether the picture lies at (x, y) with its very bytes, but for `seam` pixels along its sides, around which the rest
 * is of many colours. */
static bool shows(const SdPicture *p, int w, int h, int x, int y, int seam) {
    int differ = 0;
    if (p->width != w || p->height != h) return false;
    for (int row = seam; row < H - seam; row++)
        if (memcmp(p->rgb + 3 * ((y + row) * w + x + seam), rgb + 3 * (row * W + seam), 3 * (W - 2 * seam)))
            return false;
    for (int i = 0; i + 1 < w * h; i++) {
        int px = i % w, py = i / w;
        bool outside = px < x || px >= x + W || py < y || py >= y + H;
        differ += outside && memcmp(p->rgb + 3 * i, p->rgb + 3 * i + 3, 3);
    }
    return differ > (w * h - W * H) / 2;
}

typedef struct {
    const char *label;
    int left, top, right, bottom, window_w, window_h;
    SdFill fill;
    int w, h, x, y; /* of the result, and where the picture is in it */
} Case;

static const Case CASES[] = {{"to the right", .right = 8, .fill = SD_FILL_FILL, .w = 128, .h = H},
                             {"tiles", .left = 20, .bottom = 4, .window_w = 64, .window_h = 56, .fill = SD_FILL_NOISE,
                              .w = 128, .h = 64, .x = 56},
                             {"black, above", .top = 4, .fill = SD_FILL_ORIGINAL, .w = W, .h = 64, .y = 8},
                             {"both sides", .left = 8, .right = 24, .fill = SD_FILL_NOTHING, .w = 128, .h = H, .x = 14},
                             {"sides from the spectrum", .left = 8, .top = 8, .window_w = 104, .fill = SD_FILL_SPECTRUM,
                              .w = 128, .h = 64, .x = 56, .y = 8},
                             {"below, from the spectrum", .bottom = 5, .fill = SD_FILL_SPECTRUM, .w = W, .h = 64}};

static bool equal(const SdPicture *a, const SdPicture *b) {
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3);
}

/* The picture is kept; the second of a batch is its seed's; all the same within the least memory, and not a byte less.
 */
static void drawn(SdModel *m, const char *path, const Case *k) {
    enum { SEAM = 12 };
    SdRequest r = request(k->fill);
    SdResult out = {0}, second = {0}, limited = {0}, none = {0};
    SdPlan plan = {0};
    Error e = {0}, refused = {0};
    int w, h;
    r.extend_left = k->left, r.extend_top = k->top, r.extend_right = k->right, r.extend_bottom = k->bottom;
    sd_start_size(NULL, &r, &r.width, &r.height);
    if (k->window_w) r.width = k->window_w;
    if (k->window_h) r.height = k->window_h;
    sd_finished_size(&r, &w, &h);
    test_check(w == k->w && h == k->h, "%s: %d x %d", k->label, k->w, k->h);
    test_note("%d x %d", w, h);
    r.batch_size = 2;
    bool ok = sd_img2img(m, &r, &out, &e) && sd_plan(m, &r, &plan, &e);
    for (int i = 0; i < 2; i++)
        test_check(ok && shows(&out.pictures[i], k->w, k->h, k->x, k->y, SEAM),
                   "%s: picture %d keeps the picture's bytes", k->label, i);
    test_note("%s", e.text);
    for (int less = 0; ok && less < 2; less++) {
        SdOptions o = {.threads = 1, .memory_limit = plan.least - (size_t)less};
        SdModel *other = sd_open(path, &o, less ? &refused : &e);
        if (less)
            test_check(other && !sd_img2img(other, &r, &none, &refused) && refused.code == ERR_MEMORY,
                       "%s: a byte less is refused", k->label);
        else ok = other && sd_img2img(other, &r, &limited, &e);
        sd_close(other);
    }
    SdPlan one = {0};
    r.batch_size = 1, r.seed++;
    ok = ok && sd_img2img(m, &r, &second, &e) && sd_plan(m, &r, &one, &e);
    test_check(ok && plan.process >= one.process + (size_t)w * (size_t)h * 3, "%s: both pictures are planned",
               k->label);
    test_check(ok && equal(&out.pictures[1], &second.pictures[0]) &&
                   !strcmp(out.pictures[1].parameters, second.pictures[0].parameters),
               "%s: the second of a batch is its seed's", k->label);
    test_check(ok && equal(&out.pictures[0], &limited.pictures[0]), "%s: the same within %zu bytes", k->label,
               plan.least);
    test_note("%s %s", e.text, refused.text);
    sd_free(&out);
    sd_free(&second);
    sd_free(&limited);
}

static void refused(SdModel *m, const SdRequest *r, const char *words) {
    SdResult out = {0};
    Error e = {0};
    test_check(!(r->image ? sd_img2img : sd_txt2img)(m, r, &out, &e) && e.code == ERR_ARGUMENT &&
                   strstr(e.text, words) && !out.count,
               "refused: %s", words);
    test_note("%s", e.text);
    sd_free(&out);
}

static void refusals(SdModel *m) {
    SdRequest whole = request(SD_FILL_FILL), r;
    whole.extend_right = 8, whole.width = 128, whole.height = H;
    r = whole, r.image = NULL;
    refused(m, &r, "extend: needs an image");
    r = whole, r.mask = rgb, r.mask_width = W, r.mask_height = H;
    refused(m, &r, "mask: an extended picture has its own");
    r = whole, r.resize = SD_RESIZE_CROP;
    refused(m, &r, "resize mode: an extended picture is not resized");
    r = whole, r.extend_right = 0;
    refused(m, &r, "extend-blur: counts only where a picture is extended");
    r = whole, r.extend_blur = 40;
    refused(m, &r, "extend: the picture is too small to be blurred so far");
    r = whole, r.width = 136;
    refused(m, &r, "extend: width or height is larger");
    r = whole, r.width = 64, r.extend_right = 64, r.image_width = 40;
    refused(m, &r, "extend: more pixels than a window has");
    r = whole, r.extend_fill = SD_FILL_SPECTRUM, r.height = 48;
    refused(m, &r, "extend: width and height count in the directions that are extended");
    r = whole, r.extend_fill = SD_FILL_SPECTRUM, r.width = 48;
    refused(m, &r, "extend: a side is longer than its window");
    r = whole, r.image_width = r.image_height = 3900, r.extend_right = 60, r.width = r.height = 64;
    refused(m, &r, "extend: more than 4096 windows");
    r = whole, r.seed = INT64_MAX;
    refused(m, &r, "seed: leaves no room to count up");
    r = whole, r.noise = "x";
    refused(m, &r, "noise: is for one picture");
    r = whole, r.extend_left = 4096, r.extend_top = 4096, r.width = r.height = 64;
    refused(m, &r, "extend: 4224 x 4160 is more than");
    r = whole, r.extend_top = -1;
    refused(m, &r, "extend top: -1 is not in 0..4096");
}

/* Corrected pictures have other colours, and what a mask keeps is not touched. */
static void corrected(SdModel *m) {
    static uint8_t mask[W * H];
    for (int i = 0; i < W * H; i++) mask[i] = i % W < W / 2 ? 255 : 0;
    for (int masked = 0; masked < 2; masked++) {
        SdRequest r = request(SD_FILL_FILL);
        SdResult plain = {0}, out = {0};
        Error e = {0};
        r.extend_fill = SD_FILL_FILL, r.extend_blur = -1, r.width = W, r.height = H, r.strength = 0.6;
        if (masked) r.mask = mask, r.mask_width = W, r.mask_height = H, r.mask_blur = 0;
        bool ok = sd_img2img(m, &r, &plain, &e);
        r.color_correction = true;
        ok = ok && sd_img2img(m, &r, &out, &e);
        int64_t off[2] = {0};
        bool kept = ok;
        for (int i = 0; ok && i < W * H; i++) {
            const uint8_t *is = out.pictures[0].rgb + 3 * i, *was = plain.pictures[0].rgb + 3 * i;
            if (masked && !mask[i]) kept = kept && !memcmp(is, rgb + 3 * i, 3);
            else
                off[0] += abs(was[0] - was[2] - rgb[3 * i] + rgb[3 * i + 2]),
                    off[1] += abs(is[0] - is[2] - rgb[3 * i] + rgb[3 * i + 2]);
        }
        test_check(ok && kept && off[1] < off[0], "corrected colours are nearer to the picture's%s",
                   masked ? ", in a mask" : "");
        test_note("%lld, were %lld. %s", (long long)off[1], (long long)off[0], e.text);
        sd_free(&plain);
        sd_free(&out);
    }
}

/* The program: its texts replay, and what it refuses. */
static void program(void) {
    static const struct {
        const char *args, *said;
    } RUNS[] = {{"--extend right=8,bottom=1 --extend-blur 1", "Extend right: 8, Extend bottom: 1, Extend blur: 1"},
                {"--extend left=8,top=4 -W 104 -H 64 --extend-fill spectrum --extend-blur 1 --extend-falloff 0.5 "
                 "--extend-color 0.2",
                 "Extend fill: spectrum"},
                {"--color-correction --strength 0.5 --background 00ff00", "Color correction: True"}};
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) {
        CliRun r = cli("img2img -m outpaint.safetensors -i from.png -p cat --steps 2 --seed 3 -q %s -o out%d.png",
                       RUNS[i].args, (int)i);
        test_check(!r.code, "sdc img2img %s", RUNS[i].args);
        test_note("%s", r.err);
        cli_free(&r);
        r = cli("png-info --raw out%d.png", (int)i);
        test_check(!r.code && strstr(r.out, RUNS[i].said), "the picture says %s", RUNS[i].said);
        test_note("%s", r.out);
        cli_free(&r);
        r = cli("replay out%d.png -m outpaint.safetensors -i from.png --background 00ff00 -q", (int)i);
        test_check(!r.code && strstr(r.out, "equal"), "and is replayed");
        test_note("%s%s", r.out, r.err);
        cli_free(&r);
    }
}

/* Where a picture is transparent white shows through, or what is asked for. */
static void backgrounds(void) {
    static const char *const COLORS[] = {"", "--background white", "--background '#FFFFFF'", "--background 123456"};
    size_t size = 0;
    char *alpha = test_read("tests/golden/images/rgba.png", &size), *first = NULL;
    bool ok = alpha && test_write(cli_path("alpha.png"), alpha, size);
    for (int i = 0; ok && i < 4; i++) {
        CliRun r = cli(
            "img2img -m outpaint.safetensors -i alpha.png -W 32 -H 32 -p cat --steps 1 --seed 3 -q %s -o alpha%d.png",
            COLORS[i], i);
        char name[32];
        snprintf(name, sizeof name, "alpha%d.png", i);
        char *made = test_read(cli_path(name), NULL);
        bool same = made && first && !memcmp(made, first, 600);
        if (i) test_check(!r.code && made && same == (i < 3), "%s", COLORS[i]);
        test_note("%s", r.err);
        cli_free(&r);
        if (i) free(made);
        else first = made;
    }
    test_check(ok, "a picture with transparent parts");
    free(alpha);
    free(first);
}

/* What is kept of a JPEG are the bytes that it is read as, under a mask and within an extension. */
static void of_jpeg(void) {
    static const char *const HOW[] = {"-W 32 -H 32 --mask some.png --mask-blur 1 --only-masked --mask-padding 2",
                                      "--extend right=64 --extend-blur 1 --extend-fill original"};
    enum { LEFT = 10, TOP = 6, SIDE = 4, BLURRED = 3 }; /* the mask's box, and how far its blur reaches */
    Image was = {0};
    Error e = {0};
    size_t size = 0;
    char *bytes = test_read("tests/golden/images/rgb.jpg", &size);
    bool ok =
        bytes && test_write(cli_path("in.jpg"), bytes, size) && image_read(cli_path("in.jpg"), IMAGE_WHITE, &was, &e);
    uint8_t *mask = ok ? calloc((size_t)was.width * (size_t)was.height, 3) : NULL;
    for (int y = TOP; mask && y < TOP + SIDE; y++) memset(mask + 3 * (y * was.width + LEFT), 255, 3 * SIDE);
    const SdPicture some = {.rgb = mask, .width = was.width, .height = was.height};
    ok = test_check(mask && sd_save_png(&some, cli_path("some.png"), &e), "a JPEG is read");
    for (int i = 0; ok && i < 2; i++) {
        Image is = {0};
        int wrong = 0, moved = 0;
        char name[32];
        snprintf(name, sizeof name, "jpeg%d.png", i);
        CliRun r = cli("img2img -m outpaint.safetensors -i in.jpg -p cat --steps 1 --seed 3 -q %s -o %s", HOW[i], name);
        const bool read = !r.code && image_read(cli_path(name), IMAGE_WHITE, &is, &e);
        for (int k = 0; read && k < was.width * was.height; k++) {
            const int x = k % was.width, y = k / was.width;
            const bool painted =
                i ? x >= was.width - 2 * BLURRED
                  : x >= LEFT - BLURRED && x < LEFT + SIDE + BLURRED && y >= TOP - BLURRED && y < TOP + SIDE + BLURRED;
            const bool same = !memcmp(is.rgb + 3 * (y * is.width + x), was.rgb + 3 * k, 3);
            wrong += !same && !painted, moved += !same && painted;
        }
        test_check(read && !wrong && (i || moved > 10), "%s keeps a JPEG's bytes", HOW[i]);
        test_note("%d wrong, %d moved; %s%s", wrong, moved, r.err, e.text);
        cli_free(&r);
        image_free(&is);
    }
    free(mask);
    free(bytes);
    image_free(&was);
}

SUITE(outpainting, .seconds = 6) {
    Error e = {0};
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] =
                (uint8_t)(100 + 40 * c + 30 * test_uniform(5, (uint64_t)(3 * i + c)) + (i % W > W / 2 ? 20 : 0));
    if (!cli_begin() || !make_micro_model(cli_path("outpaint.safetensors"), F32)) return;
    char path[512];
    snprintf(path, sizeof path, "%s", cli_path("outpaint.safetensors"));
    SdPicture from = {.rgb = rgb, .width = W, .height = H};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1, .device = getenv("SDC_TEST_DEVICE")}, &e);
    if (!test_check(m && sd_save_png(&from, cli_path("from.png"), &e), "the micro model opens: %s", e.text)) return;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) drawn(m, path, &CASES[i]);
    refusals(m);
    corrected(m);
    sd_close(m);
    program();
    backgrounds();
    of_jpeg();
}
