/* hostile_train.c: folders of pictures and captions as people have them, for `sdc train`. Every row makes its folder
 * anew: two good pictures a.png and b.png with captions, and what the row changes. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_picture.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>

/* `make` makes the folder's difference, in the shell: $P is a picture of 8 x 8, $C a transparent one, $A an animated
 * one, $W one of 40 x 8. */
typedef struct {
    const char *name, *make;
    int code;
    const char *words;
} Row;

#define CHECK "train --check --size 8 --data d"

static const Row ROWS[] = {
    {"good", "", 0, "d: 2 pictures of 8 x 8 pixels, captions beside them, 0 skipped"},
    /* endings and formats */
    {"capitals", "cp $P d/c.PNG; cp $P d/e.Png; echo x > d/c.txt; echo x > d/e.txt", 0, "d: 4 pictures"},
    {"capital-txt", "cp $P d/c.PNG; echo x > d/c.TXT", 0, "d: 3 pictures"},
    {"webp", "printf 'RIFF\\004\\000\\000\\000WEBPVP8 ' > d/c.webp; echo x > d/c.txt", 0,
     "2 pictures|1 skipped|skipped 1: the WebP has no pixels; download it again or save it anew: c.webp"},
    {"webp-no-caption", "printf 'RIFF\\004\\000\\000\\000WEBPVP8 ' > d/c.webp", 0, "skipped 1: the WebP|c.webp"},
    {"webp-as-png", "printf 'RIFF\\004\\000\\000\\000WEBPVP8 ' > d/c.png; echo x > d/c.txt", 0,
     "skipped 1: the WebP|c.png"},
    {"png-as-webp", "cp $P d/c.webp; echo x > d/c.txt", 0, "d: 3 pictures|0 skipped"},
    {"avif", "printf '\\000\\000\\000\\034ftypavif' > d/c.avif; echo x > d/c.txt", 0, "skipped 1: AVIF|c.avif"},
    {"heic", "printf '\\000\\000\\000\\034ftypheic' > d/IMG_1.HEIC", 0, "skipped 1: HEIF|IMG_1.HEIC"},
    {"tiff", "printf 'II*\\000aaaaaaaa' > d/c.tif", 0, "skipped 1: TIFF|c.tif"},
    {"jxl", "printf '\\377\\012aaaaaaaaaaa' > d/c.jxl", 0, "skipped 1: JPEG XL|c.jxl"},
    {"svg", "echo '<svg>' > d/c.svg", 0, "skipped 1: not a picture|c.svg"},
    {"raw", "echo x > d/c.CR2", 0, "skipped 1: not a picture|c.CR2"},
    {"two-kinds", "echo x > d/c.svg; echo x > d/e.svg; printf 'II*\\000aaaaaaaa' > d/f.tif", 0,
     "3 skipped|skipped 2: not a picture|c.svg, e.svg|skipped 1: TIFF"},
    /* damage */
    {"empty-picture", ": > d/c.png; echo x > d/c.txt", 0, "skipped 1: |c.png"},
    {"cut-picture", "head -c 45 $P > d/c.png; echo x > d/c.txt", 0, "skipped 1: |ends within|c.png"},
    {"text-as-picture", "echo hello > d/c.jpg; echo x > d/c.txt", 0, "skipped 1: not a picture|c.jpg"},
    {"all-damaged", "echo x > d/a.png; echo x > d/b.png", 1,
     "d: none of its 2 pictures can be used: a.png: not a picture"},
    /* not files */
    {"folder-as-picture", "mkdir d/c.png", 0, "skipped 1: is a directory|c.png"},
    {"fifo", "mkfifo d/c.png", 0, "skipped 1: is a named pipe|c.png"},
    {"link-to-nothing", "ln -s gone d/c.png", 0, "skipped 1: is a symbolic link to nothing|c.png"},
    {"link-to-itself", "ln -s c.png d/c.png", 0, "skipped 1: cannot be opened|c.png"},
    {"link", "ln -s a.png d/c.png; ln -s a.txt d/c.txt", 0, "d: 3 pictures"},
    {"device", "ln -s /dev/zero d/c.png", 0, "skipped 1: is a device|c.png"},
    {"fifo-caption", "rm d/a.txt; mkfifo d/a.txt", 1, "d/a.txt: is a named pipe"},
    {"folder-caption", "rm d/a.txt; mkdir d/a.txt", 1, "d/a.txt: is a directory"},
    {"fifo-lines", "mkfifo d/metadata.jsonl", 1, "d/metadata.jsonl: is a named pipe"},
    {"lines-to-nothing", "ln -s gone d/metadata.jsonl", 1, "d/metadata.jsonl: is a symbolic link to nothing"},
    /* hidden files, and others */
    {"appledouble", "echo x > d/._a.png; printf '\\377' > d/._a.txt; echo x > d/.DS_Store", 0,
     "d: 2 pictures|0 skipped"},
    {"windows", "echo x > d/Thumbs.db; echo x > d/desktop.ini; mkdir d/__MACOSX", 0, "d: 2 pictures|0 skipped"},
    {"others", "echo x > d/notes.md; echo x > d/a.npz", 0, "2: other files, which are not read: a.npz, notes.md"},
    {"csv", "echo x > d/metadata.csv", 0, "1: other files, which are not read: metadata.csv"},
    {"subfolder", "mkdir d/more; cp $P d/more/c.png", 0, "1: folders, which are not looked into: more"},
    {"only-train", "rm d/*; mkdir d/train; cp $P d/train", 1, "contains no pictures but folders|name d/train"},
    {"kohya", "rm d/*; mkdir d/10_cat; cp $P d/10_cat", 1, "contains no pictures but folders|name d/10_cat"},
    {"empty", "rm d/*", 1, "d: contains no pictures"},
    {"only-text", "rm d/*.png", 1, "d: contains no pictures"},
    {"a-file", "rm -r d; echo x > d", 1, "d: cannot be opened as a folder: Not a directory"},
    {"gone", "rm -r d", 1, "d: cannot be opened as a folder: No such file"},
    {"control-name",
     "cp $P \"$(printf 'd/c\\033[2J.png')\"; echo x > \"$(printf 'd/c\\033[2J.txt')\"; : > \"$(printf 'd/e\\n.svg')\"",
     0, "d: 3 pictures|e?.svg"},
    /* captions */
    {"missing", "rm d/b.txt", 1, "d: 1 picture has no caption: b.png"},
    {"missing-many", "for i in 1 2 3 4 5; do cp $P d/$i.png; done", 1,
     "d: 5 pictures have no caption: 1.png, 2.png, 3.png, ..."},
    {"other-case", "mv d/a.txt d/A.txt", 1, "d: 1 picture has no caption: a.png"},
    {"caption-ending", "mv d/a.txt d/a.caption", 0, "d: 2 pictures"},
    {"both-endings", "echo other > d/a.caption", 0, "1: captions beside a .txt, which counts: a.caption"},
    {"shared", "cp $P d/a.jpg", 0, "d: 3 pictures|1: captions of more than one picture: a.txt"},
    {"orphan", "echo x > d/readme.txt", 0, "1: captions without a picture: readme.txt"},
    {"empty-caption", ": > d/a.txt", 0, "1: empty captions: a.png"},
    {"blank-caption", "printf ' \\r\\n\\n' > d/a.txt", 0, "1: empty captions: a.png"},
    {"several-lines", "printf 'one\\ntwo\\n' > d/a.txt", 0, "1: captions of several lines, all of which count: a.png"},
    {"long-caption", "for i in $(seq 76); do printf 'cat '; done > d/a.txt", 0,
     "1: captions of more than 75 tokens, which are cut: a.png"},
    {"long-enough", "for i in $(seq 75); do printf 'cat '; done > d/a.txt", 0, "d: 2 pictures"},
    {"large-caption", "head -c 100000 /dev/zero | tr '\\0' x > d/a.txt", 1, "d/a.txt: is larger than 64 KiB"},
    {"utf8-mark", "printf '\\357\\273\\277a cat' > d/a.txt", 0, "d: 2 pictures"},
    {"mark-alone", "printf '\\357\\273\\277' > d/a.txt", 0, "1: empty captions: a.png"},
    {"utf16", "printf '\\377\\376a\\000' > d/a.txt", 1, "d/a.txt: is UTF-16"},
    {"utf16-be", "printf '\\376\\377\\000a' > d/a.txt", 1, "d/a.txt: is UTF-16"},
    {"utf16-no-mark", "printf 'a\\000 \\000b\\000' > d/a.txt", 1, "d/a.txt: a NUL at byte 1|UTF-16 LE"},
    {"utf32", "printf '\\377\\376\\000\\000' > d/a.txt", 1, "d/a.txt: is UTF-32"},
    {"latin1", "printf 'caf\\351' > d/b.txt", 1, "d/b.txt: not UTF-8 at byte 3, in line 1: E9"},
    {"gbk", "printf '\\272\\354\\311\\253' > d/a.txt", 1, "d/a.txt: not UTF-8 at byte 0"},
    {"picture-as-caption", "cp $P d/a.txt", 1, "d/a.txt: not UTF-8 at byte 0, in line 1: 89 50 4E 47"},
    /* sizes */
    {"transparent", "cp $C d/a.png", 0, "1: pictures with transparent parts, which become white: a.png"},
    {"animated", "cp $A d/a.png", 0, "1: the PNG is animated; its first picture is used: a.png"},
    {"long-picture", "cp $W d/a.png", 0, "1: pictures more than twice as long as wide, whose ends are cut off: a.png"},
};

#define OF(name, text) "{\"file_name\": \"" name "\", \"text\": \"" text "\"}\\n"
#define LINE OF("a.png", "a cat")

/* printf's format for metadata.jsonl */
static const Row LINES[] = {
    {"lines", LINE OF("b.png", "b"), 0,
     "d: 2 pictures of 8 x 8 pixels, captions in metadata.jsonl, 0 skipped|2: captions beside metadata.jsonl"},
    {"lines-powershell", "\\357\\273\\277" LINE, 0, "d: 1 picture of"},
    {"lines-crlf", "{\"file_name\": \"a.png\", \"text\": \"a cat\"}\\r\\n\\r\\n", 0, "d: 1 picture of"},
    {"lines-blank", "\\n \\t\\n" LINE "\\n", 0, "d: 1 picture of"},
    {"lines-no-end", "{\"file_name\": \"a.png\", \"text\": \"a cat\"}", 0, "d: 1 picture of"},
    {"lines-unnamed", LINE, 0, "1 skipped|skipped 1: metadata.jsonl does not name it: b.png"},
    {"lines-gone", LINE OF("c.png", ""), 0, "skipped 1: cannot be opened|c.png"},
    {"lines-all-gone", OF("c.png", ""), 1, "d: none of its"},
    {"lines-twice", LINE LINE, 0, "d: 2 pictures|1: lines that name a picture again, used once for each line: a.png"},
    {"lines-dot", OF("./a.png", "x"), 0, "d: 1 picture of"},
    {"lines-empty", "", 1, "d/metadata.jsonl: names no pictures"},
    {"lines-latin1", OF("a.png", "caf\\351"), 1, "d/metadata.jsonl: not UTF-8 at byte 35, in line 1: E9"},
    {"lines-nul", OF("a.png", "x\\000"), 1, "d/metadata.jsonl: a NUL at byte"},
    {"lines-cut", LINE "{\"file_name\": \"b.p", 1, "d/metadata.jsonl: line 2: not valid JSON"},
    {"lines-python", "{'file_name': 'a.png'}\\n", 1, "d/metadata.jsonl: line 1: not valid JSON"},
    {"lines-array", "[" LINE "]\\n", 1, "d/metadata.jsonl: line 1: not valid JSON"},
    {"lines-not-object", "[1]\\n", 1, "d/metadata.jsonl: line 1: needs \"file_name\" and \"text\"; its keys are none"},
    {"lines-image", "{\"image\": \"a.png\", \"caption\": \"x\"}\\n", 1,
     "line 1: needs \"file_name\" and \"text\"; its keys are \"image\", \"caption\""},
    {"lines-null", "{\"file_name\": \"a.png\", \"text\": null}\\n", 1, "line 1: \"text\" is not a string"},
    {"lines-number", "{\"file_name\": 1, \"text\": \"\"}\\n", 1, "line 1: \"file_name\" is not a string"},
    {"lines-absolute", OF("/etc/passwd", ""), 1, "line 1: file_name \"/etc/passwd\" is an absolute path"},
    {"lines-windows", OF("C:\\\\\\\\a.png", ""), 1, "is an absolute path"},
    {"lines-up", LINE OF("x/../../a.png", ""), 1, "line 2: file_name \"x/../../a.png\" leads out of the folder"},
    {"lines-no-name", OF("", ""), 1, "line 1: file_name \"\" is empty"},
    {"lines-same-key", "{\"file_name\": \"a.png\", \"file_name\": \"b.png\", \"text\": \"\"}\\n", 1,
     "line 1: |file_name"},
    {"lines-lone-surrogate", OF("a.png", "\\\\ud83d"), 1, "line 1: not valid JSON|surrogate"},
};

/* $NAME: the path of a PNG of w x 8 pixels, RGB or (colour 6) RGBA. */
static void picture(const char *name, uint32_t w, int colour, bool animated) {
    static const uint8_t ZEROS[8 * (1 + 4 * 40)];
    PictureFile f = {NULL, 0, 0};
    char file[8];
    snprintf(file, sizeof file, "%s.png", name);
    file_png(&f, w, 8, 8, colour, 0);
    if (animated) file_chunk(&f, "acTL", "\0\0\0\2\0\0\0\0", 8);
    file_deflated(&f, "IDAT", NULL, 0, ZEROS, 8 * (1 + (colour == 6 ? 4 : 3) * w));
    file_chunk(&f, "IEND", NULL, 0);
    if (!test_write(cli_path(file), f.p, f.n)) abort();
    setenv(name, cli_path(file), 1);
    free(f.p);
}

static void run(const Row *r, const char *lines, const char *option) {
    char make[4000], args[64];
    snprintf(make, sizeof make,
             "rm -rf d; mkdir d; cp $P d/a.png; cp $P d/b.png; echo 'a cat' > d/a.txt; echo b > d/b.txt; %s%s%s",
             lines ? "printf '" : "", r->make, lines ? lines : "");
    CliRun made = cli_shell(make, false);
    test_check(made.code == 0, "the folder of %s", r->name);
    test_note("%s", made.err);
    cli_free(&made);
    snprintf(args, sizeof args, CHECK "%s", option);
    hostile_case(&(HostileCase){.name = r->name, .args = args, .code = r->code, .words = r->words});
}

HOSTILE(train) {
    static const Row STRICT = {"strict", "echo x > d/a.png", 1, "d: 1 to be skipped: a.png: not a picture|--strict"};
    picture("P", 8, 2, false);
    picture("C", 8, 6, false);
    picture("A", 8, 2, true);
    picture("W", 40, 2, false);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) run(&ROWS[i], NULL, "");
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) run(&LINES[i], "' > d/metadata.jsonl", "");
    run(&STRICT, NULL, " --strict");
    CliRun r = cli_shell("rm -rf d [PCAW].png", false);
    cli_free(&r);
}
