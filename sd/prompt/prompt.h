/* prompt.h: compiles a prompt, in the language of AUTOMATIC1111's webui, to chunks of weighted token ids.
 *
 *     (x) (x:1.3) [x]                   more and less attention; \( \) \[ \] \\ are the characters themselves
 *     [from:to:when] [to:when] [from::when] [a|b|c]     texts that switch while a picture is sampled
 *     a AND b :0.5                      several prompts, weighted (positive prompts only)
 *     # x                               a comment to the end of the line, unless comments are kept
 *     BREAK                             begins a new chunk
 *     <lora:NAME:1>                     recognised, removed and passed on (positive prompts only)
 *     NAME                              of an embedding: its vectors in place of its tokens (PromptWord)
 *
 * What the compiler makes of it:
 *
 *     Prompt -- branches (of AND) -- spans (of steps) -- a text -- chunks (of 75 tokens)
 *            -- networks (from tags)
 *
 * The grammar is that of webui 1.8 (modules/prompt_parser.py, sd_hijack_clip.py), faults included, because shared
 * prompts depend on them. It differs where the original raises an exception, gives NaN or takes forever:
 *  - a weight such as 1..2, an infinite switching time and a tag's dyn below 1 are errors with a message;
 *  - weights beyond a float's range saturate (see `heaviest`);
 *  - of the brackets around one word only the innermost PROMPT_DEEPEST count;
 *  - a text of more than PROMPT_MOST_TEXT bytes is an error, and so is a schedule whose texts take more together, or
 *    fill more than PROMPT_MOST_CHUNKS chunks.
 * Parsing does not recurse, and takes time linear in the text (times the steps, where texts switch). */
#ifndef SD_PROMPT_PROMPT_H
#define SD_PROMPT_PROMPT_H

#include "sd/sd.h"
#include "tensor/error.h"
#include "sd/text/tokenizer.h"

#include <stddef.h>

enum {
    PROMPT_CHUNK = 77,     /* ids of a chunk: start, text, end */
    PROMPT_CAPACITY = 75,  /* ids of its text */
    PROMPT_BACKTRACK = 20, /* a full chunk is cut at its last comma, if among this many last tokens */
    PROMPT_DEEPEST = 1024,
    PROMPT_MOST_TEXT = 16 << 20,
    PROMPT_MOST_CHUNKS = 1 << 15, /* 20 MiB of them; a megabyte of text without BREAK has half as many at most */
    PROMPT_MOST_STEPS = 10000,
    PROMPT_MOST_NETWORKS = 256,
};

typedef struct {
    int32_t ids[PROMPT_CHUNK];   /* start, text, end, padding */
    float weights[PROMPT_CHUNK]; /* 1 where there is no text */
    int count;                   /* tokens of text, 0..75 */
} PromptChunk;

/* A name that stands for vectors (textual inversion). Where its tokens stand in a text, a chunk has a place for each
 * vector: token 0, and the weight. */
typedef struct {
    const int32_t *ids; /* [count], of the name, as the model's first encoder reads it */
    int count;          /* at least 1 */
    int vectors;        /* 1..PROMPT_CAPACITY */
} PromptWord;

/* Where the vectors of a word stand. They stay in a chunk that is closed although its last places are moved to the next
 * one, where these then are token 0: the original does not move them. */
typedef struct {
    int64_t chunk;
    int at;   /* index of the first one in the chunk's ids */
    int word; /* index into PromptOptions.words */
} PromptFix;

typedef struct {
    char *text;
    PromptChunk *chunks;
    PromptFix *fixes; /* in order */
    int64_t fix_count;
    int64_t count;  /* of chunks, at least 1 */
    int64_t tokens; /* as the webui counts: a chunk closed by BREAK or by its length counts 75 */
} PromptText;

typedef struct {
    int until; /* the last step, from 1, with this text */
    int text;  /* index into Prompt.texts */
} PromptSpan;

/* One of the prompts that AND joins. A span ends at each step at which the text may switch, even where it stays the
 * same: the original's emphasis takes a mean over all spans, so it matters how often each text occurs. */
typedef struct {
    double weight;
    PromptSpan *spans;
    int count;
} PromptBranch;

/* A tag <kind:NAME:te:unet:dyn>, or with te=, unet=, dyn= in any place: lora (also spelled lyco) or hypernet. All other
 * tags are removed. In order of the text, but as the webui has them: those of the spelling that comes first, then those
 * of the next. Of tags with one name, all have the multipliers and the rank of the last. */
typedef struct {
    char *kind, *name;
    double text, unet; /* multipliers in the text encoder, 1, and in the U-Net, as in the text encoder */
    int rank;          /* only so much of the network's; 0: all */
    char *arguments;   /* all of them, as written */
    bool respelled;    /* lyco */
} PromptNetwork;

typedef struct {
    PromptBranch *branches;
    int branch_count;
    PromptText *texts; /* no two are equal */
    int text_count;
    PromptNetwork *networks;
    int network_count;
    char *ignored;   /* the first thing in tags that means nothing: "<foo:bar>: is no tag ..."; NULL: nothing */
    double heaviest; /* the largest |weight|, before saturation */
} Prompt;

typedef struct {
    bool negative;       /* AND and tags are text */
    SdEmphasis emphasis; /* how weights apply */
    SdComments comments; /* whether # begins a comment */
    TokenRules rules;    /* the encoder's */
    int32_t pad;         /* the id after the end token: 49407, or 0 in SD 2.x */
    int steps;           /* denoiser calls of the first pass: its steps, doubled for second-order samplers */
    int hires_steps;     /* 0: compile for the first pass; else for the second, with this many calls */
    bool old_schedules;  /* [a:b:when] as before webui 1.6: below 1 a fraction, else a step, in either pass */
    /* Names of vectors, in the order of prompt_compare_words; of equal names the first counts. */
    const PromptWord *words;
    int word_count;
} PromptOptions;

/* The order of words, for qsort: by first id, the longer name first, then by ids. */
int prompt_compare_words(const PromptWord *a, const PromptWord *b);

/* A copy of text without its comments, to be freed; NULL: out of memory. As in the webui
 * (processing_scripts/comments.py) a line that is a comment vanishes, and a comment after text ends its line. */
char *prompt_strip_comments(const char *text);

/* ERR_ARGUMENT: the message names what is wrong in the text. out needs prompt_free in any case. */
bool prompt_compile(Prompt *out, const Tokenizer *t, const char *text, const PromptOptions *o, Error *e);
void prompt_free(Prompt *p);

/* The text for denoiser call `call`, counted from 0. The original compares it with steps counted from 1, so with a
 * switch at step 10 the first text gets 11 calls; calls beyond the last step get the first text. */
const PromptText *prompt_at(const Prompt *p, const PromptBranch *branch, int call);

#endif
