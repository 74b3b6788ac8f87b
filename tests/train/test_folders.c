/* test_folders.c: folders of captioned pictures, and trainings that are interrupted by what a machine does. */
#define _XOPEN_SOURCE 700
#include "sd/image/codecs/png.h"
#include "sd/train/folder.h"
#include "sd/train/train.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 16 };

/* A picture of one colour as a PNG file. */
static void picture(const char *name, uint8_t colour, size_t cut) {
    uint8_t rgb[SIDE * SIDE * 3], *png;
    size_t size;
    memset(rgb, colour, sizeof rgb);
    if (!png_encode(rgb, SIDE, SIDE, NULL, 0, &png, &size, NULL)) abort();
    if (!test_write(cli_path(name), png, size - cut)) abort();
    free(png);
}

static void caption(const char *name, const char *text) { test_write(cli_path(name), text, strlen(text)); }

static void shell(const char *what, const char *command) {
    CliRun r = cli_shell(command, false);
    test_check(r.code == 0, "%s", what);
    test_note("exit %d; %s %s", r.code, r.out, r.err);
    cli_free(&r);
}

/* --- what is read --- */

static const FolderOptions PLAIN = {.captions = true, .size = SIDE, .most = INT64_MAX, .threads = 2};

/* One check: the folder's pictures are these names with these captions, "name=caption" joined by '|'. */
static void reads(const char *what, const FolderOptions *o, const char *want) {
    char got[1000] = "";
    Error e = {0};
    Folder *f = folder_open(cli_path("folder"), o, &e);
    for (size_t i = 0, n = 0; f && i < f->checked; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%s=%s", i ? "|" : "", f->at[i].name,
                              f->at[i].caption ? f->at[i].caption : "");
    test_check(f && !strcmp(got, want), "%s", what);
    test_note("%s; %s", got, e.text);
    folder_close(f);
}

static void folders(void) {
    static uint8_t rgb[SIDE * SIDE * 3];
    Error e = {0};
    mkdir(cli_path("folder"), 0777);
    picture("folder/b.png", 20, 0);
    picture("folder/a.PNG", 10, 0);
    picture("folder/B.Jpg", 30, 0); /* a PNG by content */
    picture("folder/c.png", 40, 30);
    caption("folder/a.txt", "\xEF\xBB\xBF"
                            "caf\xC3\xA9 \r\n");
    caption("folder/b.txt", "two\r\nlines\n\n");
    caption("folder/B.caption", "big");
    caption("folder/c.txt", "damaged");
    reads("names in order, each with its caption; a damaged one is left out", &PLAIN,
          "B.Jpg=big|a.PNG=caf\xC3\xA9|b.png=two\r\nlines");
    FolderOptions o = PLAIN;
    o.captions = false;
    reads("without captions", &o, "B.Jpg=|a.PNG=|b.png=");
    o = PLAIN, o.most = 2;
    reads("no more than --cache", &o, "B.Jpg=big|a.PNG=caf\xC3\xA9");
    Folder *f = folder_open(cli_path("folder"), &PLAIN, &e);
    bool ok = f && folder_picture(f, 1, SIDE, rgb, &e);
    test_check(ok && rgb[0] == 10 && rgb[SIDE * SIDE * 3 - 1] == 10, "a picture's pixels");
    folder_close(f);
    caption("folder/metadata.jsonl", "{\"file_name\": \"b.png\", \"text\": \"x\", \"other\": 1}\r\n"
                                     "{\"text\": \"y \\u00e9\", \"file_name\": \"./a.PNG\"}\n");
    reads("metadata.jsonl in its order", &PLAIN, "b.png=x|a.PNG=y \xC3\xA9");
    static const char WIDE[] = "\xFF\xFE"
                               "{\0\"\0f\0i\0l\0e\0_\0n\0a\0m\0e\0\"\0:\0\"\0b\0.\0p\0n\0g\0\"\0,"
                               "\0\"\0t\0e\0x\0t\0\"\0:\0\"\0\xE9\0\"\0}\0\r\0\n";
    test_write(cli_path("folder/metadata.jsonl"), WIDE, sizeof WIDE);
    reads("metadata.jsonl in UTF-16, as PowerShell redirects", &PLAIN, "b.png=\xC3\xA9");
}

static bool stop_at_once(void *user, int64_t checked, int64_t all) {
    (void)checked, (void)all;
    ++*(int *)user;
    return false;
}

/* Many pictures, some of them damaged: any number of threads finds the same. */
static void many(void) {
    char name[64], first[2][4] = {""};
    int64_t skipped[2] = {0};
    size_t used[2] = {0};
    int calls = 0;
    mkdir(cli_path("many"), 0777);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "many/%03d.png", i);
        picture(name, (uint8_t)i, i % 7 == 3 ? 25 : 0);
    }
    FolderOptions o = {.size = SIDE, .most = INT64_MAX};
    for (int k = 0; k < 2; k++) {
        o.threads = k ? 5 : 1;
        Folder *f = folder_open(cli_path("many"), &o, NULL);
        if (f) used[k] = f->count, skipped[k] = f->notes[0].count, snprintf(first[k], 4, "%s", f->notes[0].names[0]);
        folder_close(f);
    }
    test_check(used[0] == 514 && used[1] == 514 && skipped[0] == 86 && skipped[1] == 86 && !strcmp(first[0], "003") &&
                   !strcmp(first[1], "003"),
               "600 pictures, 86 of them damaged, on one thread and on five");
    test_note("%zu %zu used, %lld %lld skipped", used[0], used[1], (long long)skipped[0], (long long)skipped[1]);
    Error e = {0};
    o.progress = stop_at_once, o.user = &calls;
    Folder *f = folder_open(cli_path("many"), &o, &e);
    test_check(!f && e.code == ERR_CANCELLED && calls == 1, "reading can be stopped");
    folder_close(f);
    shell(
        "too few descriptors are an error, not a skip",
        "for n in 4 5 6 12; do out=$( (ulimit -n $n; exec \"$SDC\" train --check --data many --train vae -m x) 2>&1 ); "
        "case $?$out in 0*86\\ skipped*|1*'Too many open files'*|127*) ;; *) echo \"$n: $out\"; exit 1;; esac; done; "
        "test $n = 12");
}

/* --- trainings --- */

#define VAE "train -m vae.model --train vae --size 16 --crop 0 --whole-batch 2 --ema 0.9 -q "

typedef struct {
    int64_t fails_at, pictures; /* the picture whose reading fails */
} Data;

static bool draw(void *user, int64_t index, uint8_t *rgb, Error *e) {
    Data *d = user;
    if (d->pictures++ == d->fails_at) return error_set(e, ERR_FILE, "gone.png: cannot be opened");
    for (int i = 0; i < SIDE * SIDE * 3; i++) rgb[i] = (uint8_t)((int)index * 31 + i * 7);
    return true;
}

static char *say(void *user, int64_t index, Error *e) {
    (void)user, (void)index, (void)e;
    return calloc(1, 1);
}

static TrainOptions small(const char *model, const char *out, char paths[2][512]) {
    TrainOptions o = train_options();
    snprintf(paths[0], 512, "%s", cli_path(model));
    snprintf(paths[1], 512, "%s", cli_path(out));
    o.model = paths[0], o.out = paths[1];
    o.vae = true, o.text = false, o.crop = 0, o.whole_batch = 2, o.steps = 6, o.threads = 1;
    return o;
}

static bool train(const TrainOptions *o, int64_t fails_at, Error *e) {
    Data d = {.fails_at = fails_at};
    const TrainData data = {.user = &d, .count = 8, .size = SIDE, .picture = draw, .caption = say};
    *e = (Error){0};
    return train_run(o, &data, e);
}

/* A picture that vanishes, weights that are no longer finite. */
static void failures(void) {
    char paths[2][512];
    Error e;
    TrainOptions o = small("vae.model", "whole", paths);
    test_check(train(&o, -1, &e), "six steps");
    test_note("%s", e.text);
    o = small("vae.model", "broken", paths);
    bool failed = !train(&o, 7, &e); /* in step 4 */
    test_check(failed && e.code == ERR_FILE && strstr(e.text, "gone.png: cannot be opened; step 3 is saved"),
               "a picture that vanishes ends the training after what was done is saved");
    test_note("%s", e.text);
    o.resume = true;
    test_check(train(&o, -1, &e), "and it goes on");
    test_note("%s", e.text);
    shell("to the same bytes", "cmp whole broken && cmp whole.state broken.state");
    o = small("vae.model", "whole", paths);
    o.overwrite = true, o.lr = 1e30, o.warmup = 0, o.clip = 0;
    shell("a model", "cp whole kept && cp whole.state kept.state");
    test_check(!train(&o, -1, &e) && e.code == ERR_NUMERIC && strstr(e.text, "not finite"), "a rate of 1e30 fails");
    test_note("%s", e.text);
    shell("and the last good model stays", "cmp whole kept && cmp whole.state kept.state");
    o.lr = 1e38, o.steps = 1; /* only the weights of the last step would show it */
    test_check(!train(&o, -1, &e) && e.code == ERR_NUMERIC && strstr(e.text, "a weight, or"), "so does 1e38");
    test_note("%s", e.text);
    o.lr = 1e20; /* finite weights, infinite latents */
    test_check(!train(&o, -1, &e) && e.code == ERR_NUMERIC && strstr(e.text, "step 1: the VAE's latents"),
               "so does 1e20");
    test_note("%s", e.text);
    o.lr = 1e-3, o.kl = 1e30; /* finite weights, infinite squares of their gradients */
    test_check(!train(&o, -1, &e) && e.code == ERR_NUMERIC && strstr(e.text, "a moment of it"), "so does a KL of 1e30");
    test_note("%s", e.text);
    shell("and the last good model stays", "cmp whole kept && cmp whole.state kept.state");
    o = small("vae.model", "broken", paths);
    o.overwrite = true, o.steps = 1;
    test_check(!train(&o, 3, &e) && strstr(e.text, "cannot be opened; step 1 is saved"),
               "a picture that vanishes before the latents are measured at the end");
    test_note("%s", e.text);
    o = small("vae.model", "wide", paths);
    o.half = true, o.lr = 1e6, o.warmup = 0, o.steps = 2, o.save_every = 1;
    test_check(!train(&o, -1, &e) && strstr(e.text, "more than f16 can (65504); use --dtype f32; step 1 is saved"),
               "a weight that f16 does not hold");
    test_note("%s", e.text);
    shell("is in the state, not in a model", "test -e wide.state && test ! -e wide");
}

static void trainings(void) {
    SdConfig k = micro_config();
    k.vae.channels = 8, k.vae.levels = 2;
    MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_SINGLE, .dtype = F32};
    if (!test_check(make_model_of(cli_path("vae.model"), spec, k), "a small model")) return;
    failures();
    shell("a folder with capitals and a format that is not read",
          "mkdir mixed clean; cp folder/a.PNG mixed/a.png; cp folder/a.PNG mixed/b.Png; cp mixed/?.* clean; "
          "mv clean/b.Png clean/b.png; echo a > clean/a.txt; echo b > clean/b.txt; printf "
          "'RIFF\\004\\000\\000\\000WEBPVP8 ' > mixed/c.webp");
    CliRun r = cli(VAE "--data mixed --steps 2 --out mixed.out");
    test_check(r.code == 0 && cli_holds(r.err, "sdc: warning: mixed: skipped 1: |WebP|c.webp"),
               "trains, and warns even with -q");
    cli_tell(&r);
    cli_free(&r);
    cli_works("", VAE "--data clean --steps 2 --out clean.out");
    shell("what is skipped changes nothing else", "cmp mixed.out clean.out");
    cli_works("", VAE "--data clean --steps 6 --log whole.csv --save-every 3 --out log.whole");
    shell("a log that is longer than the state is cut, then goes on",
          "\"$SDC\" " VAE
          "--data clean --steps 3 --log cut.csv --out log.cut && echo 4,9,9,9,9 >> cut.csv && printf 5,9 >> "
          "cut.csv && \"$SDC\" " VAE "--data clean --steps 6 --log cut.csv --out log.cut --resume && "
          "test $(wc -l < cut.csv) = 7 && cut -d, -f1 cut.csv > 1 && cut -d, -f1 whole.csv | cmp - 1");
    shell("a log into a pipe",
          "test $(\"$SDC\" " VAE "--data clean --steps 3 --log /dev/stdout --out pipe.out | wc -l) = 4");
    shell("a log into a file that is standard output",
          "\"$SDC\" train -m vae.model --train vae --size 16 --crop 0 --whole-batch 2 --data clean --steps 3 --log "
          "/dev/stdout --out o.out > both 2> /dev/null && test $(wc -l < both) = 5 && tail -1 both | grep -q written");
    shell("a full disk keeps the last good state",
          "cp log.cut full; cp log.cut.state full.state; (ulimit -f 8; \"$SDC\" " VAE
          "--data clean --steps 9 --resume --out full 2> full.err); test $? = 1 && grep -q 'full.state: ' full.err && "
          "cmp full log.cut && cmp full.state log.cut.state");
    /* a training from nothing */
#define NEW "train --data clean --train vae --size 16 --crop 0 --whole-batch 1 -q "
    shell("a new model replaces nothing before it has learned",
          "echo old > new.out; \"$SDC\" " NEW
          "--overwrite --log /dev/full --out new.out 2> /dev/null; test $? = 1 && echo "
          "old | cmp - new.out && test ! -e new.out.state");
    shell("killed between its first state and its first model, it resumes to the same bytes",
          "\"$SDC\" " NEW "--steps 2 --out n2 && \"$SDC\" " NEW
          "--steps 2 --save-every 1 --out n1 && cmp n1 n2 && rm n1 && \"$SDC\" " NEW
          "--steps 2 --out n1 --resume && cmp n1 n2");
}

SUITE(folders, .seconds = 2) {
    if (!cli_begin()) {
        test_skip("no program sdc to run; SDC_BIN names it");
        return;
    }
    folders();
    many();
    trainings();
}
