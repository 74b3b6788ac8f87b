/* test_guide.c: sd/guide/plain.c, a second implementation of all of Stable Diffusion 1.x, and the fast one agree on
 * every activation from the tokens to the pixels: relative RMS 1e-5 at most. In
 * much smaller pictures, or in fewer steps, the built-in model makes more of a rounding than that: its norms see few
 * pixels, and its first sigma is in the thousands. */
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include "sd/image/image.h"

#include <stdio.h>
#include <stdlib.h>

/* Both pictures have the same bytes, but for roundings. */
static void same_picture(const char *prompt) {
    Image p = {0}, s = {0};
    Error e = {0};
    bool ok = image_read(cli_path("p.png"), IMAGE_WHITE, &p, &e) &&
              image_read(cli_path("s.png"), IMAGE_WHITE, &s, &e) && p.width == s.width && p.height == s.height;
    for (int i = 0; ok && i < 3 * p.width * p.height; i++) ok = abs(p.rgb[i] - s.rgb[i]) <= 1;
    test_check(ok, "plain.c and sdc write the same picture: %s", prompt);
    image_free(&p);
    image_free(&s);
}

static void agree(const char *model, const char *prompt, const char *negative, int seed, int size, int steps,
                  const char *cfg) {
    char command[1024];
    snprintf(command, sizeof command,
             "set -e; plain=$(dirname \"$SDC\")/plain\n"
             "\"$plain\" %s '%s' p.png -n '%s' --seed %d --size %d --steps %d --cfg %s --taps p.safetensors\n"
             "\"$SDC\" txt2img -q -m %s -p '%s' -n '%s' --seed %d -W %d -H %d --steps %d --cfg %s --sampler Euler "
             "--precision f32 -o s.png --taps s.safetensors\n"
             "\"$SDC\" diff --bound 1e-5 p.safetensors s.safetensors\n",
             model, prompt, negative, seed, size, steps, cfg, model, prompt, negative, seed, size, size, steps, cfg);
    CliRun r = cli_shell(command, false);
    if (!test_check(r.code == 0 && cli_holds(r.out, " 0 apart|text_model.last_hidden_state|vae.decoder.conv_out"),
                    "plain.c and sdc agree: %s: %s", model, prompt))
        cli_tell(&r);
    cli_free(&r);
    same_picture(prompt);
}

static void refuses(const char *words, const char *arguments) {
    char command[256];
    snprintf(command, sizeof command, "\"$(dirname \"$SDC\")/plain\" %s", arguments);
    CliRun r = cli_shell(command, false);
    if (!test_check(r.code == 1 && cli_holds(r.err, words), "plain.c refuses: %s", arguments)) cli_tell(&r);
    cli_free(&r);
}

SUITE(guide, .seconds = 8) {
    if (!cli_begin() || !make_micro_model(cli_path("m.safetensors"), F32)) return;
    agree("m.safetensors", "an astronaut riding a horse, 4k", "text; watermark", 42, 64, 2, "7");
    refuses("is not a safetensors file", "p.png cat x.png");
    refuses("cannot be opened", "none.safetensors cat x.png");
    refuses("--steps: many is not a number", "\"$B\" cat x.png --steps many");
    refuses("--size: must be a multiple of 16", "\"$B\" cat x.png --size 40");
    refuses("usage: plain", "\"$B\" cat");
    if (TEST_SANITIZED) return; /* the same code again, for some minutes */
    agree("\"$B\"", "a red circle above a blue square", "", 7, 64, 8, "3");
    agree("\"$B\"", "a SMALL green triangle, on a black ground", "blurry", 2, 64, 8, "2");
    agree("\"$B\"", "7 striped hearts!", "a line", 3, 64, 8, "1.5");
}
