/* describe.c: what pictures say about how they were made. */
#include "tools/server/api/ask/ask_image.h"
#include "routes.h"
#include "sd/info/picture_info.h"

#include <stdlib.h>

/* The body's picture and what it says; false: c has the answer. *file is to be freed, and info in any case. */
static bool look(Call *c, uint8_t **file, PictureInfo *info) {
    size_t size = 0;
    Fault f = {0};
    Error e = {0};
    const char *text = NULL;
    *file = NULL;
    if (!value_string("image", json_object_get(c->json, "image"), &text, &f) ||
        (text && *text && !ask_image(file, &size, "image", text, &f)))
        return route_fault(c, &f), false;
    if (!*file) return answer_detail(&c->answer, 404, "Image not found"), false;
    if (picture_info_of(*file, size, "image", info, &e)) return true;
    return answer_detail(&c->answer, e.code == ERR_MEMORY ? 500 : 422, "%s", e.text), false;
}

static void png_info(Serve *s, Call *c) {
    uint8_t *file;
    PictureInfo info = {0};
    (void)s;
    if (look(c, &file, &info)) {
        json_t *pairs = json_object();
        if (info.text) {
            json_object_set_new(pairs, "Prompt", json_string(info.read.prompt));
            json_object_set_new(pairs, "Negative prompt", json_string(info.read.negative));
        }
        for (int i = 0; i < info.read.count; i++)
            json_object_set_new(pairs, info.read.pairs[i].key, json_string(info.read.pairs[i].value));
        const char *said = info.text ? info.text : "";
        answer_json(&c->answer, 200,
                    json_pack("{s:s, s:o, s:o}", "info", said, "items",
                              info.text ? json_pack("{s:s}", "parameters", said) : json_object(), "parameters", pairs));
    }
    picture_info_free(&info);
    free(file);
}

/* There is no model here that finds words for a picture. One that says what it was drawn from has them. */
static void interrogate(Serve *s, Call *c) {
    uint8_t *file;
    PictureInfo info = {0};
    (void)s;
    if (look(c, &file, &info)) {
        if (info.text)
            answer_json(&c->answer, 200,
                        json_pack("{s:o, s:[s]}", "caption", json_lossy(info.read.prompt), "warnings",
                                  "model: no model describes pictures here; the caption is the picture's own prompt"));
        else
            answer_detail(&c->answer, 404,
                          "Model not found: no model describes pictures here, and this one says no prompt");
    }
    picture_info_free(&info);
    free(file);
}

const Route DESCRIBE_ROUTES[] = {
    {"POST", "/sdapi/v1/png-info", png_info, ROUTE_JSON, "what a picture says about how it was made", "image:s!"},
    {"POST", "/sdapi/v1/interrogate", interrogate, ROUTE_JSON, "the prompt that a picture says it was drawn from",
     "image:s!,model:s"},
    {0},
};
