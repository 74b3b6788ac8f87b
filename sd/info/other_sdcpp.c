/* other_sdcpp.c: stable-diffusion.cpp writes the webui's form with names of its own (examples/common/common.cpp,
 * get_image_params): "Sampler: euler_a karras", "RNG: cuda", fields that always stand there, and all of its settings
 * again as JSON. In WebP the text lies in XMP. */
#include "other.h"

#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

static void take_sampler(Other *o, const char *value) {
    char name[64];
    const char *blank = strrchr(value, ' ');
    size_t n = blank ? (size_t)(blank - value) : strlen(value);
    if (n >= sizeof name) n = utf8_whole(value, sizeof name - 1);
    memcpy(name, value, n);
    name[n] = 0;
    other_sampler(o, name);
    if (blank && strcmp(blank, " NONE")) other_scheduler(o, blank + 1);
}

static void take_rng(Other *o, const char *value) {
    if (!strcmp(value, "cuda")) other_put(o, "RNG", "GPU");
    else if (!strcmp(value, "cpu")) other_put(o, "RNG", "CPU");
    else other_put(o, "RNG", value), other_miss(o, "its random numbers '%.40s' are none of sdc's", value);
}

static void take_pair(Other *o, const InfoRead *all, const InfoPair *p) {
    static const char *const LEFT_OUT[] = {"SDCPP", "Guidance"}; /* Guidance is that of distilled models */
    for (size_t i = 0; i < sizeof LEFT_OUT / sizeof *LEFT_OUT; i++)
        if (!strcmp(p->key, LEFT_OUT[i])) return;
    if (!strcmp(p->key, "Sampler")) take_sampler(o, p->value);
    else if (!strcmp(p->key, "RNG")) take_rng(o, p->value);
    else if (!strcmp(p->key, "Model")) other_model(o, "Model", p->value);
    else if (!strcmp(p->key, "Eta") && !strcmp(p->value, "inf")) return; /* the sampler's own */
    else if (!strcmp(p->key, "Sampler RNG")) {
        const char *rng = infotext_get(all, "RNG");
        if (!rng || strcmp(rng, p->value)) other_put(o, p->key, p->value);
    } else other_put(o, p->key, p->value);
}

bool other_sdcpp(Other *o) {
    char *own = other_xmp(o, "sdcpp:parameters");
    o->raw = image_text(o->texts, own ? TEXT_XMP : "parameters");
    const char *text = own ? own : o->raw;
    bool is = text && strstr(text, "Version: stable-diffusion.cpp");
    InfoRead all = {0};
    if (is && infotext_read(text, &all, o->e)) {
        other_prompt(o, all.prompt);
        other_negative(o, all.negative);
        for (int i = 0; i < all.count; i++) take_pair(o, &all, &all.pairs[i]);
    }
    infotext_read_free(&all);
    free(own);
    return is;
}
