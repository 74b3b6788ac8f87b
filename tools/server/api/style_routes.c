/* style_routes.c: the styles that prompts may name. */
#include "routes.h"
#include "tools/server/styles.h"

static void list(Serve *s, Call *c) {
    Styles all;
    Error e = {0};
    if (!styles_read(s->o->styles_file, &all, &e)) answer_detail(&c->answer, 500, "%s", e.text);
    else {
        json_t *names = json_array();
        for (int i = 0; i < all.count; i++)
            json_array_append_new(names, json_pack("{s:s, s:s, s:s}", "name", all.at[i].name, "prompt",
                                                   all.at[i].prompt, "negative_prompt", all.at[i].negative));
        answer_json(&c->answer, 200, names);
    }
    styles_free(&all);
}

static void keep(Serve *s, Call *c) {
    const char *name = "", *prompt = "", *negative = "";
    Fault f = {0};
    Error e = {0};
    if (!value_string("name", json_object_get(c->json, "name"), &name, &f) ||
        !value_string("prompt", json_object_get(c->json, "prompt"), &prompt, &f) ||
        !value_string("negative_prompt", json_object_get(c->json, "negative_prompt"), &negative, &f)) {
        route_fault(c, &f);
        return;
    }
    if (!s->o->styles_file) answer_detail(&c->answer, 409, "the server was started without --styles");
    else if (!*name) answer_detail(&c->answer, 422, "name: is empty");
    else {
        Style style = {(char *)(uintptr_t)name, (char *)(uintptr_t)prompt, (char *)(uintptr_t)negative};
        os_lock(s->styles);
        bool ok = styles_keep(s->o->styles_file, &style, &e);
        os_unlock(s->styles);
        if (ok) list(s, c);
        else answer_detail(&c->answer, e.code == ERR_ARGUMENT ? 422 : 500, "%s", e.text);
    }
}

const Route STYLE_ROUTES[] = {
    {"GET", "/sdapi/v1/prompt-styles", list, 0, "the styles", NULL},
    {"POST", "/v1/styles", keep, ROUTE_JSON, "adds a style, or changes it; without prompts: removes it",
     "name:s!,prompt:s,negative_prompt:s"},
    {0},
};
