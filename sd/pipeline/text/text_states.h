/* text_states.h: prompts as the U-Net sees them: the states of every text that a run will need, encoded once, and the
 * contexts made from them as texts switch between calls. */
#ifndef SD_PIPELINE_TEXT_STATES_H
#define SD_PIPELINE_TEXT_STATES_H

#include "text_vectors.h"

/* What guides one U-Net input of a picture: the negative prompt, or one AND branch of the prompt. */
typedef struct {
    const Prompt *prompt;
    const PromptBranch *branch;
    int64_t chunks; /* of the branch's longest text for any encoder; shorter ones are padded with empty chunks */
    Tensor states;  /* [texts of the prompt,77 chunks,width]; texts of other branches are left unwritten */
    Tensor shown;   /* the same on the host, where emphasis is applied */
    Tensor pooled;  /* [texts of the prompt,pooled], of each text's first chunk; without numbers where pooled is 0 */
    bool zero;      /* SDXL's empty negative prompt: its states and pooled vectors are zeros */
    int now;        /* the text now in the context; -1: none yet */
    bool switched;  /* the text differs from the previous call's */
} Side;

typedef struct {
    Prompt prompts[MAX_ENCODERS][2]; /* each encoder's: negative, positive; they differ in chunks alone */
    int encoders;
    const Embeddings *embeddings; /* that the prompts may name, and */
    TextVectors vectors;          /* those of them that they name */
    Side *sides;                  /* [count]: negative (when guided), then the branches */
    int count, branches;
    bool guided, together; /* together: all sides have the same length and share one U-Net call */
    Tensor contexts[2];    /* [1,T,width] negative, [branches,T,width] positive; together: [0] holds all */
    int64_t width, pooled; /* of all encoders' states side by side; of the pooled vector, 0: none */
    SdEmphasis emphasis;
} TextStates;

/* Compiles both prompts for each of a model's encoders. all: the embeddings that they may name, which outlive s.
 * guided: the negative one is needed whatever the prompt. */
bool text_states_init(TextStates *s, const SdModel *m, const Embeddings *all, const char *prompt, const char *negative,
                      PromptOptions o, bool guided, Error *e);
void text_states_free(TextStates *s);

/* Makes the negative prompt's states zeros where all its texts are empty, as the webui does for SDXL
 * (sd_models_xl.py, force_zero_negative_prompt). */
void text_states_zero_empty(TextStates *s);
/* Allocates states and contexts in the arena. */
void text_states_place(TextStates *s, Ctx *c, int64_t width, int64_t pooled);
/* The contexts hold no text of use: all are switched to at the next call. */
void text_states_forget(TextStates *s);
/* Encodes every text by an encoder, clips[encoder], whose states follow those of the encoders before it in a context.
 * skip: clip skip. Applies weights by the webui's emphasis modes (sd_emphasis.py), to each encoder's states by
 * themselves. made: where states are looked for first, and kept; NULL: nowhere. */
void text_states_encode(TextStates *s, Ctx *c, const Clip *clips, int encoder, int skip, KeptValues *made);
/* Makes the contexts current for denoiser call `call`, counted from 0, and marks the sides whose text switched. */
void text_states_switch(TextStates *s, Ctx *c, int call);
/* The context, and with it the U-Net call, that a side belongs to, and its place in that context. */
int text_states_context_of(const TextStates *s, int side, int64_t *place);
/* The context of U-Net call i, 0..text_states_calls - 1, of a step. */
int text_states_calls(const TextStates *s);
Tensor text_states_context(const TextStates *s, int i);

#endif
