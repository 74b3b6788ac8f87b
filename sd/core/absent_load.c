/* absent_load.c: what libsd's loading does for options that sd_core refuses, and what it finds where there is none:
 * networks, embeddings, parts and configurations in files of their own, other programs' names. */
#include "sd/info/infotext_request.h"
#include "sd/load/devices.h"
#include "sd/load/networks/embedding.h"
#include "sd/load/kept.h"
#include "sd/load/model_hash.h"
#include "sd/load/networks/overlay.h"
#include "sd/load/prediction.h"
#include "sd/load/read_ahead.h"
#include "sd/models/config_detect.h"
#include "sd/models/esrgan.h"
#include "weights/builtin.h"
#include "weights/files/file_open.h"
#include "weights/files/sha256.h"
#include "weights/files/text_file.h"
#include "weights/formats/other_names.h"

#include <string.h>

/* --- files --- */

OsFile file_open(const char *path, const char *advice, OsInfo *info, Error *e) {
    (void)advice, (void)info;
    error_set(e, ERR_FILE, "%s: sd_core opens no files; hand it the bytes", path);
    return OS_NO_FILE;
}
const char *file_shown(const char *path) { return path; }
bool os_close(OsFile f) { return (void)f, true; }
const void *os_map(OsFile f, size_t size, const char *name) { return (void)f, (void)size, (void)name, NULL; }
void os_unmap(const void *map, size_t size) { (void)map, (void)size; }
bool cached_sha256(const char *path, char hex[65], Error *e) {
    return (void)hex, file_open(path, "", NULL, e) != OS_NO_FILE;
}
const void *builtin_model(size_t *size) { return *size = 0, NULL; } /* the program's own, which it hands over */

/* --- values of earlier drawings: none, since it is refused to keep them --- */

const float *kept_values_find(KeptValues *k, const char key[65], size_t count) {
    return (void)k, (void)key, (void)count, NULL;
}
void kept_values_add(KeptValues *k, const char key[65], const float *values, size_t count) {
    (void)k, (void)key, (void)values, (void)count;
}
void kept_values_drop(KeptValues *k) { (void)k; }
size_t kept_values_bytes(const KeptValues *k) { return (void)k, (size_t)0; }
void sha256_init(Sha256 *s) { (void)s; }
void sha256_update(Sha256 *s, const void *bytes, size_t size) { (void)s, (void)bytes, (void)size; }
void sha256_final(Sha256 *s, uint8_t digest[32]) { (void)s, (void)digest; }
void sha256_hex(const uint8_t digest[32], char hex[65]) { (void)digest, (void)hex; }

/* --- reading ahead: weights are in memory --- */

ReadAhead *read_ahead_new(void) { return NULL; }
void read_ahead_free(ReadAhead *a) { (void)a; }
void read_ahead_window(ReadAhead *a, size_t bytes) { (void)a, (void)bytes; }
void read_ahead_tell(ReadAhead *a, const WeightFile *file, const FileTensor *tensor) {
    (void)a, (void)file, (void)tensor;
}
size_t read_ahead_most(const SdModel *m, Part part) { return (void)m, (void)part, (size_t)0; }
void read_ahead_forget(ReadAhead *a) { (void)a; }
void read_ahead_take(ReadAhead *a, const WeightFile *file, const FileTensor *tensor) {
    (void)a, (void)file, (void)tensor;
}
void read_ahead_taken(ReadAhead *a) { (void)a; }

/* A prompt is checked as it is tokenized (ascii.c). */
bool text_check(const char *text, const char *name, Error *e) { return (void)text, (void)name, (void)e, true; }

/* --- what changes weights --- */

bool overlay_set(SdModel *m, const SdNetwork *networks, int count, SdApply apply, bool strict, Error *e) {
    return (void)m, (void)networks, (void)count, (void)apply, (void)strict, (void)e, true;
}
void overlay_free(Overlay *o) { (void)o; }
bool overlay_finite(const Overlay *o, Error *e) { return (void)o, (void)e, true; }
Deltas overlay_find(const Overlay *o, const char *name) { return (void)o, (void)name, (Deltas){0}; }
bool overlay_begin(Deltas d, const OverlaySource *s, void *scratch) { return (void)d, (void)s, (void)scratch, true; }
void overlay_end(Deltas d) { (void)d; }
int64_t overlay_most_rows(const OverlaySource *s) { return (void)s, (int64_t)1; }
float *overlay_rows(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, void *scratch) {
    return (void)d, (void)s, (void)first, (void)rows, (float *)scratch;
}
void overlay_rows_as(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, DType type, void *out,
                     void *scratch) {
    (void)d, (void)s, (void)first, (void)rows, (void)type, (void)out, (void)scratch;
}

/* --- embeddings --- */

bool embeddings_open(Embeddings *out, const char *path, const SdConfig *k, const Tokenizer *t, Error *e) {
    (void)k, (void)t;
    *out = (Embeddings){0};
    return !path || error_set(e, ERR_FILE, "embedding dir: sd_core reads no embeddings; leave it out");
}
void embeddings_free(Embeddings *s) { (void)s; }
int embeddings_missed(const Embeddings *s, const SdConfig *k, const Tokenizer *t, const char *text, int from) {
    return (void)s, (void)k, (void)t, (void)text, (void)from, -1;
}
bool embeddings_with(Embeddings *out, const Embeddings *own, const Network *networks, int count, const SdConfig *k,
                     const Tokenizer *t, Error *e) {
    return (void)out, (void)own, (void)networks, (void)count, (void)k, (void)t, (void)e, true;
}
bool embedding_read(const Embeddings *s, int i, const SdConfig *k, int encoder, float *numbers, Error *e) {
    return (void)s, (void)i, (void)k, (void)encoder, (void)numbers, (void)e, true;
}
bool infotext_hash(const char *list, int i, char name[INFOTEXT_NAME], char hash[INFOTEXT_HASH]) {
    return (void)list, (void)i, (void)name, (void)hash, false;
}
bool infotext_listed(const char *name, const char *listed) { return (void)name, (void)listed, false; }

/* --- devices, other networks --- */

bool devices_parse(const char *text, Devices *out) {
    *out = (Devices){.kind = DEVICE_CPU};
    return !strcmp(text, "cpu") || !strcmp(text, "auto");
}
void esrgan_free(Esrgan *m) { (void)m; }
bool taesd_from_shapes(const Checkpoint *c, bool decoder, TaesdConfig *out, Error *e) {
    return (void)c, (void)decoder, (void)out, (void)e, false;
}
bool taesd_bind_decoder(Taesd *m, const TaesdConfig *k, WeightList *l) { return (void)m, (void)k, (void)l, false; }
bool taesd_bind_encoder(Taesd *m, const TaesdConfig *k, WeightList *l) { return (void)m, (void)k, (void)l, false; }
void taesd_decode(Ctx *c, Tensor image, const Taesd *m, Tensor z, int strips) {
    (void)c, (void)image, (void)m, (void)z, (void)strips;
}
void taesd_encode(Ctx *c, Tensor z, const Taesd *m, Tensor image, int strips) {
    (void)c, (void)z, (void)m, (void)image, (void)strips;
}

/* --- what converted files say themselves --- */

bool config_file(const Checkpoint *c, ConfigFileKind kind, ConfigFile *out, Error *e) {
    return (void)c, (void)kind, (void)out, (void)e, false;
}
bool config_real(const ConfigFile *f, const char *key, double low, double high, double *out) {
    return (void)f, (void)key, (void)low, (void)high, (void)out, false;
}
bool config_flag(const ConfigFile *f, const char *key, bool *out) { return (void)f, (void)key, (void)out, false; }
bool config_is(const ConfigFile *f, const char *key, const char *text) { return (void)f, (void)key, (void)text, false; }
bool config_refuse(const ConfigFile *f, const char *key, const char *why) {
    return (void)f, (void)key, (void)why, false;
}
bool prediction_is_open(const SdConfig *k) { return (void)k, false; }
bool prediction_measure(SdModel *m, bool *v, Error *e) { return (void)m, (void)v, (void)e, false; }
bool shapes_undone(WeightFile *f, Error *e) { return (void)f, (void)e, true; }
bool names_undone(WeightFile *f, Error *e) { return (void)f, (void)e, true; }
