/* networks.c: from a request and its prompt's tags to a list of files. */
#include "networks.h"

#include "sd/info/info_writer.h"
#include "sd/info/infotext_request.h"
#include "weights/files/files_below.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a list of networks"); }

enum { PROMPTS = 2 }; /* the first pass', and, if it has one, the second's */

/* The hash that r->network_hashes has of a name; false: none. */
static bool hash_of(const SdRequest *r, const char *name, char hash[INFOTEXT_HASH]) {
    char listed[INFOTEXT_NAME];
    for (int i = 0; infotext_hash(r->network_hashes, i, listed, hash); i++)
        if (infotext_listed(name, listed)) return *hash != 0;
    return false;
}

static bool find_tag(NetworkList *l, const SdRequest *r, const PromptNetwork *n, Error *e) {
    char tag[160], hash[INFOTEXT_HASH];
    Error own = {0};
    snprintf(tag, sizeof tag, "prompt: <%s:%.100s>", n->kind, n->arguments);
    if (strcmp(n->kind, "lora"))
        return error_set(e, ERR_ARGUMENT, "%s: hypernetworks are not supported by this version; remove the tag", tag);
    NetworkFile *file = network_files_find(&l->files, n->name, tag, &own);
    if (own.code && own.code != ERR_ARGUMENT) return error_pass(e, &own);
    if (hash_of(r, n->name, hash)) {
        NetworkFile *other = network_files_with_hash(&l->files, file, hash, e);
        if (e && e->code) return false;
        if (other) file = other;
        else if (!file) return error_set(e, ERR_ARGUMENT, "%s (its hash is %.12s)", own.text, hash);
    }
    if (!file) return error_pass(e, &own);
    l->at[l->count] = (SdNetwork){.path = file->path, .text = n->text, .unet = n->unet, .rank = n->rank};
    l->names[l->count] = text_copy(n->name, strlen(n->name));
    return l->names[l->count++] || no_memory(e);
}

/* Whether a tag of the prompts, or a network so far, has the name. */
static bool is_taken(const NetworkList *l, const Prompt *p, const char *name) {
    bool taken = false;
    for (int i = 0; i < l->count; i++) taken |= !strcmp(l->names[i], name);
    for (int k = 0; k < PROMPTS; k++)
        for (int i = 0; i < p[k].network_count; i++) taken |= !strcmp(p[k].networks[i].name, name);
    return taken;
}

/* A name that tags can have, and that is no other's: theirs have one set of multipliers. */
static char *name_of(const NetworkList *l, const Prompt *p, const char *path) {
    enum { MORE = 12 }; /* _ and a number */
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t n = file_stem(file);
    char *name = malloc(n + MORE);
    if (!name) return NULL;
    memcpy(name, file, n);
    name[n] = 0;
    for (char *c = name; *c; c++)
        if (strchr(":<>=,#", *c) || (unsigned char)*c < ' ') *c = '_';
    for (int i = 2; is_taken(l, p, name); i++) snprintf(name + n, MORE, "_%d", i);
    return name;
}

static bool take_given(NetworkList *l, const SdNetwork *n, const Prompt *p, Error *e) {
    if (!n->path || !*n->path) return error_set(e, ERR_ARGUMENT, "networks: one has no file; name it");
    char *name = name_of(l, p, n->path);
    if (!name) return no_memory(e);
    l->at[l->count] = *n;
    l->names[l->count++] = name;
    return true;
}

/* p: of each prompt. */
static bool find_all(NetworkList *l, const SdRequest *r, const Prompt *p, const SdModel *m, Error *e) {
    int given = r->network_count, tags = 0;
    const Checkpoint *c = m->checkpoint;
    const char *model = c->file && !c->file->mapped ? NULL : c->path; /* one in memory has no place */
    for (int k = 0; k < PROMPTS; k++) tags += p[k].network_count;
    if (given < 0 || given > SD_MOST_NETWORKS - tags)
        return error_set(e, ERR_ARGUMENT, "networks: %d, and %d of the prompt: not in 0..%d", given, tags,
                         SD_MOST_NETWORKS);
    if (!(given + tags)) return true;
    l->at = calloc((size_t)(given + tags), sizeof *l->at);
    l->names = calloc((size_t)(given + tags), sizeof *l->names);
    if (!l->at || !l->names) return no_memory(e);
    bool ok = true;
    for (; ok && l->given < given; l->given++) ok = take_given(l, &r->networks[l->given], p, e);
    ok = ok && (!tags || network_files_open(&l->files, r->lora_dir, model, e));
    for (int k = 0; k < PROMPTS; k++)
        for (int i = 0; ok && i < p[k].network_count; i++) ok = find_tag(l, r, &p[k].networks[i], e);
    return ok;
}

/* Tags are read before the prompt's texts are, whose words may be embeddings that networks bring along. */
bool networks_find(NetworkList *l, const SdRequest *r, const SdModel *m, Error *e) {
    const char *const texts[PROMPTS] = {r->prompt, r->hires_prompt};
    Prompt p[PROMPTS] = {{0}};
    const PromptOptions o = {.comments = r->comments, .pad = TOKEN_EOS, .steps = 1};
    bool ok = true;
    *l = (NetworkList){0};
    for (int k = 0; ok && k < PROMPTS; k++)
        if (texts[k] && strchr(texts[k], '<')) ok = prompt_compile(&p[k], m->tokenizer, texts[k], &o, e);
    for (int k = 0; k < PROMPTS; k++)
        if (p[k].ignored && !*l->ignored) snprintf(l->ignored, sizeof l->ignored, "%s", p[k].ignored);
    ok = ok && find_all(l, r, p, m, e);
    for (int k = 0; k < PROMPTS; k++) prompt_free(&p[k]);
    return ok;
}

void networks_free(NetworkList *l) {
    for (int i = 0; i < l->count; i++) free(l->names[i]);
    free(l->at);
    free(l->names);
    network_files_free(&l->files);
    *l = (NetworkList){0};
}

static bool finish(InfoWriter *t, char **out, Error *e) {
    *out = t->p;
    return !t->failed || no_memory(e);
}

/* Whether a network before number i has its name: another tag of it. */
static bool is_again(const NetworkList *l, int i) {
    for (int k = 0; k < i; k++)
        if (!strcmp(l->names[k], l->names[i])) return true;
    return false;
}

bool networks_hashes(const NetworkList *l, char **out, Error *e) {
    InfoWriter t = {.p = NULL};
    *out = NULL;
    for (int i = 0; i < l->count; i++) {
        char hash[13];
        if (is_again(l, i)) continue;
        if (!network_file_hash(l->at[i].path, hash, e)) return free(t.p), false;
        if (i) info_add(&t, ", ");
        for (const char *p = l->names[i]; *p; p++)
            if (!strchr(":,", *p)) info_add(&t, (char[]){*p, 0});
        info_add(&t, ": "), info_add(&t, hash);
    }
    return finish(&t, out, e);
}

bool networks_tags(const NetworkList *l, char **out, Error *e) {
    InfoWriter t = {.p = NULL};
    for (int i = 0; i < l->given; i++) {
        const SdNetwork *n = &l->at[i];
        char number[INFO_NUMBER], rank[24];
        info_add(&t, "<lora:"), info_add(&t, l->names[i]);
        info_number(n->text, number);
        info_add(&t, ":"), info_add(&t, number);
        info_number(n->unet, number);
        if (n->unet != n->text || n->rank) info_add(&t, ":"), info_add(&t, number);
        snprintf(rank, sizeof rank, ":%d", n->rank);
        if (n->rank) info_add(&t, rank);
        info_add(&t, ">");
    }
    return finish(&t, out, e);
}

bool sd_networks(const SdModel *m, const SdRequest *r, SdNetworks *out, Error *e) {
    *out = (SdNetworks){0};
    if (!m) return error_set(e, ERR_ARGUMENT, "networks: there is no model");
    NetworkList *l = calloc(1, sizeof *l);
    bool ok = (l || no_memory(e)) && networks_find(l, r, m, e);
    *out = (SdNetworks){ok ? l->at : NULL, ok ? l->count : 0, ok && *l->ignored ? l->ignored : NULL, l};
    if (!ok) sd_networks_free(out);
    return ok;
}

void sd_networks_free(SdNetworks *n) {
    if (n->list) networks_free(n->list);
    free(n->list);
    *n = (SdNetworks){0};
}
