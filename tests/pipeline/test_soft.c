/* test_soft.c: soft inpainting against the webui's own functions (tools/goldens/soft.py made the numbers), and pictures
 * by the micro model. */
#include "sd/pipeline/soft.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/image/test_image.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { H = 6, W = 7, PIXELS = H * W, ALL = 4 * PIXELS, SIDE = 64 };

static void numbers(float *out, uint32_t sequence) {
    for (uint32_t i = 0; i < ALL; i++) {
        uint32_t v = (i + 1) * 2654435761u + 40503u * sequence;
        out[i] = ((float)(v >> 8) * 0x1p-23f - 1) * 2;
    }
}

/* The next `n` numbers of a line, and what follows. */
static const char *read_numbers(const char *line, double *out, int n) {
    char *end = NULL;
    for (int i = 0; i < n; i++, line = end) {
        out[i] = strtod(line, &end);
        if (end == line) return NULL;
    }
    return line;
}

static bool blend_holds(const char *rest, const float *x, const float *z, const float *repaint, double *off) {
    double a[4], want[ALL];
    float out[ALL];
    rest = read_numbers(rest, a, 4);
    if (!rest || !read_numbers(rest, want, ALL)) return false;
    const SdRequest r = {.soft_bias = a[0], .soft_preservation = a[1], .soft_boost = a[2]};
    soft_blend(&r, out, x, z, repaint, 4, PIXELS, (float)a[3]);
    for (int i = 0; i < ALL; i++) *off = fmax(*off, fabs(out[i] - want[i]) / (1 + fabs(want[i])));
    return *off < 2e-6;
}

static bool mask_holds(const char *rest, const float *x, const float *z, const float *repaint, double *off) {
    double a[4], want[PIXELS];
    uint8_t mask[PIXELS];
    Error e = {0};
    int others = 0;
    rest = read_numbers(rest, a, 4);
    if (!rest || !read_numbers(rest, want, PIXELS)) return false;
    const SdRequest r = {
        .soft_preservation = a[0], .soft_mask_influence = a[1], .soft_threshold = a[2], .soft_contrast = a[3]};
    if (!soft_mask(&r, mask, x, z, repaint, 4, H, W, &e)) return false;
    for (int i = 0; i < PIXELS; i++) *off = fmax(*off, fabs(mask[i] - want[i])), others += mask[i] != (int)want[i];
    return *off <= 1 && others < 4;
}

static void webui(void) {
    float x[ALL], z[ALL], repaint[PIXELS];
    char *list = image_file("soft.txt", NULL);
    int lines = 0;
    numbers(x, 1), numbers(z, 54321);
    for (int i = 0; i < ALL; i += 3) z[i] = x[i];
    for (int i = 0; i < PIXELS; i++) repaint[i] = (float)(i * 7 % 11) / 10;
    for (char *line = list ? strtok(list, "\n") : NULL; line; line = strtok(NULL, "\n"), lines++) {
        bool blend = !strncmp(line, "blend ", 6);
        double off = 0;
        bool ok = (blend ? blend_holds : mask_holds)(line + (blend ? 6 : 5), x, z, repaint, &off);
        test_check(ok, "%.30s: as the webui has it", line);
        test_note("off by %g", off);
    }
    test_check(lines == 10, "all %d lines of soft.txt are read", lines);
    free(list);
}

static bool equal(const SdPicture *a, const SdPicture *b) {
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3);
}

/* Each picture of a batch has the mask of its own changes; what did not change keeps its bytes. */
static void pictures(SdModel *m) {
    static uint8_t rgb[SIDE * SIDE * 3], mask[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE * 3; i++) rgb[i] = (uint8_t)(128 + 100 * test_uniform(5, (uint64_t)i));
    for (int i = 0; i < SIDE * SIDE; i++) mask[i] = i % SIDE < 24 && i / SIDE < 24 ? 255 : 0;
    for (int k = 0; k < 4; k++) {
        SdRequest r = sd_request(NULL);
        SdResult both = {0}, second = {0}, hard = {0};
        Error e = {0};
        r.prompt = "a lovely cat", r.seed = 7, r.width = r.height = SIDE, r.steps = 4, r.strength = 0.9;
        r.image = rgb, r.image_width = r.image_height = SIDE, r.mask = mask, r.mask_width = r.mask_height = SIDE;
        r.sampler = k & 1 ? "DDIM" : "Euler", r.only_masked = k & 2, r.soft = true, r.batch_size = 2;
        bool ok = sd_img2img(m, &r, &both, &e);
        r.batch_size = 1, r.seed++;
        ok = ok && sd_img2img(m, &r, &second, &e);
        r.soft = false;
        ok = ok && sd_img2img(m, &r, &hard, &e);
        int kept = 0;
        for (int i = 0; ok && i < SIDE * SIDE; i++) kept += !memcmp(both.pictures[1].rgb + 3 * i, rgb + 3 * i, 3);
        test_check(ok && equal(&both.pictures[1], &second.pictures[0]), "%s: the second of a batch is its seed's",
                   r.sampler);
        test_check(ok && !equal(&second.pictures[0], &hard.pictures[0]), "soft is another picture");
        test_check(
            ok && (kept > 300 || k & 1) && kept < SIDE * SIDE - 64,
            /* in time space latents are free to drift */ "what hardly changed is kept, and what changed is not");
        test_note("%d kept; %s", kept, e.text);
        sd_free(&both);
        sd_free(&second);
        sd_free(&hard);
    }
}

SUITE(soft, .seconds = 2) {
    Error e = {0};
    webui();
    if (!cli_begin() || !make_micro_model(cli_path("soft.safetensors"), F32)) return;
    SdModel *m = sd_open(cli_path("soft.safetensors"), &(SdOptions){.threads = 1}, &e);
    if (test_check(m != NULL, "the micro model opens: %s", e.text)) pictures(m);
    sd_close(m);
}
