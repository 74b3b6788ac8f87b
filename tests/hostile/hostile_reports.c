/* hostile_reports.c: what users of other programs reported, tried on sdc; tests/reports.md tells of each. Downloads
 * that are no models: hostile_formats.c. */
#include "hostile.h"

static const HostileCase CASES[] = {
    /* prompts: AUTOMATIC1111's webui, InvokeAI, SD.Next */
    {"webui-15767", .args = "tokens -p 'a forest, :99'", .words = "weight 99 of the whole prompt"},
    {"webui-15767-inside", .args = "tokens -p 'a (forest, :3)'", .words = "a (forest , :3)"},
    {"webui-1241", .args = "tokens -p 'pokemon \\(creature\\)'", .words = "pokemon ( creature )"},
    {"webui-4976", .args = "tokens --steps 2 -p '[(Mario)|(Luigi)] walking'",
     .words = "(mario :1.1) walking|(luigi :1.1) walking"},
    {"webui-11265", .args = "tokens --steps 4 -p '[a|b] or [c:d:0.5]'", .words = "a or c|b or c|a or d|b or d"},
    {"webui-10966", .args = "tokens --steps 4 -p 'a cat, [black:white:0.25]'",
     .words = "steps 1-1|cat , black|steps 2-4|cat , white"},
    {"webui-10966-remove", .args = "tokens --steps 4 -p '[black::0.25]'", .words = "black|steps 2-4|(empty)"},
    {"webui-12414", .args = "tokens --steps 4 -p '[ cat : dog : 0.5 ]'", .words = "steps 1-2|cat|steps 3-4|dog"},
    {"invoke-1367", .args = "tokens -p '( digital Painting)) ((symmetrical)) ((half)'",
     .words = "(digital painting :1.1) )"},
    {"invoke-37", .args = "tokens -p \"it's a \\\"cat\\\"\"", .words = "it 's a \" cat \""},
    {"invoke-3107", .args = "tokens -n -p 'happy (camper:0.3)'", .words = "happy (camper :0.3)"},
    {"sdnext-1071", .args = "tokens -p '(\\:D:1.2)'", .words = "(: d :1.2)"},
    /* files: diffusers, the webui */
    {"diffusers-7716", .args = "info .", .code = 1, .words = ".:|model_index.json"},
    {"webui-10896", "a.txt", BYTES("Postprocess upscale by: 2, Postprocess upscaler: ScuNET"), "png-info a.txt", 1,
     "a.txt"},
};

HOSTILE(reports) { hostile_cases(CASES, sizeof CASES / sizeof *CASES); }
