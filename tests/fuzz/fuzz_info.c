/* fuzz_info.c: what pictures of any program say, as keyword and text in turn. Put into the webui's words, every
 * value reads as it was put. */
#include "fuzz.h"

#include "sd/info/infotext_request.h"
#include "sd/info/picture_info.h"

#include <string.h>

/* Words that stand in the text as they are: no sizes (512x768), nothing quoted, no white space at their ends. */
static bool is_plain(const char *s) {
    size_t n = strlen(s), digits = strspn(s, "0123456789");
    bool ascii = n > 1 && strchr("\"{[ -/", *s) == NULL && s[n - 1] != ' ' && (!digits || s[digits] != 'x');
    for (size_t i = 0; i < n; i++) ascii &= s[i] >= ' ' && s[i] < 127;
    return ascii;
}

/* Short keys are no pairs, the halves of a size are one, and a value that equals its key stands alone. */
static bool is_stated(const InfoPair *p) {
    return !p->implied && is_plain(p->key) && !strstr(p->key, "-2") && strcmp(p->key, p->value);
}

static void look(const PictureInfo *info) {
    Error e = {0};
    InfoRead again = {0};
    SdRequest r = sd_request(NULL);
    fuzz_utf8(info->text);
    if (info->missing) fuzz_utf8(info->missing);
    fuzz_require(info->raw && info->read.prompt && info->read.negative);
    if (!info->program) fuzz_require(!strcmp(info->text, info->raw));
    if (fuzz_verdict(infotext_read(info->text, &again, &e), &e)) {
        /* A line of fewer than three pairs is a prompt's, and one that begins with Template a template. */
        int stated = info->read.count && strstr(info->read.pairs[0].key, "Template") ? -INFOTEXT_PAIRS : 0;
        for (int i = 0; i < info->read.count; i++) stated += is_stated(&info->read.pairs[i]);
        for (int i = 0; i < info->read.count && stated >= 3; i++) {
            const InfoPair *p = &info->read.pairs[i];
            const char *value = infotext_get(&again, p->key);
            if (is_stated(p) && is_plain(p->value)) fuzz_require(value && !strcmp(value, p->value));
        }
    }
    fuzz_verdict(infotext_request(&info->read, &r, &e), &e);
    infotext_read_free(&again);
}

FUZZ(info) {
    Error e = {0};
    ImageTexts texts = {.width = 72, .height = 80};
    PictureInfo info = {0};
    for (FuzzBytes rest = {data, size}; rest.size;) {
        FuzzBytes key = fuzz_part(&rest), text = fuzz_part(&rest);
        image_texts_add(&texts, (const char *)key.p, key.size, text.p, text.size, TEXT_UTF8, &e);
    }
    fuzz_texts(&texts);
    if (fuzz_verdict(picture_info(&texts, "it", &info, &e), &e) && info.text) look(&info);
    picture_info_free(&info);
    image_texts_free(&texts);
}
