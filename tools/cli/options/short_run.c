#include "short_run.h"

#include "options.h"
#include "setting_option.h"
#include "tools/cli/output.h"
#include "tensor/os.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

ShortRun short_run(const char *out) {
    ShortRun r = {.request = sd_request(NULL), .out = out};
    params_forget(&r.request);
    r.request.seed = 1;
    return r;
}

bool short_run_rows(int i, Option *o) {
    static const char *const NAMES[] = {"width", "height", "steps", "cfg", "sampler", "scheduler", NULL};
    if (!i) {
        *o = (Option)OPTION_OF(ShortRun, STRING, model, 'm', "model", "MODEL", MODEL_HELP);
        return true;
    }
    if (!setting_row(NAMES, i - 1, o)) return false;
    o->at += offsetof(ShortRun, request);
    return true;
}

int short_run_check(const Command *c, ShortRun *r, int argc, char **argv) {
    int code = model_options_check(c, &r->open);
    if (code == GO_ON) code = settings_check(c, &r->request);
    if (code == GO_ON && (file_same(r->out, r->model) || model_options_name(&r->open, r->out) ||
                          options_text_file(c, argc, argv, r->out)))
        code = usage_error(c, "--out: %.200s is also an input file; name another file", r->out);
    return code == GO_ON ? output_file(c, "--out", &r->out) : code;
}

SdModel *short_run_open(const ShortRun *r, Error *e) {
    SdEmbedding x;
    os_catch_stop();
    SdModel *m = atomic_check(r->out, e) ? model_options_open(&r->open, r->model, e) : NULL;
    for (int i = 0; m && sd_embedding(m, i, &x); i++)
        if (file_same(r->out, x.path)) {
            error_set(e, ERR_ARGUMENT, "%.200s: an embedding is read from it; name another file", r->out);
            sd_close(m);
            return NULL;
        }
    return m;
}
