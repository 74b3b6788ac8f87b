#include "form.h"

#include <stdio.h>
#include <string.h>

enum { BOUNDARY = 80 };

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c | 32 : (unsigned char)c; }

static bool begins(const char *p, const char *end, const char *word) {
    for (; *word; p++, word++)
        if (p == end || lower(*p) != *word) return false;
    return true;
}

static const char *find(const char *p, const char *end, const char *what, size_t size) {
    for (; (size_t)(end - p) >= size; p++) {
        p = memchr(p, *what, (size_t)(end - p) - size + 1);
        if (!p) return NULL;
        if (!memcmp(p, what, size)) return p;
    }
    return NULL;
}

/* The value of a parameter in a header's line: NAME=word or NAME="words". */
static bool parameter(const char *line, const char *end, const char *name, char *out, size_t size) {
    size_t n = strlen(name);
    for (const char *p = line; p < end; p++) {
        if (!begins(p, end, name) || p + n >= end || p[n] != '=' || (p > line && !strchr("; \t", p[-1]))) continue;
        p += n + 1;
        bool quoted = p < end && *p == '"';
        p += quoted;
        const char *stop = p;
        while (stop < end && (quoted ? *stop != '"' : !strchr("; \t\r\n", *stop))) stop++;
        if ((size_t)(stop - p) >= size) return false;
        snprintf(out, size, "%.*s", (int)(stop - p), p);
        return true;
    }
    return false;
}

bool form_read(const char *type, const char *body, size_t size, bool (*each)(void *user, const FormPart *part),
               void *user) {
    char boundary[BOUNDARY], mark[BOUNDARY + 4];
    const char *end = body + size, *p;
    if (!body || !parameter(type, type + strlen(type), "boundary", boundary, sizeof boundary) || !*boundary)
        return false;
    int n = snprintf(mark, sizeof mark, "\r\n--%s", boundary);
    if (size < (size_t)n || memcmp(body, mark + 2, (size_t)n - 2) != 0) return false;
    p = body + n - 2;
    for (;;) {
        if (end - p >= 2 && !memcmp(p, "--", 2)) return true;
        if (end - p < 2 || memcmp(p, "\r\n", 2) != 0) return false;
        p += 2;
        FormPart part = {.name = ""};
        for (;;) { /* headers, in any order */
            const char *line = p, *stop = find(p, end, "\r\n", 2);
            if (!stop) return false;
            p = stop + 2;
            if (stop == line) break;
            char file[300];
            if (!begins(line, stop, "content-disposition:")) continue;
            if (!parameter(line, stop, "name", part.name, sizeof part.name)) return false;
            part.file = parameter(line, stop, "filename", file, sizeof file);
        }
        const char *next = find(p, end, mark, (size_t)n);
        if (!next) return false;
        part.bytes = p, part.size = (size_t)(next - p);
        if (!each(user, &part)) return true;
        p = next + n;
    }
}
