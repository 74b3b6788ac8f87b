#include "network_options.h"

#include "tensor/os.h"
#include "weights/files/file_open.h"
#include "weights/networks/networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WEIGHT = 100 };

/* The number after the last colon of text[0..*size), which is cut off; false: there is none. */
static bool last_number(const char *text, size_t *size, double *out) {
    size_t at = *size;
    char *end;
    while (at && text[at - 1] != ':') at--;
    if (!at || at == *size || !strchr("+-.0123456789", text[at])) return false;
    double v = strtod(text + at, &end);
    if (end != text + *size || text[at + 1] == 'x' || !isfinite(v)) return false;
    *out = v;
    *size = at - 1;
    return true;
}

static int read_one(const Command *c, const char *text, SdNetwork *n, char *path) {
    size_t size = strlen(text);
    double last, first;
    *n = (SdNetwork){.path = path, .text = 1, .unet = 1};
    if (last_number(text, &size, &last)) {
        n->text = n->unet = last;
        if (last_number(text, &size, &first)) n->text = first;
    }
    memcpy(path, text, size);
    path[size] = 0;
    if (!size) return usage_error(c, "--lora: '%.100s' names no file; write FILE:0.8", text);
    if (fabs(n->text) > MOST_WEIGHT || fabs(n->unet) > MOST_WEIGHT)
        return usage_error(c, "--lora: '%.100s': its weights are not in -%d..%d", text, MOST_WEIGHT, MOST_WEIGHT);
    return GO_ON;
}

int network_options_read(const Command *c, NetworkOptions *n) {
    size_t size = 1, at = 0;
    int code = GO_ON;
    if (!n->lora.count) return GO_ON;
    for (int i = 0; i < n->lora.count; i++) size += strlen(n->lora.at[i]) + 1;
    n->paths = malloc(size);
    Error e = {0};
    if (!n->paths) return error_set(&e, ERR_MEMORY, "--lora: out of memory"), report(c, &e);
    for (int i = 0; code == GO_ON && i < n->lora.count; i++) {
        code = read_one(c, n->lora.at[i], &n->networks[i], n->paths + at);
        at += strlen(n->lora.at[i]) + 1;
        char file[OS_PATH_SIZE];
        if (code != GO_ON || os_kind(n->networks[i].path) != OS_DIRECTORY) continue;
        if (!network_in_folder(n->networks[i].path, file, &e)) return report(c, &e);
        n->files[i] = malloc(strlen(file) + 1);
        if (!n->files[i]) return error_set(&e, ERR_MEMORY, "--lora: out of memory"), report(c, &e);
        n->networks[i].path = strcpy(n->files[i], file);
    }
    return code;
}

bool network_options_name(const NetworkOptions *n, const char *path) {
    bool found = false;
    for (int i = 0; i < n->lora.count; i++) found = found || file_same(path, n->networks[i].path);
    return found;
}

void network_options_free(NetworkOptions *n) {
    for (int i = 0; i < OPTION_LIST_MOST; i++) free(n->files[i]), n->files[i] = NULL;
    free(n->paths);
    n->paths = NULL;
}

void network_options_set(const NetworkOptions *n, SdRequest *r) {
    r->networks = n->networks;
    r->network_count = n->lora.count;
}

/* Whether a file before number i is the same. */
static bool is_again(const SdNetworks *n, int i) {
    for (int k = 0; k < i; k++)
        if (!strcmp(n->at[k].path, n->at[i].path)) return true;
    return false;
}

bool networks_note(const SdModel *m, const SdRequest *r, bool quiet, Error *e) {
    SdNetworks all;
    if (!m || (e && e->code) || !sd_networks(m, r, &all, e)) return false;
    bool ok = true;
    if (all.ignored && !quiet) fprintf(stderr, "sdc: note: %s\n", all.ignored);
    for (int i = 0; ok && i < all.count; i++) {
        SdNetworkReport report;
        if (is_again(&all, i)) continue;
        ok = sd_network(m, all.at[i].path, &report, e);
        if (ok && report.unmatched && !quiet && !r->network_strict)
            fprintf(stderr, "sdc: note: %.300s: %lld of its parts have no place in this model, %lld have: %s%s\n",
                    file_shown(all.at[i].path), (long long)report.unmatched, (long long)report.matched, report.names,
                    report.unmatched > 4 ? ", ..." : "");
    }
    sd_networks_free(&all);
    return ok;
}
