/* shares.c: picture i depends on its own seeds and on nothing else of the batch, so a share is a request of its own
 * whose seeds go on counting; with a variation only the variation's does (sd.h). */
#include "shares.h"

#include "draw.h"
#include "sd/info/params.h"
#include "sd/pipeline/request.h"
#include "sd/load/control.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
    SdModel *model;
    SdRequest request;
    SdResult result;
    Error error;
    SdControl controls[SD_MOST_CONTROLS]; /* its GPU's */
    bool leads;                           /* the first share reports progress and previews */
    const SdRequest *whole;
    atomic_bool *stop; /* a share failed, or the caller wants no more */
} Share;

static bool progress(void *user, const SdProgress *p) {
    Share *s = user;
    if (s->leads && s->whole->progress && !s->whole->progress(s->whole->user, p)) atomic_store(s->stop, true);
    return !atomic_load(s->stop);
}

static bool preview(void *user, const SdPicture *p, int step, int steps) {
    Share *s = user;
    return s->whole->preview(s->whole->user, p, step, steps);
}

static void run_share(void *arg, int64_t index, void *scratch) {
    Share *s = (Share *)arg + index;
    (void)scratch;
    if (!draw_passes(s->model, &s->request, &s->result, &s->error)) atomic_store(s->stop, true);
}

/* The pictures of all shares, in order; the times of the slowest. */
static void collect(SdResult *out, SdResult *share) {
    for (int i = 0; i < share->count; i++) out->pictures[out->count++] = share->pictures[i];
    if (share->text_seconds > out->text_seconds) out->text_seconds = share->text_seconds;
    if (share->sample_seconds > out->sample_seconds) out->sample_seconds = share->sample_seconds;
    if (share->decode_seconds > out->decode_seconds) out->decode_seconds = share->decode_seconds;
    free(share->pictures);
    *share = (SdResult){0};
}

bool share_out(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    int gpus = m->peer_count + 1, batch = r->batch_size;
    if (gpus < 2 || batch < 2) return draw_passes(m, r, out, e);
    if (!request_check(m, r, e)) return false;
    if (request_tiles(r))
        return error_set(e, ERR_ARGUMENT, "sd upscale: needs a single GPU; name one with --device cuda:N");
    if (request_taps(r) || r->noise)
        return error_set(e, ERR_ARGUMENT, "taps and noise files: need a single GPU; name one with --device cuda:N");
    if (r->attention)
        return error_set(e, ERR_ARGUMENT, "attention maps: need a single GPU; name one with --device cuda:N");
    if (r->upscaler) /* which is one, and works for one */
        return error_set(e, ERR_ARGUMENT, "hires upscaler: its file needs a single GPU; name one with --device cuda:N");
    if (gpus > batch) gpus = batch;
    Share *shares = calloc((size_t)gpus, sizeof *shares);
    out->pictures = calloc((size_t)batch, sizeof *out->pictures);
    atomic_bool stop = false;
    bool ok = (shares && out->pictures) || error_set(e, ERR_MEMORY, "out of memory for pictures");
    int64_t seed = r->seed < 0 ? sd_random_seed() : r->seed;
    int64_t variation = r->variation_seed < 0 ? sd_random_seed() : r->variation_seed;
    for (int i = 0; ok && i < gpus; i++) {
        Share *s = &shares[i];
        int first = (int)((int64_t)batch * i / gpus), end = (int)((int64_t)batch * (i + 1) / gpus);
        *s = (Share){.model = i ? m->peers[i - 1] : m, .request = *r, .leads = !i, .whole = r, .stop = &stop};
        s->request.batch_size = end - first;
        if (i && r->refiner) s->request.refiner = r->refiner->peers[i - 1];
        if (i && r->hires_model && r->hires_model->peer_count) s->request.hires_model = r->hires_model->peers[i - 1];
        for (int c = 0; i && c < r->control_count; c++) {
            s->controls[c] = r->controls[c];
            s->controls[c].net = r->controls[c].net->peers[i - 1];
            s->request.controls = s->controls;
        }
        s->request.seed = r->variation_strength != 0 ? seed : seed + first;
        s->request.variation_seed = variation + first;
        s->request.progress = progress;
        s->request.preview = s->leads && r->preview ? preview : NULL;
        s->request.user = s;
    }
    if (ok) pool_run(m->gpu_threads, gpus, run_share, shares);
    for (int i = 0; ok && i < gpus; i++) /* the share that failed, before those that were told to stop */
        if (shares[i].error.code != ERR_CANCELLED) ok = error_pass(e, &shares[i].error);
    for (int i = 0; ok && i < gpus; i++) ok = error_pass(e, &shares[i].error);
    for (int i = 0; shares && i < gpus; i++)
        if (ok) collect(out, &shares[i].result);
        else sd_free(&shares[i].result);
    free(shares);
    if (!ok) sd_free(out);
    return ok;
}
