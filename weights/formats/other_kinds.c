#include "other_kinds.h"

#include <string.h>

#define NOT_RUN ", which this version does not run"
#define OF_PEFT(name)                                                                                                  \
    "a network of the kind " name " (PEFT), which this version does not compute; use LoRA, LoHa or LoKr"

/* What a tensor's name contains. The first row counts that any has. */
static const struct {
    const char *piece, *is;
} OTHERS[] = {
    {"lllite_", "a ControlNet-LLLite (kohya)" NOT_RUN},
    {"pulid_", "a PuLID" NOT_RUN},
    {"id_adapter", "a PuLID" NOT_RUN},
    {"id_encoder.", "a PhotoMaker" NOT_RUN},
    {"style_embedding", "a T2I-Adapter of styles" NOT_RUN},
    {"body.0.in_conv.weight", "a light T2I-Adapter" NOT_RUN},
    {"dec_zero_convs_out.", "a ControlNet-XS" NOT_RUN},
    {"ctrl_to_base.", "a ControlNet-XS" NOT_RUN},
    {"motion_modules.", "a motion module (AnimateDiff)" NOT_RUN},
    {"controlnet_x_embedder.", "a ControlNet for Flux" NOT_RUN},
    {"pos_embed_input.proj.weight", "a ControlNet for SD 3" NOT_RUN},
    {".ia3_l", OF_PEFT("IA3")},
    {".oft_r", OF_PEFT("OFT")},
    {".boft_R", OF_PEFT("BOFT")},
    {".vera_lambda_b", OF_PEFT("VeRA")},
    {".hra_u", OF_PEFT("HRA")},
    {".lora_E", OF_PEFT("AdaLoRA")},
    {".fourierft_spectrum", OF_PEFT("FourierFT")},
    {".randlora_lambda", OF_PEFT("RandLoRA")},
    {".vblora_logits", OF_PEFT("VB-LoRA")},
    {".shira_weight", OF_PEFT("SHiRA")},
    {".c3a_kernel", OF_PEFT("C3A")},
    {".miss_block", OF_PEFT("MiSS")},
    {".bone_", OF_PEFT("Bone")},
    {".road_theta", OF_PEFT("RoAd")},
    {"ln_tuning_layers.", OF_PEFT("LN tuning")},
};

const char *other_kind(const WeightFile *f) {
    for (size_t k = 0; k < sizeof OTHERS / sizeof *OTHERS; k++)
        for (size_t i = 0; i < f->count; i++)
            if (strstr(f->tensors[i].name, OTHERS[k].piece)) return OTHERS[k].is;
    return NULL;
}
