/* hostile_files.c: names that stand for something else than a file that can be read or written. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the folder where sdc runs: a named pipe with nobody at its other end, a directory, links to nothing, to
 * themselves and to the pipe, and a diffusers folder whose configurations are such pipes. */
static const HostileCase READ[] = {
    {"model-fifo", .args = "info fifo", .code = 1, .words = "fifo: is a named pipe|/dev/stdin"},
    {"model-fifo-linked", .args = "info to-fifo", .code = 1, .words = "to-fifo: is a named pipe"},
    {"model-directory", .args = "info dir", .code = 1, .words = "dir: is a folder without model_index.json"},
    {"model-device", .args = "info /dev/zero", .code = 1, .words = "/dev/zero: is a device"},
    {"model-null", .args = "info /dev/null", .code = 1, .words = "/dev/null: is a device"},
    {"model-link-to-nothing", .args = "info lost", .code = 1, .words = "lost: is a symbolic link to nothing"},
    {"model-link-to-itself", .args = "info loop", .code = 1, .words = "loop: cannot be opened: |links"},
    {"model-slash-behind-file", .args = "info plain/x", .code = 1,
     .words = "plain/x: cannot be opened: Not a directory"},
    {"model-no-name", .args = "info ''", .code = 2, .words = "empty|help"},
    {"picture-fifo", .args = "img2img -p x -i fifo", .code = 1, .words = "fifo: is a named pipe"},
    {"picture-directory", .args = "img2img -p x -i dir", .code = 2, .words = "a folder of pictures needs -o DIR"},
    {"picture-device", .args = "img2img -p x -i /dev/zero", .code = 1, .words = "/dev/zero: is a device"},
    {"png-info-fifo", .args = "png-info fifo", .code = 1, .words = "fifo: is a named pipe"},
    {"replay-fifo", .args = "replay fifo", .code = 1, .words = "fifo: is a named pipe"},
    {"prompt-fifo", .args = "tokens -p @fifo", .code = 1, .words = "fifo: is a named pipe"},
    {"prompt-directory", .args = "tokens -p @dir", .code = 1, .words = "dir: is a directory"},
    {"prompt-device", .args = "tokens -p @/dev/zero", .code = 1, .words = "/dev/zero: is a device"},
    {"prompt-terabyte", .args = "tokens -p @sparse", .code = 1, .words = "sparse: is larger than"},
    {"prompt-no-name", .args = "tokens -p @", .code = 2, .words = "empty"},
    {"prompt-closed-input", .args = "tokens -p - <&-", .code = 1, .words = "standard input: cannot be read"},
    {"prompt-descriptor-not-open", .args = "tokens -p @/dev/fd/47", .code = 1, .words = "/dev/fd/47: cannot be opened"},
    {"prompt-endless-input", .args = "tokens -p - < /dev/zero", .code = 1, .words = "standard input: is larger than"},
    {"picture-terabyte", .args = "img2img -p x -i sparse", .code = 1, .words = "sparse: is larger than"},
    {"model-terabyte", .args = "info sparse", .code = 1, .words = "sparse: "},
    {"names-fifo", .args = "diff $B $B --names fifo", .code = 1, .words = "fifo: is a named pipe"},
    {"names-many", .args = "diff many.st many.st --names many", .code = 1, .words = "no tensor in common"},
    {"names-starred", .args = "diff many.st many.st --names starred", .code = 1,
     .words = "starred: too many lines with *"},
    {"names-long", .args = "diff $B $B --names long", .code = 1, .words = "line 1: a name of more than 1023 bytes"},
    {"names-of-stars", .args = "diff $B $B --names stars", .code = 1, .words = "line 1: both names need|up to 8"},
    {"names-one-word", "n", BYTES("a b\n\nc\n"), "diff $B $B --names n", 1, "n: line 3 is not two names"},
    {"names-latin1", "n", BYTES("caf\xE9 b\n"), "diff $B $B --names n", 1, "n: |UTF-8"},
    {"names-nul", "n", BYTES("a\0b c\n"), "diff $B $B --names n", 1, "n: "},
    {"names-too-large", .args = "diff $B $B --names sparse", .code = 1, .words = "sparse: is larger than 4 MiB"},
    {"diff-fifo", .args = "diff $B fifo", .code = 1, .words = "fifo: is a named pipe"},
    {"index-fifo", .args = "info folder-index", .code = 1, .words = "folder-index/model_index.json: is a named pipe"},
    {"config-fifo", .args = "info folder", .code = 1, .words = "folder/unet/config.json: is a named pipe"},
    {"part-is-a-file", .args = "info folder-part", .code = 1, .words = "unet/config.json: cannot be opened"},
    {"scheduler-lost", .args = "info folder-schedule", .code = 1, .words = "scheduler_config.json: is a symbolic link"},
};

/* Outputs. `is.png` is a file, `to-is` a link to it. */
#define WEIGHTS "diffusion_pytorch_model.safetensors"
#define P "-p x --steps 1 -W 64 -H 64 "
static const HostileCase WRITTEN[] = {
    {"out-directory", .args = "txt2img " P "-o dir", .code = 1, .words = "dir: exists and is a directory"},
    {"out-slash", .args = "txt2img " P "-o dir/", .code = 1, .words = "dir/: names a directory, not a file"},
    {"out-in-no-folder", .args = "txt2img " P "-o none/a.png", .code = 1, .words = "none/a.png: its directory|make"},
    {"out-below-file", .args = "txt2img " P "-o plain/a.png", .code = 1, .words = "plain/a.png: its directory"},
    {"out-fifo", .args = "txt2img " P "-o fifo", .code = 1, .words = "fifo: exists and is a pipe"},
    {"out-device", .args = "txt2img " P "-o /dev/null", .code = 1, .words = "/dev/null: exists and is a device"},
    {"out-link-to-nothing", .args = "txt2img " P "-o lost", .code = 1, .words = "lost: is a broken symbolic link"},
    {"out-link-to-itself", .args = "txt2img " P "-o loop", .code = 1, .words = "loop: |link"},
    {"out-no-name", .args = "txt2img " P "-o ''", .code = 2, .words = "empty"},
    {"out-name-too-long", .args = "txt2img " P "-o $LONG252.png", .code = 1, .words = "File name too long"},
    {"out-path-too-long", .args = "txt2img " P "-o $DEEP/a.png", .code = 1, .words = "too long"},
    {"out-numbered-too-long", .args = "txt2img " P "--batch-size 2 -o $LONG245.png", .code = 1, .words = "too long"},
    {"out-is-model", .args = "txt2img -m is.png " P "-o is.png", .code = 2, .words = "also an input file"},
    {"out-is-picture", .args = "img2img -i is.png " P "-o is.png", .code = 2, .words = "also an input file"},
    {"out-is-picture-linked", .args = "img2img -i is.png " P "-o to-is", .code = 2, .words = "also an input file"},
    {"out-is-picture-dotted", .args = "img2img -i is.png " P "-o dir/../is.png", .code = 2, .words = "an input file"},
    {"out-two-pictures", .args = "txt2img " P "-o - --batch-count 2", .code = 2, .words = "takes one picture, not 2"},
    {"out-descriptor-not-open", .args = "txt2img " P "-o /dev/fd/47", .code = 1,
     .words = "/dev/fd/47: cannot be written"},
    {"out-descriptor-for-reading", .args = "txt2img " P "-o /dev/fd/7 7< plain", .code = 1,
     .words = "cannot be written"},
    {"out-closed", .args = "txt2img " P "-o - >&-", .code = 1, .words = "standard output: cannot be written"},
    {"taps-directory", .args = "txt2img " P "-o a.png --taps dir", .code = 1,
     .words = "dir: exists and is a directory"},
    {"taps-are-sheet", .args = "txt2img " P "-o a.png --taps b --steps-sheet b", .code = 2,
     .words = "--taps: b is also that of --steps-sheet"},
    {"sheet-fifo", .args = "sheet -o fifo x", .code = 1, .words = "fifo: exists and is a pipe"},
    {"sheet-is-model", .args = "sheet -m is.png -o is.png x", .code = 2, .words = "is.png|input"},
    {"judge-sheet-is-model", .args = "judge -m is.png --sheet to-is", .code = 2, .words = "to-is|input"},
    {"taps-are-picture", .args = "img2img -i is.png " P "--taps to-is", .code = 2, .words = "--taps: to-is|input"},
    {"convert-directory", .args = "convert $B dir", .code = 1, .words = "dir: exists and is a directory"},
    {"convert-onto-itself", .args = "convert is.png to-is", .code = 2, .words = "the same file"},
    {"merge-onto-itself", .args = "merge is.png $B -o to-is", .code = 2, .words = "is merged and would be overwritten"},
    {"merge-directory", .args = "merge $B $B -o dir", .code = 1, .words = "dir: exists and is a directory"},
    {"merge-no-model", .args = "merge $B is.png -o new", .code = 1, .words = "is.png: "},
    {"merge-no-vae", .args = "merge $B --vae is.png -o new", .code = 1, .words = "is.png: "},
    {"merge-full", .args = "merge $B $B -o /dev/fd/7 7> /dev/full", .code = 1, .words = "No space left"},
    {"folder-of-few-tokens", .args = "convert $B new --layout diffusers", .code = 1, .words = "its token table has"},
    {"ema-without", .args = "convert $B new --ema", .code = 1, .words = "holds no moving averages"},
    {"convert-onto-a-part", .args = "convert kept kept/vae/" WEIGHTS, .code = 2, .words = "a file of the model itself"},
    {"convert-onto-a-part-linked", .args = "convert kept to-part", .code = 2, .words = "a file of the model itself"},
    {"log-is-the-model-before", .args = "train --data shapes -m is.png --out new --log to-is", .code = 2,
     .words = "--log to-is: is a model"},
    {"convert-from-fifo", .args = "convert fifo a", .code = 1, .words = "fifo: is a named pipe"},
    {"convert-full", .args = "convert $B /dev/fd/7 7> /dev/full", .code = 1,
     .words = "/dev/fd/7: cannot be written: No space"},
    {"convert-no-name", .args = "convert $B ''", .code = 2, .words = "a name is empty"},
    {"convert-name-too-long", .args = "convert $B $LONG256", .code = 1, .words = "too long"},
    {"make-data-into-file", .args = "make-data -o plain --count 1", .code = 1,
     .words = "plain: cannot be opened as a folder"},
    {"make-data-not-empty", .args = "make-data -o folder --count 1", .code = 1, .words = "folder: is not empty"},
    {"make-data-too-deep", .args = "make-data -o $DEEP --count 1", .code = 1, .words = "too long"},
    {"make-data-no-name", .args = "make-data -o '' --count 1", .code = 2, .words = "empty"},
    {"judge-sheet-directory", .args = "judge -n 1 --sheet dir", .code = 1, .words = "dir: exists and is a directory"},
    {"train-state-too-long", .args = "train --data shapes --out $LONG250", .code = 1, .words = "too long"},
    {"train-sample-too-long", .args = "train --data shapes --out $LONG249 --sample x --steps 10000", .code = 1,
     .words = "too long"},
    {"train-path-too-long", .args = "train --data shapes --out $DEEP/a", .code = 1, .words = "too long"},
    {"train-out-directory", .args = "train --data shapes --out dir --overwrite", .code = 1,
     .words = "dir: exists and is a directory"},
    {"train-out-dash", .args = "train --data shapes --out -", .code = 2, .words = "needs a file"},
    {"model-path-too-long", .args = "info $DEEP/a", .code = 1, .words = "too long"},
    {"line-too-long", .args = "info $PATH3000/a", .code = 1, .words = "...|/a: cannot be opened: No such file or"},
    {"line-too-long-written", .args = "convert $B $PATH3000/a", .code = 1, .words = "a: its directory cannot be used"},
    {"name-with-control-characters", .args = "info \"$(printf 'a\\033[31m\\nb')\"", .code = 1, .words = "a?[31m?b: "},
    {"name-without-utf8", .args = "info \"$(printf 'a\\377')\"", .code = 1, .words = "cannot be opened"},
    {"a-hundred-thousand-arguments", .args = "txt2img $(seq 100000)", .code = 2, .words = "unexpected argument '1'"},
    {"all-arguments-empty", .args = "'' ''", .code = 2, .words = "no such command"},
    {"an-empty-option", .args = "txt2img -p x -W ''", .code = 2, .words = "-W"},
};

/* $NAME: a name of so many letters, or a path of more than the system takes. */
static void long_names(void) {
    static const int LENGTHS[] = {245, 249, 250, 252, 256};
    static char deep[6000];
    char name[16], value[300];
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        snprintf(name, sizeof name, "LONG%d", LENGTHS[i]);
        snprintf(value, sizeof value, "%0*d", LENGTHS[i], 0);
        setenv(name, value, 1);
    }
    for (size_t i = 0; i + 4 < 5000; i += 4) memcpy(deep + i, "abc/", 4);
    setenv("DEEP", deep, 1);
    deep[3000] = 0;
    setenv("PATH3000", deep, 1);
}

/* A file of 4,000 tensors and a megabyte of rules that lead none of them anywhere; too many rules with a star; names
 * of half a megabyte; names of nothing but stars. */
static void many_names(void) {
    enum { TENSORS = 4000, ROOM = 1100000 };
    char *text = malloc(ROOM);
    size_t n = 8;
    if (!text) abort();
    for (int i = 0; i < TENSORS; i++)
        n += (size_t)sprintf(text + n,
                             "%s\"model.block.%d.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                             i ? "," : "{", i);
    text[n++] = '}';
    for (int i = 0; i < 8; i++) text[i] = (char)((n - 8) >> 8 * i);
    test_write(cli_path("many.st"), text, n);
    n = 0;
    for (int i = 0; n < ROOM - 100; i++) n += (size_t)sprintf(text + n, "model.block.%d.weight nowhere.%d\n", i, i);
    test_write(cli_path("many"), text, n);
    n = 0;
    for (int i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "*block*%d *x*\n", i);
    test_write(cli_path("starred"), text, n);
    n = 1000000;
    memset(text, 'a', n);
    text[0] = '*', text[n / 2] = ' ', text[n / 2 + 1] = '*';
    test_write(cli_path("long"), text, n);
    n = 980;
    memset(text, '*', n);
    text[n / 2] = ' ';
    test_write(cli_path("stars"), text, n);
    free(text);
}

static void folder(const char *name, const char *index) {
    char path[512];
    mkdir(cli_path(name), 0777);
    snprintf(path, sizeof path, "%s/model_index.json", name);
    if (index) test_write(cli_path(path), index, strlen(index));
    else mkfifo(cli_path(path), 0600);
}

static void begin(void) {
    mkfifo(cli_path("fifo"), 0600);
    mkdir(cli_path("dir"), 0777);
    test_write(cli_path("plain"), "x", 1);
    test_write(cli_path("sparse"), "x", 1);
    test_check(!truncate(cli_path("sparse"), (off_t)1 << 40), "a sparse file of a terabyte");
    test_check(!symlink("nowhere", cli_path("lost")) && !symlink("loop", cli_path("loop")) &&
                   !symlink("fifo", cli_path("to-fifo")),
               "links");
    test_write(cli_path("is.png"), "x", 1);
    test_check(!symlink("is.png", cli_path("to-is")), "a link");
    MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_DIFFUSERS, .dtype = F16};
    test_check(make_model(cli_path("kept"), spec) && !symlink("kept/vae/" WEIGHTS, cli_path("to-part")), "a folder");
    long_names();
    many_names();
    folder("folder-index", NULL);
    folder("folder", "{}");
    mkdir(cli_path("folder/unet"), 0777);
    mkfifo(cli_path("folder/unet/config.json"), 0600);
    folder("folder-part", "{}");
    test_write(cli_path("folder-part/unet"), "x", 1);
    folder("folder-schedule", "{}");
    mkdir(cli_path("folder-schedule/scheduler"), 0777);
    test_check(!symlink("nowhere", cli_path("folder-schedule/scheduler/scheduler_config.json")), "a link");
}

HOSTILE(files) {
    begin();
    hostile_cases(READ, sizeof READ / sizeof *READ);
    hostile_cases(WRITTEN, sizeof WRITTEN / sizeof *WRITTEN);
}
