/* fuzz_prompt.c: a libFuzzer target for the prompt language (`make fuzz-prompt`). The first byte chooses the options,
 * the rest is the prompt. Whatever the text, compiling it ends, stays in bounds and frees what it took. */
#include "sd/prompt/prompt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Tokenizer *t; /* made once: it does not change */
    if (!t && !(t = tokenizer_new())) abort();
    if (!size) return 0;
    char *text = malloc(size);
    if (!text) abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    PromptOptions o = {.negative = data[0] & 1,
                       .emphasis = (SdEmphasis)(data[0] >> 1 & 3),
                       .pad = data[0] & 8 ? 0 : TOKEN_EOS,
                       .steps = data[0] & 16 ? 40 : 7,
                       .hires_steps = data[0] & 32 ? 5 : 0,
                       .old_schedules = data[0] & 64};
    Prompt p;
    Error e = {0};
    bool ok = prompt_compile(&p, t, text, &o, &e);
    if (!ok != (e.code != ERR_NONE)) abort();
    for (int i = 0; ok && i < p.branch_count; i++)
        for (int call = 0; call < 50; call++)
            if (!prompt_at(&p, &p.branches[i], call)->count) abort();
    prompt_free(&p);
    free(text);
    return 0;
}
