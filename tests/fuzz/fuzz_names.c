/* fuzz_names.c: names of weights in other layouts, names as people type them, of files from prompts, and diff's rules.
 */
#include "fuzz.h"

#include "sd/text/nearest.h"
#include "tools/cli/output.h"
#include "tools/commands/diff/diff.h"
#include "weights/formats/names.h"

#include <stdlib.h>
#include <string.h>

static const char *const NAMES[] = {"Euler a", "DPM++ 2M", "Karras", ""};
static const char *spelling(int i, int k) { return k ? NULL : NAMES[i]; }

static void layouts(const char *key, int res_blocks, int levels) {
    char part[16], name[256];
    if (name_to_diffusers(key, res_blocks, levels, levels, part, sizeof part, name, sizeof name))
        fuzz_require(*part && strlen(part) < sizeof part && strlen(name) < sizeof name);
    for (int number = 0; name_variant(key, number, name, sizeof name); number++)
        fuzz_require(number < 100 && strlen(name) < sizeof name);
}

static void people(const char *name, const char *other) {
    char text[200];
    int edits = nearest_edits(name, other);
    fuzz_require(edits == nearest_edits(other, name) && edits >= 0 && edits <= 63);
    if (nearest_same(name, other)) fuzz_require(!edits);
    int i = nearest_name(name, spelling, 4);
    fuzz_require(i >= 0 && i < 4);
    nearest_suggest(name, spelling, 4, text, sizeof text);
    fuzz_require(*text == '\'');
}

static void files(const char *prompt) {
    char words[64];
    output_words(words, sizeof words, prompt);
    fuzz_require(strlen(words) < sizeof words && !strchr(words, '/') && *words != '.' && *words != '-');
    fuzz_utf8(words);
}

FUZZ(names) {
    FuzzBytes rest = {data, size};
    char *a = fuzz_text(fuzz_part(&rest)), *b = fuzz_text(fuzz_part(&rest)), *c = fuzz_text(fuzz_part(&rest)),
         out[1024];
    int res_blocks = 1 + (int)(size % 4), levels = 1 + (int)(size / 4 % 8);
    layouts(a, res_blocks, levels);
    people(a, b);
    files(a);
    if (diff_rename(a, b, c, out, sizeof out)) fuzz_require(strlen(out) < sizeof out);
    if (diff_rename(a, a, c, out, sizeof out)) fuzz_require(!strcmp(out, c));
    free(a);
    free(b);
    free(c);
}
