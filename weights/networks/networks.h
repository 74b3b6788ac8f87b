/* networks.h: files that change a model: LoRA and its kin. Their keys name a module of the model and one of the numbers
 * that its change is made of, in the spellings of half a dozen programs; here they become modules with parts.
 *
 *     lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight            kohya's sd-scripts, LyCORIS, OneTrainer
 *     unet.down_blocks.0.attentions.0.proj_in.lora_A.weight                    PEFT, diffusers
 *     unet.down_blocks.0.[...].attn1.processor.to_q_lora.down.weight           diffusers before PEFT
 *     text_encoder.text_model.[...].q_proj.lora_linear_layer.up.weight         the same
 *     diffusion_model.input_blocks.1.1.proj_in.lora_up.weight                  ComfyUI
 *
 * A module's name is compared without dots: "unet_down_blocks_0_attentions_0_proj_in", "text_...", "text_2_...".
 * Sources: kohya-ss/sd-scripts, networks/lora.py; KohakuBlueleaf/LyCORIS, lycoris/modules; huggingface/peft,
 * tuners/lora; diffusers, loaders/lora_conversion_utils.py; AUTOMATIC1111 webui, extensions-builtin/Lora. */
#ifndef SD_WEIGHTS_NETWORKS_NETWORKS_H
#define SD_WEIGHTS_NETWORKS_NETWORKS_H

#include "tensor/os.h"
#include "weights/formats/weight_file.h"

/* What a module's change is made of. */
typedef enum {
    NET_DOWN, /* LoRA: up @ down, with a convolution in the middle in LyCORIS' "tucker" form */
    NET_UP,
    NET_MID,
    NET_UP_BIAS, /* added to the bias, scaled like the product */
    NET_W1A,     /* LoHa */
    NET_W1B,
    NET_W2A,
    NET_W2B,
    NET_T1,
    NET_T2,
    NET_K1, /* LoKr */
    NET_K1A,
    NET_K1B,
    NET_K2,
    NET_K2A,
    NET_K2B,
    NET_KT2,
    NET_DIFF, /* full */
    NET_DIFF_B,
    NET_NORM, /* of a norm's weight and bias */
    NET_NORM_B,
    NET_GA1, /* GLoRA */
    NET_GA2,
    NET_GB1,
    NET_GB2,
    NET_OFT, /* OFT; BOFT with four dimensions */
    NET_OFT_DIAG,
    NET_OFT_R, /* PEFT's: of inputs, the upper triangle of each block's Q */
    NET_RESCALE,
    NET_IA3, /* factors, */
    NET_ON_INPUT,
    NET_DORA, /* DoRA: the magnitudes of columns or rows, on any of these */
    NET_ALPHA,
    NET_SCALE,
    NET_ROLES
} NetworkRole;

typedef enum {
    NETWORK_LORA,
    NETWORK_LOHA,
    NETWORK_IA3,
    NETWORK_LOKR,
    NETWORK_FULL,
    NETWORK_NORM,
    NETWORK_GLORA,
    NETWORK_OFT,
    NETWORK_BOFT,
    NETWORK_OFT_INPUTS, /* PEFT's OFT */
    NETWORK_KINDS
} NetworkKind;

#define NETWORK_EMBEDDED "bundle_emb." /* then NAME.KEY: an embedding's tensor */

typedef enum { NETWORK_UNET, NETWORK_TEXT, NETWORK_TEXT_2, NETWORK_PARTS } NetworkPart;

typedef struct {
    const char *key;  /* the file's name of the module, as far as its keys begin alike */
    int key_size;     /* bytes of `key` that are the module's */
    const char *name; /* the module's, without dots */
    NetworkPart of;
    NetworkKind kind;
    const FileTensor *part[NET_ROLES]; /* NULL: not there */
    int64_t rank;                      /* 0: of kinds without */
    double alpha;                      /* NAN: none */
    double scale;                      /* what the change is multiplied by, besides the caller's weight */
    int terms;                         /* of PEFT's OFT: of the series for its rotation; 0: it is exact */
    bool of_outputs;                   /* DoRA's magnitudes are of outputs, whatever their shape: PEFT's */
} NetworkModule;

typedef struct {
    WeightFile *file;
    NetworkModule *modules; /* by name */
    size_t count;
    const FileTensor **unknown; /* keys that are no part of a change, in order of the file */
    size_t unknown_count;
    size_t embedded; /* keys of embeddings that the file brings along (NETWORK_EMBEDDED) */
    char *pool;      /* owns the names */
} Network;

/* Opens a file and reads its keys; of values, only single numbers. False and one line in e for a file that is no
 * network, for parts that do not make one of the kinds or do not fit each other, and for an alpha that is not finite.
 * *n is empty then. */
bool network_open(Network *n, const char *path, Error *e);
/* The same of a file that is open, and is the network's from here on, closed where it is none. */
bool network_read(Network *n, WeightFile *f, Error *e);
void network_close(Network *n); /* an empty one is fine */
/* The file of a folder that PEFT or diffusers wrote: adapter_model.*, pytorch_lora_weights.*. */
bool network_in_folder(const char *folder, char out[OS_PATH_SIZE], Error *e);

/* "LoRA", "LoCon" (a LoRA over convolutions), ... and DoRA's are "DoRA (LoRA)": of all its modules, with the most
 * first.
 */
const char *network_kind_name(NetworkKind k);
/* SD 1.x, SD 2.x, SDXL, as the file's metadata or the width of its cross-attention says; NULL: neither does. */
const char *network_family(const Network *n);

/* out = a module's name: dots become '_', the prefix of a part is left off. size: of out, larger than key's length. */
void network_name(const char *key, size_t key_size, char *out, size_t size);

#endif
