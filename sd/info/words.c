/* words.c: lists of words, as the table of settings has them (params.h). */
#include "params.h"

#include <string.h>

const char *param_key_words(const Param *p) {
    if (p->key_words) return p->key_words;
    return p->type == PARAM_BOOL ? "False|True" : p->value;
}

int words_find(const char *words, const char *word) {
    size_t n = strlen(word);
    int i = 0;
    while (*words) {
        size_t k = strcspn(words, ",|");
        if (k == n && !memcmp(words, word, n)) return i;
        i += words[k] == '|';
        words += k + (words[k] != 0);
    }
    return -1;
}

const char *words_get(const char *words, int i, char *out, size_t size) {
    for (; i > 0 && *words; i--) {
        words += strcspn(words, "|");
        words += *words == '|';
    }
    size_t n = strcspn(words, ",|");
    if (n >= size) n = size - 1;
    memcpy(out, words, n);
    out[n] = 0;
    return out;
}

int words_count(const char *words) {
    int n = 1;
    for (; *words; words++) n += *words == '|';
    return n;
}
