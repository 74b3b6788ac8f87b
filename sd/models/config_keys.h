/* config_keys.h: what each key of a diffusers folder's configurations means to this program.
 *
 * Every key that diffusers' and transformers' classes know has a row: read, required to have the one value that is
 * computed here, mentioned, or without meaning for pictures. So no key that changes the arithmetic is passed over in
 * silence, and a missing one counts as the value that its class takes then. */
#ifndef SD_MODELS_CONFIG_KEYS_H
#define SD_MODELS_CONFIG_KEYS_H

#include "weights/checkpoint.h"
#include "config.h"

typedef enum {
    KEY_READ,   /* honoured by whoever reads it */
    KEY_ONLY,   /* must be one of `values`, as its class's default is, or a list of such; anything else is refused */
    KEY_NOTED,  /* a sampler's, which the request chooses: other values than these are mentioned */
    KEY_UNUSED, /* changes no picture: training, names, precision, other pipelines */
} KeyUse;

typedef struct {
    const char *key;
    KeyUse use;
    const char *missing; /* of KEY_READ: what the class takes if the key is missing, as text: 4, true, null, silu */
    const char *values;  /* "silu|swish" */
} ConfigKey;

typedef enum {
    CONFIG_INDEX,
    CONFIG_UNET,
    CONFIG_VAE,
    CONFIG_TEXT, /* these come in twos: of text_encoder and tokenizer, of text_encoder_2 and tokenizer_2 */
    CONFIG_TEXT_2,
    CONFIG_TOKENIZER,
    CONFIG_TOKENIZER_2,
    CONFIG_SPECIAL_TOKENS,
    CONFIG_SPECIAL_TOKENS_2,
    CONFIG_SCHEDULER,
    CONFIG_LOW_SCHEDULER, /* of the noise on the x4 upscaler's small picture */
    CONFIG_FILES,         /* of a folder */
    CONFIG_YAML = CONFIG_FILES,
    CONFIG_TINY_VAE, /* an AutoencoderTiny in place of CONFIG_VAE */
    CONFIG_TABLE_COUNT
} ConfigFileKind;

/* One configuration of a folder, or the YAML beside a single file. Messages begin with "FOLDER/FILE: ". */
typedef struct {
    const char *folder, *file; /* folder "": none */
    const ConfigKey *keys;     /* up to a row without a key */
    const Json *json;
    const JsonNode *root;
    Error *e;
} ConfigFile;

/* False when the folder has no such file. */
bool config_file(const Checkpoint *c, ConfigFileKind kind, ConfigFile *out, Error *e);
/* Compares every key with the table. False, with a line that names the key, for a value that is not computed. */
bool config_keys_check(const ConfigFile *f, ConfigNotes *notes);

/* The value of a key of the table; where it is missing, what the class takes, in *missing. */
const JsonNode *config_value(const ConfigFile *f, const char *key, JsonNode *missing);
/* A whole number within a range; or a list of numbers that are all the same, where diffusers takes one for each level.
 * False, with a line that names the key, for anything else. */
bool config_int(const ConfigFile *f, const char *key, int low, int high, int *out);
bool config_real(const ConfigFile *f, const char *key, double low, double high, double *out);
bool config_reals(const ConfigFile *f, const char *key, double low, double high, int count, double *out); /* a list */
bool config_flag(const ConfigFile *f, const char *key, bool *out);
/* Whether the value is this text. */
bool config_is(const ConfigFile *f, const char *key, const char *text);
/* False, with a line "FOLDER/FILE: "KEY" is VALUE, WHY". */
bool config_refuse(const ConfigFile *f, const char *key, const char *why);

#endif
