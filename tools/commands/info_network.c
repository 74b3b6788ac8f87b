#include "info_network.h"

#include "sd/load/networks/network_files.h"
#include "tools/cli/printable.h"
#include "weights/files/json.h"
#include "weights/formats/weight_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 160 }; /* characters of a value */

static bool is_training(const char *key) {
    return !strncmp(key, "ss_", 3) || !strncmp(key, "sshs_", 5) || !strncmp(key, "modelspec.", 10);
}

static void print_shown(const char *text, int most) {
    for (; *text && most; text++, most--) putchar(printable(*text));
    if (*text) fputs("...", stdout);
    putchar('\n');
}

static void print_text(const char *path, const SdNetworkReport *r, const char *hash, const WeightFile *f) {
    print_shown(path, -1);
    printf("  family      %s%s\n", r->kind, *r->family ? "" : ", of a model that nothing names");
    if (*r->family) printf("  for         %s\n", r->family);
    printf("  format      %s\n", f->format);
    printf("  tensors     %zu: %" PRId64 " modules, %" PRId64 " of no known kind\n", f->count, r->modules,
           r->unmatched);
    if (r->rank == r->rank_to && r->rank) printf("  rank        %d\n", r->rank);
    else if (r->rank) printf("  rank        %d to %d\n", r->rank, r->rank_to);
    if (!isnan(r->alpha) && r->alpha == r->alpha_to) printf("  alpha       %g\n", r->alpha);
    else if (!isnan(r->alpha)) printf("  alpha       %g to %g\n", r->alpha, r->alpha_to);
    if (r->embeddings) printf("  embeddings  %" PRId64 " tensors\n", r->embeddings);
    if (*hash) printf("  hash        "), print_shown(hash, -1);
    for (size_t i = 0; i < f->meta_count; i++) {
        if (!is_training(f->meta[i].key) || !*f->meta[i].value) continue;
        printf("  ");
        for (const char *p = f->meta[i].key; *p; p++) putchar(printable(*p));
        printf(": ");
        print_shown(f->meta[i].value, SHOWN);
    }
}

static void print_json(const char *path, const SdNetworkReport *r, const char *hash, const WeightFile *f) {
    printf("{\"file\":");
    json_print(stdout, path);
    printf(",\"kind\":");
    json_print(stdout, r->kind);
    printf(",\"family\":");
    json_print(stdout, r->family);
    printf(",\"format\":");
    json_print(stdout, f->format);
    printf(",\"name\":");
    json_print(stdout, r->name);
    printf(",\"hash\":");
    json_print(stdout, hash);
    printf(",\"tensors\":%zu,\"modules\":%" PRId64 ",\"unknown\":%" PRId64 ",\"embeddings\":%" PRId64, f->count,
           r->modules, r->unmatched, r->embeddings);
    if (r->rank) printf(",\"rank\":[%d,%d]", r->rank, r->rank_to);
    if (!isnan(r->alpha)) printf(",\"alpha\":[%.9g,%.9g]", r->alpha, r->alpha_to);
    printf(",\"metadata\":{");
    bool first = true;
    for (size_t i = 0; i < f->meta_count; i++) {
        if (!is_training(f->meta[i].key)) continue;
        if (!first) putchar(',');
        first = false;
        json_print(stdout, f->meta[i].key);
        putchar(':');
        json_print(stdout, f->meta[i].value);
    }
    printf("}}\n");
}

bool info_network_print(const char *path, const SdNetworkReport *r, bool json, bool hashed, Error *e) {
    char hash[13] = "";
    WeightFile *f = weight_file_open(path, e);
    bool ok = f && (!hashed || network_file_hash(path, hash, e));
    if (ok) (json ? print_json : print_text)(path, r, hash, f);
    weight_file_close(f);
    return ok;
}
