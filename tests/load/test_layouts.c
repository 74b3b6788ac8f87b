/* test_layouts.c: loading gives the same weights, to the bit, from every layout and spelling of names. */

#include "sd/load/weights.h"
#include "tools/ledger/generated.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/tensor/test_math.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compares every loaded weight with the generated values, rounded to the file's type. */
static int64_t wrong_weights(SdModel *m, DType type, Error *e) {
    int64_t wrong = 0;
    for (int part = 0; part < PART_COUNT; part++) {
        if (!model_load(m, (Part)part, e)) return -1;
        for (int64_t i = 0; i < m->lists[part].count; i++) {
            Weight *w = m->lists[part].w[i], expected = *w;
            float *rounded = NULL;
            bool same = w->t.data && gen_fill(&expected, w->name, type);
            if (same && w->kind == WEIGHT_VECTOR) { /* loaded as F32 from the file's type */
                int64_t n = tensor_count(w->t);
                rounded = malloc((size_t)n * sizeof *rounded);
                void *narrow = malloc((size_t)n * sizeof *rounded);
                if (!rounded || !narrow) abort();
                gen_narrow(narrow, expected.t.data, n, type);
                if (type == F32) memcpy(rounded, narrow, (size_t)n * sizeof *rounded);
                else table_widen(rounded, narrow, n, type);
                free(narrow);
            }
            same &= w->t.dtype == expected.t.dtype && tensor_same_shape(w->t, expected.t);
            same = same && !memcmp(w->t.data, rounded ? rounded : expected.t.data, tensor_bytes(w->t));
            wrong += !same;
            free(rounded);
            gen_free(&expected);
        }
        model_release(m, (Part)part);
    }
    return wrong;
}

/* Products that stay f32 in every precision: the text encoder's, the time embedding's and the shortcuts'. */
static int64_t wrongly_full(const SdModel *m) {
    int64_t wrong = 0;
    for (int part = 0; part < PART_COUNT; part++)
        for (int64_t i = 0; i < m->lists[part].count; i++) {
            const Weight *w = m->lists[part].w[i];
            bool shortcut = strstr(w->name, ".skip_connection.") || strstr(w->name, ".nin_shortcut.");
            bool time =
                strstr(w->name, "time_embed.") || strstr(w->name, "label_emb.") || strstr(w->name, ".emb_layers.");
            bool text = part == PART_TEXT || part == PART_TEXT_2;
            wrong += w->kind == WEIGHT_LINEAR && w->keep_f32 != (text || shortcut || time);
        }
    return wrong;
}

static void check_layout(const char *what, MakeModel spec, int64_t tensors, int64_t ignored) {
    const char *path = test_path(what);
    Error e = {0};
    if (!test_check(make_model(path, spec), "%s is written", what)) return;
    SdInfo info = {0};
    bool ok = sd_info(path, false, &info, &e);
    test_check(ok && info.tensors == tensors && info.ignored == ignored && !info.missing, "%s: %lld tensors", what,
               (long long)tensors);
    test_note("%lld tensors, %lld ignored, %lld missing %s", (long long)info.tensors, (long long)info.ignored,
              (long long)info.missing, e.text);
    SdModel *m = sd_open(path, &(SdOptions){.threads = 2}, &e);
    if (m) m->as_in_files = true;
    test_check(m && !wrongly_full(m), "%s: which products stay f32 in `mixed`", what);
    int64_t wrong = m ? wrong_weights(m, spec.dtype, &e) : -1;
    test_check(wrong == 0, "%s: every weight is loaded", what);
    test_note("%lld wrong %s", (long long)wrong, e.text);
    sd_close(m);
}

static void layout_checks(void) {
    enum { TENSORS = 965, UNET = 684 }; /* with position_ids */
    const MakeModel f32 = {.dtype = F32}, f16 = {.dtype = F16}, bf16 = {.dtype = BF16};
    check_layout("micro.safetensors", f32, TENSORS, 1);
    check_layout("micro_f16.safetensors", f16, TENSORS, 1);
    check_layout("micro_bf16.safetensors", bf16, TENSORS, 1);
    MakeModel s = f16;
    s.ema = s.buffers = true;
    check_layout("micro_training.safetensors", s, TENSORS + UNET + 2 + 12,
                 1 + UNET + 2 + 11); /* alphas_cumprod is used */
    s = f16;
    s.bare_text = true;
    check_layout("micro_bare.safetensors", s, TENSORS, 1);
    s = f16;
    s.new_attention = true;
    check_layout("micro_attention.safetensors", s, TENSORS, 1);
    s = f16;
    s.layout = MODEL_DIFFUSERS;
    check_layout("micro_folder", s, TENSORS, 1);
    s.dtype = F32;
    s.early_attention = true;
    check_layout("micro_folder_early", s, TENSORS, 1);
    s.early_attention = false;
    s.bare_text = true;
    check_layout("micro_folder_bare", s, TENSORS, 1);
}

/* What opening a model finds is the configuration that its file was made of. */
static void check_found(const char *what, const SdModel *m, SdConfig k, bool folder) {
    if (folder) snprintf(k.family, sizeof k.family, "%s", m->config.family); /* no key has it */
    char *is = config_to_json(&m->config), *should = config_to_json(&k);
    test_check(is && should && !strcmp(is, should), "%s: its configuration", what);
    test_note("%s instead of %s", is ? is : "", should ? should : "");
    free(is);
    free(should);
}

/* SD 2, SDXL and its refiner, in both layouts, and what converting makes of each. */
static void family_checks(void) {
    const struct {
        const char *name, *family;
        SdConfig (*config)(void);
        int64_t tensors[2], ignored[2]; /* of a single file, of a folder */
    } ROWS[] = {{"sd2", "SD 2.x", micro_sd2_config, {968, 965}, {0, 1}},
                {"sdxl", "SDXL", micro_sdxl_config, {958, 971}, {1, 2}},
                {"refiner", "SDXL refiner", micro_refiner_config, {963, 976}, {0, 1}}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        for (int folder = 0; folder < 2; folder++) {
            Error e = {0};
            char what[64], path[1024];
            MakeModel spec = {.dtype = F16};
            spec.layout = folder ? MODEL_DIFFUSERS : MODEL_SINGLE;
            spec.shards = folder ? 2 : 0;
            spec.fp16_names = folder;
            snprintf(what, sizeof what, "%s%s", ROWS[i].name, folder ? "_folder" : ".safetensors");
            snprintf(path, sizeof path, "%s", test_path(what));
            SdConfig k = ROWS[i].config();
            if (!test_check(make_model_of(path, spec, k), "%s is written", what)) continue;
            if (folder) k = config_for_folder(k);
            SdInfo info = {0};
            bool ok = sd_info(path, false, &info, &e);
            test_check(ok && info.tensors == ROWS[i].tensors[folder] && info.ignored == ROWS[i].ignored[folder] &&
                           !info.missing && !strcmp(info.family, ROWS[i].family),
                       "%s: its tensors and its family", what);
            test_note("%s: %lld tensors, %lld ignored %s", info.family, (long long)info.tensors,
                      (long long)info.ignored, e.text);
            for (int converted = 0; converted < 2; converted++) {
                SdModel *m = sd_open(path, &(SdOptions){.threads = 2}, &e);
                if (m) m->as_in_files = true;
                int64_t wrong = m ? wrong_weights(m, spec.dtype, &e) : -1;
                test_check(!wrong && !wrongly_full(m), "%s: every weight is loaded%s", what,
                           converted ? ", once converted" : "");
                test_note("%lld wrong %s", (long long)wrong, e.text);
                if (m) check_found(what, m, k, folder);
                sd_close(m);
                char to[1024];
                snprintf(to, sizeof to, "%s", test_path("converted.safetensors"));
                if (!converted) test_check(sd_convert(path, to, NULL, NULL, &e), "%s is converted", what);
                if (!converted) test_note("%s", e.text);
                strcpy(path, to);
            }
        }
}

/* A wrong eps in the last norms would move an output by less than the goldens' tolerance, so the values are checked:
 * 1e-5 in the U-Net and the text encoders, 1e-6 in the VAE. */
static void eps_checks(void) {
    SdConfig k = micro_config();
    Error e = {0};
    WeightList l = {.err = &e};
    Unet u;
    Vae d, n;
    Clip c;
    bool ok = unet_bind(&u, &k.unet, &l) && vae_bind_decoder(&d, &k.vae, &l) && vae_bind_encoder(&n, &k.vae, &l) &&
              clip_bind(&c, &k.clip[0], &l);
    test_check(ok, "the micro model is bound");
    if (!ok) return;
    test_check(u.norm_out.eps == 1e-5f, "eps of the U-Net's last norm");
    test_check(d.norm_out.eps == 1e-6f && n.norm_out.eps == 1e-6f, "eps of the VAE's last norms");
    test_check(c.final.eps == 1e-5f, "eps of the text encoder's last norm");
    weight_list_free(&l);
    unet_free(&u);
    vae_free(&d);
    vae_free(&n);
    clip_free(&c);
}

SUITE(layouts, .seconds = 2, .blas = true) {
    layout_checks();
    family_checks();
    eps_checks();
}
