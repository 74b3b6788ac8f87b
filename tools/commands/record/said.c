/* said.c: holds the files that are there to what is said of them. */
#include "said.h"

#include "sd/info/infotext_read.h"
#include "sd/info/infotext_request.h"
#include "sd/load/model_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Number *i or a later one that networks do not bring along; false: none. */
static bool next_own(const char *list, const char *networks, int *i, char *name, char *hash) {
    while (infotext_brought(list, *i, networks)) ++*i;
    return infotext_hash(list, *i, name, hash);
}

bool said_folder(const char *list, const char *networks, const char *folder, Error *e) {
    char name[INFOTEXT_NAME], hash[INFOTEXT_HASH];
    int first = 0;
    bool some = next_own(list, networks, &first, name, hash);
    if (some && !folder)
        return error_set(e, ERR_FORMAT, "TI hashes: needs %.100s; name its folder with --embedding-dir", name);
    return some || !folder || error_set(e, ERR_FORMAT, "was made without embeddings; leave --embedding-dir out");
}

bool said_embeddings(const char *list, const char *networks, const char *what, const SdModel *m, Error *e) {
    char name[INFOTEXT_NAME], hash[INFOTEXT_HASH], is[65];
    for (int i = 0; next_own(list, networks, &i, name, hash); i++) {
        SdEmbedding x;
        int at = 0;
        while (sd_embedding(m, at, &x) && (x.skipped || !infotext_listed(x.name, name))) at++;
        if (!sd_embedding(m, at, &x))
            return error_set(e, ERR_FORMAT, "TI hashes: %.100s is not in --embedding-dir; add its file", name);
        size_t n = strlen(hash);
        if (n >= 10 && cached_sha256(x.path, is, e) && strncmp(hash, is, n))
            fprintf(stderr, "sdc: warning: the %s was made with another %.100s: %.12s, this one is %.12s\n", what, name,
                    hash, is);
    }
    return true;
}

bool said_value(const char *parameters, const char *key, char **out, Error *e) {
    InfoRead read;
    *out = NULL;
    bool ok = infotext_read(parameters, &read, e);
    const char *value = ok ? infotext_get(&read, key) : NULL;
    if (value) {
        *out = malloc(strlen(value) + 1);
        ok = *out || error_set(e, ERR_MEMORY, "out of memory for a picture's text");
        if (ok) strcpy(*out, value);
    }
    infotext_read_free(&read);
    return ok;
}

void said_networks(const char *list, const char *what, const char *parameters) {
    char *is = NULL;
    if (list && said_value(parameters, "Lora hashes", &is, NULL) && (!is || strcmp(list, is)))
        fprintf(stderr, "sdc: warning: the %s was made with other networks: %.200s, these are %.200s\n", what, list,
                is ? is : "none");
    free(is);
}
