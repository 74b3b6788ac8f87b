/* hostile_files.c: names that stand for something else than a file that can be read or written. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
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
    {"picture-directory", .args = "img2img -p x -i dir", .code = 1,
     .words = "dir: is a directory, not a file; name a pic"},
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
    {"diff-fifo", .args = "diff $B fifo", .code = 1, .words = "fifo: is a named pipe"},
    {"index-fifo", .args = "info folder-index", .code = 1, .words = "folder-index/model_index.json: is a named pipe"},
    {"config-fifo", .args = "info folder", .code = 1, .words = "folder/unet/config.json: is a named pipe"},
    {"part-is-a-file", .args = "info folder-part", .code = 1, .words = "unet/config.json: cannot be opened"},
    {"scheduler-lost", .args = "info folder-schedule", .code = 1, .words = "scheduler_config.json: is a symbolic link"},
};

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
}
