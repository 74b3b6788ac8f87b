/* folder_lines.c: metadata.jsonl, as datasets reads it: {"file_name": "a.png", "text": "..."}, a line for each picture.
 */
#include "folder_parts.h"

#include "weights/files/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The keys of a line, for the message. */
static const char *keys(const Json *j, char *out, size_t capacity) {
    const JsonNode *root = &j->nodes[0];
    size_t n = 0;
    *out = 0;
    for (int at = root->type == JSON_OBJECT ? root->child : -1; at >= 0 && n < capacity; at = j->nodes[at].next)
        n += (size_t)snprintf(out + n, capacity - n, "%s\"%.40s\"", n ? ", " : "", j->nodes[at].key);
    return *out ? out : "none";
}

/* NULL, or what is wrong with a picture's name: it must lie within the folder. */
static const char *bad_name(const char *name) {
    if (!*name) return "is empty";
    if (*name == '/' || *name == '\\' || (name[1] == ':' && (name[2] == '\\' || name[2] == '/')))
        return "is an absolute path; name it relative to the folder";
    for (const char *p = name; *p; p += strcspn(p, "/"), p += *p == '/')
        if (p[0] == '.' && p[1] == '.' && (!p[2] || p[2] == '/'))
            return "leads out of the folder; move the picture into it";
    return NULL;
}

static bool add_line(Folder *f, const char *what, const Json *j, bool captions, Error *e) {
    const JsonNode *name = json_get(j, &j->nodes[0], "file_name"), *text = json_get(j, &j->nodes[0], "text");
    char list[300];
    if (!name || (captions && !text))
        return error_set(e, ERR_FORMAT, "%s: needs \"file_name\"%s; its keys are %s", what,
                         captions ? " and \"text\"" : "", keys(j, list, sizeof list));
    if (name->type != JSON_STRING || (captions && text->type != JSON_STRING))
        return error_set(e, ERR_FORMAT, "%s: \"%s\" is not a string; write one", what,
                         name->type != JSON_STRING ? "file_name" : "text");
    const char *inside = name->text, *why = bad_name(inside);
    if (why) return error_set(e, ERR_FORMAT, "%s: file_name \"%.200s\" %s", what, inside, why);
    while (!strncmp(inside, "./", 2)) inside += 2;
    char *caption = captions ? folder_copy(text->text, strlen(text->text)) : NULL;
    if (captions && !caption) return folder_no_memory(f, e);
    return folder_add_picture(f, folder_copy(inside, strlen(inside)), caption, e);
}

bool folder_read_lines(Folder *f, const char *path, char *text, size_t size, bool captions, Error *e) {
    bool ok = true;
    size_t number = 1;
    for (char *line = text, *end = text + size, *next; ok && line < end; line = next, number++) {
        char *stop = memchr(line, '\n', (size_t)(end - line)), what[1000];
        next = stop ? stop + 1 : end;
        size_t length = (size_t)((stop ? stop : end) - line), blank = 0;
        while (blank < length && strchr(" \t\r", line[blank])) blank++;
        if (blank == length) continue;
        snprintf(what, sizeof what, "%.900s: line %zu", path, number);
        Json *j = json_parse(what, line, length, e);
        ok = j && add_line(f, what, j, captions, e);
        json_free(j);
    }
    return ok;
}

bool folder_lines_note(Folder *f, const FolderNames *names, Error *e) {
    FolderNames named = {.at = malloc((f->count + 1) * sizeof *named.at), .count = f->count};
    if (!named.at) return folder_no_memory(f, e);
    for (size_t i = 0; i < f->count; i++) named.at[i] = f->at[i].name;
    folder_sort_names(&named);
    bool ok = true;
    for (size_t i = 1; ok && i < named.count; i++)
        if (!strcmp(named.at[i], named.at[i - 1]))
            ok = folder_note(f, false, named.at[i], "lines that name a picture again, used once for each line", e);
    for (size_t i = 0; ok && i < names->count; i++)
        if (folder_is_picture(names->at[i]) && folder_find_name(&named, names->at[i]) == named.count) {
            ok = folder_note(f, true, names->at[i], "metadata.jsonl does not name it", e);
            f->skipped++;
        }
    free(named.at);
    return ok;
}
