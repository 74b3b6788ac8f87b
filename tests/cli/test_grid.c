/* test_grid.c: grids, matrices and files of prompts, folders of pictures and loops, on the tiny model; lists of values;
 * and how pictures lie in a grid. */
#define _XOPEN_SOURCE 700
#include "sd/image/image.h"
#include "sd/image/draw/plot.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/image/test_image.h"
#include "tools/cli/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNSEEDED "-m tiny.safetensors -p a -W 8 -H 8 "
#define TINY "-m tiny.safetensors -W 8 -H 8 --seed 5 "

/* --- values --- */

static void lists(void) {
    static const struct {
        const char *text;
        int kind; /* 0: words; 1: whole numbers; 2: numbers */
        const char *values;
    } LISTS[] = {{"10,20,30", 1, "10|20|30"},
                 {" a , b c,d ", 0, "a|b c|d"},
                 {"\"a, b\", \"say \"\"x\"\"\",c", 0, "a, b|say \"x\"|c"},
                 {"", 0, ""},
                 {"a,,b", 0, "a||b"},
                 {"a\nb\r\nc\n", 0, "a|b|c"},
                 {"1-5", 1, "1|2|3|4|5"},
                 {"1..3,9", 1, "1|2|3|9"},
                 {"1-10 (+2)", 1, "1|3|5|7|9"},
                 {"10 - 1 (-3)", 1, "10|7|4|1"},
                 {"1-10 [5]", 1, "1|3|5|7|10"}, /* the webui's int() of numpy's linspace */
                 {"4..10/3", 2, "4|7|10"},
                 {"10..4/3", 2, "10|7|4"},
                 {"0-1 [3]", 2, "0|0.5|1"},
                 {"0.1-0.3 (+0.1)", 2, "0.1|0.2|0.3"},
                 {"0..1/0.4", 2, "0|0.4|0.8"},
                 {"-2--1", 1, "-2|-1"},
                 {"7.5", 2, "7.5"},
                 {"1e-5", 2, "1e-5"},
                 {"1-5", 0, "1-5"},
                 {"1-", 1, "1-"},
                 {"1-5 (2", 1, "1-5 (2"}};
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        ValueList l;
        Error e = {0};
        char joined[200] = "";
        bool ok = values_split(LISTS[i].text, &l, &e) && (!LISTS[i].kind || values_ranges(&l, LISTS[i].kind == 1, &e));
        for (int k = 0; ok && k < l.count; k++) {
            size_t n = strlen(joined);
            snprintf(joined + n, sizeof joined - n, "%s%s", k ? "|" : "", l.at[k]);
        }
        test_check(ok && !strcmp(joined, LISTS[i].values), "values '%s'", LISTS[i].text);
        test_note("%s, not %s; %s", joined, LISTS[i].values, e.text);
        values_free(&l);
    }
}

/* --- pictures in a grid --- */

/* Pixels of a part that are not white. */
static int64_t marks(const Image *i, int64_t x, int64_t y, int64_t w, int64_t h) {
    int64_t n = 0;
    for (int64_t r = y; r < y + h; r++)
        for (int64_t k = x; k < x + w; k++) n += memcmp(i->rgb + (r * i->width + k) * 3, "\xFF\xFF\xFF", 3) != 0;
    return n;
}

static void places(void) {
    static const PlotLine LINES[] = {{"one", false}, {"two", true}};
    static const PlotLabel LABELS[] = {{LINES, 1}, {LINES, 2}, {NULL, 0}};
    uint8_t rgb[6 * 4 * 3];
    Plot p = {.columns = 2,
              .rows = 3,
              .width = 60,
              .height = 40,
              .times = 3,
              .margin = 10,
              .above = LABELS,
              .beside = LABELS};
    Image grid = {0};
    Error e = {0};
    memset(rgb, 7, sizeof rgb);
    bool ok = plot_measure(&p, &e) && plot_begin(&p, &grid, &e);
    test_check(ok && p.left == 135 && grid.width == 135 + 2 * 180 + 10 && grid.height == p.top + 3 * 120 + 20,
               "a grid's size");
    if (!ok) return;
    int64_t x = p.left + 190, y = p.top + 130;
    test_check(marks(&grid, p.left, p.top, grid.width - p.left, grid.height - p.top) == 0, "places are white before");
    test_check(marks(&grid, 0, p.top, p.left, 120) > 20 && marks(&grid, 0, p.top + 130, p.left, 120) > 50 &&
                   marks(&grid, 0, p.top + 260, p.left, 120) == 0,
               "texts stand beside their rows");
    test_check(marks(&grid, p.left, 0, 180, p.top) > 20 && marks(&grid, p.left + 190, 0, 180, p.top) > 50,
               "and above their columns");
    plot_put(&p, &grid, 1, 1, rgb, 6, 4);
    test_check(marks(&grid, x, y, 18, 12) == 18 * 12 &&
                   marks(&grid, p.left, p.top, grid.width - p.left, 360) == 18 * 12,
               "a picture of 6 x 4 is 18 x 12 pixels at the top left of its place");
    test_check(!memcmp(grid.rgb + (y * grid.width + x) * 3, rgb, 3), "in its colours");
    image_free(&grid);
    p.width = p.height = 16384, p.columns = 1000, p.above = NULL;
    test_check(!plot_measure(&p, &e) && e.code == ERR_ARGUMENT, "a grid that is too large is refused");
}

/* --- the program --- */

static bool same_pixels(const char *a, const char *b) {
    Image x = {0}, y = {0};
    bool same = image_read(cli_path(a), IMAGE_WHITE, &x, NULL) && image_read(cli_path(b), IMAGE_WHITE, &y, NULL) &&
                x.width == y.width && x.height == y.height &&
                !memcmp(x.rgb, y.rgb, (size_t)x.width * (size_t)x.height * 3);
    image_free(&x);
    image_free(&y);
    return same;
}

static bool same_files(const char *a, const char *b) {
    size_t n = 0, m = 0;
    char *x = test_read(cli_path(a), &n), *y = test_read(cli_path(b), &m);
    bool same = x && y && n && n == m && !memcmp(x, y, n);
    free(x);
    free(y);
    return same;
}

/* One check: the file's parameters hold each of `words`. */
static void says(const char *name, const char *words) {
    Error e = {0};
    char *text = image_said(cli_path(name), "parameters", &e);
    test_check(text && cli_holds(text, words), "%s says %s", name, words);
    test_note("%s", text ? text : e.text);
    free(text);
}

static void grids(void) {
    cli_works("k/steps-1-cfg-scale-3-euler-5.png|8 pictures",
              "grid " TINY "-p 'a cat' -n dog --x steps=1,2 --y 'CFG Scale=3..6/3' --z 'sampler=Euler,\"DPM++ 2M\"' "
              "--pictures k -o g.png");
    cli_works("a.png", "txt2img " TINY "-p 'a cat' -n dog --steps 2 --cfg 6 --sampler 'DPM++ 2M' -o a.png");
    test_check(same_files("a.png", "k/steps-2-cfg-scale-6-dpm-2m-5.png"), "a kept picture is txt2img's, byte by byte");
    says("g-1.png", "Steps: 1, Sampler: Euler|Script: X/Y/Z plot, X Type: Steps, X Values: \"1,2\", Y Type: CFG Scale, "
                    "Y Values: 3..6/3|Z Type: Sampler|Version: sd.c");
    says("g-2.png", "Sampler: DPM++ 2M");
    Image g = {0}, a = {0};
    bool ok =
        image_read(cli_path("g-2.png"), IMAGE_WHITE, &g, NULL) && image_read(cli_path("a.png"), IMAGE_WHITE, &a, NULL);
    const uint8_t *corner = ok ? g.rgb + ((int64_t)(g.height - 192) * g.width + g.width - 192) * 3 : NULL;
    bool there = ok;
    for (int i = 0; there && i < 8 * 8; i++)
        there = !memcmp(a.rgb + i * 3, corner + ((int64_t)(i / 8 * 24 + 5) * g.width + i % 8 * 24 + 5) * 3, 3);
    test_check(there, "it lies in the grid's last place, 24 times as large");
    image_free(&g);
    image_free(&a);
    rename(cli_path("g-2.png"), cli_path("old.png"));
    cli_works("8 pictures, 8 of them from k", "grid " TINY "-p 'a cat' -n dog --x steps=1,2 --y 'CFG Scale=3..6/3' "
                                              "--z 'sampler=Euler,\"DPM++ 2M\"' --pictures k -o g.png");
    test_check(same_files("g-2.png", "old.png"), "a grid of kept pictures is the same file");
    remove(cli_path("k/steps-1-cfg-scale-3-euler-5.png"));
    cli_works("12 pictures, 7 of them from k", "grid " TINY "-p 'a cat' -n dog --x steps=1,2,3 --y 'cfg=3,6' "
                                               "--z 'sampler=Euler,DPM++ 2M' --pictures k -o g.png");
    cli_works("2 pictures, 1 of them from k", "grid " TINY "-p 'a cat' -n dog --cfg 3 --sampler Euler --clip-skip 1 "
                                              "--x steps=1,4 --pictures k -o g.png");
    cli_works("1 pictures, 1 of them from k, seed 5",
              "grid -m tiny.safetensors -W 8 -H 8 -p 'a cat' -n dog --cfg 3 --sampler Euler --x steps=1 "
              "--pictures k -o g.png");
    CliRun r = cli("grid " TINY "-p 'a cat' --x steps=1 -q -o quiet.png --memory-limit 4G");
    test_check(r.code == 0 && !*r.out && !*r.err && !access(cli_path("quiet.png"), F_OK), "-q prints nothing");
    cli_tell(&r);
    cli_free(&r);
}

static void axes(void) {
    cli_works("4 pictures",
              "grid " TINY "--steps 1 -p 'a cat and a dog' --x prompt-sr=cat,cow --y 'Prompt order=a,dog' "
              "--pictures w -o g.png");
    says("w/cat-a-dog-5.png", "a cat and a dog\n");
    says("w/cow-a-dog-5.png", "a cow and a dog\n");
    says("w/cow-dog-a-5.png", "dog cow and a a\n");
    cli_works("2 pictures", "grid " TINY "--steps 1 -p x --x 'seed=-1,7' --y size=8x16 --pictures s -o g.png");
    says("g.png", "Size: 8x16|X Type: Seed, X Values: \"-1,7\", Fixed X Values: |Y Type: Size, Y Values: 8x16");
    cli_works("4 pictures",
              "grid -W 8 -H 8 --seed 5 --steps 1 -p x --y model=tiny.safetensors,other.safetensors --x steps=1,2 "
              "--pictures m -o g.png");
    cli_works("o.png", "txt2img -m other.safetensors -W 8 -H 8 --seed 5 --steps 2 -p x -o o.png");
    test_check(same_files("o.png", "m/steps-2-other-safetensors-5.png"), "of the second model, too");
    cli_works("2 pictures", "grid " TINY "--steps 2 -p x -i o.png --x denoising=0.5,1 --pictures i -o g.png");
    says("i/denoising-0-5-5.png", "Denoising strength: 0.5");
    cli_works("2 pictures, 2 of them from i",
              "grid " TINY "--steps 2 -p x -i o.png --x denoising=0.5,1 --pictures i -o g.png");
    cli_fails(2, "g-1.png is also an input file", "grid " TINY "-p x -i g-1.png --z steps=1,2 -o g.png");
    cli_fails(2, "o.png is also an input file", "grid " TINY "-p x -i g.png --x image=g.png,o.png -o o.png");
    cli_works("o.png", "txt2img -m other.safetensors -W 8 -H 8 --seed 6 --steps 2 -p x -o o.png");
    CliRun r = cli("grid " TINY "--steps 2 -p x -i o.png --x denoising=0.5,1 --pictures i -o g.png");
    test_check(r.code == 0 && !strstr(r.out, "from i"), "not of an older picture than the one to start from");
    cli_tell(&r);
    cli_free(&r);
}

/* Of grids that differ in z, each has room for the longest title. */
static void titles(void) {
    enum { WORDS = 120, PLACE = 192, LINES = 10 * 22 };
    char words[2 * WORDS + 1];
    Image first = {0}, last = {0};
    for (int i = 0; i < WORDS; i++) memcpy(words + 2 * i, "a ", 3);
    cli_works("2 pictures", "grid " TINY "--steps 1 --x cfg=3 --z 'prompt=%sb,c' -o title.png", words);
    bool ok = image_read(cli_path("title-1.png"), IMAGE_WHITE, &first, NULL) &&
              image_read(cli_path("title-2.png"), IMAGE_WHITE, &last, NULL);
    test_check(ok && first.height > PLACE + LINES && first.height == last.height,
               "a long title of the first grid has room");
    image_free(&first);
    image_free(&last);
}

static void matrix(void) {
    cli_works("8 pictures", "grid " TINY "--steps 1 -p 'a cat| red, |big|old' --matrix --pictures x -o g.png");
    says("g.png", "a cat\nSteps: 1");
    says("x/picture-5.png", "a cat\nSteps: 1");
    says("x/red-old-5.png", "a cat, red, old\n");
    says("x/red-big-old-5.png", "a cat, red, big, old\n");
    cli_works("2 pictures",
              "grid " TINY "--steps 1 -p a -n 'b|c' --matrix --matrix-negative --matrix-start --matrix-spaces "
              "--matrix-seeds --pictures n -o g.png");
    says("n/c-6.png", "a\nNegative prompt: c b\n");
}

static void lines(void) {
    const char text[] = "a cat\r\n\n--prompt \"a dog\" --steps 2 --cfg_scale 3 --seed 9\n--negative_prompt not this "
                        "--prompt it\\'s so\n@x -- y";
    test_check(test_write(cli_path("p.txt"), text, sizeof text - 1), "p.txt is written");
    cli_works("l-5.png: seed 5|l-9.png: seed 9|l-5-1.png|l-5-2.png",
              "txt2img " TINY "--steps 1 --prompts-from p.txt -o l.png");
    says("l-5.png", "a cat\nSteps: 1");
    says("l-9.png", "a dog\nSteps: 2|CFG scale: 3|Seed: 9");
    says("l-5-1.png", "it's so\nNegative prompt: not this\n");
    says("l-5-2.png", "@x -- y\n");
    test_check(test_write(cli_path("two.txt"), "--prompt x --batch-count 2\ny\n--prompt z --seed 9\nw", 50) &&
                   test_write(cli_path("one.txt"), "--prompt x --batch-count 2", 26),
               "files of prompts are written");
    cli_works("one-5.png|one-6.png", "txt2img " TINY "--steps 1 --prompts-from one.txt -o one.png");
    cli_works("t-5.png|t-5-1.png|t-5-2.png",
              "txt2img " TINY "--steps 1 --prompts-from - --attention-maps maps -o t.png <three.txt");
    test_check(!access(cli_path("maps/maps-1.safetensors"), F_OK) &&
                   !access(cli_path("maps/maps-2.safetensors"), F_OK) &&
                   !access(cli_path("maps/maps-3.safetensors"), F_OK),
               "each line has a file of maps");
    cli_works("n-5.png|n-6.png|n-7.png|n-8.png|n-9.png|n-10.png",
              "txt2img " TINY "--steps 1 --prompts-from - --next-seeds --batch-size 2 -o n.png <three.txt");
    cli_works("p-5.png|p-6.png|p-7.png|p-9.png|p-9-1.png",
              "txt2img " TINY "--steps 1 --prompts-from two.txt --next-seeds -o p.png");
}

static void folders(void) {
    mkdir(cli_path("in"), 0777);
    mkdir(cli_path("masks"), 0777);
    mkdir(cli_path("to"), 0777);
    cli_works("a.png", "txt2img " TINY "--steps 1 -p x -o in/a.png");
    cli_works("b.png", "txt2img " TINY "--steps 1 -p y -o in/b.png");
    uint8_t mask[8 * 8 * 3] = {0}; /* the lower half is repainted */
    memset(mask + sizeof mask / 2, 255, sizeof mask / 2);
    test_check(image_write_png(mask, 8, 8, NULL, cli_path("masks/a.png"), NULL) &&
                   image_write_png(mask, 8, 8, NULL, cli_path("masks/b.png"), NULL),
               "the masks are written");
    cli_works("to/a.png: seed 5|to/b.png: seed 5", "img2img -m tiny.safetensors --seed 5 --steps 2 -p w -i in -o to");
    cli_works("one.png", "img2img -m tiny.safetensors --seed 5 --steps 2 -p w -i in/b.png -o one.png");
    test_check(same_files("one.png", "to/b.png"), "a folder's picture is that of the file alone");
    cli_works("to/a-1.png",
              "img2img -m tiny.safetensors --seed 5 --steps 2 -p w -i in --mask masks --mask-blur 0 -o to");
    cli_works(
        "one.png",
        "img2img -m tiny.safetensors --seed 5 --steps 2 -p w -i in/b.png --mask masks/b.png --mask-blur 0 -o one.png");
    test_check(same_files("one.png", "to/b-1.png"), "with masks of its names");
    test_check(!same_pixels("to/b.png", "to/b-1.png"), "which change it");
}

static void loops(void) {
#define LOOP "img2img -m tiny.safetensors --steps 4 -p w -i in/a.png --seed 5 --strength 0.75 "
    cli_works("c-5.png|c-6.png|c-7.png", LOOP "--loops 3 --final-strength 0.25 -o c.png");
    says("c-5.png", "Denoising strength: 0.75|Final denoising strength: 0.25, Denoising curve: Linear|Version: sd.c");
    says("c-6.png", "Denoising strength: 0.5,");
    says("c-7.png", "Denoising strength: 0.25,");
    cli_works("d.png", "img2img -m tiny.safetensors --steps 4 -p w -i c-5.png --seed 6 --strength 0.5 -o d.png");
    test_check(same_pixels("d.png", "c-6.png"), "each loop begins with the result of the last");
    cli_works("c-6.png: equal", "replay c-6.png -m tiny.safetensors -i c-5.png");
    cli_works("f-7.png", LOOP "--loops 3 --loop-factor 0.5 -o f.png");
    says("f-7.png", "Denoising strength: 0.1875,|Denoising strength change factor: 0.5");
    cli_works("e-6.png", LOOP "--loops 3 --final-strength 0.25 --loop-curve lazy -o e.png");
    says("e-6.png", "Denoising strength: 0.603"); /* 0.75 - 0.5 (1 - cos(pi / 4)) */
#undef LOOP
}

/* Seeds of an axis are not told again; what an extension is; a grid of JPEGs is the same in one run and in two. */
static void ends(void) {
    CliRun r = cli("grid " UNSEEDED "--steps 1 --x seed=1,2 -o s.png");
    test_check(!r.code && cli_holds(r.out, "2 pictures, ") && !cli_holds(r.out, "seed"), "seeds are an axis");
    cli_tell(&r);
    cli_free(&r);
    cli_works("2 pictures, seed ", "grid " UNSEEDED "--variation-strength 0.3 --x steps=1,2 -o v.png --pictures vary");
    cli_works("2 pictures, 2 of them from vary, seed ",
              "grid " UNSEEDED "--variation-strength 0.3 --x steps=1,2 -o v.png --pictures vary");
    cli_works("", "txt2img -m tiny.safetensors -p x -W 32 -H 32 --steps 1 -o from32.png -q");
    cli_works("x.png: 3 pictures", "grid -m tiny.safetensors -p a --steps 1 -i from32.png --seed 1 "
                                   "--x 'extend=none,left=8,\"left=8,top=8\"' -o x.png --pictures extended");
    says("extended/left-8-top-8-1.png", "Extend left: 8, Extend top: 8");
    cli_fails(2, "--extend: 'up' is no side", "grid " UNSEEDED "-i in/a.png --x extend=up=8 -o x.png");
    cli_fails(2, "--extend: needs the picture to start from",
              "grid " UNSEEDED "--extend left=8 --x steps=1,2 -o x.png");
    cli_fails(2, "--background: needs the picture", "grid " UNSEEDED "--background black --x steps=1,2 -o x.png");
    if (!image_write_check("x.jpg", NULL)) return;
    cli_works("2 pictures", "grid " UNSEEDED "--seed 3 --x steps=1,2 -o one.jpg --pictures kept");
    cli_works("2 of them from kept", "grid " UNSEEDED "--seed 3 --x steps=1,2 -o two.jpg --pictures kept");
    test_check(same_files("one.jpg", "two.jpg"), "and the same file");
}

SUITE(grid, .seconds = 6) {
    lists();
    places();
    if (!cli_begin()) {
        test_skip("no program sdc to run; SDC_BIN names it");
        return;
    }
    bool ok = make_model_of(cli_path("tiny.safetensors"), (MakeModel){.dtype = F32}, tiny_config()) &&
              make_model_of(cli_path("other.safetensors"), (MakeModel){.dtype = F16}, tiny_config()) &&
              test_write(cli_path("three.txt"), "a\nb\nc", 5);
    if (!test_check(ok, "the tiny models are made")) return;
    grids();
    axes();
    titles();
    matrix();
    lines();
    folders();
    loops();
    ends();
}
