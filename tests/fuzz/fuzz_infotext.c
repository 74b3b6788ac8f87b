/* fuzz_infotext.c: the webui's text to a request and back: what is read and written again reads equal. */
#include "fuzz.h"

#include "sd/info/infotext.h"
#include "sd/info/infotext_request.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b) { return !strcmp(a ? a : "", b ? b : ""); }

/* A line that begins so begins the negative prompt when it is read: the webui's rule. A file's mark in front is
 * dropped. */
static bool has_mark(const char *text) {
    static const char MARK[] = "Negative prompt:";
    if (text && !strncmp(text, "\xEF\xBB\xBF", 3)) return true;
    const char *at = text ? strstr(text, MARK) : NULL;
    while (at && at != text && at[-1] != '\n') at = strstr(at + 1, MARK);
    return at != NULL;
}

/* What a text states of a is so in b. */
static void compare(const SdRequest *a, const SdRequest *b, const Sampler *sampler, bool texts) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        const char *x = (const char *)a + p->at, *y = (const char *)b + p->at;
        if (p->type == PARAM_PROMPT && texts) fuzz_require(same_text(*(const char *const *)x, *(const char *const *)y));
        if (p->type >= PARAM_SAMPLER || !param_written(p, a, sampler)) continue;
        if (p->type == PARAM_INT64) fuzz_require(*(const int64_t *)x == *(const int64_t *)y);
        fuzz_require(param_number(p, a) == param_number(p, b));
    }
    const Scheduler *s = NULL, *t = NULL;
    fuzz_require(request_sampler(a, &s, NULL) == request_sampler(b, &t, NULL));
    fuzz_require(s == t || !s || !t || (!s->fill && !t->fill));
}

void fuzz_request(const SdRequest *r, bool texts) {
    const Scheduler *scheduler = NULL;
    Error e = {0};
    const Sampler *sampler = request_sampler(r, &scheduler, &e);
    fuzz_require(fuzz_verdict(sampler != NULL, &e));
    char *text = sampler ? infotext(r, sampler, scheduler, NULL, &e) : NULL;
    InfoRead read = {0};
    SdRequest again = sd_request(NULL);
    again.noise = r->noise;
    bool ok = text && infotext_read(text, &read, &e) && infotext_request(&read, &again, &e);
    fuzz_require(fuzz_verdict(ok, &e));
    if (ok) compare(r, &again, sampler, texts);
    infotext_read_free(&read);
    free(text);
}

FUZZ(infotext) {
    Error e = {0};
    char *text = fuzz_text((FuzzBytes){data, size});
    InfoRead read = {0};
    SdRequest request = sd_request(NULL);
    SdPrecision precision;
    if (fuzz_verdict(infotext_read(text, &read, &e), &e)) {
        fuzz_require(read.prompt && read.negative && read.count <= INFOTEXT_PAIRS);
        for (int i = 0; i < read.count; i++)
            fuzz_require(infotext_get(&read, read.pairs[i].key) == read.pairs[i].value);
        Error own = {0};
        fuzz_verdict(infotext_precision(&read, &precision, &own), &own);
        if (fuzz_verdict(infotext_request(&read, &request, &e), &e) && fuzz_verdict(params_check(&request, &e), &e))
            fuzz_request(&request, !has_mark(request.prompt) && !has_mark(request.negative));
    }
    infotext_read_free(&read);
    free(text);
}
