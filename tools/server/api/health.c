/* health.c: what watches over the server: whether it lives, is ready, how much it does (Prometheus), and the
 * description of its routes (OpenAPI 3). */
#include "ask_hires.h"
#include "tools/server/jobs/draw.h"
#include "tools/server/http/http.h"
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void livez(Serve *s, Call *c) { (void)s, answer_json(&c->answer, 200, json_pack("{s:s}", "status", "alive")); }

static void readyz(Serve *s, Call *c) {
    bool ready = s->ready;
    answer_json(&c->answer, ready ? 200 : 503, json_pack("{s:s}", "status", ready ? "ready" : "stopping"));
}

/* --- metrics --- */

typedef struct {
    char text[8 << 10];
    size_t n;
} Text;

static void metric(Text *t, const char *name, const char *kind, const char *help, double value) {
    int n = snprintf(t->text + t->n, sizeof t->text - t->n, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name,
                     kind, name, value);
    if (n > 0 && t->n + (size_t)n < sizeof t->text) t->n += (size_t)n;
}

static void metrics(Serve *s, Call *c) {
    Text *t = calloc(1, sizeof *t);
    int waiting, working, connections, calls, models = 0;
    double busy = 0;
    if (!t) {
        answer_json(&c->answer, 500, NULL);
        return;
    }
    jobs_count(s->jobs, &waiting, &working);
    http_count(s->http, &connections, &calls);
    for (int i = 0; i < s->worker_count; i++) busy += 1e-6 * (double)s->workers[i].busy, models += s->workers[i].models;
    metric(t, "sdc_jobs_waiting", "gauge", "Jobs in the queue.", waiting);
    metric(t, "sdc_jobs_working", "gauge", "Jobs being drawn.", working);
    metric(t, "sdc_queue_size", "gauge", "Jobs that may wait.", s->o->queue);
    metric(t, "sdc_workers", "gauge", "Workers.", s->worker_count);
    metric(t, "sdc_workers_busy_seconds_total", "counter", "Seconds that workers have worked.", busy);
    metric(t, "sdc_models_open", "gauge", "Models that workers have open.", models);
    metric(t, "sdc_pictures_total", "counter", "Pictures drawn.", (double)s->pictures);
    metric(t, "sdc_connections", "gauge", "Open connections.", connections);
    metric(t, "sdc_calls_open", "gauge", "Calls that are being answered.", calls);
    metric(t, "sdc_memory_bytes", "gauge", "Memory of the process.", (double)os_memory());
    metric(t, "sdc_uptime_seconds", "counter", "Seconds since the start.", os_clock() - s->began);
    int n = snprintf(t->text + t->n, sizeof t->text - t->n,
                     "# HELP sdc_calls_total Calls by status.\n# TYPE sdc_calls_total counter\n");
    t->n += n > 0 ? (size_t)n : 0;
    for (int i = 0; i < 6 && t->n < sizeof t->text - 100; i++) {
        n = snprintf(t->text + t->n, sizeof t->text - t->n,
                     i ? "sdc_calls_total{status=\"%dxx\"} %lld\n" : "sdc_calls_total{status=\"gone%.0d\"} %lld\n", i,
                     (long long)s->calls[i]);
        t->n += n > 0 ? (size_t)n : 0;
    }
    answer_text(&c->answer, 200, "text/plain; version=0.0.4", t->text);
    free(t);
}

/* --- OpenAPI --- */

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
static json_t *body_of(bool img2img) {
    json_t *properties = json_object();
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (value_given(p) && (img2img ? !p->of_hires : !p->of_image || p->or_hires))
            json_object_set_new(properties, p->json, schema_of(p));
    json_object_set_new(properties, "n_iter",
                        json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 1, "default", 1));
    json_object_set_new(properties, "override_settings", type_of("object"));
    json_object_set_new(properties, "alwayson_scripts", type_of("object"));
    if (img2img) {
        json_object_set_new(
            properties, "init_images",
            json_pack("{s:s, s:{s:s}, s:i}", "type", "array", "items", "type", "string", "maxItems", 1));
        json_object_set_new(properties, "mask", type_of("string"));
    } else add_hires(properties);
    return json_pack("{s:{s:{s:{s:s, s:o}}}}", "content", "application/json", "schema", "type", "object", "properties",
                     properties);
}

static json_t *operation(const Route *r) {
    json_t *op = json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "summary", r->summary, "responses", "200", "description",
                           "done", "4XX", "description", "what is wrong, as `detail`");
    bool draws = strstr(r->path, "img") != NULL && r->flags & ROUTE_JSON;
    if (draws) json_object_set_new(op, "requestBody", body_of(strstr(r->path, "img2img") != NULL));
    else if (r->flags & ROUTE_JSON)
        json_object_set_new(op, "requestBody",
                            json_pack("{s:{s:{s:{s:s}}}}", "content", "application/json", "schema", "type", "object"));
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

const Route HEALTH_ROUTES[] = {
    {"GET", "/livez", livez, ROUTE_OPEN, "whether the server lives"},
    {"GET", "/readyz", readyz, ROUTE_OPEN, "whether it takes work"},
    {"GET", "/metrics", metrics, 0, "numbers for Prometheus"},
    {"GET", "/openapi.json", openapi, 0, "this description"},
    {0},
};
