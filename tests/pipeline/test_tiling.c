/* test_tiling.c: pictures whose edges meet: against torch's circular padding, and their edges measured. */
#include "pipeline.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

enum { W = 104, H = 72 };

/* The mean difference of two columns, or rows, of a picture. */
static double step(const SdPicture *p, bool down, int a, int b) {
    double sum = 0;
    int n = down ? p->width : p->height;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) {
            const uint8_t *from = p->rgb + 3 * (down ? a * p->width + i : i * p->width + a);
            const uint8_t *to = p->rgb + 3 * (down ? b * p->width + i : i * p->width + b);
            sum += abs(from[c] - to[c]);
        }
    return sum / (3 * n);
}

/* How much larger the step from the last row or column to the first is than those between neighbours. */
static double edge(const SdPicture *p, bool down) {
    int n = down ? p->height : p->width;
    double inner = 0;
    for (int i = 0; i + 1 < n; i++) inner += step(p, down, i, i + 1) / (n - 1);
    return step(p, down, n - 1, 0) / inner;
}

/* A side that meets has no step; without tiling the same side has a larger one. */
static void edges(SdModel *m) {
    double open[2] = {0};
    for (int tiling = SD_TILING_NONE; tiling <= SD_TILING_BOTH; tiling++) {
        SdRequest r = sd_request(NULL);
        SdResult out = {0}, second = {0};
        Error e = {0};
        r.prompt = "a red circle", r.seed = 5, r.width = W, r.height = H, r.steps = 4, r.tiling = (SdTiling)tiling;
        r.batch_size = 2;
        bool ok = sd_txt2img(m, &r, &out, &e);
        r.batch_size = 1, r.seed++;
        ok = ok && sd_txt2img(m, &r, &second, &e);
        double across = ok ? edge(&out.pictures[0], false) : 0, down = ok ? edge(&out.pictures[0], true) : 0;
        if (!tiling) open[0] = across, open[1] = down;
        if (tiling & SD_TILING_X)
            test_check(ok && across < 1.5 && across < open[0], "tiling %d: left and right", tiling);
        if (tiling & SD_TILING_Y) test_check(ok && down < 1.5 && down < open[1], "tiling %d: top and bottom", tiling);
        test_note("edges are %.2f and %.2f times an inner step, without tiling %.2f and %.2f", across, down, open[0],
                  open[1]);
        test_check(ok && !memcmp(out.pictures[1].rgb, second.pictures[0].rgb, (size_t)W * H * 3),
                   "tiling %d: the second of a batch is its seed's", tiling);
        test_note("%s", e.text);
        sd_free(&out);
        sd_free(&second);
    }
}

/* Under a limit, down to the least memory, it is the same picture; a byte less is refused. */
static void limits(const char *path) {
    SdRequest r = sd_request(NULL);
    SdPlan all = {0}, plan;
    SdResult whole = {0};
    Error e = {0};
    r.prompt = "a red circle", r.seed = 5, r.width = 160, r.height = 136, r.steps = 2, r.tiling = SD_TILING_BOTH;
    r.batch_size = 2;
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, &e);
    bool ok = m && sd_plan(m, &r, &all, &e) && sd_txt2img(m, &r, &whole, &e);
    sd_close(m);
    if (!test_check(ok, "two tiled pictures")) test_note("%s", e.text);
    const size_t limit[] = {(all.process + all.least) / 2, all.least, all.least - 1};
    for (int i = 0; ok && i < 3; i++) {
        SdResult out = {0};
        Error own = {0};
        m = sd_open(path, &(SdOptions){.threads = 1, .memory_limit = limit[i]}, &own);
        bool made = m && sd_plan(m, &r, &plan, &own) && sd_txt2img(m, &r, &out, &own);
        if (i == 2) test_check(!made && own.code == ERR_MEMORY, "a byte below the least memory is refused");
        else
            test_check(made && plan.process <= limit[i] && !plan.vae_strips &&
                           !memcmp(out.pictures[1].rgb, whole.pictures[1].rgb, 160 * 136 * 3),
                       "within %zu KiB, the same picture", limit[i] >> 10);
        test_note("%zu KiB; %d a U-Net call%s. %s", plan.process >> 10, plan.unet_pictures,
                  plan.streamed ? ", streamed" : "", own.text);
        sd_free(&out);
        sd_close(m);
    }
    sd_free(&whole);
}

SUITE(tiling, .seconds = 4) {
    Error e = {0};
    if (!cli_begin() || !make_micro_model(cli_path("tiling.safetensors"), F32)) return;
    pipeline_ledger(cli_path("tiling.safetensors"), "micro_tiling_euler", "cpu", SD_F32);
    pipeline_ledger(cli_path("tiling.safetensors"), "micro_tiling_euler", "cpu", SD_F32_DIRECT);
    SdModel *m = sd_open(cli_path("tiling.safetensors"), &(SdOptions){.threads = 1}, &e);
    if (test_check(m != NULL, "the micro model opens: %s", e.text)) edges(m);
    sd_close(m);
    limits(cli_path("tiling.safetensors"));
}
