#include "keys.h"

#include "weights/files/base64.h"
#include "weights/files/sha256.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void digest(const void *bytes, size_t size, uint8_t out[32]) {
    Sha256 s;
    sha256_init(&s);
    sha256_update(&s, bytes, size);
    sha256_final(&s, out);
}

bool keys_add(Keys *k, const char *pair, const char *from, Error *e) {
    size_t name = strcspn(pair, ":");
    if (!pair[name] || !name || name >= KEY_NAME || !pair[name + 1])
        return error_set(e, ERR_FORMAT, "%s: a key is no NAME:SECRET with a name of 1 to %d bytes", from, KEY_NAME - 1);
    if (k->count == KEYS_MOST) return error_set(e, ERR_FORMAT, "%s: more than %d keys", from, KEYS_MOST);
    snprintf(k->at[k->count].name, KEY_NAME, "%.*s", (int)name, pair);
    digest(pair, strlen(pair), k->at[k->count].pair);
    digest(pair + name + 1, strlen(pair + name + 1), k->at[k->count].secret);
    k->count++;
    return true;
}

bool keys_read(Keys *k, const char *path, Error *e) {
    FileWanted wanted = {1 << 20, "name a text file of lines NAME:SECRET", NULL};
    char *text = text_file_read(path, &wanted, NULL, e);
    if (!text) return false;
    bool ok = true;
    int before = k->count;
    text_newlines(text, strlen(text));
    for (char *line = text, *next; ok && *line; line = next) {
        size_t n = strcspn(line, "\n");
        next = line + n + (line[n] == '\n');
        line[n] = 0;
        if (*line && *line != '#') ok = keys_add(k, line, path, e);
    }
    free(text);
    if (ok && k->count == before) return error_set(e, ERR_FORMAT, "%s: has no key; write lines NAME:SECRET", path);
    return ok;
}

static bool equal(const uint8_t *a, const uint8_t *b) {
    uint8_t differ = 0;
    for (int i = 0; i < 32; i++) differ |= (uint8_t)(a[i] ^ b[i]);
    return !differ;
}

static int find(const Keys *k, const void *bytes, size_t size, bool pair) {
    uint8_t d[32];
    int found = -1;
    digest(bytes, size, d);
    for (int i = 0; i < k->count; i++)
        if (equal(d, pair ? k->at[i].pair : k->at[i].secret)) found = i;
    return found;
}

/* What follows a scheme's name, whose case does not matter; NULL: another scheme. */
static const char *after(const char *header, const char *scheme) {
    for (; *scheme; header++, scheme++)
        if ((*header | 32) != (*scheme | 32)) return NULL;
    if (*header != ' ') return NULL;
    while (*header == ' ') header++;
    return header;
}

int keys_find(const Keys *k, const Call *c) {
    const char *given = c->header[HEADER_AUTHORIZATION];
    const char *basic = given ? after(given, "Basic") : NULL, *bearer = given ? after(given, "Bearer") : NULL;
    if (!bearer && !basic) bearer = c->header[HEADER_API_KEY];
    if (bearer) return find(k, bearer, strlen(bearer), false);
    if (!basic) return -1;
    size_t size;
    bool memory;
    uint8_t *pair = base64_read(basic, strlen(basic), &size, &memory);
    int found = pair ? find(k, pair, size, true) : -1;
    free(pair);
    return found;
}
