#include "overlay_internal.h"

#include "embedding.h"
#include "weights/files/files_below.h"
#include "sd/load/weights.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what a file is --- */

static void note(SdNetworkReport *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(SdNetworkReport *r, const char *format, ...) {
    enum { NAMED = 4 };
    r->unmatched++;
    if (r->unmatched > NAMED) return;
    size_t at = strlen(r->names);
    if (at) at += (size_t)snprintf(r->names + at, sizeof r->names - at, ", ");
    va_list args;
    va_start(args, format);
    if (at < sizeof r->names) vsnprintf(r->names + at, sizeof r->names - at, format, args);
    va_end(args);
}

/* "LoRA, full", "DoRA (LoRA)"; a LoRA of convolutions is a LoCon. */
static void name_kinds(const Network *n, SdNetworkReport *out) {
    bool has[NETWORK_KINDS] = {false}, dora = false, conv = false;
    char kinds[48] = "";
    for (size_t i = 0; i < n->count; i++) {
        const NetworkModule *m = &n->modules[i];
        const FileTensor *down = m->part[NET_DOWN];
        has[m->kind] = true;
        dora |= m->part[NET_DORA] != NULL;
        conv |= down && down->nd == 4 && down->n[2] * down->n[3] > 1;
        conv |= m->part[NET_MID] != NULL;
    }
    for (int k = 0; k < NETWORK_KINDS; k++) {
        size_t at = strlen(kinds);
        const char *name = k == NETWORK_LORA && conv ? "LoCon" : network_kind_name((NetworkKind)k);
        if (has[k]) snprintf(kinds + at, sizeof kinds - at, "%s%s", at ? ", " : "", name);
    }
    snprintf(out->kind, sizeof out->kind, dora ? "DoRA (%.39s)" : "%s", kinds);
}

static void describe(const Network *n, SdNetworkReport *out) {
    const char *family = network_family(n), *name = weight_file_meta(n->file, "ss_output_name");
    *out = (SdNetworkReport){
        .modules = (int64_t)n->count, .alpha = NAN, .alpha_to = NAN, .embeddings = (int64_t)n->embedded};
    name_kinds(n, out);
    snprintf(out->family, sizeof out->family, "%s", family ? family : "");
    snprintf(out->name, sizeof out->name, "%.127s", name ? name : "");
    for (size_t i = 0; i < n->count; i++) {
        const NetworkModule *m = &n->modules[i];
        if (m->rank && (!out->rank || m->rank < out->rank)) out->rank = (int)m->rank;
        if (m->rank > out->rank_to) out->rank_to = (int)m->rank;
        if (!isnan(m->alpha)) out->alpha = fmin(out->alpha, m->alpha), out->alpha_to = fmax(out->alpha_to, m->alpha);
    }
}

static void note_unknown(const Network *n, SdNetworkReport *out) {
    for (size_t i = 0; i < n->unknown_count; i++) note(out, "%.100s", n->unknown[i]->name);
}

/* Embeddings that it brings along and prompts cannot name. */
static bool note_embeddings(const SdModel *m, const Network *n, SdNetworkReport *out, Error *e) {
    Embeddings s;
    if (!n->embedded) return true;
    bool ok = embeddings_with(&s, &m->embeddings, n, 1, &m->config, m->tokenizer, e);
    for (int i = s.word_count; ok && i < s.count; i++)
        if (s.at[i].part) note(out, NETWORK_EMBEDDED "%.40s (%.80s)", s.at[i].name, s.at[i].skipped);
    embeddings_free(&s);
    return ok;
}

/* --- what of it fits a model --- */

typedef struct {
    const SdModel *m;
    Targets targets;
    Overlay *o; /* NULL: only reports */
    size_t capacity;
    Error *e;
} Fit;

/* Torch's [outputs][inputs][taps]. */
static int64_t taps_of(const Weight *w) { return w->kind == WEIGHT_CONV ? w->t.n[1] * w->t.n[2] : 1; }

static bool add(Fit *f, Delta d) {
    Overlay *o = f->o;
    if (!o) return true;
    if (!list_grow(&o->deltas, &f->capacity, o->delta_count, sizeof *o->deltas))
        return error_set(f->e, ERR_MEMORY, "%s: out of memory for its modules", d.network->file->path);
    o->deltas[o->delta_count++] = d;
    return true;
}

static bool misfit(const Fit *f, const Network *n, const NetworkModule *m, const Target *t) {
    char shape[96];
    Product p = {0};
    tensor_shape_text(t->weight->t, shape, sizeof shape);
    network_product(n, m, 0, &p);
    if (m->kind == NETWORK_LORA && p.rank > OVERLAY_MOST_RANK)
        return error_set(f->e, ERR_FORMAT,
                         "%s: %.*s.* has rank %lld, and %d is the most that is computed; use another "
                         "file",
                         n->file->path, m->key_size, m->key, (long long)p.rank, OVERLAY_MOST_RANK);
    return error_set(f->e, ERR_FORMAT,
                     "%s: %.*s.* (%s, %lldx%lld) does not fit %.100s, which is %s; use a network for %s", n->file->path,
                     m->key_size, m->key, network_kind_name(m->kind), (long long)p.rows, (long long)p.columns,
                     t->weight->name, shape, f->m->config.family);
}

static bool dora_fits(const NetworkModule *m, int64_t rows, int64_t inputs) {
    const FileTensor *t = m->part[NET_DORA];
    if (!t) return true;
    DType type = file_tensor_type(t);
    int64_t count = file_tensor_count(t);
    return (type == F32 || type == F16 || type == BF16) &&
           (count == rows || (!m->of_outputs && t->nd > 1 && t->n[0] == 1 && count == inputs));
}

/* The module's weight. */
static bool fit_weight(Fit *f, const Network *n, const NetworkModule *m, const Target *t, Delta d) {
    const OverlayKind *kind = &OVERLAY_KINDS[m->kind];
    int64_t all = tensor_count(t->weight->t) / t->weight->t.n[0], inputs;
    d.role = NET_ROLES;
    d.columns = all;
    d.taps = taps_of(t->weight);
    bool fits = all <= OVERLAY_MOST_COLUMNS && kind->fits(n, m, d.rows, all, d.taps);
    inputs = all / d.taps;
    if (!fits && !strcmp(m->name, "unet_conv_in") + !strcmp(m->name, "unet_input_blocks_0_0") && inputs > 4) {
        d.columns = 4 * d.taps; /* a network of a plain model on one that repaints or edits: its four latent channels */
        fits = kind->fits(n, m, d.rows, d.columns, d.taps);
    }
    return fits && dora_fits(m, d.rows, d.columns / d.taps) ? add(f, d) : misfit(f, n, m, t);
}

/* What is added to its bias. */
static bool fit_bias(Fit *f, const Network *n, const NetworkModule *m, NetworkRole role, const Target *t, Delta d) {
    const FileTensor *p = m->part[role];
    DType type = file_tensor_type(p);
    d.role = role;
    d.weight = t->weight;
    d.columns = d.taps = 1;
    bool fits = file_tensor_count(p) == d.rows && (type == F32 || type == F16 || type == BF16);
    return fits ? add(f, d) : misfit(f, n, m, t);
}

static bool fit_module(Fit *f, const Network *n, const NetworkModule *m, const SdNetwork *asked, DType round,
                       SdNetworkReport *report) {
    static const NetworkRole BIASES[] = {NET_DIFF_B, NET_NORM_B, NET_UP_BIAS};
    const Target *w = targets_find(&f->targets, m->name, false), *b = targets_find(&f->targets, m->name, true);
    bool alone = m->kind == NETWORK_FULL && !m->part[NET_DIFF]; /* a bias alone */
    if (alone ? !b : !w) return note(report, "%.*s", m->key_size < 100 ? m->key_size : 100, m->key), true;
    const Target *t = w ? w : b;
    report->matched++;
    report->text_modules += t->part != PART_UNET;
    Delta d = {.network = n,
               .module = m,
               .weight = t->weight,
               .first = t->first,
               .rows = t->rows,
               .multiplier = (float)(asked ? t->part == PART_UNET ? asked->unet : asked->text : 1),
               .limit = asked ? asked->rank : 0,
               .round = round};
    bool counts = d.multiplier != 0;
    Fit only = *f;
    if (!counts) only.o = NULL; /* checked all the same */
    Fit *to = counts ? f : &only;
    if (!alone && !fit_weight(to, n, m, w, d)) return false;
    for (size_t i = 0; i < sizeof BIASES / sizeof *BIASES; i++) {
        if (!m->part[BIASES[i]]) continue;
        if (!b) note(report, "%.100s", m->part[BIASES[i]]->name);
        else if (!fit_bias(to, n, m, BIASES[i], b, d)) return false;
    }
    return true;
}

/* Whether a network's family is known, and not the model's; a model may call its family anything. */
static bool other_family(const SdModel *m, const char *family) {
    static const char *const KNOWN[][2] = {
        {"SD 1.x", "SD 1.x"}, {"SD 2.x", "SD 2.x"}, {"SD-Turbo", "SD 2.x"}, {"SDXL", "SDXL"}};
    bool is_ours = !*family;
    for (size_t i = 0; *family && i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (!strcmp(m->config.family, KNOWN[i][0])) return strcmp(family, KNOWN[i][1]) != 0;
        is_ours |= !strcmp(family, KNOWN[i][1]);
    }
    return !is_ours; /* Flux */
}

static bool fit(Fit *f, const Network *n, const SdNetwork *asked, bool webui, bool strict, SdNetworkReport *out) {
    const char *path = n->file->path;
    describe(n, out);
    if (other_family(f->m, out->family))
        return error_set(f->e, ERR_FORMAT, "%s: is for %s, and %.100s is %s; use a network for that", path, out->family,
                         f->m->checkpoint->path, f->m->config.family);
    for (size_t i = 0; i < n->count; i++) {
        const NetworkModule *m = &n->modules[i];
        const Target *t = targets_find(&f->targets, m->name, false);
        DType round = F32;
        if (webui && t) {
            Found found = checkpoint_find(f->m->checkpoint, t->weight->name);
            round = found.tensor ? model_weight_type(t->weight, &found) : F32;
        }
        if (round == Q8_0) round = F16;
        if (!fit_module(f, n, m, asked, round, out)) return false;
    }
    note_unknown(n, out);
    if (!note_embeddings(f->m, n, out, f->e)) return false;
    if (!out->matched)
        return error_set(f->e, ERR_FORMAT, "%s: none of its %lld modules is in %.100s (%s): %s; use another network",
                         path, (long long)out->modules, f->m->checkpoint->path, f->m->config.family, out->names);
    return !strict || !out->unmatched ||
           error_set(f->e, ERR_FORMAT, "%s: %lld of its parts have no place in this model (%s%s); leave --strict out",
                     path, (long long)out->unmatched, out->names, out->unmatched > 4 ? ", ..." : "");
}

bool sd_network(const SdModel *m, const char *path, SdNetworkReport *out, Error *e) {
    Network n;
    SdNetworkReport own;
    Error none = {0};
    if (!e) e = &none;
    if (!out) out = &own;
    *out = (SdNetworkReport){0};
    if (e->code) return false;
    if (!path || !*path) return error_set(e, ERR_ARGUMENT, "network: it has no name; give the file's");
    if (!network_open(&n, path, e)) return false;
    Fit f = {.m = m, .e = e};
    bool ok = true;
    if (m) ok = targets_init(&f.targets, m, e) && fit(&f, &n, NULL, false, false, out);
    else describe(&n, out), note_unknown(&n, out);
    targets_free(&f.targets);
    network_close(&n);
    return ok;
}

/* --- on top of a model --- */

/* Names are compared as pointers: a weight's is one string. */
static int by_weight(const void *a, const void *b) {
    const Delta *x = a, *y = b;
    uintptr_t u = (uintptr_t)x->weight->name, v = (uintptr_t)y->weight->name;
    if (u != v) return u < v ? -1 : 1;
    if (x->network != y->network) return x->network < y->network ? -1 : 1; /* they lie in the request's order */
    if (x->module != y->module) return x->module < y->module ? -1 : 1;
    return (int)x->role - (int)y->role;
}

static bool check(const SdNetwork *n, int count, SdApply apply, Error *e) {
    if (count < 0 || count > SD_MOST_NETWORKS || (count && !n))
        return error_set(e, ERR_ARGUMENT, "networks: %d is not in 0..%d", count, SD_MOST_NETWORKS);
    if ((unsigned)apply > SD_APPLY_WEBUI)
        return error_set(e, ERR_ARGUMENT, "network apply: %d is not in 0..%d", (int)apply, SD_APPLY_WEBUI);
    for (int i = 0; i < count; i++) {
        if (!n[i].path || !*n[i].path) return error_set(e, ERR_ARGUMENT, "network: it has no name; give the file's");
        if (!(fabs(n[i].text) <= 100) || !(fabs(n[i].unet) <= 100))
            return error_set(e, ERR_ARGUMENT, "network %.200s: its weights %g and %g are not in -100..100", n[i].path,
                             n[i].text, n[i].unet);
        if (n[i].rank < 0)
            return error_set(e, ERR_ARGUMENT, "network %.200s: its rank %d is negative", n[i].path, n[i].rank);
    }
    return true;
}

static bool equal(const Overlay *o, const SdNetwork *n, int count, bool webui) {
    if (!o) return !count;
    bool same = o->count == count && o->webui == webui;
    for (int i = 0; same && i < count; i++)
        same = !strcmp(o->asked[i].path, n[i].path) && o->asked[i].text == n[i].text && o->asked[i].unet == n[i].unet &&
               o->asked[i].rank == n[i].rank;
    return same;
}

/* At most so many changes of one weight whose rows need other rows. */
static bool check_mixed(const SdModel *m, const Overlay *o, Error *e) {
    int mixed = 0;
    for (size_t i = 0; i < o->delta_count; i++) {
        if (!i || o->deltas[i].weight->name != o->deltas[i - 1].weight->name) mixed = 0;
        if (o->deltas[i].role == NET_ROLES) mixed += OVERLAY_KINDS[o->deltas[i].module->kind].mixes;
        if (mixed > OVERLAY_MOST_MIXED)
            return error_set(e, ERR_ARGUMENT, "%s: more than %d OFT networks on top of each other; name fewer",
                             m->checkpoint->path, OVERLAY_MOST_MIXED);
    }
    return true;
}

static Overlay *make(const SdModel *m, const SdNetwork *networks, int count, bool webui, bool strict, Error *e) {
    Overlay *o = calloc(1, sizeof *o);
    Fit f = {.m = m, .o = o, .e = e};
    bool ok = o && (o->networks = calloc((size_t)count, sizeof *o->networks)) &&
              (o->asked = calloc((size_t)count, sizeof *o->asked));
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for networks");
    ok = ok && targets_init(&f.targets, m, e);
    if (o) o->webui = webui;
    for (int i = 0; ok && i < count; i++) {
        SdNetworkReport report;
        char *path = text_copy(networks[i].path, strlen(networks[i].path));
        if (!(ok = path || error_set(e, ERR_MEMORY, "out of memory for networks"))) break;
        o->asked[i] = networks[i];
        o->asked[i].path = path;
        o->count++;
        ok = network_open(&o->networks[i], path, e) && fit(&f, &o->networks[i], &networks[i], webui, strict, &report);
    }
    targets_free(&f.targets);
    if (ok && o->delta_count) qsort(o->deltas, o->delta_count, sizeof *o->deltas, by_weight);
    ok = ok && check_mixed(m, o, e);
    if (ok) return o;
    overlay_free(o);
    return NULL;
}

/* Whether two changes have the same effect. */
static bool same_delta(const Delta *a, const Delta *b) {
    return a->weight == b->weight && a->role == b->role && a->multiplier == b->multiplier && a->limit == b->limit &&
           a->round == b->round && !strcmp(a->network->file->path, b->network->file->path) &&
           !strcmp(a->module->name, b->module->name);
}

static bool same_deltas(Deltas a, Deltas b) {
    bool same = a.count == b.count;
    for (int k = 0; same && k < a.count; k++) same = same_delta(&a.at[k], &b.at[k]);
    return same;
}

/* Has a loaded part follow: what changes is made anew, or, where that cannot be done in place, all of it when it is
 * next loaded. What overlay_begin made for streamed weights goes with their old changes. */
static void follow(SdModel *m, Part p, Overlay *now) {
    const WeightList *l = &m->lists[p];
    bool *changed = calloc((size_t)l->count + 1, sizeof *changed), any = false;
    for (int64_t i = 0; changed && i < l->count; i++) {
        Deltas a = overlay_find(m->overlay, l->w[i]->name), b = overlay_find(now, l->w[i]->name);
        changed[i] = !same_deltas(a, b) || (m->streamed[p] && a.count);
        any |= changed[i];
    }
    if (!changed || (any && !model_remake(m, p, changed, now))) model_release(m, p);
    if (!changed || any) workspace_drop_kept(m); /* with what a GPU recorded */
    free(changed);
}

bool overlay_set(SdModel *m, const SdNetwork *networks, int count, SdApply apply, bool strict, Error *e) {
    if (!check(networks, count, apply, e)) return false;
    bool webui = apply == SD_APPLY_WEBUI;
    if (equal(m->overlay, networks, count, webui) && !strict) return true;
    Overlay *now = count ? make(m, networks, count, webui, strict, e) : NULL;
    if (count && !now) return false;
    for (int p = 0; p < PART_COUNT; p++)
        if (m->loaded[p]) follow(m, (Part)p, now);
    overlay_free(m->overlay);
    m->overlay = now;
    kept_values_drop(&m->made); /* by other weights */
    return true;
}
