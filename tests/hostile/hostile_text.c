/* hostile_text.c: prompts and their files: encodings, @FILE, and texts that are large or deep. */
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

#define UTF16                                                                                                          \
    "\xFF\xFE"                                                                                                         \
    "a\0 \0c\0a\0t\0\r\0\n\0"
#define CAT_IDS "\"text\":\"a cat\"|\"ids\":[320,2368]"

static const HostileCase CASES[] = {
    /* encodings of a prompt's file */
    {"utf16-le", "p.txt", BYTES(UTF16), "tokens --json -p @p.txt", 0, CAT_IDS},
    {"utf16-be", "p.txt", BYTES("\xFE\xFF\0a\0 \0c\0a\0t"), "tokens --json -p @p.txt", 0, CAT_IDS},
    {"utf8-mark", "p.txt",
     BYTES("\xEF\xBB\xBF"
           "a cat"),
     "tokens --json -p @p.txt", 0, CAT_IDS},
    {"utf16-surrogates", "p.txt", BYTES("\xFF\xFE\x3D\xD8\x08\xDC"), "tokens --json -p @p.txt", 0,
     "\"text\":\"\xF0\x9F\x90\x88\""},
    {"utf16-stdin", "p.txt", BYTES(UTF16), "tokens --json -p - < p.txt", 0, CAT_IDS},
    {"utf16-at-stdin", "p.txt", BYTES(UTF16), "tokens --json -p @- < p.txt", 0, CAT_IDS},
    {"latin1", "p.txt", BYTES("a caf\xE9\n"), "tokens -p @p.txt", 1,
     "p.txt: not UTF-8 at byte 5, in line 1: E9 0A|save it as UTF-8"},
    {"latin1-line-3", "p.txt", BYTES("a\nb\nna\xEFve\n"), "tokens -p @p.txt", 1,
     "p.txt: not UTF-8 at byte 6, in line 3: EF 76 65"},
    {"gbk", "p.txt", BYTES("\xBA\xEC\xC9\xAB"), "tokens -p @p.txt", 1,
     "p.txt: not UTF-8 at byte 0, in line 1: BA EC C9 AB"},
    {"latin1-txt2img", "p.txt", BYTES("caf\xE9"), "txt2img -p @p.txt", 1, "p.txt: not UTF-8"},
    {"latin1-negative", "p.txt", BYTES("caf\xE9"), "txt2img -p x -n @p.txt", 1, "p.txt: not UTF-8"},
    {"latin1-stdin", "p.txt", BYTES("caf\xE9"), "tokens -p - < p.txt", 1, "standard input: not UTF-8 at byte 3"},
    {"nul", "p.txt", BYTES("a\0b"), "tokens -p @p.txt", 1, "p.txt: a NUL at byte 1"},
    {"utf16-no-mark", "p.txt", BYTES("a\0 \0c\0a\0t\0"), "tokens -p @p.txt", 1,
     "p.txt: a NUL at byte 1|UTF-16 LE without its mark"},
    {"utf16-odd", "p.txt",
     BYTES("\xFF\xFE"
           "a\0b"),
     "tokens -p @p.txt", 1, "p.txt: UTF-16 LE with half a character at its end"},
    {"utf16-half-pair", "p.txt", BYTES("\xFE\xFF\xD8\x3D\0a"), "tokens -p @p.txt", 1,
     "p.txt: UTF-16 BE with an unpaired surrogate at byte 2"},
    {"utf16-nul", "p.txt",
     BYTES("\xFF\xFE"
           "a\0\0\0"),
     "tokens -p @p.txt", 1, "p.txt: UTF-16 LE with a NUL at byte 4"},
    {"utf32-le", "p.txt", BYTES("\xFF\xFE\0\0a\0\0\0"), "tokens -p @p.txt", 1, "p.txt: is UTF-32"},
    {"utf32-be", "p.txt", BYTES("\0\0\xFE\xFF\0\0\0a"), "tokens -p @p.txt", 1, "p.txt: is UTF-32"},
    {"utf8-cut", "p.txt", BYTES("a \xF0\x9F\x90"), "tokens -p @p.txt", 1, "at byte 2, in line 1: F0 9F 90"},
    {"cesu8", "p.txt", BYTES("\xED\xA0\xBD\xED\xB0\x88"), "tokens -p @p.txt", 1, "at byte 0, in line 1: ED A0 BD ED"},
    {"png-as-prompt", "p.txt", BYTES("\x89PNG\r\n\x1A\n"), "tokens -p @p.txt", 1, "at byte 0, in line 1: 89 50 4E 47"},
    /* line ends */
    {"crlf", "p.txt", BYTES("a # b\r\ncat\r\n"), "tokens --json -p @p.txt", 0, "\"text\":\"a \\ncat\""},
    {"cr", "p.txt", BYTES("a # b\rcat"), "tokens --json -p @p.txt", 0, "\"text\":\"a \\ncat\""},
    {"empty-file", "p.txt", BYTES(""), "tokens --json -p @p.txt", 0, "\"text\":\"\""},
    {"mark-alone", "p.txt", BYTES("\xEF\xBB\xBF"), "tokens --json -p @p.txt", 0, "\"text\":\"\""},
    /* the command line's own bytes */
    {"argument", .args = "tokens -p \"$(printf 'caf\\351 x')\"", .code = 2,
     .words = "-p: not UTF-8 at byte 3: E9 20 78"},
    {"argument-long", .args = "txt2img --prompt=\"$(printf 'caf\\351')\"", .code = 2,
     .words = "--prompt: not UTF-8 at byte 3: E9"},
    {"argument-negative", .args = "txt2img -p x -n \"$(printf '\\377')\"", .code = 2,
     .words = "-n: not UTF-8 at byte 0: FF"},
    {"argument-img2img", .args = "img2img -i x.png -p \"$(printf 'a\\200')\"", .code = 2,
     .words = "-p: not UTF-8 at byte 1: 80"},
    {"sheet", .args = "sheet a \"$(printf 'b\\351')\"", .code = 2, .words = "prompt 2: not UTF-8 at byte 1: E9"},
    {"sample", .args = "train --data shapes --out o --sample \"$(printf '\\351')\"", .code = 2,
     .words = "--sample: not UTF-8"},
    {"sample-file", "p.txt", BYTES("caf\xE9"), "train --data shapes --out o --sample @p.txt", 1, "p.txt: not UTF-8"},
    /* @ */
    {"at-emoticon", .args = "tokens -p '@_@, 1girl'", .code = 1, .words = "_@, 1girl: cannot be opened|@@"},
    {"at-literal", .args = "tokens --json -p '@@_@, 1girl'", .code = 0, .words = "\"text\":\"@_@, 1girl\""},
    {"at-gone", .args = "txt2img -n @gone.txt -p x", .code = 1, .words = "gone.txt: cannot be opened|@@"},
    /* weights */
    {"weight-1e999", .args = "tokens --json -p '(x:1e999)'", .code = 0, .words = "\"weights\":[1.1"},
    {"weight-inf", .args = "tokens --json -p '(x:inf)'", .code = 0, .words = "\"text\":\"(x:inf)\""},
    {"weight-nan", .args = "tokens --json -p '(x:nan)'", .code = 0, .words = "\"text\":\"(x:nan)\""},
    {"weight-400-digits", .args = "tokens --json -p \"(x:1$(printf %0400d 0))\"", .code = 0, .words = "3.40282347e+38"},
    {"weight-dots", .args = "tokens -p '(x:1..2)'", .code = 2, .words = "1..2|not a number"},
    {"and-huge", .args = "tokens -p \"a AND b :1$(printf %0400d 0)\"", .code = 2, .words = "too large"},
    {"lora-nan", .args = "tokens -p '<lora:x:nan>'", .code = 2, .words = "'nan' is not a number"},
    {"lora-1e999", .args = "tokens -p '<lora:x:1e999>'", .code = 2, .words = "'1e999' is not a number"},
    {"when-huge", .args = "tokens -p \"[a:b:1$(printf %0400d 0)]\"", .code = 2, .words = "the step is too large"},
};

/* A megabyte of `unit` as a prompt's file. */
static void large(const char *name, const char *unit, const char *args, int code, const char *words) {
    size_t n = strlen(unit), size = (1 << 20) / n * n;
    char *text = malloc(size);
    if (!text) abort();
    for (size_t i = 0; i < size; i++) text[i] = unit[i % n];
    hostile_case(&(HostileCase){name, "p.txt", text, size, args, code, words});
    free(text);
}

HOSTILE(text) {
    static const char TOKENS[] = "tokens -p @p.txt > out.txt && rm out.txt";
    hostile_cases(CASES, sizeof CASES / sizeof *CASES);
    large("mb-break", "BREAK ", "tokens -p @p.txt", 2, "more than 32768 chunks");
    large("mb-round", "(", TOKENS, 0, "");
    large("mb-square-space", "[ ", TOKENS, 0, "");
    large("mb-colons", ":", TOKENS, 0, "");
    large("mb-lora-open", "<lora:", TOKENS, 0, "");
    large("mb-schedules", "[a:b:5]", TOKENS, 0, "");
    large("mb-words-picture", "cat ", "txt2img -p @p.txt", 2,
          "chunks of 75 tokens are too many for a picture; 1024 at most");
    large("mb-break-picture", "BREAK ", "txt2img -p x -n @p.txt", 2, "more than 32768 chunks");
    large("mb-and-picture", "a AND ", "txt2img -p @p.txt", 2,
          "AND joins 174763 prompts, which are too many|64 at most");
    large("mb-round-picture", "(", "txt2img --steps 1 -p @p.txt -o p.png -q", 0, "");
}
