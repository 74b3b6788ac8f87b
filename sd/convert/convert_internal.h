/* convert_internal.h: what the files of `sdc convert` share. */
#ifndef SD_CONVERT_CONVERT_INTERNAL_H
#define SD_CONVERT_CONVERT_INTERNAL_H

#include "state_dict.h"
#include "weights/files/json_text.h"

typedef struct {
    const SdModel *m;
    FileTensor *list; /* the tensors of the new file, in order */
    size_t count;
    int dtype;  /* of the new file; -1: each tensor's own */
    bool clamp; /* SdConvert */
    bool gguf;  /* else safetensors */
    SdConverted *done;
} NewFile;

/* Whether the new file's type holds a tensor's numbers; what does not is counted, and clamped (*clamp) or refused. */
bool convert_check_range(const NewFile *p, Found f, DType to, bool *clamp, Error *e);
/* The type of a tensor in the new file, whose own is `own`. Q8_0 is for some, by name and shape: a row is the last
 * dimension. */
DType convert_type(const NewFile *p, const char *name, int nd, const int64_t *n, DType own);
/* Converts n numbers to the new file's type; to Q8_0, whole blocks. most: what larger ones become; infinity: nothing.
 */
void convert_narrow(void *out, DType to, const void *in, DType from, int64_t n, float most);

/* The layouts of other programs: a single file in torch's order with the original names; a diffusers folder, which must
 * not exist, or be empty. */
bool convert_to_single(const NewFile *p, const char *out, const FileMeta *meta, size_t count, Error *e);
bool convert_to_folder(const NewFile *p, const char *out, Error *e);

/* A folder's configurations, as JSON: "unet", "vae", "text_encoder", "text_encoder_2", "scheduler",
 * "low_res_scheduler"; "": the index. */
void folder_json(JsonText *t, const SdModel *m, const char *part);
/* The files of a tokenizer: vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json. encoder: whose. */
typedef struct {
    const char *name;
    void (*write)(JsonText *t, const SdModel *m, int encoder);
} TokenizerFile;
enum { TOKENIZER_FILES = 4 };
extern const TokenizerFile TOKENIZER[TOKENIZER_FILES];

#endif
