#include "piece.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *piece_model(const char *title, char out[OS_PATH_SIZE]) {
    snprintf(out, OS_PATH_SIZE, "%.4000s", title ? title : "");
    size_t n = strlen(out);
    char *bracket = strrchr(out, '[');
    if (n && out[n - 1] == ']' && bracket && bracket > out && bracket[-1] == ' ') bracket[-1] = 0;
    return out;
}

json_t *piece_tell(const Job *j) {
    json_t *pictures = json_array(), *rows = json_object();
    for (int i = 0; i < j->count; i++) {
        const JobPicture *p = &j->pictures[i];
        json_array_append_new(pictures, json_pack("{s:i, s:i, s:I, s:I, s:o}", "width", p->width, "height", p->height,
                                                  "seed", (json_int_t)p->seed, "variation",
                                                  (json_int_t)p->variation_seed, "text", json_lossy(p->text)));
    }
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (value_given(p)) json_object_set_new(rows, p->json, value_json(p, &j->request));
    return json_pack("{s:o, s:o, s:O, s:b, s:i, s:o}", "pictures", pictures, "rows", rows, "warnings", j->warnings,
                     "partial", j->partial, "code", (int)j->error.code, "error", json_lossy(j->error.text));
}

static bool take_picture(Job *j, const json_t *told, uint8_t *png, size_t size) {
    json_int_t seed, variation;
    JobPicture p = {.png = png, .size = size}, *to = job_picture(j, NULL);
    const char *text;
    if (!to || !png ||
        json_unpack((json_t *)(uintptr_t)told, "{s:i, s:i, s:I, s:I, s:s}", "width", &p.width, "height", &p.height,
                    "seed", &seed, "variation", &variation, "text", &text))
        return free(png), false;
    p.seed = seed, p.variation_seed = variation;
    p.text = malloc(strlen(text) + 1);
    if (!p.text) return free(png), false;
    strcpy(p.text, text);
    *to = p;
    j->count++;
    return true;
}

/* The settings as they were drawn; strings are the JSON's. */
static void take_rows(Job *j, json_t *rows) {
    SdRequest was = j->request;
    Fault f = {0};
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (value_given(p)) (void)value_take(p, p->json, json_object_get(rows, p->json), &j->request, &f);
    j->request.seed = was.seed, j->request.variation_seed = was.variation_seed;
    j->request.batch_size = was.batch_size;
    json_decref(j->drawn);
    j->drawn = json_incref(rows);
}

bool piece_take(Job *j, json_t *told, uint8_t **png, const size_t *sizes, int count, bool first) {
    json_t *pictures, *rows, *warnings;
    int partial, code;
    const char *error;
    bool ok = !json_unpack(told, "{s:o, s:o, s:o, s:b, s:i, s:s}", "pictures", &pictures, "rows", &rows, "warnings",
                           &warnings, "partial", &partial, "code", &code, "error", &error) &&
              json_array_size(pictures) == (size_t)count;
    if (ok && first) take_rows(j, rows), json_array_extend(j->warnings, warnings);
    for (int i = 0; i < count; i++)
        if (!ok) free(png[i]);
        else ok = take_picture(j, json_array_get(pictures, (size_t)i), png[i], sizes[i]);
    if (ok && partial) j->partial = true;
    if (ok && code) error_set(&j->error, (ErrorCode)code, "%s", error);
    return ok;
}
