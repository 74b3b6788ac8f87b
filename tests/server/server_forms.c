/* server_forms.c: the bodies that the webui's /docs fills in for whoever tries a route there, and that people then
 * keep: every key, at the value of its type. */
#include "server.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"
#include "weights/files/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define I "/sdapi/v1/img2img"

/* What both routes have, without the names of samplers and models, which must be real ones there, too. */
#define BOTH                                                                                                           \
    "\"prompt\":\"\",\"negative_prompt\":\"\",\"styles\":[\"string\"],\"seed\":-1,\"subseed\":-1,"                     \
    "\"subseed_strength\":0,\"seed_resize_from_h\":-1,\"seed_resize_from_w\":-1,\"scheduler\":\"string\","             \
    "\"batch_size\":1,\"n_iter\":1,\"steps\":2,\"cfg_scale\":7,\"width\":64,\"height\":64,\"restore_faces\":true,"     \
    "\"tiling\":true,\"do_not_save_samples\":false,\"do_not_save_grid\":false,\"eta\":0,\"s_min_uncond\":0,"           \
    "\"s_churn\":0,\"s_tmax\":0,\"s_tmin\":0,\"s_noise\":0,"                                                           \
    "\"override_settings_restore_afterwards\":true,\"refiner_switch_at\":0,\"disable_extra_networks\":false,"          \
    "\"firstpass_image\":\"string\",\"comments\":{},\"force_task_id\":\"string\",\"sampler_index\":\"Euler\","         \
    "\"script_args\":[],\"send_images\":true,\"save_images\":false,\"alwayson_scripts\":{},\"infotext\":\"string\""

static const Case CASES[] = {
    {"the form of txt2img", "POST", T, "",
     "{" BOTH
     ",\"override_settings\":{},\"enable_hr\":false,\"firstphase_width\":0,\"firstphase_height\":0,\"hr_scale\":2,"
     "\"hr_upscaler\":\"string\",\"hr_second_pass_steps\":0,\"hr_resize_x\":0,\"hr_resize_y\":0,"
     "\"hr_checkpoint_name\":\"string\",\"hr_sampler_name\":\"string\",\"hr_scheduler\":\"string\",\"hr_prompt\":\"\","
     "\"hr_negative_prompt\":\"\"}",
     200, "images.#=1|info:infotexts.0~Tiling: True"},
    {"its sampler is none", "POST", T, "", "{" BOTH ",\"sampler_name\":\"string\"}", 404, "detail=Sampler not found"},
    {"its refiner is none", "POST", T, "", "{" BOTH ",\"refiner_checkpoint\":\"string\"}", 404, "detail~string"},
    {"its script is none", "POST", T, "", "{" BOTH ",\"script_name\":\"string\"}", 422, "detail~string"},
    {"a text that is no whole one", "POST", T, "",
     "{" SMALL ",\"infotext\":\"x\\nSteps: 2, Sampler: Foo, Seed: 1, Size: 64x64\"}", 422,
     "detail~infotext: Sampler: Foo"},
    {"a text of another model", "POST", T, "",
     "{\"infotext\":\"x\\nSteps: 2, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Model: "
     "none-such\",\"steps\":1}",
     200,
     "warnings.0^infotext: its model 'none-such' is not here|info:prompt=x|info:steps=1|info:cfg_scale=7.0|"
     "info:sampler_name=Euler"},
    {"a refiner's switch without one", "POST", T, "", "{" SMALL ",\"refiner_switch_at\":0.5}", 200,
     "warnings.0=refiner_switch_at: has no effect without refiner_checkpoint"},
};

/* img2img's form with a picture: latents are stretched, and what other models follow is said to have no effect. */
static void with_picture(const Served *s) {
    Reply first = call(s, "POST", T, "", "{" SMALL "}");
    const char *picture = reply_get(&first, "images.0");
    char *body = picture ? malloc(strlen(picture) + 4096) : NULL;
    if (test_check(body != NULL, "a picture for the form")) {
        sprintf(body,
                "{" BOTH ",\"denoising_strength\":0.5,\"init_images\":[\"%s\"],\"resize_mode\":3,\"image_cfg_scale\":0,"
                "\"mask_blur_x\":4,\"mask_blur_y\":4,\"mask_blur\":0,\"mask_round\":true,\"inpainting_fill\":0,"
                "\"inpaint_full_res\":true,\"inpaint_full_res_padding\":0,\"inpainting_mask_invert\":0,"
                "\"initial_noise_multiplier\":1,\"include_init_images\":false,\"override_settings\":"
                "{\"sdxl_crop_top\":8}}",
                picture);
        Reply r = call(s, "POST", I, "", body);
        reply_check(&r, 200, "images.#=1|info:width=64|warnings!", "the form of img2img");
        const char *all = r.body;
        test_check(all && strstr(all, "image_cfg_scale: has no effect with this model") &&
                       strstr(all, "sdxl_crop_top: has no effect with this model"),
                   "and what has no effect is told");
        reply_free(&r);
        char *at = strstr(body, "\"width\":64");
        memcpy(at, "\"width\":96", 10);
        r = call(s, "POST", I, "", body);
        reply_check(&r, 200, "info:infotexts.0~Resize mode: Just resize (latent upscale)|info:width=96",
                    "latents are stretched");
        reply_free(&r);
    }
    free(body);
    reply_free(&first);
}

/* A picture's text in place of all settings makes the picture again; what the body says itself counts more. */
static void by_text(const Served *s) {
    Reply first =
        call(s, "POST", T, "",
             "{" SMALL ",\"prompt\":\"a \\\"cat\\\"\",\"negative_prompt\":\"n\",\"sampler_name\":\"DPM++ 2M\","
             "\"scheduler\":\"Karras\",\"cfg_scale\":4.5,\"tiling\":true,\"enable_hr\":true,\"hr_scale\":1.5,"
             "\"hr_upscaler\":\"Latent (nearest)\",\"denoising_strength\":0.6}");
    const char *said = reply_get(&first, "info:infotexts.0");
    JsonText same = {0}, other = {0};
    json_text(&same, "{\"infotext\":"), json_text_quoted(&same, said ? said : ""), json_text(&same, "}");
    json_text(&other, "{\"infotext\":"), json_text_quoted(&other, said ? said : "");
    json_text(&other, ",\"seed\":8,\"enable_hr\":false}");
    Reply again = call(s, "POST", T, "", same.p), own = call(s, "POST", T, "", other.p);
    const char *a = reply_get(&first, "images.0"), *b = reply_get(&again, "images.0");
    test_check(a && b && !strcmp(a, b), "a picture's text makes it again");
    reply_check(&again, 200, "warnings-|info:infotexts.0~Hires upscale: 1.5|info:cfg_scale=4.5", "and says the same");
    reply_check(&own, 200, "info:seed=8|info:width=64|info:cfg_scale=4.5|info:negative_prompt=n",
                "beside which the body's own members count");
    const char *text = reply_get(&own, "info:infotexts.0");
    test_check(text && !strstr(text, "Hires upscale"), "hires fix, too");
    reply_free(&first), reply_free(&again), reply_free(&own);
    free(same.p), free(other.p);
}

void server_forms(const Served *s) {
    server_cases(s, CASES, sizeof CASES / sizeof *CASES);
    with_picture(s);
    by_text(s);
}
