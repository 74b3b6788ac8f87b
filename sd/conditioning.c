#include "conditioning.h"

#include <stdlib.h>
#include <string.h>

/* Closes a chunk of n text tokens: start, text, end, padding. */
static void close_chunk(int32_t *chunk, const int32_t *text, int64_t n, int32_t pad) {
    chunk[0] = TOKEN_BOS;
    memcpy(chunk + 1, text, (size_t)n * sizeof *text);
    chunk[n + 1] = TOKEN_EOS;
    for (int64_t i = n + 2; i < CHUNK; i++) chunk[i] = pad;
}

bool conditioning_make(Conditioning *c, const Tokenizer *t, const char *prompt, int32_t pad, Error *e) {
    *c = (Conditioning){0};
    int32_t *ids = NULL, text[CHUNK_TEXT];
    c->tokens = tokenizer_encode(t, prompt, strlen(prompt), &ids);
    /* every chunk but the last holds at least 75 - 20 tokens */
    size_t most = c->tokens < 0 ? 0 : (size_t)c->tokens / (CHUNK_TEXT - COMMA_BACKTRACK) + 1;
    c->ids = c->tokens < 0 ? NULL : malloc(most * CHUNK * sizeof *c->ids);
    if (!c->ids) {
        free(ids);
        return error_set(e, ERR_MEMORY, "out of memory for a prompt");
    }
    int64_t n = 0, comma = -1;
    for (int64_t i = 0; i < c->tokens; i++) {
        if (ids[i] == TOKEN_COMMA) comma = n;
        else if (n == CHUNK_TEXT && comma >= 0 && n - comma <= COMMA_BACKTRACK) {
            int64_t keep = comma + 1 < n ? comma + 1 : n, moved = n - keep;
            int32_t rest[CHUNK_TEXT];
            memcpy(rest, text + keep, (size_t)moved * sizeof *rest);
            close_chunk(c->ids + c->chunks++ * CHUNK, text, keep, pad);
            memcpy(text, rest, (size_t)moved * sizeof *rest);
            n = moved;
            comma = -1;
        }
        if (n == CHUNK_TEXT) {
            close_chunk(c->ids + c->chunks++ * CHUNK, text, n, pad);
            n = 0;
            comma = -1;
        }
        text[n++] = ids[i];
    }
    if (n || !c->chunks) close_chunk(c->ids + c->chunks++ * CHUNK, text, n, pad);
    free(ids);
    return true;
}

void conditioning_free(Conditioning *c) {
    free(c->ids);
    *c = (Conditioning){0};
}
