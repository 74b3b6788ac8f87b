/* fuzz_options.c: the command line of txt2img, a word a line. What is admitted is within the settings' ranges, and the
 * picture's text states it. */
#include "fuzz.h"

#include "sd/info/params.h"
#include "tools/cli/options/picture_options.h"

#include <stdlib.h>
#include <string.h>

static int parse(const Command *c, int argc, char **argv) {
    PictureArguments a;
    int code = picture_options(c, &a, argc, argv);
    if (code == GO_ON) {
        const SdRequest usual = sd_request(NULL);
        Error e = {0};
        params_adopt(&a.request, &usual);
        for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
            if (p->type <= PARAM_ENUM) fuzz_require(param_admits(p, param_number(p, &a.request)));
        fuzz_require(fuzz_verdict(params_check(&a.request, &e), &e));
        fuzz_request(&a.request, false);
    }
    options_free(c, &a);
    return code == GO_ON ? EXIT_DONE : code;
}

FUZZ(options) {
    enum { WORDS = 32 };
    static const Command COMMAND = {"txt2img", parse, "", "", NULL, TXT2IMG_OPTIONS};
    FuzzBytes rest = {data, size};
    char *words[WORDS + 1] = {(char *)(uintptr_t) "txt2img"}, *text = fuzz_text(rest), *at = text;
    int count = 1;
    /* Files that a fuzzer thinks of are no test. */
    if (!strstr(text, "@/") && !strchr(text, '~'))
        for (char *end; count < WORDS && *at; at = end) {
            words[count++] = at;
            end = at + strcspn(at, "\n");
            if (*end) *end++ = 0;
        }
    FuzzRun r = fuzz_command(&COMMAND, count, words);
    if (!r.code) fuzz_require(!*r.err || strstr(r.err, "warning"));
    fuzz_sdc_free(&r);
    free(text);
}
