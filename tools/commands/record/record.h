/* record.h: records of runs, which `sdc record` writes and `sdc check` holds other runs and other programs'
 * activations to. FORMAT.md describes the file.
 *
 *     record_file.c     the file, read
 *     record_make.c     a run becomes such a file
 *     record_check.c    a run, or a file of activations, is compared with a record
 *     record_print.c    what came out, for people
 *     record_json.c     and for programs
 *     record_weights.c  a checksum for each weight
 *     record_files.h    the files that it reads
 *     record_inputs.c   the pictures that it reads
 *     tap_measure.c     checksum, norm and sampled values of an activation, in pieces */
#ifndef SD_TOOLS_COMMANDS_RECORD_H
#define SD_TOOLS_COMMANDS_RECORD_H

#include "record_files.h"
#include "tools/commands/diff/diff.h"
#include "sd/info/params_json.h"
#include "sd/sd.h"
#include "tools/cli/options/picture_options.h"

typedef struct {
    const char *name;
    int nd;
    int64_t n[MAX_DIMS], count;
    double norm;              /* the root of the sum of squares */
    unsigned char digest[32]; /* SHA-256 of all its numbers, F32, little-endian */
    const FileTensor *values; /* F32 [kept], sampled (tap_measure.h) */
    int kept;
} RecordTap;

enum { RECORD_WEIGHT = 8 }; /* bytes of a SHA-256 that a weight's checksum keeps */

/* A picture that a run reads. */
typedef struct {
    int width, height;
    const char *hash; /* SHA-256 of its RGB bytes, of a mask's one byte a pixel; "": there is none */
} RecordPicture;

/* A ControlNet or an image prompt. */
typedef struct {
    SdControl how;   /* without net and picture */
    bool prompt;     /* an image prompt */
    char model[280]; /* "NAME [HASH]", as texts have it */
    bool of_request; /* it was shown the request's own picture and mask; else */
    RecordPicture image;
} RecordControl;

struct Record {
    WeightFile *file;
    Json *settings;
    SdRequest request; /* but for the picture and the noise, which are files of their own */
    SdPrecision precision;
    bool exact;               /* it was made by a table of ops that has the same bits everywhere (tensor/ops.h) */
    const char *model, *hash; /* the model's name and SHA-256; "": a folder's */
    const char *refiner, *refiner_hash; /* the same; refiner "": there was none */
    const char *embeddings, *networks;  /* "NAME: HASH, ..." of what its prompts name, "": none */
    const char *noise;                  /* SHA-256 of the noise's file, "": from the seed */
    RecordPicture image, mask;
    RecordControl controls[SD_MOST_CONTROLS];
    int control_count;
    RecordFile *files; /* [file_count]; none: of a record that does not name them */
    size_t file_count;
    char *file_text;         /* owns their words */
    SdPrediction prediction; /* that it was told; SD_PREDICTION_MODEL: the model's own */
    bool ema;                /* with the model's moving averages */
    const char **pictures;   /* [request_pictures]: SHA-256 of each picture's pixels */
    char *digests;           /* owns them */
    RecordTap *taps;         /* in order of computation */
    size_t count;
    const FileTensor *weights; /* U8 [weights,RECORD_WEIGHT]: their checksums, by name; NULL: not recorded */
};

/* NULL, and a line that begins with the path, for what is not a record or breaks a rule of its format. */
Record *record_open(const char *path, Error *e);
/* The same for bytes in memory, which must outlive it. */
Record *record_open_memory(const char *path, const void *bytes, size_t size, Error *e);
void record_close(Record *r); /* NULL is fine */

/* Runs r, which is a's and whose seeds are not random, and writes its record, with a->values sampled numbers of each
 * activation. */
bool record_make(SdModel *m, const SdRequest *r, const PictureArguments *a, Error *e);
/* Whether what m computes has the same bits on every machine. */
bool record_promises(const SdModel *m);

/* --- pictures that are read --- */

/* "WIDTHxHEIGHT SHA256" of `channels` bytes a pixel; "" where there is none. */
enum { RECORD_PICTURE = 96 };
void record_picture_text(const uint8_t *bytes, int width, int height, int channels, char out[RECORD_PICTURE]);
/* Reads such a text up to its end or a space, *text moves past it; "" is none. False: it is no such text. */
bool record_picture_read(const char **text, RecordPicture *out);
/* Lines "WIDTHxHEIGHT SHA256 TEXT" of r's ControlNets and image prompts, TEXT as pictures say it; the caller frees
 * *out, NULL where there are none. */
bool record_controls_text(const SdRequest *r, char **out, Error *e);
bool record_controls_read(Record *r, const char *text, Error *e);
/* Whether r has the record's pictures and ControlNets; ERR_ARGUMENT, ERR_FORMAT say what is missing or other. */
bool record_inputs_fit(const Record *record, const SdRequest *r, Error *e);

/* --- weights --- */

typedef struct {
    const char **names; /* sorted; the single file's, which live as long as the model */
    uint8_t (*digests)[RECORD_WEIGHT];
    size_t count;
} RecordWeights;

/* Reads the whole checkpoint. ERR_MEMORY. record_weights_free also after a failure. */
bool record_weights(const SdModel *m, RecordWeights *out, Error *e);
void record_weights_free(RecordWeights *w);

/* The weights of a model that are not the record's, if that has checksums and as many. */
typedef struct {
    const char **names;         /* as above */
    size_t count, ours, theirs; /* all weights of the model and of the record */
} RecordChanged;

/* ERR_MEMORY. record_changed_free also after a failure. */
bool record_changed(const Record *r, const SdModel *m, RecordChanged *out, Error *e);
void record_changed_free(RecordChanged *c);

/* --- checking --- */

typedef struct {
    double bound;     /* largest relative difference that counts as equal; < 0: checksums where both sides promise the
                         same bits, else record_bound */
    const char *tap;  /* only activations whose names match; NULL: all */
    DiffNames *names; /* for record_check_taps: what they are called there; NULL: the same */
} RecordHow;

typedef enum {
    ROW_LEFT_OUT, /* RecordHow.tap does not match */
    ROW_ABSENT,   /* was to be compared, but is not there */
    ROW_EQUAL,    /* the same bits */
    ROW_WITHIN,   /* within the bound */
    ROW_APART,
} RowState;

typedef struct {
    RowState state;
    Difference is; /* of the sampled values, as shares of the whole activation's RMS; why: not comparable */
    double norm;   /* |norm / record's - 1| */
} RecordRow;

typedef struct {
    RecordRow *rows;                     /* one for each of the record's taps */
    size_t counts[ROW_APART + 1], extra; /* extra: activations that the record does not have */
    int pictures, changed;               /* that were drawn, and of those how many have other pixels */
    bool exact;                          /* only the same bits count as equal */
    double bound;                        /* else this */
} RecordVerdict;

/* Runs r, which is record->request, with the picture and the noise if it needs them (ERR_ARGUMENT where they are
 * missing or others), and compares activations and pictures. Another model is not an error. False: could not run; what
 * differs is in the verdict. record_verdict_free in any case. */
bool record_check(const Record *record, SdModel *m, const SdRequest *r, const RecordHow *how, RecordVerdict *out,
                  Error *e);
/* Compares a file of activations, as `sdc txt2img --taps` and tools/taps write them, of any float type. */
bool record_check_taps(const Record *record, const WeightFile *taps, const RecordHow *how, RecordVerdict *out,
                       Error *e);
void record_verdict_free(RecordVerdict *v);

/* Whether nothing differs: every activation that was asked for is there and equal, and where the bits count the
 * pictures are. */
bool record_holds(const RecordVerdict *v);
/* The bound where bits are not promised. */
double record_bound(SdPrecision precision);
/* The first activation that differs, in order of computation; count: none. */
size_t record_first(const RecordVerdict *v, size_t count);
/* Prints, unless quiet, the weights that changed (NULL: nobody looked), the worst activations and the first that
 * differs; then one line with the verdict on `path`. */
void record_print(const char *path, const Record *record, const RecordVerdict *v, const RecordChanged *changed,
                  bool quiet);
/* The same as one object, with every activation that was to be compared. */
void record_json(const char *path, const Record *record, const RecordVerdict *v, const RecordChanged *changed);

#endif
