/* openapi.c: the description of the server's routes (OpenAPI 3), from their tables and the table of settings. */
#include "tools/server/api/ask/ask_hires.h"
#include "routes.h"

#include <stdio.h>
#include <string.h>

static json_t *schema_of(const Param *p) {
    static const char *const TYPES[] = {
        [PARAM_INT] = "integer", [PARAM_INT64] = "integer",  [PARAM_DOUBLE] = "number",    [PARAM_BOOL] = "boolean",
        [PARAM_ENUM] = "string", [PARAM_SAMPLER] = "string", [PARAM_SCHEDULER] = "string", [PARAM_PROMPT] = "string",
        [PARAM_FILE] = "string", [PARAM_STRING] = "string"};
    SdRequest usual = sd_request(NULL);
    params_forget(&usual);
    json_t *schema = json_pack("{s:s, s:s, s:b}", "type", TYPES[p->type], "description", p->help, "nullable", 1);
    json_t *standard = value_json(p, &usual);
    if (!json_is_null(standard)) json_object_set(schema, "default", standard);
    json_decref(standard);
    if (p->type < PARAM_BOOL) {
        double low = p->standard < p->low ? p->standard : p->low;
        json_object_set_new(schema, "minimum",
                            p->type == PARAM_DOUBLE ? json_real(low) : json_integer((json_int_t)low));
        if (p->high < PARAM_MOST)
            json_object_set_new(schema, "maximum",
                                p->type == PARAM_DOUBLE ? json_real(p->high) : json_integer((json_int_t)p->high));
    }
    if (p->type == PARAM_ENUM) {
        const char *words = p->key_words ? p->key_words : p->value;
        json_t *list = json_array();
        char word[80];
        for (int i = 0; i < words_count(words); i++)
            json_array_append_new(list, json_string(words_get(words, i, word, sizeof word)));
        json_object_set_new(schema, "enum", list);
    }
    return schema;
}

static json_t *type_of(const char *type) { return json_pack("{s:s, s:b}", "type", type, "nullable", 1); }

/* Hires fix by the webui's names. */
static void add_hires(json_t *properties) {
    const Param *row;
    const char *name;
    json_object_set_new(properties, "enable_hr", type_of("boolean"));
    for (int i = 0; (name = ask_hires_name(i, &row)); i++) json_object_set_new(properties, name, schema_of(row));
}

/* What a drawing route takes: the table of settings. */
static void add_settings(json_t *properties, bool img2img) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (value_given(p) && (img2img ? !p->of_hires : !p->of_image || p->or_hires))
            json_object_set_new(properties, p->json, schema_of(p));
    if (!img2img) add_hires(properties);
}

/* The next word of a list, "name:type" or "name:type!" where there must be one; false: that was all. */
static bool next_word(const char **at, char name[64], char *type, bool *must) {
    size_t n = strcspn(*at, ":,");
    if (!**at) return false;
    snprintf(name, 64, "%.*s", (int)n, *at);
    *type = (*at)[n] == ':' ? (*at)[n + 1] : 0;
    *at += strcspn(*at, ",");
    *must = (*at)[-1] == '!';
    *at += **at == ',';
    return true;
}

static const char *type_named(char letter) {
    static const char *const TYPES[] = {"string",  "number", "integer",
                                        "boolean", "array",  "object"}; /* by their first letters */
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (*TYPES[i] == letter) return TYPES[i];
    return "string";
}

static json_t *property(char letter, bool must) {
    json_t *j = json_pack("{s:s}", "type", type_named(letter));
    if (letter == 'a') json_object_set_new(j, "items", json_object());
    if (!must) json_object_set_new(j, "nullable", json_true());
    return j;
}

/* Route.takes as the schema of a body. */
static json_t *body_of(const char *takes) {
    json_t *properties = json_object(), *required = json_array();
    char name[64], type;
    bool must;
    while (takes && next_word(&takes, name, &type, &must)) {
        if (*name == '@') add_settings(properties, !strcmp(name, "@img2img"));
        else json_object_set_new(properties, name, property(type, must));
        if (must) json_array_append_new(required, json_string(name));
    }
    json_t *schema = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    if (json_array_size(required)) json_object_set(schema, "required", required);
    json_decref(required);
    return json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema);
}

/* Route.takes as parameters of a query. */
static json_t *query_of(const char *takes) {
    json_t *list = json_array();
    char name[64], type;
    bool must;
    while (takes && next_word(&takes, name, &type, &must))
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", "query", "required", must,
                                              "schema", "type", type_named(type)));
    return list;
}

static json_t *operation(const Route *r) {
    json_t *op = json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "summary", r->summary, "responses", "200", "description",
                           "done", "4XX", "description", "what is wrong, as `detail`");
    if (r->flags & ROUTE_JSON) json_object_set_new(op, "requestBody", body_of(r->takes));
    else if (r->takes) json_object_set_new(op, "parameters", query_of(r->takes));
    return op;
}

static void openapi(Serve *s, Call *c) {
    json_t *paths = json_object();
    for (const Route *const *table = s->routes; *table; table++)
        for (const Route *r = *table; r->path; r++) {
            char method[12] = "";
            for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++) method[i] = (char)(r->method[i] | 32);
            json_t *path = json_object_get(paths, r->path);
            if (!path) json_object_set_new(paths, r->path, path = json_object());
            json_object_set_new(path, method, operation(r));
        }
    answer_json(&c->answer, 200,
                json_pack("{s:s, s:{s:s, s:s}, s:o}", "openapi", "3.0.3", "info", "title", "sdc serve", "version", "1",
                          "paths", paths));
}

const Route OPENAPI_ROUTES[] = {
    {"GET", "/openapi.json", openapi, 0, "this description", NULL},
    {0},
};
