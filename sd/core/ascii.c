/* ascii.c: prompts in printable ASCII, in place of sd/text/unicode.c, text_clean.c and their tables. There the result
 * is the same: what those change is beyond ASCII, a control character, or a reference of HTML, and ascii_refused names
 * it. A port that wants other prompts compiles sd/text/{unicode,text_clean,html_text,mojibake}.c instead (230 KB). */
#include "ascii.h"

#include "sd/text/text_clean.h"

#include <stdlib.h>
#include <string.h>

static bool is_letter(uint32_t c) { return (c | 32) - 'a' < 26; }
static bool is_decimal(uint32_t c) { return c - '0' < 10; }
static bool is_space(uint32_t c) { return c == ' ' || c - '\t' < 5; }

const char *ascii_refused(const char *text) {
    for (const char *p = text ? text : ""; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c < ' ' && c != '\n' && c != '\t') || c > '~') return p;
        if (c == '&' && (p[1] == '#' || is_letter((unsigned char)p[1]))) return p;
    }
    return NULL;
}

unsigned unicode_flags(uint32_t c) {
    if (c > '~') return UNICODE_OTHER;
    if (is_letter(c)) return UNICODE_LETTER | UNICODE_WORD | UNICODE_CASED;
    if (is_decimal(c)) return UNICODE_NUMBER | UNICODE_WORD | UNICODE_DECIMAL;
    if (is_space(c)) return UNICODE_SPACE | UNICODE_BLANK;
    unsigned ignorable = c == '\'' || c == '.' || c == ':' || c == '^' || c == '`' ? UNICODE_IGNORABLE : 0;
    return UNICODE_OTHER | ignorable | (c == '_' ? UNICODE_WORD : 0);
}

void runes_free(Runes *r) {
    free(r->at);
    *r = (Runes){0};
}

/* Lower case; white space at both ends goes, and each run of it becomes one space. */
bool text_clean(const char *text, size_t size, Runes *out) {
    out->count = 0;
    if (size > out->capacity) {
        runes_free(out);
        out->at = malloc(size * sizeof *out->at);
        if (!out->at) return out->failed = true, false;
        out->capacity = size;
    }
    for (size_t i = 0; i < size; i++) {
        uint32_t c = (unsigned char)text[i];
        bool space = is_space(c);
        if (space && (!out->count || out->at[out->count - 1] == ' ')) continue;
        out->at[out->count++] = space ? ' ' : is_letter(c) ? c | 32 : c;
    }
    if (out->count && out->at[out->count - 1] == ' ') out->count--;
    return true;
}

bool text_clean_references_kept(const char *text, size_t size, Runes *out) { return text_clean(text, size, out); }
