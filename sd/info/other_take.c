/* other_take.c: the table of other programs. */
#include "other.h"

#include <string.h>

const char *other_take(Other *o, const char *own, const char **raw) {
    static const struct {
        const char *name;
        bool (*take)(Other *o, const char **raw); /* NULL: other_flat, which knows several */
        bool before;                              /* goes before a text of the webui's kind */
    } PROGRAMS[] = {{"NovelAI", other_novelai, true},
                    {"stable-diffusion.cpp", other_sdcpp, true},
                    {NULL, NULL, false},
                    {"InvokeAI", other_invoke, false},
                    {"ComfyUI", other_comfy, false}};
    bool text = own && own[strspn(own, " \t\r\n")] != '{' && strncmp(own, "prompt:", 7);
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof *PROGRAMS; i++) {
        const char *name = PROGRAMS[i].name;
        if (text && !PROGRAMS[i].before) continue;
        bool took = PROGRAMS[i].take ? PROGRAMS[i].take(o, raw) : other_flat(o, raw, &name);
        if (o->e->code) return NULL;
        if (took) return name;
    }
    return NULL;
}
