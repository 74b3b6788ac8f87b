#include "attention_maps.h"

#include "sd/image/interpolate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for attention maps"); }

/* --- begin, end --- */

static bool in_branch(const PromptBranch *b, int text) {
    for (int i = 0; i < b->count; i++)
        if (b->spans[i].text == text) return true;
    return false;
}

static bool find_words(AttentionMaps *m, ExpertMaps *x, const TextStates *s, Error *e) {
    int64_t texts = s->prompts[0][1].text_count;
    x->token_lists = s->count * texts;
    x->tokens = calloc((size_t)x->token_lists, sizeof *x->tokens);
    if (!x->tokens) return no_memory(e);
    for (int side = s->guided; side < s->count; side++)
        for (int text = 0; text < texts; text++) {
            if (!in_branch(s->sides[side].branch, text)) continue;
            size_t tokens = (size_t)s->sides[side].prompt->texts[text].count * PROMPT_CHUNK;
            TokenWord *list = x->tokens[side * texts + text] = malloc(tokens * sizeof *list);
            if (!list) return no_memory(e);
            if (!text_words_find(&m->words, s, side, text, list, e)) return false;
        }
    return true;
}

static bool list_layers(const Generation *g, ExpertMaps *x, const Unet *u, Error *e) {
    int all = unet_cross_blocks(u, NULL);
    CrossBlock *blocks = malloc((size_t)(all + 1) * sizeof *blocks);
    x->layers = calloc((size_t)all + 1, sizeof *x->layers);
    bool ok = (blocks && x->layers) || no_memory(e);
    if (ok) unet_cross_blocks(u, blocks);
    for (int i = 0; ok && i < all; i++) {
        if (blocks[i].middle) continue;
        MapLayer *l = &x->layers[x->count++];
        *l = (MapLayer){.of = blocks[i], .w = (int)g->w, .h = (int)g->h};
        for (int k = 0; k < blocks[i].level; k++) l->w = (l->w + 1) / 2, l->h = (l->h + 1) / 2;
    }
    free(blocks);
    return ok;
}

bool attention_maps_begin(Generation *g, Error *e) {
    if (!g->r->attention || g->pass.first) return true;
    if (g->r->mask && g->r->only_masked)
        return error_set(e, ERR_ARGUMENT, "attention maps: are of whole pictures; leave only-masked out");
    AttentionMaps *m = g->maps = calloc(1, sizeof *m);
    if (!m) return no_memory(e);
    for (int i = 0; i < g->expert_count; i++)
        if (!find_words(m, &m->of[i], &g->experts[i].cond.text, e) ||
            !list_layers(g, &m->of[i], &g->experts[i].m->unet, e))
            return false;
    if (!m->of[BASE].count)
        return error_set(e, ERR_ARGUMENT,
                         "attention maps: this model has cross attention in the middle alone; leave them out");
    return m->words.count || error_set(e, ERR_ARGUMENT, "attention maps: the prompt has no words; leave them out");
}

void attention_maps_end(Generation *g) {
    AttentionMaps *m = g->maps;
    if (!m) return;
    for (ExpertMaps *x = m->of; x < m->of + MOST_EXPERTS; x++) {
        for (int i = 0; i < x->count; i++) free(x->layers[i].sums);
        for (int64_t i = 0; x->tokens && i < x->token_lists; i++) free(x->tokens[i]);
        free(x->layers);
        free(x->tokens);
        free(x->calls);
    }
    text_words_free(&m->words);
    free(m);
    g->maps = NULL;
}

/* --- sums --- */

static size_t planes(const Generation *g) { return (size_t)g->batch * (size_t)g->maps->words.count; }
static size_t pixels(const MapLayer *l) { return (size_t)l->w * (size_t)l->h; }

size_t attention_maps_bytes(const Generation *g) {
    size_t each = 0;
    if (!g->maps) return 0;
    for (int i = 0; i < g->expert_count; i++)
        for (int k = 0; k < g->maps->of[i].count; k++) each += pixels(&g->maps->of[i].layers[k]);
    return (each + 2 * (size_t)(g->w * g->h)) * planes(g) * sizeof(float); /* told: their mean, of one layer enlarged */
}

bool attention_maps_open(Generation *g, Error *e) {
    for (int i = 0; g->maps && i < g->expert_count; i++) {
        ExpertMaps *x = &g->maps->of[i];
        x->calls = calloc(planes(g), sizeof *x->calls);
        if (!x->calls) return no_memory(e);
        for (int k = 0; k < x->count; k++)
            if (!(x->layers[k].sums = calloc(planes(g) * pixels(&x->layers[k]), sizeof(float)))) return no_memory(e);
    }
    return true;
}

/* --- telling --- */

static void divide(float *plane, size_t n, int by) {
    for (size_t i = 0; by && i < n; i++) plane[i] /= (float)by;
}

/* all [batch][words][h][w] += the layer's means, each enlarged and times its plane's share. */
static bool add_layer(const Generation *g, const MapLayer *l, const float *shares, float *all, float *enlarged,
                      Error *e) {
    size_t n = (size_t)(g->w * g->h);
    if (!interpolate(enlarged, (int)g->h, (int)g->w, l->sums, l->h, l->w, (int64_t)planes(g), INTERPOLATE_BICUBIC, e))
        return false;
    for (size_t i = 0; i < planes(g) * n; i++)
        if (enlarged[i] > 0) all[i] += shares[i / n] * enlarged[i];
    return true;
}

/* Sums become means, and their mean over the layers that were at work. */
static bool make_means(Generation *g, float *all, float *enlarged, float *shares, Error *e) {
    AttentionMaps *m = g->maps;
    bool ok = true;
    for (int i = 0; ok && i < g->expert_count; i++) {
        ExpertMaps *x = &m->of[i];
        for (size_t p = 0; p < planes(g); p++) {
            int calls = 0;
            for (int k = 0; k < g->expert_count; k++) calls += m->of[k].calls[p];
            shares[p] = calls && x->count ? (float)x->calls[p] / (float)calls / (float)x->count : 0;
        }
        for (int k = 0; ok && k < x->count; k++) {
            MapLayer *l = &x->layers[k];
            for (size_t p = 0; p < planes(g); p++) divide(l->sums + p * pixels(l), pixels(l), x->calls[p]);
            ok = add_layer(g, l, shares, all, enlarged, e);
        }
    }
    return ok;
}

static bool tell(Generation *g, const float *all, SdAttentionLayer *layers, char (*names)[96], Error *e) {
    AttentionMaps *m = g->maps;
    SdAttention told = {.pictures = g->batch, .words = m->words.list, .word_count = m->words.count, .layers = layers};
    told.all = (SdAttentionLayer){.name = "all", .width = (int)g->w, .height = (int)g->h, .values = all};
    for (int i = 0; i < g->expert_count; i++)
        for (int k = 0; k < m->of[i].count; k++) {
            const MapLayer *l = &m->of[i].layers[k];
            char *name = names[told.layer_count];
            snprintf(name, sizeof *names, "%s%s", i ? "refiner." : "", l->of.name);
            layers[told.layer_count++] =
                (SdAttentionLayer){.name = name, .width = l->w, .height = l->h, .values = l->sums};
        }
    return g->r->attention(g->r->user, &told) || error_set(e, ERR_CANCELLED, "stopped");
}

bool attention_maps_tell(Generation *g, Error *e) {
    if (!g->maps) return true;
    size_t n = planes(g) * (size_t)(g->w * g->h), layers = (size_t)(g->maps->of[0].count + g->maps->of[1].count) + 1;
    float *all = calloc(n, sizeof *all), *enlarged = malloc(n * sizeof *enlarged);
    float *shares = malloc(planes(g) * sizeof *shares);
    SdAttentionLayer *list = calloc(layers, sizeof *list);
    char(*names)[96] = malloc(layers * sizeof *names);
    bool ok = (all && enlarged && shares && list && names) || no_memory(e);
    ok = ok && make_means(g, all, enlarged, shares, e) && tell(g, all, list, names, e);
    free(all);
    free(enlarged);
    free(shares);
    free(list);
    free(names);
    return ok;
}
