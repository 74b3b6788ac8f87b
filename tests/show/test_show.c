/* test_show.c: `sdc show`: statistics, histograms, numbers and maps of tensors whose numbers are known. */
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include "sd/image/image.h"
#include "tools/show/tap_view.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const float MAPS[8] = {-1, 0, 1, 2, 0, 0, 3, 3}, PICTURE[12] = {1, -1, -1, 1, -1, 1, -1, 1, -1, -1, 1, 1};

static bool write_file(const char *path) {
    static const float BAD[3] = {1, NAN, -INFINITY};
    static const int64_t WHOLE[2] = {5, 6};
    FileTensor t[] = {{.name = "maps", .dtype = F32, .nd = 4, .n = {1, 2, 2, 2}},
                      {.name = "image", .dtype = F32, .nd = 4, .n = {1, 3, 2, 2}},
                      {.name = "bad, \"quoted\"", .dtype = F32, .nd = 1, .n = {3}},
                      {.name = "whole", .dtype = I64, .nd = 1, .n = {2}}};
    Error e = {0};
    StWriter *w = st_write_begin(path, t, 4, NULL, 0, &e);
    bool ok = w && st_write_data(w, MAPS, sizeof MAPS, &e) && st_write_data(w, PICTURE, sizeof PICTURE, &e) &&
              st_write_data(w, BAD, sizeof BAD, &e) && st_write_data(w, WHOLE, sizeof WHOLE, &e) && st_write_end(w, &e);
    return test_check(ok, "a file to show: %s", e.text);
}

static void statistics(void) {
    const int64_t n[4] = {1, 2, 2, 2};
    const TapView t = {"maps", 4, n, MAPS};
    TapStats s = tap_stats(&t);
    TapHistogram h = tap_histogram(&t, &s);
    int64_t sum = 0;
    for (int i = 0; i < TAP_BINS; i++) sum += h.count[i];
    test_check(s.count == 8 && s.zeros == 3 && !s.not_finite && s.min == -1 && s.max == 3 && s.mean == 1 &&
                   fabs(s.deviation - sqrt(2)) < 1e-12 && fabs(s.rms - sqrt(3)) < 1e-12,
               "statistics");
    test_check(sum == 8 && h.low == -1 && h.width == 4.0 / TAP_BINS && h.count[0] == 1 && h.count[TAP_BINS / 4] == 3 &&
                   h.count[TAP_BINS - 1] == 2,
               "a histogram, the largest numbers in its last bin");
    const float one[2] = {7, 7};
    const int64_t two[1] = {2};
    const TapView flat = {"flat", 1, two, one};
    s = tap_stats(&flat);
    h = tap_histogram(&flat, &s);
    test_check(!s.deviation && h.count[0] == 2, "numbers that are all equal");
}

static const uint8_t *pixel(const Image *i, int x, int y) {
    return i->rgb + 3 * ((size_t)y * (size_t)i->width + (size_t)x);
}

static bool is(const uint8_t *p, int r, int g, int b) { return p[0] == r && p[1] == g && p[2] == b; }

/* The sheet's margin is 4 pixels; maps of 2 x 2 numbers fill a cell of 16. */
static void sheet(void) {
    Image i = {0};
    Error e = {0};
    bool ok = cli_works("maps", "show t.safetensors --tap maps --cell 16 -o s.png") &&
              image_read(cli_path("s.png"), IMAGE_WHITE, &i, &e);
    /* -1, 0, 1, 2 of RMS sqrt 3: -1 is 1 / (2.5 sqrt 3) = 0.231 of blue, 5 shades of 20 */
    if (test_check(ok && i.width == 4 + tap_width(16) + 4, "a sheet of maps"))
        test_check(is(pixel(&i, 5, 5), 200, 217, 234) && is(pixel(&i, 14, 5), 255, 255, 255) &&
                       is(pixel(&i, 14, 14), 220, 151, 160) && is(pixel(&i, 5 + 16 + TAP_GAP, 14), 201, 93, 107),
                   "maps are blue below zero, white at zero, red above");
    image_free(&i);
    ok = cli_works("image", "show t.safetensors --tap image --cell 16 -o p.png") &&
         image_read(cli_path("p.png"), IMAGE_WHITE, &i, &e);
    if (ok)
        test_check(is(pixel(&i, 5, 5), 255, 0, 0) && is(pixel(&i, 26, 5), 255, 255, 255) == false &&
                       is(pixel(&i, 16, 5), 0, 255, 0),
                   "a picture is shown in its colours");
    image_free(&i);
}

/* One check: a page holds these words and pictures of its own, and refers to no other file. */
static void page(const char *name, const char *words) {
    char *text = test_read(cli_path(name), NULL);
    test_check(text && cli_holds(text, words) && strstr(text, "src=\"data:image/png;base64,iVBOR") &&
                   !strstr(text, "http:") && !strstr(text, "https:") && !strncmp(text, "<!doctype html>", 15) &&
                   strstr(text, "</html>"),
               "%s is a page with its pictures inside", name);
    free(text);
}

static void pages(void) {
    static const float OTHER[8] = {-1, 0, 1, 2.5f, 0, 0, 3, 3};
    FileTensor t[] = {{.name = "maps", .dtype = F32, .nd = 4, .n = {1, 2, 2, 2}},
                      {.name = "image", .dtype = F32, .nd = 4, .n = {1, 3, 2, 2}}};
    Error e = {0};
    StWriter *w = st_write_begin(cli_path("o.safetensors"), t, 2, NULL, 0, &e);
    if (!test_check(w && st_write_data(w, OTHER, sizeof OTHER, &e) && st_write_data(w, PICTURE, sizeof PICTURE, &e) &&
                        st_write_end(w, &e),
                    "another file: %s", e.text))
        return;
    CliRun r = cli("diff t.safetensors o.safetensors --html d.html");
    test_check(r.code == 1 && cli_holds(r.out, "first divergence: maps"), "diff --html prints and ends as without");
    cli_free(&r);
    page("d.html", "Where two runs part|2 tensors compared, 1 apart|<h3>maps</h3>|A - B|The "
                   "picture|image<td>[1,3,2,2]|class=\"bad\"><td>maps");
    cli_works("2 compared, 0 apart", "diff o.safetensors o.safetensors --html d.html");
    page("d.html", "Two runs that agree|2 tensors compared, 0 apart");
    cli_fails(2, "is also an input file", "diff t.safetensors o.safetensors --html t.safetensors");
    cli_fails(2, "is also an input file",
              "diff o.safetensors o.safetensors --names t.safetensors --html t.safetensors");

    cli_works("e.html", "explain -p 'a <red> circle & more' --steps 2 -o e.html");
    page("e.html", "<h1>a &lt;red&gt; circle &amp; more</h1>|Steps: 2|>circle&lt;/w&gt;</code><td "
                   "class=\"n\">7117|text_model.last_hidden_state|"
                   "after step 2: latents|the picture that the network "
                   "expects|unet.step000.mid_block|[2,144,4,4]|<b>circle</b>|vae.decoder.conv_out");
    make_micro_model(cli_path("m.safetensors"), F16);
    cli_embedding("style.pt");
    cli_works("e.html", "explain -m m.safetensors -p 'a style cat' --embedding-dir style.pt -W 32 -H 32 --steps 1 "
                        "-o e.html");
    page("e.html", ">a&lt;/w&gt;</code>|<code>style</code><td class=\"n\">vector<|>cat&lt;/w&gt;</code>");
    cli_fails(2, "no prompt", "explain -o e.html");
    cli_fails(2, "is also an input file", "explain -p x -m t.safetensors -o t.safetensors");
    cli_fails(2, "is also an input file", "explain -p x --vae t.safetensors -o t.safetensors");
    cli_fails(2, "unexpected argument", "explain -p x y");
    test_check(test_write(cli_path("prompt.txt"), "a cat", 5), "a prompt's file");
    cli_fails(2, "prompt.txt is also an input file", "explain -p @prompt.txt -o prompt.txt");
    cli_fails(2, "prompt.txt is also an input file", "explain --prompt=@prompt.txt -o prompt.txt");
    cli_fails(2, "style.pt is also an input file", "explain -p x --embedding-dir style.pt -o style.pt");
    cli_fails(2, "an embedding is read from it", "explain -m m.safetensors -p x --embedding-dir . -o style.pt");
    cli_fails(2, "style.pt is also an input file", "sheet x --embedding-dir style.pt -o style.pt");
    cli_works("e.html", "explain -p '[red:blue:1] circle' --sampler Heun --steps 2 -o e.html");
    page("e.html", "is called 4 times|until call 1: <code>red circle|until call 4: <code>blue circle");

    cli_works("op,stage,bytes,name\n0,text,|step,|decode,|conv 3x3 16x16 48 > 48", "bench --arena -");
    cli_fails(2, "--arena: computes nothing", "bench --arena a.csv --json");
    cli_fails(2, "--arena: t.safetensors is also an input file", "bench -m t.safetensors --arena t.safetensors");
    cli_fails(2, "--arena: t.safetensors is also an input file", "bench --vae t.safetensors --arena t.safetensors");
    cli_fails(2, "--ladder: only --runs", "bench --ladder -m x");
}

/* Words of letters, each another. */
static void many_words(void) {
    enum { WORDS = 4100, LETTERS = 257 };
    char *text = malloc(WORDS * 5 + LETTERS + 1), *p = text;
    for (int i = 0; i < WORDS; i++) {
        for (int k = 0, n = i; k < 4; k++, n /= 10) *p++ = (char)('a' + n % 10);
        *p++ = ' ';
    }
    memset(p, 'z', LETTERS);
    test_check(test_write(cli_path("many.txt"), text, (size_t)(p + LETTERS - text)), "many words");
    free(text);
    cli_works("left out: 1 words of more than 256 bytes\nleft out: 4 words after 4096 different ones\n",
              "tokens --merges -p @many.txt");
}

/* The CSV of many numbers is complete, and of a run that fails none appears. */
static void long_values(void) {
    enum { COUNT = 300000 };
    FileTensor t = {.name = "long", .dtype = F32, .nd = 1, .n = {COUNT}};
    Error e = {0};
    float *values = calloc(COUNT, sizeof *values);
    StWriter *w = st_write_begin(cli_path("long.safetensors"), &t, 1, NULL, 0, &e);
    test_check(w && st_write_data(w, values, COUNT * sizeof *values, &e) && st_write_end(w, &e), "numbers: %s", e.text);
    free(values);
    cli_works("long", "show long.safetensors --values long.csv");
    size_t size = 0, lines = 0;
    char *text = test_read(cli_path("long.csv"), &size), *last = text;
    for (char *p = text; p && *p; p++)
        if (*p == '\n') lines++, last = p[1] ? p + 1 : last;
    test_check(lines == COUNT + 1 && !strcmp(last, "long,299999,0\n"), "a CSV of %zu lines", lines);
    free(text);
}

SUITE(show, .seconds = 2) {
    statistics();
    if (!cli_begin() || !write_file(cli_path("t.safetensors"))) return;
    cli_works("maps          [1,2,2,2]                     1      1.414         -1          3|2 not finite",
              "show t.safetensors");
    cli_works("{\"name\":\"bad, \\\"quoted\\\"\",\"dtype\":\"F32\",\"shape\":[3],\"mean\":1.0|\"not_finite\":2}",
              "show t.safetensors --json --tap 'bad*'");
    cli_works("tap,low,high,count\nmaps,-1,-0.9375,1\n|\nmaps,2.9375,3,2\n",
              "show t.safetensors --tap maps --histograms -");
    cli_works("tap,index,value\n|\nimage,3,1\nimage,4,-1\n|\"bad, \"\"quoted\"\"\",1,nan\n",
              "show t.safetensors --values -");
    sheet();
    cli_fails(2, "needs a file", "show");
    cli_fails(2, "shows one file", "show t.safetensors t.safetensors");
    cli_fails(2, "is also the input file", "show t.safetensors -o t.safetensors");
    cli_fails(2, "is also --out", "show t.safetensors -o s.png --values s.png");
    cli_fails(2, "--values: v.csv is also --histograms", "show t.safetensors --values v.csv --histograms v.csv");
    long_values();
    cli_fails(2, "--json: not with --values -", "show t.safetensors --json --values -");
    cli_fails(2, "none of its 4 tensors is called 'none*'", "show t.safetensors --tap 'none*'");
    cli_fails(1, "m.safetensors", "show m.safetensors");

    pages();
    cli_works("      1 t h e\n|        the = ", "tokens --merges -p 'the THE the'");
    cli_fails(2, "--merges: neither with --json", "tokens --merges --json -p x");
    many_words();
    cli_works("schedule,index,sigma,time\nUniform,0,|\nKarras,4,|\nBeta,", "schedulers --csv - --steps 4");
    cli_fails(2, "is for the CSV", "schedulers -m none");
    cli_fails(2, "--steps: is for the CSV", "schedulers --steps 5");
    cli_fails(2, "not with --json", "schedulers --json --csv -");
}
