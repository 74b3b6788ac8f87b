/* tokenizer.h: CLIP's byte-pair encoding, text to token ids.
 *
 * As in the originals: the text is cleaned (Unicode and HTML repairs, white space, lower case) and split by a fixed
 * pattern; each piece is written as UTF-8 bytes, and pairs are merged by rank. The vocabulary (48,894 merges, MIT) is
 * compiled in. */
#ifndef SD_TEXT_TOKENIZER_H
#define SD_TEXT_TOKENIZER_H

#include "unicode.h"

enum { TOKEN_BOS = 49406, TOKEN_EOS = 49407, TOKEN_COMMA = 267, TOKEN_COUNT = 49408 };

/* Where the originals differ: in how a text spells the start and the end token, and in whether html.unescape, twice,
 * follows ftfy, which leaves references alone after a '<' and those without a semicolon. */
typedef enum {
    TOKENS_OPENAI,       /* openai/CLIP (clip/simple_tokenizer.py): <|startoftext|>, <|endoftext|>; unescaped */
    TOKENS_HUGGING_FACE, /* transformers' CLIPTokenizer, which the webui's SDXL has: spelled likewise; not unescaped */
    TOKENS_OPEN_CLIP,    /* open_clip (tokenizer.py): <start_of_text>, <end_of_text>; unescaped */
} TokenRules;

typedef struct Tokenizer Tokenizer; /* immutable; may be shared by threads */

Tokenizer *tokenizer_new(void); /* NULL: out of memory */
void tokenizer_free(Tokenizer *t);

/* The ids of text[0..size) without start and end tokens, uncut; any bytes, what is not UTF-8 counts as U+FFFD. Returns
 * their number, -1: out of memory; the caller frees *ids. Linear in size, except that a single word of n bytes costs
 * O(n log n). */
int64_t tokenizer_encode(const Tokenizer *t, TokenRules rules, const char *text, size_t size, int32_t **ids);
/* The same for text that has been cleaned already (text_clean.h). */
int64_t tokenizer_encode_clean(const Tokenizer *t, TokenRules rules, const Runes *text, int32_t **ids);

/* A token as the vocabulary spells it, for display: UTF-8, "</w>" at the end of a word; "" for an id out of range. Cut
 * to size bytes, always terminated. Returns buf. */
const char *tokenizer_token(const Tokenizer *t, int32_t id, char *buf, size_t size);

#endif
