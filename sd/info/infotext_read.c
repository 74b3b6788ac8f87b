/* infotext_read.c: parse_generation_parameters of the webui (modules/infotext_utils.py), quirks included, because
 * pictures were written to be read by it:
 *
 *   - the last line holds the parameters if it has at least three pairs; else it belongs to the prompt
 *   - a pair is KEY: VALUE anywhere in it; a key is two or more letters, digits, "_", " ", "-" or "/"; a value ends at
 *     a comma, or at a closing double quote that a comma or the end follows
 *   - a quoted value is JSON; an invalid one stays as it is, with its quotes; an empty value is dropped
 *   - not the webui's: a value in brackets, such as Civitai's "Civitai resources: [{...}]", goes up to the closing one
 *   - every line of a prompt is stripped, and empty lines at its beginning are dropped
 *
 * One pass finds the pairs: it remembers where a key may have begun, so that it takes linear time. */
#include "infotext_read.h"
#include "info_writer.h"

#include "sd/image/image_text.h"
#include "sd/text/unicode.h"
#include "weights/files/json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- text --- */

typedef struct {
    const char *p;
    size_t n;
} Slice;

static Slice strip(Slice s) {
    uint32_t c;
    bool ok;
    while (s.n) {
        size_t k = utf8_decode((const uint8_t *)s.p, s.n, &c, &ok);
        if (!(unicode_flags(c) & UNICODE_BLANK)) break;
        s.p += k, s.n -= k;
    }
    while (s.n) {
        size_t k = 1;
        while (k < s.n && k < 4 && ((unsigned char)s.p[s.n - k] & 0xC0) == 0x80) k++;
        utf8_decode((const uint8_t *)s.p + s.n - k, k, &c, &ok);
        if (!ok || !(unicode_flags(c) & UNICODE_BLANK)) break;
        s.n -= k;
    }
    return s;
}

static Slice first_line(Slice *rest) {
    const char *end = memchr(rest->p, '\n', rest->n);
    Slice line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = line.n + (end != NULL);
    rest->p += used, rest->n -= used;
    return line;
}

/* --- pairs --- */

static bool in_key(uint32_t c) { return c == ' ' || c == '-' || c == '/' || (unicode_flags(c) & UNICODE_WORD); }

/* The length of a quoted value that a comma or the end follows; 0: not such a value. */
static size_t quoted(Slice s) {
    if (!s.n || *s.p != '"') return 0;
    size_t i = 1;
    while (i < s.n && s.p[i] != '"') i += s.p[i] == '\\' ? 2 : 1;
    return i < s.n && i > 1 && (i + 1 == s.n || s.p[i + 1] == ',') ? i + 1 : 0;
}

/* The length of a JSON array or object that a comma or the end follows; 0: not such a value. Sets *closed to false
 * where it is none: nothing later is tried then, so that the whole takes linear time. */
static size_t bracketed(Slice s, bool *closed) {
    int depth = 0;
    bool within = false;
    if (!*closed || !s.n || (*s.p != '[' && *s.p != '{')) return 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (within && c == '\\') i++;
        else if (c == '"') within = !within;
        else if (!within && (c == '[' || c == '{')) depth++;
        else if (!within && (c == ']' || c == '}') && !--depth) {
            if (i + 1 == s.n || s.p[i + 1] == ',') return i + 1;
            break;
        }
    }
    *closed = false;
    return 0;
}

/* The next pair in *rest, which moves past it; false: there is none. */
static bool next_pair(Slice *rest, Slice *key, Slice *value, bool *closed) {
    const char *start = NULL, *end = rest->p + rest->n;
    int count = 0; /* characters of the key so far */
    for (const char *p = rest->p; p < end;) {
        uint32_t c;
        bool ok;
        size_t k = utf8_decode((const uint8_t *)p, (size_t)(end - p), &c, &ok);
        if (c == ':' && start && count > 1) {
            *key = (Slice){start, (size_t)(p - start)};
            Slice v = {p + 1, (size_t)(end - p - 1)};
            while (v.n && (k = utf8_decode((const uint8_t *)v.p, v.n, &c, &ok), unicode_flags(c) & UNICODE_BLANK))
                v.p += k, v.n -= k;
            const char *comma = v.n ? memchr(v.p, ',', v.n) : NULL;
            size_t n = quoted(v);
            if (!n) n = bracketed(v, closed);
            if (!n) n = comma ? (size_t)(comma - v.p) : v.n;
            *value = (Slice){v.p, n};
            *rest = (Slice){v.p + n, v.n - n};
            if (rest->n) rest->p++, rest->n--;
            return true;
        }
        if (!in_key(c)) start = NULL;
        else if (start) count++;
        else if (unicode_flags(c) & UNICODE_WORD) start = p, count = 1;
        p += k;
    }
    return false;
}

static char *copy(const char *p, size_t n) {
    char *s = malloc(n + 1);
    if (!s) return NULL;
    memcpy(s, p, n);
    s[n] = 0;
    return s;
}

/* Takes ownership of value. */
static bool set(InfoRead *r, const char *key, size_t n, char *value, bool implied, Error *e) {
    int i = 0;
    while (i < r->count && (strncmp(r->pairs[i].key, key, n) || r->pairs[i].key[n])) i++;
    if (!value) return image_texts_no_memory(e);
    if (i < r->count) {
        free(r->pairs[i].value);
        r->pairs[i].value = value;
        return true;
    }
    if (i == INFOTEXT_PAIRS) {
        free(value);
        return error_set(e, ERR_FORMAT, "the text has more than %d parameters", INFOTEXT_PAIRS);
    }
    char *name = copy(key, n);
    if (!name) return free(value), image_texts_no_memory(e);
    r->pairs[r->count++] = (InfoPair){name, value, implied};
    return true;
}

static char *unquoted(Slice v) {
    if (v.n > 1 && v.p[v.n - 1] == '"') {
        Json *j = json_parse("value", v.p, v.n, NULL);
        char *s = j && j->nodes->type == JSON_STRING ? copy(j->nodes->text, strlen(j->nodes->text)) : NULL;
        json_free(j);
        if (s) return s;
    }
    return copy(v.p, v.n);
}

static bool add_pair(InfoRead *r, Slice key, Slice v, Error *e) {
    if (!v.n) return true; /* the webui fails on it and goes on */
    char *value = *v.p == '"' ? unquoted(v) : copy(v.p, v.n);
    if (!value) return image_texts_no_memory(e);
    size_t w = strspn(value, "0123456789"), h = w && value[w] == 'x' ? strspn(value + w + 1, "0123456789") : 0;
    if (!h || value[w + 1 + h]) return set(r, key.p, key.n, value, false, e);
    char *part = copy(key.p, key.n + 2); /* a ":" and a digit follow the key, so these bytes exist */
    if (!part) return free(value), image_texts_no_memory(e);
    memcpy(part + key.n, "-1", 2);
    bool ok = set(r, part, key.n + 2, copy(value, w), false, e);
    part[key.n + 1] = '2';
    ok = ok && set(r, part, key.n + 2, copy(value + w + 1, h), false, e);
    free(part);
    free(value);
    return ok;
}

static bool imply(InfoRead *r, const char *key, const char *value, Error *e) {
    return set(r, key, strlen(key), copy(value, strlen(value)), true, e);
}

/* --- older texts --- */

/* "v1.7.0-225-gd2c7a1ee" as 1.7.0 and 225 commits: one number to compare; -1: not one of the webui's versions. */
static int64_t version_number(const char *s) {
    int64_t v = 0;
    if (!s) return -1;
    if (*s == 'v') s++;
    for (int i = 0; i < 3; i++) {
        int64_t part = 0;
        if (i && *s == '.') s++;
        else if (i && *s && *s != '-') return -1;
        else if (!i && !isdigit((unsigned char)*s)) return -1;
        for (; isdigit((unsigned char)*s); s++) part = part < 9999 ? part * 10 + (*s - '0') : part;
        v = v * 10000 + (part < 9999 ? part : 9999);
    }
    v *= 100000;
    if (!*s) return v;
    if (*s++ != '-') return -1;
    if ((*s == 'R' || *s == 'r') && (s[1] == 'C' || s[1] == 'c')) return v - 1; /* a release candidate */
    if (!isdigit((unsigned char)*s)) return -1;
    int64_t commits = 0;
    for (; isdigit((unsigned char)*s); s++) commits = commits < 9999 ? commits * 10 + (*s - '0') : commits;
    return *s && *s != '-' ? -1 : v + commits;
}

static bool is_one_of(const char *s, const char *a, const char *b) { return s && (!strcmp(s, a) || !strcmp(s, b)); }

static bool imply_by_version(InfoRead *r, Error *e) {
    int64_t v = version_number(infotext_get(r, "Version"));
    if (v < 0) return true;
    bool old = v < version_number("1.6.0"), ok = true;
    if (old && strchr(r->prompt, '[')) ok = imply(r, "Old prompt editing timelines", "True", e);
    if (ok && old && is_one_of(infotext_get(r, "Sampler"), "DDIM", "PLMS")) ok = imply(r, "Pad conds v0", "True", e);
    if (ok && v < version_number("1.7.0-225")) ok = imply(r, "Downcast alphas_cumprod", "True", e);
    const char *refiner = infotext_get(r, "Refiner");
    if (ok && v < version_number("1.8.0") && refiner && *refiner)
        ok = imply(r, "Refiner switch by sampling steps", "True", e);
    return ok;
}

/* Hires fix as it was first: "Size" was that of the result, "First pass size" that of the first picture; 0x0 meant a
 * size with about as many pixels as 512 x 512. */
static bool old_hires(InfoRead *r, Error *e) {
    const char *first[2] = {infotext_get(r, "First pass size-1"), infotext_get(r, "First pass size-2")};
    const char *size[2] = {infotext_get(r, "Size-1"), infotext_get(r, "Size-2")};
    static const char *const SIZE[] = {"Size-1", "Size-2"}, *const HIRES[] = {"Hires resize-1", "Hires resize-2"};
    if (!first[0] || !first[1]) return true;
    char own[2][16];
    if (!atoi(first[0]) || !atoi(first[1])) { /* processing.py, old_hires_fix_first_pass_dimensions */
        double w = size[0] ? atof(size[0]) : 512, h = size[1] ? atof(size[1]) : 512,
               scale = sqrt(512.0 * 512.0 / (w * h));
        if (!(w >= 1 && h >= 1 && w < 1e6 && h < 1e6)) return true;
        snprintf(own[0], sizeof own[0], "%.0f", ceil(scale * w / 64) * 64);
        snprintf(own[1], sizeof own[1], "%.0f", ceil(scale * h / 64) * 64);
        first[0] = own[0], first[1] = own[1];
    }
    for (int i = 0; i < 2; i++) {
        char *result = copy(size[i] ? size[i] : "512", strlen(size[i] ? size[i] : "512"));
        bool ok = result && imply(r, HIRES[i], result, e) && imply(r, SIZE[i], first[i], e);
        free(result);
        if (!ok) return image_texts_no_memory(e);
    }
    return true;
}

static bool hypernet(InfoRead *r, Error *e) {
    const char *name = infotext_get(r, "Hypernet"), *strength = infotext_get(r, "Hypernet strength");
    if (!name) return true;
    if (!strength) strength = "1.0";
    size_t n = strlen(r->prompt), capacity = n + strlen(name) + strlen(strength) + 16;
    char *longer = realloc(r->prompt, capacity);
    if (!longer) return image_texts_no_memory(e);
    r->prompt = longer;
    snprintf(longer + n, capacity - n, "<hypernet:%s:%s>", name, strength);
    return true;
}

/* --- the whole --- */

static Slice last_line(Slice s) {
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == '\n') return (Slice){s.p + i, s.n - i};
    return s;
}

static int count_pairs(Slice s) {
    Slice key, value;
    bool closed = true;
    int n = 0;
    while (n < 3 && next_pair(&s, &key, &value, &closed)) n++;
    return n;
}

static const char *const TEMPLATES[] = {"Negative Template", "Template"};

/* Lines that the extension Dynamic Prompts once wrote after the parameters: takes them off *all, from the end. */
static void take_templates(Slice *all, Slice found[2]) {
    Slice rest = *all;
    for (int i = 0; i < 2; i++) {
        Slice line = last_line(rest);
        size_t n = strlen(TEMPLATES[i]);
        if (line.n <= n || memcmp(line.p, TEMPLATES[i], n) || line.p[n] != ':' || line.n == rest.n) continue;
        found[i] = strip((Slice){line.p + n + 1, line.n - n - 1});
        rest.n = (size_t)(line.p - rest.p) - 1;
    }
    if (count_pairs(last_line(rest)) >= 3) *all = strip(rest);
    else found[0] = found[1] = (Slice){NULL, 0};
}

static bool add_templates(InfoRead *r, const Slice found[2], Error *e) {
    for (int i = 1; i >= 0; i--)
        if (found[i].n && !set(r, TEMPLATES[i], strlen(TEMPLATES[i]), copy(found[i].p, found[i].n), false, e))
            return false;
    return true;
}

bool infotext_read(const char *text, InfoRead *out, Error *e) {
    *out = (InfoRead){0};
    while (!strncmp(text, "\xEF\xBB\xBF", 3)) text += 3; /* marks of files */
    Slice all = strip((Slice){text, strlen(text)}), templates[2] = {{NULL, 0}, {NULL, 0}}, key, value;
    take_templates(&all, templates);
    Slice last = last_line(all), prompts = all;
    bool closed = true;
    if (count_pairs(last) >= 3) prompts.n -= last.n;
    else last.n = 0;

    out->prompt = calloc(1, prompts.n + 1);
    out->negative = calloc(1, prompts.n + 1);
    out->pairs = malloc(INFOTEXT_PAIRS * sizeof *out->pairs);
    if (!out->prompt || !out->negative || !out->pairs) return image_texts_no_memory(e);
    char *to = out->prompt, *end = to;
    while (prompts.n) {
        Slice line = strip(first_line(&prompts));
        if (line.n >= 16 && !memcmp(line.p, "Negative prompt:", 16)) {
            line = strip((Slice){line.p + 16, line.n - 16});
            if (to != out->negative) end = to = out->negative;
        }
        if (end > to) *end++ = '\n'; /* no line break at the beginning */
        memcpy(end, line.p, line.n);
        end += line.n;
        *end = 0;
    }
    while (next_pair(&last, &key, &value, &closed))
        if (!add_pair(out, key, value, e)) return false;
    return add_templates(out, templates, e) && hypernet(out, e) && old_hires(out, e) && imply_by_version(out, e);
}

bool infotext_put(InfoRead *r, const char *key, const char *value, Error *e) {
    if (!r->pairs) r->pairs = malloc(INFOTEXT_PAIRS * sizeof *r->pairs);
    if (!r->pairs) return image_texts_no_memory(e);
    return set(r, key, strlen(key), copy(value, strlen(value)), false, e);
}

static bool is_size(const char *s) { return *s && !s[strspn(s, "0123456789")]; }

char *infotext_join(const InfoRead *r, Error *e) {
    InfoWriter t = {.p = NULL};
    info_add(&t, r->prompt);
    if (*r->negative) info_add(&t, *r->prompt ? "\nNegative prompt: " : "Negative prompt: "), info_add(&t, r->negative);
    if (r->count && t.n) info_add(&t, "\n");
    for (int i = 0; i < r->count; i++) {
        const InfoPair *p = &r->pairs[i];
        size_t n = strlen(p->key);
        if (n > 2 && !strcmp(p->key + n - 2, "-1") && i + 1 < r->count && !strncmp(p[1].key, p->key, n - 1) &&
            !strcmp(p[1].key + n - 1, "2") && is_size(p->value) && is_size(p[1].value)) {
            char *key = copy(p->key, n - 2), *size = malloc(strlen(p->value) + strlen(p[1].value) + 2);
            if (key && size) sprintf(size, "%sx%s", p->value, p[1].value), info_pair(&t, key, size);
            else t.failed = true;
            free(key);
            free(size);
            i++;
        } else if (!p->implied) info_pair(&t, p->key, p->value);
    }
    if (!t.failed) return t.p;
    free(t.p);
    image_texts_no_memory(e);
    return NULL;
}

void infotext_read_free(InfoRead *r) {
    for (int i = 0; i < r->count; i++) {
        free(r->pairs[i].key);
        free(r->pairs[i].value);
    }
    free(r->pairs);
    free(r->prompt);
    free(r->negative);
    *r = (InfoRead){0};
}

const char *infotext_get(const InfoRead *r, const char *key) {
    for (int i = 0; i < r->count; i++)
        if (!strcmp(r->pairs[i].key, key)) return r->pairs[i].value;
    return NULL;
}

bool infotext_double(const char *value, double *out) {
    const char *p = value;
    if (*p == '-' || *p == '+') p++;
    size_t whole = strspn(p, "0123456789"), part = p[whole] == '.' ? strspn(p + whole + 1, "0123456789") : 0;
    if (!whole) return false;
    p += whole + part + (p[whole] == '.');
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+') p++;
        size_t n = strspn(p, "0123456789");
        if (!n) return false;
        p += n;
    }
    JsonNode n = {.type = JSON_NUMBER, .text = value + (*value == '+')};
    return !*p && json_double(&n, out);
}

bool infotext_int(const char *value, int64_t *out) {
    double d;
    JsonNode n = {.type = JSON_NUMBER, .text = value + (*value == '+')};
    return infotext_double(value, &d) && json_int(&n, out);
}
