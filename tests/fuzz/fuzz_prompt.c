/* fuzz_prompt.c: the prompt language. The first byte chooses the options, the rest is the prompt. Whatever the text,
 * every call of every branch has chunks. */
#include "fuzz.h"

#include "sd/prompt/prompt.h"

#include <stdlib.h>
#include <string.h>

FUZZ(prompt) {
    static Tokenizer *t; /* made once: it does not change */
    if (!t && !(t = tokenizer_new())) abort();
    if (!size) return;
    char *text = fuzz_text((FuzzBytes){data + 1, size - 1});
    PromptOptions o = {.negative = data[0] & 1,
                       .emphasis = (SdEmphasis)(data[0] >> 1 & 3),
                       .pad = data[0] & 8 ? 0 : TOKEN_EOS,
                       .steps = data[0] & 16 ? 40 : 7,
                       .hires_steps = data[0] & 32 ? 5 : 0,
                       .old_schedules = data[0] & 64,
                       .comments = data[0] & 128 ? SD_COMMENTS_KEEP : SD_COMMENTS_STRIP};
    Prompt p;
    Error e = {0};
    bool ok = fuzz_verdict(prompt_compile(&p, t, text, &o, &e), &e);
    for (int i = 0; ok && i < p.branch_count; i++)
        for (int call = 0; call < 50; call++) fuzz_require(prompt_at(&p, &p.branches[i], call)->count);
    prompt_free(&p);
    free(text);
}
