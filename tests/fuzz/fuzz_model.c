/* fuzz_model.c: a whole model in memory: a tiny one, changed by lines
 *
 *     -NAME                   a tensor is left out
 *     =NAME TYPE D0 D1 ...    is of that type and shape, or there is one more
 *     ~NAME HEX               all its bytes are that one
 *     !KEY VALUE              metadata: sdc.config, sdc.tokens, ...
 *
 * Whatever they say, it opens, plans and makes a picture, or one line says why not. `noise`: a file of noise for a
 * picture of the tiny model. */
#include "fuzz.h"

#include "sd/load/model.h"
#include "tests/harness/make_model.h"
#include "weights/formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1200, LARGEST = 1 << 18, LINES = 64 };

typedef struct {
    FileTensor t;
    const uint8_t *bytes; /* NULL: all are `fill` */
    uint8_t fill;
} Tensor1;

typedef struct {
    Tensor1 at[MOST];
    size_t count;
    FileMeta meta[LINES];
    size_t meta_count;
} Model;

/* --- the one that is changed --- */

static WeightFile *base(void) {
    static WeightFile *f; /* made once: it does not change */
    if (f) return f;
    Error e = {0};
    SdConfig k = tiny_config();
    k.clip[0].vocabulary = 4;
    char path[1024];
    strcpy(path, fuzz_file("base.safetensors", (FuzzBytes){(const uint8_t *)"", 0}));
    MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_SINGLE, .dtype = F16};
    if (!make_model_of(path, spec, k) || !(f = weight_file_open(path, &e)) || f->count > MOST / 2) abort();
    return f;
}

/* --- changing it --- */

static Tensor1 *find(Model *m, const char *name) {
    for (size_t i = 0; i < m->count; i++)
        if (!strcmp(m->at[i].t.name, name)) return &m->at[i];
    return NULL;
}

static void reshape(Model *m, const char *name, char *type_and_shape) {
    static const DType TYPES[] = {F32, F16, BF16, F64, I64, I32, U8};
    Tensor1 *old = find(m, name), new = {.t = {.name = name, .dtype = F16}};
    int64_t count = 1;
    char *at = type_and_shape + strcspn(type_and_shape, " ");
    if (*at) *at++ = 0;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (!strcmp(type_and_shape, dtype_name(TYPES[i]))) new.t.dtype = TYPES[i];
    for (char *end; new.t.nd < FILE_MAX_DIMS &&*at; at = end) {
        int64_t n = strtoll(at, &end, 10);
        if (end == at || n < 0 || n > LARGEST || (count *= n) > LARGEST) return;
        new.t.n[new.t.nd++] = n;
    }
    if (!old && m->count == MOST) return;
    if (!old) old = &m->at[m->count++];
    *old = new;
}

static void change(Model *m, char *line) {
    char *name = line + 1, *value = name + strcspn(name, " ");
    if (!*line || !*name) return;
    if (*value) *value++ = 0;
    Tensor1 *t = find(m, name);
    if (*line == '-' && t) *t = m->at[--m->count];
    if (*line == '=') reshape(m, name, value);
    if (*line == '~' && t) t->bytes = NULL, t->fill = (uint8_t)strtoul(value, NULL, 16);
    if (*line != '!') return;
    for (size_t i = 0; i < m->meta_count; i++)
        if (!strcmp(m->meta[i].key, name)) m->meta[i] = m->meta[--m->meta_count];
    if (m->meta_count < LINES) m->meta[m->meta_count++] = (FileMeta){name, value};
}

static void make(Model *m, char *text) {
    const WeightFile *f = base();
    m->count = f->count;
    for (size_t i = 0; i < f->count; i++)
        m->at[i] = (Tensor1){.t = f->tensors[i], .bytes = file_tensor_data(f, &f->tensors[i])};
    m->meta[0] = (FileMeta){"sdc.config", weight_file_meta(f, "sdc.config")};
    m->meta[1] = (FileMeta){"sdc.tokens", "49406,49407,320"};
    m->meta_count = 2;
    for (char *next; *text; text = next) {
        next = text + strcspn(text, "\n");
        if (*next) *next++ = 0;
        change(m, text);
    }
}

/* --- as a file --- */

typedef struct {
    uint8_t *p;
    size_t n, capacity;
} Out;

static uint8_t *room(Out *o, size_t n) {
    if (o->n + n > o->capacity) {
        o->capacity = 2 * (o->n + n);
        if (!(o->p = realloc(o->p, o->capacity))) abort();
    }
    o->n += n;
    return o->p + o->n - n;
}

static void put(Out *o, const char *text) { memcpy(room(o, strlen(text)), text, strlen(text)); }

static void quote(Out *o, const char *text) {
    size_t n = json_quote(NULL, 0, text);
    json_quote((char *)room(o, n + 1), n + 1, text);
    o->n--;
}

static Out write_model(const Model *m) {
    Out o = {0};
    uint64_t at = 0;
    char text[64];
    room(&o, 8);
    put(&o, "{\"__metadata__\":{");
    for (size_t i = 0; i < m->meta_count; i++) {
        put(&o, i ? "," : "");
        quote(&o, m->meta[i].key);
        put(&o, ":");
        quote(&o, m->meta[i].value);
    }
    put(&o, "}");
    for (size_t i = 0; i < m->count; i++) {
        const FileTensor *t = &m->at[i].t;
        uint64_t size = dtype_bytes(t->dtype, file_tensor_count(t));
        put(&o, ",");
        quote(&o, t->name);
        snprintf(text, sizeof text, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(t->dtype));
        put(&o, text);
        for (int d = 0; d < t->nd; d++) {
            snprintf(text, sizeof text, "%s%lld", d ? "," : "", (long long)t->n[d]);
            put(&o, text);
        }
        snprintf(text, sizeof text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
                 (unsigned long long)(at + size));
        put(&o, text);
        at += size;
    }
    put(&o, "}");
    while (o.n % 64) put(&o, " ");
    for (int i = 0; i < 8; i++) o.p[i] = (uint8_t)((o.n - 8) >> 8 * i);
    for (size_t i = 0; i < m->count; i++) {
        size_t size = dtype_bytes(m->at[i].t.dtype, file_tensor_count(&m->at[i].t));
        uint8_t *to = room(&o, size);
        if (m->at[i].bytes) memcpy(to, m->at[i].bytes, size);
        else if (size) memset(to, m->at[i].fill, size);
    }
    return o;
}

/* --- using it --- */

static SdRequest small_request(const SdModel *m) {
    SdRequest r = sd_request(m);
    r.prompt = "a cat", r.negative = "", r.seed = 1, r.steps = 1, r.width = r.height = 16;
    return r;
}

static void draw(SdModel *m) {
    Error e = {0};
    SdPlan plan = {0};
    SdResult result = {0};
    SdRequest r = small_request(m);
    if (!fuzz_verdict(sd_plan(m, &r, &plan, &e), &e)) return;
    if (plan.activations > 16 << 20 || plan.step_flops + plan.decode_flops > 1e8) return;
    if (fuzz_verdict(sd_txt2img(m, &r, &result, &e), &e))
        fuzz_require(result.count == 1 && result.pictures[0].rgb && result.pictures[0].parameters);
    sd_free(&result);
}

static SdModel *open_model(const Out *file, Error *e) {
    SdOptions o = {.threads = 1};
    return sd_open_memory("it", file->p, file->n, &o, e);
}

FUZZ(noise) {
    static SdModel *model; /* made once */
    static char none[1];
    static Model m;
    Error e = {0};
    SdResult result = {0};
    if (!model) {
        make(&m, none);
        Out file = write_model(&m);
        if (!(model = open_model(&file, &e))) abort();
    }
    FuzzBytes file = fuzz_weights((FuzzBytes){data, size});
    SdRequest r = small_request(model);
    r.noise = fuzz_file("noise.safetensors", file);
    r.keep = true;
    fuzz_verdict(sd_txt2img(model, &r, &result, &e), &e);
    sd_free(&result);
    fuzz_weights_free(file);
}

FUZZ(model) {
    static Model m;
    Error e = {0};
    char *text = fuzz_text((FuzzBytes){data, size});
    make(&m, text);
    Out file = write_model(&m);
    SdModel *model = open_model(&file, &e);
    if (fuzz_verdict(model != NULL, &e)) draw(model);
    sd_close(model);
    free(file.p);
    free(text);
}
