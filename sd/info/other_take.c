/* other_take.c: the table of other programs. */
#include "other.h"

#include <string.h>

bool other_take(Other *o, const char *own) {
    static const struct {
        const char *name; /* NULL: it says which */
        bool (*take)(Other *o);
        bool before; /* goes before a text of the webui's kind */
    } PROGRAMS[] = {{"NovelAI", other_novelai, true},
                    {"stable-diffusion.cpp", other_sdcpp, true},
                    {NULL, other_flat, false},
                    {"InvokeAI", other_invoke, false},
                    {"ComfyUI", other_comfy, false}};
    bool text = own && own[strspn(own, " \t\r\n")] != '{' && strncmp(own, "prompt:", 7);
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof *PROGRAMS; i++) {
        if (text && !PROGRAMS[i].before) continue;
        o->program = PROGRAMS[i].name;
        bool took = PROGRAMS[i].take(o);
        if (took || o->e->code) return took && !o->e->code;
    }
    return false;
}
