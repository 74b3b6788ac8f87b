/* tokenizer.h: CLIP's byte-pair encoding, text to token ids.
 *
 * The rules are those of the original (openai/CLIP, clip/simple_tokenizer.py): the text is cleaned (Unicode and HTML
 * repairs, white space, lower case), split by a fixed pattern, each piece written as UTF-8 bytes, and pairs merged by
 * rank. The vocabulary (48,894 merges, MIT) is compiled into the program. */
#ifndef SD_TEXT_TOKENIZER_H
#define SD_TEXT_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

enum { TOKEN_BOS = 49406, TOKEN_EOS = 49407, TOKEN_COMMA = 267, TOKEN_COUNT = 49408 };

typedef struct Tokenizer Tokenizer; /* immutable once made; may be shared by threads */

Tokenizer *tokenizer_new(void); /* NULL when memory is out */
void tokenizer_free(Tokenizer *t);

/* Ids of text[0..size) (any bytes; what is not UTF-8 counts as U+FFFD), without start and end tokens, cut to nothing.
 * Returns their number, or -1 when memory is out; *ids is malloc'ed, the caller frees it. Linear in size, apart from
 * single words, whose cost grows as n log n. */
int64_t tokenizer_encode(const Tokenizer *t, const char *text, size_t size, int32_t **ids);

/* The text of one token as the vocabulary spells it (UTF-8, "</w>" at the end of a word), for display; "" for an id out
 * of range. buf gets at most size bytes, always terminated. */
const char *tokenizer_token(const Tokenizer *t, int32_t id, char *buf, size_t size);

#endif
