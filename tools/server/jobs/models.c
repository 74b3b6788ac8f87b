#include "models.h"

#include "tensor/os.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_MODELS = 16 };

typedef struct {
    char *path;
    int nth;
    SdControlNet *net;
} Control;

typedef struct {
    char *path, *vae;
    SdModel *model;
    Control controls[SD_MOST_CONTROLS]; /* as many as a job may have: the next one's place is in turn */
    int next;
    size_t bytes;  /* that it keeps between pictures, at most */
    unsigned used; /* when, in calls */
} Slot;

struct Models {
    SdOptions how;
    Slot slots[MOST_MODELS];
    int count;
    unsigned calls;
};

Models *models_new(const SdOptions *how) {
    Models *m = calloc(1, sizeof *m);
    if (m) m->how = *how;
    return m;
}

static void close_slot(Models *m, int i) {
    for (int k = 0; k < SD_MOST_CONTROLS; k++) {
        sd_close_control(m->slots[i].controls[k].net);
        free(m->slots[i].controls[k].path);
    }
    sd_close(m->slots[i].model);
    free(m->slots[i].path), free(m->slots[i].vae);
    m->slots[i] = m->slots[--m->count];
}

/* Whether a request of this model draws by that one. */
static bool draws(const SdModel *m, const SdModel *own, const SdRequest *r) {
    return m && (m == own || (r && (m == r->refiner || m == r->hires_model)));
}

void models_drop(Models *m, const SdModel *keep, const SdRequest *r) {
    for (int i = m->count; i-- > 0;)
        if (!draws(m->slots[i].model, keep, r)) close_slot(m, i);
}

void models_free(Models *m) {
    if (!m) return;
    models_drop(m, NULL, NULL);
    free(m);
}

int models_count(const Models *m) { return m->count; }

static bool same(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static bool keep_name(char **to, const char *name) {
    if (!name) return true;
    *to = malloc(strlen(name) + 1);
    if (*to) strcpy(*to, name);
    return *to != NULL;
}

/* The slot that was not used for the longest time, other than the request's; -1: none. */
static int oldest(const Models *m, const SdModel *own, const SdRequest *r) {
    int found = -1;
    for (int i = 0; i < m->count; i++) {
        const Slot *s = &m->slots[i];
        if (draws(s->model, own, r)) continue;
        if (found < 0 || s->used < m->slots[found].used) found = i;
    }
    return found;
}

SdModel *models_get(Models *m, const char *path, const char *vae, Error *e) {
    for (int i = 0; i < m->count; i++) {
        Slot *s = &m->slots[i];
        if (!same(s->path, path) || !same(s->vae, vae)) continue;
        s->used = ++m->calls;
        return s->model;
    }
    SdOptions how = m->how;
    if (vae) how.vae = vae;
    SdModel *model = sd_open(path, &how, e);
    if (!model) return NULL;
    if (m->count == MOST_MODELS) close_slot(m, oldest(m, NULL, NULL));
    Slot *s = &m->slots[m->count++];
    *s = (Slot){.model = model, .used = ++m->calls};
    if (keep_name(&s->path, path) && keep_name(&s->vae, vae)) return model;
    close_slot(m, m->count - 1);
    error_set(e, ERR_MEMORY, "out of memory for a model's name");
    return NULL;
}

SdControlNet *models_control(Models *m, SdModel *model, const char *path, const char *vision, int nth, Error *e) {
    Slot *s = NULL;
    for (int i = 0; i < m->count; i++)
        if (m->slots[i].model == model) s = &m->slots[i];
    if (!s) return NULL;
    for (int k = 0; k < SD_MOST_CONTROLS; k++)
        if (s->controls[k].net && s->controls[k].nth == nth && !strcmp(s->controls[k].path, path))
            return s->controls[k].net;
    SdControlNet *net = vision ? sd_open_ip_adapter(path, vision, model, e) : sd_open_control(path, model, e);
    Control *c = &s->controls[s->next];
    if (!net) return NULL;
    sd_close_control(c->net);
    free(c->path);
    *c = (Control){.nth = nth, .net = net};
    s->next = (s->next + 1) % SD_MOST_CONTROLS;
    if (keep_name(&c->path, path)) return net;
    sd_close_control(net);
    *c = (Control){.net = NULL};
    error_set(e, ERR_MEMORY, "out of memory for a ControlNet's name");
    return NULL;
}

bool models_room(Models *m, SdModel *model, const SdRequest *r, Error *e) {
    size_t limit = m->how.memory_limit ? m->how.memory_limit : os_physical_memory() / 5 * 4;
    SdPlan plan = {0};
    if (!sd_plan(model, r, &plan, e)) return false;
    for (;;) {
        size_t others = 0;
        for (int i = 0; i < m->count; i++) {
            Slot *s = &m->slots[i];
            if (s->model == model) s->bytes = plan.weights + plan.activations;
            else if (!draws(s->model, model, r)) others += s->bytes;
        }
        int out = oldest(m, model, r);
        if (out < 0 || others + plan.process <= limit) return true;
        close_slot(m, out);
    }
}
