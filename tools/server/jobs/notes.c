#include "notes.h"

#include <string.h>

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void of_networks(Job *j, SdModel *m, const SdRequest *r) {
    SdNetworks all;
    if (!sd_networks(m, r, &all, NULL)) return;
    if (all.ignored) job_warn(j, "%s", all.ignored);
    for (int i = 0; !r->network_strict && i < all.count; i++) {
        SdNetworkReport report;
        if (sd_network(m, all.at[i].path, &report, NULL) && report.unmatched)
            job_warn(j, "%.80s: %lld of its parts have no place in this model, %lld have", base_of(all.at[i].path),
                     (long long)report.unmatched, (long long)report.matched);
    }
    sd_networks_free(&all);
}

static void of_embeddings(Job *j, const SdModel *m, const char *text) {
    SdEmbedding x;
    for (int i = text ? sd_embedding_missed(m, text, 0) : -1; i >= 0; i = sd_embedding_missed(m, text, i + 1))
        if (sd_embedding(m, i, &x) && x.skipped) job_warn(j, "%.80s is read as words: %.300s", x.name, x.skipped);
}

void notes_of(Job *j, SdModel *m, const SdRequest *r) {
    const char *ignored = sd_ignored(m, r);
    if (ignored && *ignored) job_warn(j, "%s", ignored);
    of_networks(j, m, r);
    const char *const texts[] = {r->prompt, r->negative, r->hires_prompt, r->hires_negative};
    for (int i = 0; i < 4; i++) of_embeddings(j, m, texts[i]);
}
