#include "styles.h"

#include "sd/prompt/prompt.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME, PROMPT, NEGATIVE, COLUMNS };
enum { MOST = 4 << 20 /* bytes, so that the file stays one that is read, even if all are quotes */ };

/* --- reading --- */

/* The next field of a line, in place (RFC 4180); *at moves past it and its comma. *ends: it is the line's last. */
static char *next_field(char **at, bool *ends) {
    char *from = *at, *to = *at, *field = *at;
    bool quoted = *from == '"';
    if (quoted) from++;
    for (; *from; *to++ = *from++) {
        if (quoted && *from == '"' && *++from != '"') quoted = false;
        if (!quoted && (!*from || *from == ',' || *from == '\n')) break;
    }
    *ends = *from != ',';
    *at = *from ? from + 1 : from;
    *to = 0;
    return field;
}

static char *copy(const char *text) {
    char *p = malloc(strlen(text) + 1);
    return p ? strcpy(p, text) : NULL;
}

static bool add(Styles *s, const char *name, const char *prompt, const char *negative, Error *e) {
    Style *more = realloc(s->at, (size_t)(s->count + 1) * sizeof *more);
    if (!more) return error_set(e, ERR_MEMORY, "out of memory for styles");
    s->at = more;
    more[s->count] = (Style){copy(name), copy(prompt), copy(negative)};
    const Style *x = &more[s->count++];
    return (x->name && x->prompt && x->negative) || error_set(e, ERR_MEMORY, "out of memory for styles");
}

/* Which of the first line's columns has what; -1: it has another. */
static int column_of(const char *name) {
    static const char *const NAMES[COLUMNS] = {"name", "prompt", "negative_prompt"};
    for (int i = 0; i < COLUMNS; i++)
        if (!strcmp(name, NAMES[i])) return i;
    return -1;
}

static bool parse(char *text, const char *file, Styles *out, Error *e) {
    enum { WIDEST = 16 };
    int columns[WIDEST], count = 0;
    bool ends = false, named = false;
    while (!ends) {
        int column = column_of(next_field(&text, &ends));
        named = named || column == NAME;
        if (count < WIDEST) columns[count++] = column;
    }
    if (!named) return error_set(e, ERR_FORMAT, "%s: its first line names no column 'name'; mend or remove it", file);
    while (*text && !e->code) {
        char empty[1] = "", *fields[COLUMNS] = {empty, empty, empty};
        ends = false;
        for (int i = 0; !ends; i++) {
            char *field = next_field(&text, &ends);
            if (i < count && columns[i] >= 0) fields[columns[i]] = field;
        }
        if (*fields[NAME]) add(out, fields[NAME], fields[PROMPT], fields[NEGATIVE], e);
    }
    return !e->code;
}

bool styles_read(const char *file, Styles *out, Error *e) {
    *out = (Styles){0};
    FilePresence there = file ? file_presence(file, e) : FILE_ABSENT;
    if (there != FILE_PRESENT) return there == FILE_ABSENT;
    FileWanted wanted = {16 << 20, "name the webui's styles.csv, or a new file", NULL};
    size_t size;
    char *text = text_file_read(file, &wanted, &size, e);
    if (!text) return false;
    text_newlines(text, size);
    bool ok = parse(text, file, out, e);
    free(text);
    return ok;
}

void styles_free(Styles *s) {
    for (int i = 0; i < s->count; i++) free(s->at[i].name), free(s->at[i].prompt), free(s->at[i].negative);
    free(s->at);
    *s = (Styles){0};
}

const Style *styles_find(const Styles *s, const char *name) {
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->at[i].name, name)) return &s->at[i];
    return NULL;
}

/* --- writing --- */

static bool write_field(AtomicFile *f, const char *text, const char *after, Error *e) {
    if (!text[strcspn(text, ",\"\n\r")])
        return atomic_write(f, text, strlen(text), e) && atomic_write(f, after, strlen(after), e);
    bool ok = atomic_write(f, "\"", 1, e);
    while (ok && *text) {
        size_t n = strcspn(text, "\"");
        ok = atomic_write(f, text, n, e) && (!text[n] || atomic_write(f, "\"\"", 2, e));
        text += n + (text[n] != 0);
    }
    return ok && atomic_write(f, "\"", 1, e) && atomic_write(f, after, strlen(after), e);
}

static bool write_style(AtomicFile *f, const Style *x, Error *e) {
    return write_field(f, x->name, ",", e) && write_field(f, x->prompt, ",", e) && write_field(f, x->negative, "\n", e);
}

static size_t size_of(const Style *x) { return strlen(x->name) + strlen(x->prompt) + strlen(x->negative); }

bool styles_keep(const char *file, const Style *style, Error *e) {
    static const Style HEADING = {"name", "prompt", "negative_prompt"};
    Styles all;
    bool removes = !*style->prompt && !*style->negative, done = removes, ok = styles_read(file, &all, e);
    size_t size = size_of(style);
    for (int i = 0; i < all.count; i++)
        if (strcmp(all.at[i].name, style->name) != 0) size += size_of(&all.at[i]);
    if (ok && !removes && size > MOST)
        ok = error_set(e, ERR_ARGUMENT, "styles: they would be larger than %d MiB; remove some", MOST >> 20);
    AtomicFile *f = ok ? atomic_begin(file, e) : NULL;
    ok = f && write_style(f, &HEADING, e);
    for (int i = 0; ok && i < all.count; i++) {
        bool same = !strcmp(all.at[i].name, style->name);
        if (!same) ok = write_style(f, &all.at[i], e);
        else if (!done) ok = write_style(f, style, e), done = true;
    }
    ok = ok && (done || write_style(f, style, e));
    if (ok) ok = atomic_end(f, e);
    else atomic_abort(f);
    styles_free(&all);
    return ok;
}

/* --- use --- */

/* text[0..n) without white space around it. */
static const char *trimmed(const char *text, size_t *n) {
    static const char WHITE[] = " \t\n\r\f\v";
    text += strspn(text, WHITE);
    for (*n = strlen(text); *n && strchr(WHITE, text[*n - 1]);) --*n;
    return text;
}

char *style_merge(const char *prompt, const char *style, Error *e) {
    static const char PLACE[] = "{prompt}";
    size_t n = sizeof PLACE - 1, places = 0, size = strlen(prompt);
    for (const char *p = style; (p = strstr(p, PLACE)); p += n) places++;
    double whole = (double)strlen(style) + (double)(places + 1) * (double)size;
    if (whole > PROMPT_MOST_TEXT)
        return error_set(e, ERR_ARGUMENT, "styles: the prompt becomes longer than %d MiB", PROMPT_MOST_TEXT >> 20),
               NULL;
    char *out = malloc((size_t)whole + 3), *to = out;
    if (!out) return error_set(e, ERR_MEMORY, "out of memory for a style"), NULL;
    if (!places) {
        size_t a, b;
        const char *first = trimmed(prompt, &a), *second = trimmed(style, &b);
        sprintf(out, "%.*s%s%.*s", (int)a, first, a && b ? ", " : "", (int)b, second);
        return out;
    }
    for (const char *p = style, *next; *p; p = next + n) {
        next = strstr(p, PLACE);
        size_t until = next ? (size_t)(next - p) : strlen(p);
        memcpy(to, p, until), to += until;
        if (!next) break;
        memcpy(to, prompt, size), to += size;
    }
    *to = 0;
    return out;
}
