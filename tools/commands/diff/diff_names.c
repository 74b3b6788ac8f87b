/* diff_names.c: the name in one file of a tensor of the other. */
#include "diff.h"
#include "weights/files/text_file.h"

#include <stdlib.h>
#include <string.h>

enum { STARS = 8, MOST = 1 << 22, MOST_TRIES = 2000000 };

/* --- one rule --- */

/* The first place of piece[0..size) in text, both shorter than DIFF_NAME, or NULL (Knuth, Morris and Pratt). */
static const char *find(const char *text, const char *piece, size_t size) {
    unsigned short border[DIFF_NAME] = {0}; /* of each beginning of the piece: its longest end that is a beginning */
    if (!size) return text;
    for (size_t i = 1, k = 0; i < size; i++) {
        while (k && piece[i] != piece[k]) k = border[k - 1];
        k += piece[i] == piece[k];
        border[i] = (unsigned short)k;
    }
    for (size_t k = 0; *text; text++) {
        while (k && *text != piece[k]) k = border[k - 1];
        k += *text == piece[k];
        if (k == size) return text + 1 - size;
    }
    return NULL;
}

bool diff_rename(const char *from, const char *to, const char *name, char *out, size_t capacity) {
    const char *held[STARS]; /* what each star stands for */
    size_t size[STARS], stars = 0, used = 0;
    const char *at = name;
    size_t piece = strcspn(from, "*");
    if (strlen(name) >= DIFF_NAME || strlen(from) >= DIFF_NAME) return false;
    if (strncmp(name, from, piece)) return false;
    for (at += piece, from += piece; *from == '*'; from += piece) {
        piece = strcspn(++from, "*");
        if (stars == STARS) return false;
        /* The last piece must end the name; others are taken at their first occurrence. */
        const char *next = from[piece]                             ? find(at, from, piece)
                           : strlen(at) < piece                    ? NULL
                           : strcmp(at + strlen(at) - piece, from) ? NULL
                                                                   : at + strlen(at) - piece;
        if (!next) return false;
        held[stars] = at;
        size[stars++] = (size_t)(next - at);
        at = next + piece;
    }
    if (*at) return false;
    for (size_t star = 0; *to; to++) {
        bool wild = *to == '*';
        if (wild && star == stars) return false;
        size_t n = wild ? size[star] : 1;
        if (used + n >= capacity) return false;
        memcpy(out + used, wild ? held[star] : to, n);
        star += wild;
        used += n;
    }
    out[used] = 0;
    return true;
}

/* --- all rules --- */

static size_t stars(const char *s) {
    size_t n = 0;
    for (; *s; s++) n += *s == '*';
    return n;
}

/* Cuts a line's words out; at most three count. */
static int split(char *line, char *word[3]) {
    int n = 0;
    line[strcspn(line, "#")] = 0;
    for (; n < 3; n++) {
        line += strspn(line, " \t\r");
        if (!*line) break;
        word[n] = line;
        line += strcspn(line, " \t\r");
        if (*line) *line++ = 0;
    }
    return n;
}

static bool add_line(DiffNames *n, char *line, size_t number, const char *path, Error *e) {
    char *word[3];
    int words = split(line, word);
    if (!words) return true;
    if (words != 2)
        return error_set(e, ERR_FORMAT, "%s: line %zu is not two names; write NAME_IN_A NAME_IN_B", path, number);
    if (strlen(word[0]) >= DIFF_NAME || strlen(word[1]) >= DIFF_NAME)
        return error_set(e, ERR_FORMAT, "%s: line %zu: a name of more than %d bytes; shorten it", path, number,
                         DIFF_NAME - 1);
    size_t s = stars(word[0]);
    if (s != stars(word[1]) || s > STARS)
        return error_set(e, ERR_FORMAT, "%s: line %zu: both names need the same number of *, up to %d; correct it",
                         path, number, STARS);
    n->starred_count += s > 0;
    n->plain_count += !s;
    n->rules[n->count++] = (DiffRule){word[0], word[1]};
    return true;
}

/* By what stands before the first *, or the end, then in the file's order. */
static int by_front(const void *a, const void *b) {
    const DiffRule *x = *(const DiffRule *const *)a, *y = *(const DiffRule *const *)b;
    size_t n = strcspn(x->from, "*"), m = strcspn(y->from, "*");
    int order = memcmp(x->from, y->from, n < m ? n : m);
    return order ? order : n != m ? (n < m ? -1 : 1) : x < y ? -1 : x > y;
}

/* How front[0..size) stands to what stands before the first * of a rule. */
static int compare(const char *front, size_t size, const DiffRule *r) {
    size_t n = strcspn(r->from, "*");
    int order = memcmp(front, r->from, size < n ? size : n);
    return order ? order : size < n ? -1 : size > n;
}

/* The first of the sorted rules whose front is not less than this one. */
static size_t lower(const DiffRule *const *rules, size_t count, const char *front, size_t size) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(front, size, rules[middle]) > 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool sort(DiffNames *n) {
    n->plain = malloc((n->count + 1) * sizeof *n->plain);
    n->starred = malloc((n->starred_count + 1) * sizeof *n->starred);
    if (!n->plain || !n->starred) return false;
    size_t p = 0, s = 0;
    for (size_t i = 0; i < n->count; i++)
        if (strchr(n->rules[i].from, '*')) n->starred[s++] = &n->rules[i];
        else n->plain[p++] = &n->rules[i];
    qsort(n->plain, p, sizeof *n->plain, by_front);
    qsort(n->starred, s, sizeof *n->starred, by_front);
    return true;
}

bool diff_names_read(DiffNames *n, const char *path, Error *e) {
    static const FileWanted WANTED = {.most = MOST, .advice = "name a text file with pairs of names"};
    *n = (DiffNames){.path = path, .text = text_file_read(path, &WANTED, NULL, e)};
    if (!n->text) return false;
    size_t lines = 1, number = 0;
    for (const char *p = n->text; *p; p++) lines += p[0] == '\n' && p[1] != '\n';
    n->rules = malloc(lines * sizeof *n->rules);
    bool ok = n->rules != NULL;
    for (char *line = n->text, *next; ok && line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        if (!add_line(n, line, ++number, path, e)) return false;
    }
    return (ok && sort(n)) || error_set(e, ERR_MEMORY, "%s: no memory to read it; free some and try again", path);
}

bool diff_names_find(DiffNames *n, const char *name, char out[DIFF_NAME], bool *found, Error *e) {
    size_t length = strlen(name), at = lower(n->plain, n->plain_count, name, length);
    const DiffRule *best = at < n->plain_count && !strcmp(n->plain[at]->from, name) ? n->plain[at] : NULL;
    for (size_t front = 0; front <= length && front < DIFF_NAME; front++) {
        at = lower(n->starred, n->starred_count, name, front);
        for (; at < n->starred_count && !compare(name, front, n->starred[at]); at++) {
            const DiffRule *r = n->starred[at];
            if (best && r > best) break;
            if (++n->tries > MOST_TRIES)
                return error_set(e, ERR_FORMAT, "%s: too many lines with * that fit the same names; write fewer",
                                 n->path);
            if (!diff_rename(r->from, r->to, name, out, DIFF_NAME)) continue;
            best = r;
            break;
        }
    }
    *found = best && diff_rename(best->from, best->to, name, out, DIFF_NAME);
    return true;
}

void diff_names_free(DiffNames *n) {
    free(n->text);
    free(n->rules);
    free((void *)n->plain);
    free((void *)n->starred);
    *n = (DiffNames){0};
}
