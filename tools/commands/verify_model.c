/* verify_model.c: see verify_model.h. */
#include "verify_model.h"

#include "tools/commands/record/record.h"
#include "sd/load/model_hash.h"
#include "tensor/os.h"
#include "weights/files/path.h"

#include <string.h>

/* What a record alone cannot bring back. */
static bool is_complete(const char *name, const Record *record, Error *e) {
    const char *what = *record->image.hash ? "a picture" : *record->noise ? "a file of noise" : NULL;
    if (what)
        return error_set(e, ERR_FORMAT, "%s: began with %s, which is not beside the model; use sdc check", name, what);
    for (size_t i = 0; i < record->file_count; i++)
        if (record->files[i].role != ROLE_MODEL)
            return error_set(e, ERR_FORMAT, "%s: needs %.100s beside the model; use sdc check", name,
                             record->files[i].name);
    return true;
}

static bool is_of(const char *name, const Record *record, SdModel *m, Error *e) {
    const char *hash = model_hash(m, e);
    if (!hash) return false;
    if (*record->hash && !strcmp(hash, record->hash)) return true;
    return error_set(e, ERR_FORMAT,
                     "%s: is of another model (%.10s, this one is %.10s); sdc check compares all the same", name,
                     *record->hash ? record->hash : "a folder", *hash ? hash : "a folder");
}

bool verify_model(const char *path, const char *device, int threads, bool *holds, Error *e) {
    char name[OS_PATH_SIZE];
    RecordVerdict v = {0};
    RecordHow how = {.bound = -1};
    *holds = false;
    if (!path_make(name, e, "%s.record", path)) return false;
    Record *record = record_open(name, e);
    SdOptions o = {.threads = threads, .device = device};
    if (record) o.precision = record->precision, o.prediction = record->prediction, o.ema = record->ema;
    SdModel *m = record && is_complete(name, record, e) ? sd_open(path, &o, e) : NULL;
    bool ok = m && is_of(name, record, m, e) && record_check(record, m, &record->request, &how, &v, e);
    if (ok) record_print(name, record, &v, NULL, false);
    *holds = ok && record_holds(&v);
    record_verdict_free(&v);
    sd_close(m);
    record_close(record);
    return ok;
}
