/* exact_runs.c: the table of runs whose bits are recorded. A row's checksum is made once, by any table that keeps the
 * promise: `sdc verify --only NAME` says what it found. */
#include "exact_runs.h"
#include "made_model.h"
#include "op_compute.h"
#include "op_gradients.h"
#include "tensor/q8.h"
#include "weights/formats/blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- every op --- */

enum { FORWARD_ARENA = 192 << 20, BACKWARD_ARENA = 512 << 20 };

/* One case, as f32-direct and as f32. */
static bool add_forward(const LedgerTable *t, Arena *arena, const OpCase *k, const OpData *d, Sha256 *sum, Error *e) {
    for (int direct = 1; direct >= 0; direct--) {
        Ctx c = {.op = t->op, .type = t->op->type, .pool = t->pool, .arena = arena};
        c.precision = direct ? PRECISION_F32_DIRECT : PRECISION_F32;
        size_t scope = scope_begin(&c);
        Tensor y = op_case_compute(&c, k, d);
        if (!c.err.code) exact_add(sum, k->name, y.data, tensor_count(y));
        scope_end(&c, scope);
        if (!error_pass(e, &c.err)) return false;
    }
    return true;
}

/* The case with its weights in blocks, if its rows are whole ones. */
static bool add_q8(const LedgerTable *t, Arena *arena, const OpCase *k, const OpData *d, Sha256 *sum, Error *e) {
    if ((k->kind != OP_LINEAR && k->kind != OP_CONV) || d->w.t.n[d->w.t.nd - 1] % Q8_NUMBERS) return true;
    OpData with = *d;
    int64_t n = tensor_count(d->w.t);
    uint8_t *blocks = malloc(dtype_bytes(Q8_0, n));
    if (!blocks) return error_set(e, ERR_MEMORY, "out of memory for weights");
    for (int64_t i = 0; i < n / Q8_NUMBERS; i++)
        quantise_q8_0((const float *)d->w.t.data + i * Q8_NUMBERS, blocks + i * Q8_BYTES);
    with.w.t = tensor_view(blocks, Q8_0, d->w.t.nd, d->w.t.n);
    bool ok = add_forward(t, arena, k, &with, sum, e);
    free(blocks);
    return ok;
}

static bool add_backward(const LedgerTable *t, Arena *arena, const OpCase *k, const OpData *d, Sha256 *sum, Error *e) {
    if (!op_kind_trains(k->kind)) return true;
    OpGradients g = op_gradients(t->op, t->pool, arena, k, d, 0, 1);
    for (int p = 0; !g.err.code && p < GRADIENT_PARTS; p++)
        if (g.at[p]) exact_add(sum, g.name[p], g.at[p], tensor_count(g.like[p]));
    op_gradients_free(&g);
    return error_pass(e, &g.err);
}

static bool ops(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e) {
    const LedgerTable *t = on->table;
    bool backward = run->flags & EXACT_BACKWARD;
    bool (*add)(const LedgerTable *, Arena *, const OpCase *, const OpData *, Sha256 *, Error *) =
        backward    ? add_backward
        : run->what ? add_q8
                    : add_forward;
    Arena arena = {0};
    bool ok = arena_init_on(&arena, t->op, t->gpu, backward ? BACKWARD_ARENA : FORWARD_ARENA, e);
    for (int i = 0; ok && i < OP_CASE_COUNT; i++) {
        OpData all;
        ok = op_data_make(&all, &OP_CASES[i]) || error_set(e, ERR_MEMORY, "out of memory for inputs");
        OpData d = ok ? op_data_slice(&all, 0, OP_CASES[i].N) : all;
        ok = ok && add(t, &arena, &OP_CASES[i], &d, sum, e);
        op_data_free(&all);
    }
    arena_free(&arena);
    return ok;
}

/* --- the table --- */

#define PICTURE(...)                                                                                                   \
    exact_picture, &(const ExactPicture) { __VA_ARGS__ }
#define SAMPLER(name, checksum)                                                                                        \
    { "sampler " name, checksum, PICTURE(.sampler = name, .width = 32, .height = 32, .steps = 3, .cfg = 7), 0 }
#define SCHEDULER(name, checksum)                                                                                      \
    {                                                                                                                  \
        "scheduler " name, checksum,                                                                                   \
            PICTURE(.sampler = "Euler", .scheduler = name, .width = 32, .height = 32, .steps = 4, .cfg = 7), 0         \
    }
#define LARGE .sampler = "Euler a", .width = 96, .height = 64, .steps = 2, .batch = 2, .cfg = 7
#define SMALL .width = 32, .height = 32, .steps = 3, .cfg = 7

const ExactRun EXACT_RUNS[] = {
    {"ops forward", "b8eaed65a18d331af9d2aff1b22866afbd6d2dbc51b99dfac7ca4a503b7ad30f", ops, NULL, 0},
    {"ops backward", "9a885593927470ac82588864d174659775206ab673cb1c74e4b16f9c9d3774e2", ops, NULL, EXACT_BACKWARD},
    {"ops with Q8_0 weights", "fb036a53c52ae1661828bec648194ca228329daf7c70b29c9d6168e5ac14f409", ops, "Q8_0",
     EXACT_HOST},
    {"TAESD", "265dce93c01e268731977959988c696b62e5e1b7d2b3b6ec6a433632de963a74", exact_taesd, NULL, EXACT_FEW},
    {"txt2img", "9e4852e3b8678e957b3e4e033d1ae6fda1f8e0d332ace68442aa046b740144b4",
     PICTURE(.sampler = "Euler a", .width = 64, .height = 64, .steps = 4, .cfg = 7), EXACT_FEW},
    {"txt2img f32-direct", "dba89a7eb573fe6b0532629efcdb4ca8713806f75da727652740404797a2bfac",
     PICTURE(.sampler = "DPM++ 2M", .width = 64, .height = 64, .steps = 3, .cfg = 7, .precision = SD_F32_DIRECT),
     EXACT_FEW},
    {"batch, 3 threads", "2435b18660d25ebdbf4de12619f9ef98d89e83625435914436f74c058c56a228",
     PICTURE(.sampler = "Heun", .width = 104, .height = 72, .steps = 3, .batch = 2, .threads = 3, .cfg = 5), 0},
    {"img2img, 2 threads", "747a0758d5e96946e0a23e14805872b3b86d3004fbb29c84f04cc382384919b3",
     PICTURE(.sampler = "DDIM", .width = 56, .height = 72, .steps = 5, .threads = 2, .cfg = 1, .strength = 0.6), 0},
    {"img2img of a few pixels", "121576ef2e0481f0e24fbec2157ac29954122af2fa03050338380f62ab27343f",
     PICTURE(.sampler = "DPM++ 2M SDE", .width = 8, .height = 24, .steps = 4, .cfg = 7, .strength = 0.5), 0},
    {"inpainting", "79805495c7a8680f84baf21a2b617c3deb5ed3921cfa160b3bdbf242ddf42d91",
     PICTURE(.sampler = "Euler a", .width = 72, .height = 56, .steps = 4, .cfg = 7, .strength = 0.8, .batch = 2,
             .masked = EXACT_WHOLE, .fill = SD_FILL_NOISE),
     EXACT_FEW},
    {"inpainting of a part", "4d163b90934f4a1f94610bffa20801088c5533f2400e595b61781db0cecda79a",
     PICTURE(.sampler = "DDIM", .width = 56, .height = 72, .steps = 4, .cfg = 7, .strength = 0.8, .masked = EXACT_PART,
             .fill = SD_FILL_FILL),
     0},
    {"inpainting model", "1277d3412d8b71d91ecdb984b608fc53a9ab766fa303f291a046f02903b7ccc0",
     PICTURE(.sampler = "Euler", .model = micro_inpainting_config, .width = 56, .height = 40, .steps = 3, .cfg = 7,
             .strength = 0.8, .batch = 2, .masked = EXACT_WHOLE, .fill = SD_FILL_FILL),
     0},
    {"tiling", "bf1d6f30a237587757e9cb971efba2a4f0a7e13352f8d3cbe0cc5091324f7b24",
     PICTURE(.sampler = "Euler a", .width = 72, .height = 56, .steps = 2, .batch = 2, .cfg = 7,
             .tiling = SD_TILING_BOTH),
     0},
    {"tiling across, img2img", "bbd3a90492775ca0ddf942a184234e11517c64dd0c622c32e99acd65c7804ee7",
     PICTURE(.sampler = "Euler", .width = 56, .height = 40, .steps = 3, .cfg = 7, .strength = 0.8,
             .tiling = SD_TILING_X),
     0},
    {"outpainting in tiles", "f4236d8d0e2d233837bd845e81ac3f9d2ea9fa09392b0d00474cb7cabf47511d",
     PICTURE(.sampler = "Euler a", .width = 64, .height = 56, .steps = 2, .cfg = 7, .strength = 0.8,
             .extended = EXACT_TILES),
     0},
    {"outpainting from the spectrum", "2628480102a5e358e4fd3f8b807821eef6a829f8b6b2393dd56b3be75e9f0aa9",
     PICTURE(.sampler = "DDIM", .width = 72, .height = 56, .steps = 3, .cfg = 7, .strength = 0.8,
             .extended = EXACT_SIDES),
     EXACT_FEW},
    {"instruct-pix2pix", "336cf741c5936dd35d90ffef93f0489e31a8edee8972f622cc69a6f3ac4f4cce",
     PICTURE(.sampler = "DDIM", .model = micro_pix2pix_config, .width = 40, .height = 56, .steps = 3, .cfg = 7,
             .strength = 0.8),
     0},
    SAMPLER("DPM++ 2M", "b4d6d4c9163bd0b4f21d46972a8d2b2f1bb407c37a73a68992a5b643be16340f"),
    SAMPLER("DPM++ SDE", "02c9a3056dc6a1474399dea8bd78ccc9ce8fa9a2c2a199cbed3edca270f3e7ac"),
    SAMPLER("DPM++ 2M SDE", "4dabe7399560909ad5e23fe66a8d70e6e3d2ef71fa7627b4284ca3f3dbd052f7"),
    SAMPLER("DPM++ 2M SDE Heun", "e708e5f7aeb2b6854cc1a7e341ff6b0e916f4879a8e63420479db192d526bc50"),
    SAMPLER("DPM++ 2S a", "5c2e5e0de46ecccfd82ba76e265ad60ecc9ff7e07f1e7f037b67ff9d8faa60ca"),
    SAMPLER("DPM++ 3M SDE", "4e35895e9ae0fe1b0483ab9d34a9f8668fe130e615336831ed0a55957fb58631"),
    SAMPLER("Euler a", "fb60966a8aaa12da375b904521f00ce0e54e72f01d41cd7d82f3d56d447f5a58"),
    SAMPLER("Euler", "ed8a31a1e4e22862e8e0f3e977635c9fed6815a573f812d29c2bb5d9395d40a1"),
    SAMPLER("LMS", "51badeb3d7905c42bdade64e0d25600dbcd2110d4c188120c76d26fb3f362ae7"),
    SAMPLER("Heun", "de32dc2e4b6cc2e58b0da35db197fce1238a1c3488bcc0384b2b314beb6e7147"),
    SAMPLER("DPM2", "50a612758ced01bc3726f2fe1d5b9a1a1e4a2ce198485fec1cd0ea031c15a979"),
    SAMPLER("DPM2 a", "f9b146a739c38b37b9c2fbee4ab54b5c7f8df5ddedeb3a5e5ab963e964d4a379"),
    SAMPLER("DPM fast", "c736b7ead23a350e8ddeec3dafe1004c5f89bdb1d929d94eaf4da9b7e43be4f2"),
    SAMPLER("DPM adaptive", "53a755dd715cd538f376c20ab18d96952721db90050d2f1b3e82153d7b135bce"),
    SAMPLER("Restart", "3e7ca6e89a9387698124e390b830478ba76295dcaee053cc8ab2e3f9aae68a9e"),
    SAMPLER("DDIM", "2722e4f11ed4196cb6e09531e1dbcc4be6c2df69e911db84386138600e7b65e2"),
    SAMPLER("DDIM CFG++", "be63a7b09e5964f950db1ebeb40a05a09949920a1d42ad56e42851c431f8096f"),
    SAMPLER("PLMS", "58cc0e6eded6211e9bbe0d78d051d5fd1ad7ea20b68778b4f81ea5c9575fcd81"),
    SAMPLER("UniPC", "957cc8d6ae5abc0f64bfc3362c50f933a707fd0a2bdffac7a91a6db06321e9f6"),
    SAMPLER("LCM", "658f2ab854e642ce188066e8f5567d71ba41e3588197b709b4af6d3a8b2a6db3"),
    SAMPLER("DDPM", "e7dbfa7cf6690593f891795b015224b4d2f2218720ff0d8aec276a16d5b6f3ce"),
    SCHEDULER("Karras", "76f2b2af9f5b103de33473472c0befc7431514c099f4e1cc0a06645bb7cf75f3"),
    SCHEDULER("Exponential", "3b651636b836ceb52f127c7c6a5ecde3f5827f9c3f677c9e0748e2aaaf71f5da"),
    SCHEDULER("Polyexponential", "3ba0cdd3b2750d007aaf5284a5854519f3d518ca5d85da5b37c2dc5cfd66e846"),
    SCHEDULER("SGM Uniform", "c50147f095428e84dff4909c614330f2964b884cc6259632e8b5d8268201d022"),
    SCHEDULER("KL Optimal", "a28828eadde368ca074c796133f5080ca75529fd536dddbebd183c2bf1b307e8"),
    SCHEDULER("Align Your Steps", "8cc1d88124cf21dce9b1b935bc5da9760b421ab0f5ec8dc3b0d4a7559dee28c5"),
    SCHEDULER("Beta", "cba8703371a4b7623f68fde47dff120373716248f9e0ae0b6044e6bf9da5417a"),
    {"wide", "b52d2df097480aee378bdeb984bf67611a4942c592f1df3bdd516706a9a43d2a",
     PICTURE(.sampler = "Euler", .width = 128, .height = 24, .steps = 2, .cfg = 3.5), 0},
    {"tall, three pictures", "f4d053f470eede0e38ecf31d82db5e25d627c2c0df10849f3cf525a6fa99e52a",
     PICTURE(.sampler = "Euler", .width = 24, .height = 96, .steps = 2, .batch = 3, .cfg = 7), 0},
    {"unguided", "7a6bb36b26e9366b0be71bd1b090ca33ba7fee2e357006b0daf687a0939f2930",
     PICTURE(.sampler = "Euler", .width = 40, .height = 32, .steps = 3, .cfg = 1), 0},
    {"prompt", "9dd6e0e8f49156e6e2c4428696a0de9b5effde0a2f8c2baa3d96807c45dc7273",
     PICTURE(.sampler = "Euler a", .prompt = "(a:1.3) [red:blue:0.5] AND [a|two] stars :0.6 BREAK (on black:0.8)",
             SMALL),
     0},
    {"clip skip", "15e941718b61b84107e96911c6903e36fd59bc578343c648adf2e3baa95179dc",
     PICTURE(.sampler = "Euler", .clip_skip = 2, SMALL), 0},
    {"variation", "a87912a608426d124091ad026acd1fbd2f63bbacbd93df979b1ad6bbf2ecc058",
     PICTURE(.sampler = "Euler a", .variation = 0.3, .seed_side = 64, SMALL), 0},
    {"churn", "809dfb15567ebb57734dafd531dcd2accb5d17134a896533790146175443f044",
     PICTURE(.sampler = "Heun", .churn = 5, SMALL), 0},
    {"eta", "07f2d53a38ff49b679ed11477003376b2f81cec88e0a9c424d0af42b5f65358a",
     PICTURE(.sampler = "DDIM", .eta = 0.7, SMALL), 0},
    {"f16 weights", "a579966d60a3b941436272ba1eccce18f2c7a753abe55dfb47d0623e85102e2c",
     PICTURE(.sampler = "Euler a", .weights = F16, SMALL), EXACT_FEW},
    {"bf16 weights", "6e723be0756ce77d685bf2fc479bfb8bbdd5a97127876b3e1ee361a9db881c35",
     PICTURE(.sampler = "Euler a", .weights = BF16, SMALL), 0},
    {"Q8_0 weights", "16b5de5c5821edb00361d0c0d3deb63fe5da3de0716ebc9dfd2ab14dd37bb7d8",
     PICTURE(.sampler = "Euler a", .weights = Q8_0, SMALL), 0},
    {"SD 2", "bd0899f5e8bc4d635bb295780234fcf0f2a4ff6636fffe926574b54d09677f74",
     PICTURE(.sampler = "Euler a", .model = micro_sd2_config, SMALL), 0},
    {"SD 2, v", "16e850d4fee148614620f7a958467505debc22670d8b855715c05209f3549319",
     PICTURE(.sampler = "DPM++ 2M", .model = micro_sd2_v_config, SMALL), 0},
    {"SDXL", "a579fd5fa9355ef4df45fbea1556107ff1fe94ad3e948baef946a3e526ce6e7d",
     PICTURE(.sampler = "Euler a", .scheduler = "Align Your Steps", .model = micro_sdxl_config, .width = 24,
             .height = 32, .steps = 2, .cfg = 7,
             .prompt = "(a:1.3) [red:blue:0.5] AND [a|two] stars :0.6 BREAK (on black:0.8)"),
     EXACT_FEW},
    {"SDXL, img2img in f16", "1a0230a20f3b300370d4d0f8d7756dbbae3a5e95d6a0b87716a49cb56e55f40b",
     PICTURE(.sampler = "DPM++ 2M SDE", .model = micro_sdxl_config, .weights = F16, .strength = 0.6, SMALL), 0},
    {"refiner alone", "0e04fa7c5b1e1ed8380a8428ae98860c0d2cb0386fef1eba8566831b7a469b0a",
     PICTURE(.sampler = "Euler", .model = micro_refiner_config, SMALL), 0},
    {"SDXL and its refiner", "e85b81ff8695eca7fab68ade4ab16dafb832f52e524fc36e821462bd3220aedc",
     PICTURE(.sampler = "Heun", .model = micro_sdxl_config, .refined = true, .batch = 2, SMALL), 0},
    {"upscalers", "fcafdd4533ec9b16ba25a3eb756d75f26707197413bdc34494405c40d8e872ec", exact_upscaler, NULL, EXACT_FEW},
    {"ControlNet", "dce5741f9d8559fca245898673b92fde55cc3d57cd62e4b08f32c12d4b18c48d",
     PICTURE(.sampler = "Euler a", .width = 40, .height = 32, .steps = 3, .cfg = 7, .batch = 2,
             .control = EXACT_CONTROLNET,
             .how = {.hint = SD_HINT_CANNY, .resize = SD_RESIZE_CROP, .weight = 0.8, .end = 0.7}),
     EXACT_FEW},
    {"ControlNet of SDXL", "0897b91c637dc8469145985e223bb75d92ca60b29cbe5cddc685a946b3e97157",
     PICTURE(.sampler = "Euler", .model = micro_sdxl_config, .control = EXACT_CONTROLNET,
             .how = {.hint = SD_HINT_LUMINANCE,
                     .resize = SD_RESIZE_FILL,
                     .low = 0.7,
                     .weight = 1,
                     .end = 1,
                     .mode = SD_CONTROL_MORE},
             SMALL),
     0},
    {"T2I-Adapter", "b48673631a390cc4885312ba26a24fed5254264b2c451e8943aa5ca2cc80a1f3",
     PICTURE(.sampler = "DDIM", .control = EXACT_T2I_ADAPTER,
             .how = {.hint = SD_HINT_INVERT, .weight = 0.7, .end = 1, .mode = SD_CONTROL_PROMPT}, .width = 64,
             .height = 64, .steps = 2, .cfg = 7),
     0},
    {"image prompt", "a07b3abf7ad897bd0ebcd88b80c687a92ee237d235ea5d02afd0aa66d84ef5c0",
     PICTURE(.sampler = "Euler a", .control = EXACT_IP_ADAPTER, .batch = 2,
             .how = {.resize = SD_RESIZE_CROP, .weight = 0.7, .end = 1}, SMALL),
     EXACT_FEW},
    {"image prompt, plus", "81953db8c1309b06493d1e839a3e73ac41e7c8122c0a2b82e037ac2dc46bf1d5",
     PICTURE(.sampler = "Euler", .model = micro_sdxl_config, .control = EXACT_IP_ADAPTER_PLUS,
             .how = {.resize = SD_RESIZE_CROP, .weight = 1, .end = 1}, SMALL),
     0},
    {"hires fix by latents", "70f51e0d6d3fe4dae9eb13061ba3449fc3ec685b73d5e7285c893c3b5266c81e",
     PICTURE(.sampler = "Euler a", .hires = "Latent (bicubic antialiased)", .hires_width = 56, .hires_height = 40,
             .batch = 2, SMALL),
     EXACT_FEW},
    {"hires fix by Lanczos", "3a68a5943a680aba854cff7fbb66f6445ec84a7d073a13e490820cc06b8ec06b",
     PICTURE(.sampler = "DPM++ 2M", .hires = "Lanczos", .model = micro_sdxl_config, .width = 24, .height = 16,
             .steps = 2, .cfg = 7),
     0},
    {"hires fix by RRDBNet", "47970e1b6d9e52b45e485d40961856959f8abfc0bc0b47d54f8a0a734f0d9b25",
     PICTURE(.sampler = "Euler", .hires = EXACT_RRDBNET, .batch = 2, .width = 32, .height = 24, .steps = 2, .cfg = 7),
     0},
    {"hires fix by a compact network", "6efd38a8030318c4dae1d959a495aaea0ad9d3f4027578845defb828de81db04",
     PICTURE(.sampler = "Euler", .hires = EXACT_COMPACT, .width = 24, .height = 32, .steps = 2, .cfg = 7), 0},
    {"soft inpainting", "eb2eea3901abf029c98c53b7d3a9bbf05f1dc718eb113623d4af324b455a8d1c",
     PICTURE(.sampler = "Euler", .width = 56, .height = 48, .steps = 4, .cfg = 7, .strength = 0.8,
             .masked = EXACT_WHOLE, .fill = SD_FILL_ORIGINAL, .soft = true),
     0},
    {"MultiDiffusion", "2a071dc29748b88fea6da8ec8d8d07fa933dcc058c32de8862fb8e498eceb4e5",
     PICTURE(.sampler = "Euler a", .tiled = SD_TILED_MULTIDIFFUSION, .width = 168, .height = 136, .steps = 2, .cfg = 7),
     0},
    {"MultiDiffusion, 3 at once", "dec7b4c29415ddaa9902d89c27e83b94f511666d09d86dd790ab5bafb3373ad4",
     PICTURE(.sampler = "Euler a", .tiled = SD_TILED_MULTIDIFFUSION, .tile_batch = 3, .width = 168, .height = 136,
             .steps = 2, .cfg = 7),
     0},
    {"Mixture of Diffusers", "299f24b32268ea48662aed677dd9269372683a452026a12ff58c6f7f349702aa",
     PICTURE(.sampler = "Euler", .model = micro_sdxl_config, .tiled = SD_TILED_MIXTURE, .width = 152, .height = 128,
             .steps = 2, .cfg = 7, .strength = 0.7),
     0},
    {"SD upscale by Lanczos", "863262df8500522bd2c2836966e138bdb0d5550993efe38ca29d02c9d689f33e",
     PICTURE(.sampler = "Euler a", .sd_upscale = "Lanczos", .width = 24, .height = 16, .steps = 2, .cfg = 7,
             .strength = 0.5, .batch = 2),
     0},
    {"SD upscale by RRDBNet", "1d44be15c9629525189be64de731c6682d5447ef644127880a4c0a83b90e595d",
     PICTURE(.sampler = "DDIM", .sd_upscale = EXACT_RRDBNET, .width = 16, .height = 24, .steps = 4, .cfg = 7,
             .strength = 0.6),
     0},
    {"ControlNet, limit of 1000 MB", "121684d551040b5a5c6d7990de9c6e955d5610f922e9f6df9990b21a054d685f",
     PICTURE(LARGE, .control = EXACT_CONTROLNET, .how = {.weight = 1, .end = 1}, .limit = 1000), EXACT_HOST},
    {"ControlNet, limit of 66 MB", "121684d551040b5a5c6d7990de9c6e955d5610f922e9f6df9990b21a054d685f",
     PICTURE(LARGE, .control = EXACT_CONTROLNET, .how = {.weight = 1, .end = 1}, .limit = 66), EXACT_HOST},
    {"image prompt, limit of 1000 MB", "a132abd622d85c084e3a815729a2f8ce56fabe5ef3967ed76cff5222d35b10a8",
     PICTURE(LARGE, .control = EXACT_IP_ADAPTER, .how = {.resize = SD_RESIZE_CROP, .weight = 1, .end = 1},
             .limit = 1000),
     EXACT_HOST},
    {"image prompt, limit of 65 MB", "a132abd622d85c084e3a815729a2f8ce56fabe5ef3967ed76cff5222d35b10a8",
     PICTURE(LARGE, .control = EXACT_IP_ADAPTER, .how = {.resize = SD_RESIZE_CROP, .weight = 1, .end = 1}, .limit = 65),
     EXACT_HOST},
    {"hires fix, limit of 1000 MB", "f5a0aa31429701408a50b4f2f2c7759decd4967fe1c5029e3e8d03b4022b0e8f",
     PICTURE(LARGE, .hires = EXACT_RRDBNET, .limit = 1000), EXACT_HOST},
    {"hires fix, limit of 74 MB", "f5a0aa31429701408a50b4f2f2c7759decd4967fe1c5029e3e8d03b4022b0e8f",
     PICTURE(LARGE, .hires = EXACT_RRDBNET, .limit = 74), EXACT_HOST},
    {"limit of 1000 MB", "b92d70b7f70c6eafdafbed30ce39f177b0027dcb5e8dffd99affd8048d91a008",
     PICTURE(LARGE, .limit = 1000), EXACT_HOST},
    {"limit of 70 MB", "b92d70b7f70c6eafdafbed30ce39f177b0027dcb5e8dffd99affd8048d91a008", PICTURE(LARGE, .limit = 70),
     EXACT_HOST},
    {"limit of 64 MB", "b92d70b7f70c6eafdafbed30ce39f177b0027dcb5e8dffd99affd8048d91a008", PICTURE(LARGE, .limit = 64),
     EXACT_HOST},
    {"built-in model", "48fd9e598c6151bdd5298e3ac5da6a44342b622e6c280fe292d03e3ee39f4c44",
     PICTURE(.sampler = "Euler a", .width = 64, .height = 64, .steps = 2, .cfg = 4, .builtin = true), EXACT_BUILTIN},
    {"built-in model, f32-direct", "8df424c26ff758f5a9726d73b73ecf1071742122060d261078cf8e2165e9ba5c",
     PICTURE(.sampler = "DPM++ 2M", .width = 64, .height = 64, .steps = 2, .cfg = 4, .builtin = true,
             .precision = SD_F32_DIRECT),
     EXACT_BUILTIN},
};
const int EXACT_RUN_COUNT = sizeof EXACT_RUNS / sizeof *EXACT_RUNS;
