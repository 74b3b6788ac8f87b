/* prompt_internal.h: the stages of prompt_compile, a file each, in order; for prompt*.c only. */
#ifndef SD_PROMPT_PROMPT_INTERNAL_H
#define SD_PROMPT_PROMPT_INTERNAL_H

#include "prompt.h"

/* --- characters (prompt_words.c): \s, \w and \d as Python's re has them --- */

/* The unicode_flags of the character at text[at], at < size; returns the index after it. */
size_t prompt_next(const char *text, size_t size, size_t at, unsigned *flags);
size_t prompt_skip_space(const char *text, size_t size, size_t at);
/* Where the white space at the end of text[from..to) begins. */
size_t prompt_trim(const char *text, size_t from, size_t to);
/* Whether text[from..to) has this word at `at`, with a \b on either side. */
bool prompt_word_at(const char *text, size_t from, size_t to, size_t at, const char *word);
/* Python's float() of text[0..size): digits of any script, at most one point, perhaps a sign, and with `exponent` at
 * most one exponent ("1e5"). false: it is not a number. Infinite if too large. */
bool prompt_number(const char *text, size_t size, bool exponent, double *out);
/* Grows a list of *capacity items of `size` bytes, if need be, to hold `more` after the first `count`. */
bool prompt_grow(void *items, size_t *capacity, size_t count, size_t more, size_t size);
bool prompt_no_memory(Error *e);

typedef struct {
    char *at;
    size_t size, capacity;
} PromptBuffer; /* all zero is empty; not terminated */

bool prompt_append(PromptBuffer *b, const char *text, size_t size);

/* --- tags (prompt_networks.c) --- */

/* Appends the text without its tags to out, the networks to p. */
bool prompt_networks(Prompt *p, const char *text, size_t size, PromptBuffer *out, Error *e);

/* --- schedules (prompt_schedule.c) --- */

typedef struct PromptSchedule PromptSchedule;

/* text must outlive the schedule. */
PromptSchedule *prompt_schedule_new(const char *text, size_t size, const PromptOptions *o, Error *e);
void prompt_schedule_free(PromptSchedule *s);
/* The steps at which a span may end, ascending; the last is the pass's number of steps. */
const int *prompt_schedule_ends(const PromptSchedule *s, int *count);
/* The text at a step, counted from 1. Empties out first. */
bool prompt_schedule_text(const PromptSchedule *s, int step, PromptBuffer *out);

/* --- attention (prompt_attention.c) --- */

typedef struct {
    uint32_t from, size; /* in PromptPieces.text */
    double weight;
} PromptPiece;

typedef struct {
    PromptPiece *at;
    size_t count, capacity;
    PromptBuffer text;
} PromptPieces;

/* A text as pieces of one weight each, neighbours of equal weight joined; at least one. A piece "BREAK" of weight -1
 * ends a chunk. */
bool prompt_attention(PromptPieces *out, const char *text, size_t size, Error *e);
void prompt_pieces_free(PromptPieces *p);

/* --- chunks (prompt_chunks.c) --- */

/* Sets out's chunks, `most` at most, and token count; raises *heaviest to the largest |weight|. */
bool prompt_chunks(PromptText *out, const Tokenizer *t, const PromptPieces *pieces, const PromptOptions *o,
                   int64_t most, double *heaviest, Error *e);

#endif
