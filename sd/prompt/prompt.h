/* prompt.h: what a prompt says, in the language of AUTOMATIC1111's webui, compiled to chunks of weighted token ids.
 *
 *     (x) (x:1.3) [x]                   more and less attention; \( \) \[ \] \\ are the characters themselves
 *     [from:to:when] [to:when] [from::when] [a|b|c]     texts that change while a picture is sampled
 *     a AND b :0.5                      several prompts, weighted (positive prompts only)
 *     BREAK                             begins a new chunk
 *     <lora:NAME:1>                     recognised, taken out and handed on (positive prompts only)
 *
 * The grammar is that of webui 1.8 (modules/prompt_parser.py, sd_hijack_clip.py), faults included, because people share
 * prompts that lean on them. What differs, each where the original stops with an exception, gives NaN or takes forever:
 *  - a weight such as 1..2 and a switching time that is infinite are errors here too, with a message;
 *  - weights beyond a float's range saturate (`heaviest` tells);
 *  - of the brackets around one word the innermost PROMPT_DEEPEST count;
 *  - a schedule whose texts take more than PROMPT_MOST_TEXT bytes together is an error.
 * Parsing takes no recursion and time linear in the text (times the steps, where texts change). */
#ifndef SD_PROMPT_PROMPT_H
#define SD_PROMPT_PROMPT_H

#include "sd/sd.h"
#include "tensor/error.h"
#include "sd/text/tokenizer.h"

#include <stddef.h>

enum {
    PROMPT_CHUNK = 77,    /* ids of a chunk: start, text, end */
    PROMPT_CAPACITY = 75, /* of them text */
    PROMPT_BACKTRACK = 20,
    PROMPT_DEEPEST = 1024,
    PROMPT_MOST_TEXT = 16 << 20,
    PROMPT_MOST_STEPS = 10000,
};

typedef struct {
    int32_t ids[PROMPT_CHUNK];   /* start, text, end, padding */
    float weights[PROMPT_CHUNK]; /* 1 where there is no text */
    int count;                   /* how many of the 75 are text */
} PromptChunk;

typedef struct {
    char *text;
    PromptChunk *chunks;
    int64_t count;  /* of chunks, at least 1 */
    int64_t tokens; /* as the webui counts them: chunks that BREAK or length closed count 75 */
} PromptText;

typedef struct {
    int until; /* the last step, counted from 1, at which the text holds */
    int text;  /* index into Prompt.texts */
} PromptSpan;

/* One of the prompts that AND joins. A span ends at each step at which the text may switch, even where it stays the
 * same: the original's emphasis takes a mean over all spans, so it matters how often each text occurs. */
typedef struct {
    double weight;
    PromptSpan *spans;
    int count;
} PromptBranch;

/* A tag <kind:arguments>: lora (also written lyco) and hypernet. All other tags are taken out and forgotten. */
typedef struct {
    char *kind, *name;
    double text, unet; /* what multiplies the network in the text encoder and in the U-Net */
    char *arguments;   /* all of them, as written */
} PromptNetwork;

typedef struct {
    PromptBranch *branches;
    int count;
    PromptText *texts; /* no two are equal */
    int text_count;
    PromptNetwork *networks;
    int network_count;
    double heaviest; /* the largest |weight|, before it had to fit a float */
} Prompt;

typedef struct {
    bool negative;       /* AND and tags are text */
    SdEmphasis emphasis; /* what becomes of the weights */
    int32_t pad;         /* the id behind the end token: 49407, or 0 in SD 2.x */
    int steps;           /* denoiser calls of the (first) pass: its steps, twice that for samplers of second order */
    int hires_steps;     /* 0: compile for the first pass; else for the second, which has this many calls */
    bool old_schedules;  /* [a:b:when] as before webui 1.6: below 1 a fraction, else a step; both passes alike */
} PromptOptions;

/* ERR_ARGUMENT names what in the text is wrong. out is good for prompt_free in any case. */
bool prompt_compile(Prompt *out, const Tokenizer *t, const char *text, const PromptOptions *o, Error *e);
void prompt_free(Prompt *p);

/* The text for the denoiser's call number `call`, counted from 0. The original compares this number with steps that
 * are counted from 1, so a switch at step 10 leaves 11 calls to the text before it; calls beyond the last step get the
 * first text. */
const PromptText *prompt_at(const Prompt *p, const PromptBranch *branch, int call);

#endif
