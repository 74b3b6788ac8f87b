/* files_text.c: the encodings of text files. The bytes are what Python's codecs give: "a café 🐈\n".encode(...). */
#include "files.h"
#include "tests/harness/test.h"
#include "weights/files/text_file.h"

#include <stdlib.h>
#include <string.h>

#define T(text) text, sizeof(text) - 1

#define CAFE "a caf\xC3\xA9 \xF0\x9F\x90\x88\n"
/* What a file begins with. */
#define MARK "\xEF\xBB\xBF"
#define LE "\xFF\xFE"
#define BE "\xFE\xFF"

typedef struct {
    const char *name, *bytes;
    size_t size;
    const char *text;  /* NULL: refused */
    const char *words; /* of the message */
} Case;

static const Case CASES[] = {
    {"UTF-8", T(CAFE), CAFE, NULL},
    {"UTF-8 with its mark", T(MARK CAFE), CAFE, NULL},
    {"UTF-16 LE", T(LE "a\0 \0c\0a\0f\0\xE9\0 \0\x3D\xD8\x08\xDC\n\0"), CAFE, NULL},
    {"UTF-16 BE", T(BE "\0a\0 \0c\0a\0f\0\xE9\0 \xD8\x3D\xDC\x08\0\n"), CAFE, NULL},
    {"the longest in three bytes", T(LE "\xFF\xFF\xFF\xD7"), "\xEF\xBF\xBF\xED\x9F\xBF", NULL},
    {"nothing", T(""), "", NULL},
    {"the mark alone", T(MARK), "", NULL},
    {"UTF-16's mark alone", T(LE), "", NULL},
    {"a mark further on", T("a\xEF\xBB\xBF"), "a\xEF\xBB\xBF", NULL},
    {"half a mark", T("\xEF\xBB"), NULL, "not UTF-8 at byte 0, in line 1: EF BB|save it as UTF-8"},
    {"Latin-1", T("one\na caf\xE9!\n"), NULL, "not UTF-8 at byte 9, in line 2: E9 21 0A"},
    {"GBK", T("\xBA\xEC\xC9\xAB\xB5\xC4"), NULL, "at byte 0, in line 1: BA EC C9 AB;"},
    {"Shift-JIS", T("\x8E\x6C"), NULL, "at byte 0"},
    {"an overlong slash", T("a\xC0\xAF"), NULL, "at byte 1, in line 1: C0 AF"},
    {"a surrogate in UTF-8", T("\xED\xA0\x80"), NULL, "ED A0 80"},
    {"beyond Unicode", T("\xF4\x90\x80\x80"), NULL, "F4 90 80 80"},
    {"cut in a character", T("a \xF0\x9F\x90"), NULL, "at byte 2, in line 1: F0 9F 90"},
    {"a NUL", T("a cat\nb\0dog"), NULL, "a NUL at byte 7, in line 2: a text file has none"},
    {"UTF-16 LE without its mark", T("a\0 \0c\0a\0t\0"), NULL, "NUL at byte 1|UTF-16 LE without its mark"},
    {"UTF-16 BE without its mark", T("\0a\0 \0c\0a\0t"), NULL, "NUL at byte 0|UTF-16 BE without its mark"},
    {"UTF-16 cut", T(LE "a\0b"), NULL, "UTF-16 LE with half a character at its end at byte 4: 62"},
    {"a high surrogate alone", T(BE "\xD8\x3D\0a"), NULL, "UTF-16 BE with an unpaired surrogate at byte 2"},
    {"a high surrogate last", T(LE "\x3D\xD8"), NULL, "unpaired surrogate at byte 2: 3D D8"},
    {"a low surrogate first", T(LE "\x08\xDC\x3D\xD8"), NULL, "unpaired surrogate at byte 2"},
    {"a NUL in UTF-16", T(LE "a\0\0\0b\0"), NULL, "UTF-16 LE with a NUL at byte 4"},
    {"UTF-32 LE", T(LE "\0\0a\0\0\0"), NULL, "is UTF-32"},
    {"UTF-32 BE", T("\0\0\xFE\xFF\0\0\0a"), NULL, "is UTF-32"},
};

static bool decode(Error *e) {
    char *text = text_decode(CASES[2].bytes, CASES[2].size, "x", false, NULL, e);
    free(text);
    return text != NULL;
}

void files_text(void) {
    for (const Case *c = CASES; c < CASES + sizeof CASES / sizeof *CASES; c++) {
        Error e = {0};
        size_t size = 99;
        char *text = text_decode(c->bytes, c->size, "x.txt", false, &size, &e);
        bool ok = c->text ? text && size == strlen(c->text) && !strcmp(text, c->text) && !e.code
                          : !text && e.code == ERR_FORMAT && !strncmp(e.text, "x.txt: ", 7) && holds(e.text, c->words);
        test_check(ok, "text: %s", c->name);
        test_note("%s", text ? text : e.text);
        free(text);
    }
    Error e = {0};
    char *text = text_decode(CASES[2].bytes, CASES[2].size, "x.txt", true, NULL, &e);
    test_check(!text && e.code == ERR_FORMAT && holds(e.text, "x.txt: is UTF-16"), "text: UTF-16 where UTF-8 must be");
    char lines[] = "a\r\nb\rc\n\r\n\r\r\n";
    size_t size = text_newlines(lines, sizeof lines - 1);
    test_check(size == 9 && !strcmp(lines, "a\nb\nc\n\n\n\n"), "text: line ends");
    e = (Error){0};
    test_check(text_check("caf\xC3\xA9", "-p", &e) && !text_check("caf\xE9", "-p", &e) && e.code == ERR_ARGUMENT &&
                   holds(e.text, "-p: not UTF-8 at byte 3: E9"),
               "text: an argument");
    faults_every("text", decode);
}
