/* info_comments.c: comments in prompts are taken out as the webui takes them out, from what is drawn and from what the
 * picture says, unless they are kept. */
#include "tests/harness/cli.h"
#include "tests/harness/test.h"
#include "test_info.h"
#include "sd/image/image.h"
#include "sd/prompt/prompt.h"

#include <stdlib.h>
#include <string.h>

void info_comments(void) {
    /* what Python makes of the webui's two regular expressions */
    static const char *const CASES[][2] = {{"", ""},
                                           {"a cat", "a cat"},
                                           {"a cat # b\na dog", "a cat \na dog"},
                                           {"a # b", "a \n"},
                                           {"a#b#c\n", "a\n"},
                                           {"#a", "\n"},
                                           {"#a\nb", "\nb"},
                                           {"a\n#b\nc", "a\nc"},
                                           {"a\n#b", "a\n"},
                                           {"a\n#b\n#c\nd", "a\n\nd"},
                                           {"#a\n#b\nc", "\n\nc"},
                                           {"a\n #b\nc", "a\n \nc"},
                                           {"#", "\n"},
                                           {"\n#\n", "\n"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *text = prompt_strip_comments(CASES[i][0]);
        test_check(text && !strcmp(text, CASES[i][1]), "comments, case %zu", i);
        test_note("'%s', not '%s'", text ? text : "nothing", CASES[i][1]);
        free(text);
    }
    cli_works("\"ids\":[320,2368,320,1929]", "tokens --json -p \"$(printf 'a cat # b\\na dog')\"");
    cli_works("\"ids\":[320,2368,258,", "tokens --json --comments keep -p \"$(printf 'a cat # b\\na dog')\"");
    cli_works("", "txt2img -m info.safetensors -W 64 -H 64 --steps 1 --seed 1 -q -o c.png "
                  "-p \"$(printf 'a cat # b\\na dog')\" -n 'blue # c'");
    cli_works("a cat \na dog\nNegative prompt: blue \n\nSteps: 1", "png-info --raw c.png");
    cli_works("c.png: equal\n", "replay c.png -m info.safetensors");
    cli_works("",
              "txt2img -m info.safetensors -W 64 -H 64 --steps 1 --seed 1 -q -o k.png -p 'a cat # b' --comments keep");
    cli_works("a cat # b\nSteps: 1|Comments: keep", "png-info --raw k.png");
    cli_works("k.png: equal\n", "replay k.png -m info.safetensors");
}
