/* cli_shapes.c: the program draws pictures to train on, and judges pictures. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "sd/image/image.h"
#include "sd/sd.h"
#include "tools/shapes/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool file_says(const char *name, const char *words) {
    char *text = test_read(cli_path(name), NULL);
    bool ok = text && strstr(text, words);
    free(text);
    return ok;
}

static void folders(void) {
    ShapesOptions o = shapes_options();
    uint8_t rgb[3 * 64 * 64];
    char caption[SHAPES_CAPTION];
    Image read = {0};
    Error e = {0};
    shapes_picture(rgb, caption, &o, 5, 12, 64);
    cli_works("set: 3 pictures", "make-data -o set --count 3 --first 11 --seed 5");
    test_check(file_says("set/00000012.txt", caption), "make-data: each picture has its caption");
    test_check(image_read(cli_path("set/00000012.png"), IMAGE_WHITE, &read, &e) && read.width == 64 &&
                   read.height == 64 && !memcmp(read.rgb, rgb, sizeof rgb),
               "make-data: the picture is the one that shapes_picture draws");
    image_free(&read);
    test_check(!access(cli_path("set/00000011.png"), F_OK) && access(cli_path("set/00000014.png"), F_OK),
               "make-data: as many as asked for");
    cli_fails(1, "set: is not empty", "make-data -o set --count 3");
    cli_works("lines: 2 pictures", "make-data -o lines --count 2 --jsonl --kind pair --canonical --size 32");
    test_check(file_says("lines/metadata.jsonl", "{\"file_name\":\"00000001.png\",\"text\":\"a"),
               "make-data: --jsonl writes a line for each");
    cli_works("sheet.png: written", "make-data --sheet sheet.png --count 5");
    cli_fails(2, "needs -o DIR", "make-data");
    cli_fails(2, "--kind", "make-data -o x --kind circle");
    cli_fails(1, "no/such", "make-data -o no/such");
}

static void judgements(void) {
    cli_works("one object                           4      100.0      100.0      100.0      100.0", "judge -n 4");
    cli_works("{\"name\":\"two objects\",\"n\":3,\"background\":100.00,", "judge -n 3 --json --sheet verdicts.png");
    test_check(!access(cli_path("verdicts.png"), F_OK), "judge: --sheet writes one");
    cli_fails(2, "--reconstruct needs", "judge --reconstruct");
    cli_fails(2, "need -m", "judge --cfg 4");
    cli_fails(1, "gone.safetensors", "judge -m gone.safetensors");
    cli_fails(2, "--kinds: needs five numbers", "train --data shapes --kinds 1,2 --out kinds.safetensors");
    if (sd_builtin())
        cli_works("one object                           3      100.0      100.0      100.0      100.0",
                  "judge --built-in -n 3");
    if (!make_model(cli_path("judged.safetensors"), (MakeModel){.dtype = F32})) return;
    cli_works("one object, CFG 1                    1", "judge -m judged.safetensors -n 1 --size 64 --steps 1 "
                                                        "--other-cfg 1");
    cli_works("PSNR: ", "judge -m judged.safetensors --reconstruct -n 1 --size 64");
    cli_works("three.png: 3 pictures",
              "sheet -m judged.safetensors --steps 1 -W 64 -H 64 -o three.png 'a red circle' x y");
    test_check(!access(cli_path("three.png"), F_OK), "sheet: it exists");
    cli_works("12 pictures", "sheet -m judged.safetensors --steps 1 -W 64 -H 64");
    cli_fails(2, "--width: 100 is not a multiple of 8", "sheet -m judged.safetensors -W 100");
    cli_fails(2, "a multiple, not 72", "judge -m judged.safetensors -n 1 --size 72");
}

/* The first picture's steps are many: the signal comes before it is done. */
static void stopped(void) {
    if (access("/proc/self/status", R_OK)) {
        test_skip("sheet: stopped: no /proc to see when the work begins");
        return;
    }
    CliRun r =
        cli_shell("\"$SDC\" sheet -m judged.safetensors --threads 2 --steps 1000 -W 256 -H 256 -o gone.png x y & "
                  "p=$!; until [ $(ls /proc/$p/task | wc -l) -gt 1 ]; do sleep 0.02; done; "
                  "kill -s TERM $p; wait $p",
                  false);
    test_check(r.code == 143 && !strcmp(r.err, "sdc: stopped after 0 of 2 pictures\n"), "sheet: stopped, with a line");
    test_check(access(cli_path("gone.png"), F_OK), "sheet: none of no pictures");
    test_note("exit %d: %s", r.code, r.err);
    cli_free(&r);
}

void cli_shapes(void) {
    folders();
    judgements();
    stopped();
}
