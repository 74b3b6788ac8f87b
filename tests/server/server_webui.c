/* server_webui.c: what clients of the webui's API were seen to send and to read. */
#define _XOPEN_SOURCE 700
#include "server.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define I "/sdapi/v1/img2img"
#define E8 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" /* two bytes each */

void server_nap(void) { nanosleep(&(struct timespec){0, 20000000}, NULL); }

/* --- one request, one reply --- */

static const Case CASES[] = {
    {"options: the model is a title", "GET", "/sdapi/v1/options", "", NULL, 200,
     "samples_format=png|sd_model_checkpoint=a.safetensors|CLIP_stop_at_last_layers=1|randn_source=NV"},
    {"{}: one picture", "POST", T, "", "{" SMALL "}", 200,
     "images.#=1|images.0^iVBOR|info:prompt=|parameters.n_iter=1"},
    {"an empty object: one picture", "POST", T, "", "{}", 200, "images.#=1|info:steps=20"},
    {"no body at all", "POST", T, "", NULL, 200, "images.#=1"},
    {"webuiapi's defaults", "POST", T, "",
     "{\"enable_hr\":false,\"hr_scale\":2,\"hr_upscaler\":\"Latent\",\"hr_second_pass_steps\":0,\"hr_resize_x\":0,"
     "\"hr_checkpoint_name\":null,\"hr_sampler_name\":null,\"denoising_strength\":0.7,\"prompt\":\"x\",\"styles\":[],"
     "\"seed\":-1,\"subseed\":-1,\"subseed_strength\":0.0,\"seed_resize_from_h\":0,\"seed_resize_from_w\":0,"
     "\"sampler_name\":\"Euler a\",\"sampler_index\":\"Euler a\",\"scheduler\":\"automatic\",\"batch_size\":1,"
     "\"n_iter\":1,\"steps\":1,\"cfg_scale\":7.0,\"width\":64,\"height\":64,\"restore_faces\":false,\"tiling\":false,"
     "\"eta\":1.0,\"s_churn\":0,\"s_tmax\":0,\"s_tmin\":0,\"s_noise\":1,\"override_settings\":{},"
     "\"override_settings_restore_afterwards\":true,\"script_args\":[],\"script_name\":null,\"send_images\":true,"
     "\"save_images\":false,\"alwayson_scripts\":{}}",
     200, "images.#=1|warnings-"},
    {"a seed in a string", "POST", T, "", "{\"steps\":1,\"seed\":\"123\"}", 200, "info:seed=123|parameters.seed=123"},
    {"the largest seed", "POST", T, "", "{\"steps\":1,\"seed\":9223372036854775807}", 200,
     "info:seed=9223372036854775807|info:all_seeds.0=9223372036854775807"},
    {"a seed beyond it", "POST", T, "", "{\"steps\":1,\"seed\":9223372036854775808}", 422, "detail!"},
    {"and in a string", "POST", T, "", "{\"steps\":1,\"seed\":\"9223372036854775808\"}", 422, "detail^seed"},
    {"numbers in strings", "POST", T, "",
     "{\"steps\":\"2\",\"seed\":\"5\",\"cfg_scale\":\"1.5\",\"save_images\":\"False\"}", 200,
     "info:steps=2|info:cfg_scale=1.5|info:infotexts.0~Steps: 2"},
    {"12.5 steps are 12 as in pydantic", "POST", T, "", "{\"steps\":1.5,\"seed\":5}", 200, "info:steps=1"},
    {"nulls are defaults", "POST", T, "",
     "{" SMALL ",\"denoising_strength\":null,\"width\":null,\"prompt\":null,\"sampler_name\":null,\"styles\":null,"
     "\"override_settings\":null,\"alwayson_scripts\":null,\"eta\":null,\"clip_skip\":null}",
     200, "info:denoising_strength=null|info:prompt="},
    {"sampler_index with a schedule type", "POST", T, "", "{" SMALL ",\"sampler_index\":\"DPM++ 2M Exponential\"}", 200,
     "info:infotexts.0~Sampler: DPM++ 2M, Schedule type: Exponential|info:sampler_name=DPM++ 2M"},
    {"one whose usual schedule type it is, which the webui calls automatic", "POST", T, "",
     "{" SMALL ",\"sampler_index\":\"DPM++ 2M Karras\"}", 200,
     "info:infotexts.0~Sampler: DPM++ 2M, Schedule type: Automatic"},
    {"k_euler_a", "POST", T, "", "{" SMALL ",\"sampler_name\":\"k_euler_a\"}", 200, "info:sampler_name=Euler a"},
    {"EULER_A", "POST", T, "", "{" SMALL ",\"sampler_name\":\"EULER_A\"}", 200, "info:sampler_name=Euler a"},
    {"tiling", "POST", T, "", "{" SMALL ",\"tiling\":true}", 200,
     "info:infotexts.0~Tiling: True|parameters.tiling=true"},
    {"tiling across", "POST", T, "", "{" SMALL ",\"tiling\":\"x\"}", 200,
     "info:infotexts.0~Tiling: X|parameters.tiling=X"},
    {"tiling of a number", "POST", T, "", "{" SMALL ",\"tiling\":7}", 422, "detail^tiling"},
    {"an unknown sampler", "POST", T, "", "{" SMALL ",\"sampler_name\":\"foo\"}", 404, "detail=Sampler not found"},
    {"scheduler automatic", "POST", T, "", "{" SMALL ",\"scheduler\":\"automatic\"}", 200,
     "info:extra_generation_params.Schedule type=Automatic"},
    {"scheduler N/A", "POST", T, "", "{" SMALL ",\"scheduler\":\"N/A\"}", 200, "warnings.0^scheduler"},
    {"clip_skip", "POST", T, "", "{" SMALL ",\"clip_skip\":2}", 200, "info:clip_skip=2|info:infotexts.0~Clip skip: 2"},
    {"override_settings", "POST", T, "", "{" SMALL ",\"override_settings\":{\"CLIP_stop_at_last_layers\":2.0}}", 200,
     "info:clip_skip=2"},
    {"and not afterwards", "POST", T, "", "{" SMALL "}", 200, "info:clip_skip=1"},
    {"another model for once", "POST", T, "", "{" SMALL ",\"override_settings\":{\"sd_model_checkpoint\":\"b\"}}", 200,
     "images.#=1"},
    {"then the old one", "GET", "/sdapi/v1/options", "", NULL, 200, "sd_model_checkpoint^a.safetensors"},
    {"a setting from now on", "POST", T, "",
     "{" SMALL
     ",\"override_settings\":{\"CLIP_stop_at_last_layers\":2},\"override_settings_restore_afterwards\":false}",
     200, "info:clip_skip=2"},
    {"which stays", "GET", "/sdapi/v1/options", "", NULL, 200, "CLIP_stop_at_last_layers=2"},
    {"until it is set again", "POST", "/sdapi/v1/options", "", "{\"CLIP_stop_at_last_layers\":1}", 200, ""},
    {"an unknown model for once", "POST", T, "", "{" SMALL ",\"override_settings\":{\"sd_model_checkpoint\":\"nope\"}}",
     404, "detail~nope"},
    {"SillyTavern's url and auth", "POST", T, "",
     "{" SMALL ",\"url\":\"http://secret-host\",\"auth\":\"secret-word\",\"prompt\":\"secret-prompt\"}", 200,
     "parameters.url-|parameters.auth-|warnings-"},
    {"a script that is switched off", "POST", T, "",
     "{" SMALL ",\"alwayson_scripts\":{\"ADetailer\":{\"args\":[false]}}}", 200, "images.#=1"},
    {"a script that is switched on", "POST", T, "",
     "{" SMALL ",\"alwayson_scripts\":{\"ADetailer\":{\"args\":[true,true,{\"ad_model\":\"x\"}]}}}", 422,
     "detail=always on script ADetailer not found"},
    {"a LoRA that is not there", "POST", T, "", "{" SMALL ",\"prompt\":\"a cat <lora:none-such:0.5>\"}", 422,
     "detail~none-such"},
    {"a tag that means nothing", "POST", T, "", "{" SMALL ",\"prompt\":\"a cat <foo:bar:0.5>\"}", 200,
     "warnings.0~<foo:bar:0.5>: is no tag of a network"},
    {"a task's name stays out of names of files", "POST", T, "",
     "{" SMALL ",\"save_images\":true,\"force_task_id\":\"/../../../x\"}", 200, "images.#=1|warnings-"},
    {"the webui's image CFG scale", "POST", T, "", "{" SMALL ",\"image_cfg_scale\":1.5}", 200, "warnings-"},
    {"a mask without a picture", "POST", T, "", "{" SMALL ",\"mask\":\"AAAA\"}", 200, "warnings.0^mask"},
    {"styles of nothing", "POST", T, "", "{" SMALL ",\"styles\":[\"\",\"None\"]}", 200, "images.#=1|warnings-"},
    {"no pictures sent", "POST", T, "", "{" SMALL ",\"send_images\":false}", 200, "images.#=0|info:infotexts.#=1"},
    {"a key that nobody knows", "POST", T, "", "{" SMALL ",\"frobnicate\":3}", 200,
     "warnings.0=frobnicate: has no effect"},
    {"and one whose name is cut within a character", "POST", T, "", "{" SMALL ",\"a" E8 E8 E8 E8 "\":3}", 200,
     "warnings.0^a\xc3\xa9"},
    {"a picture of another size", "POST", T, "", "{" SMALL ",\"width\":75,\"height\":64}", 200,
     "info:width=72|warnings.0=width: 75 became 72"},
    {"img2img without a picture", "POST", I, "", "{" SMALL "}", 404, "detail=Init image not found"},
    {"img2img of an address", "POST", I, "", "{" SMALL ",\"init_images\":[\"http://127.0.0.1/x.png\"]}", 422,
     "detail~addresses are not fetched"},
    {"img2img of a file", "POST", I, "", "{" SMALL ",\"init_images\":[\"file:///etc/passwd\"]}", 422,
     "detail~not fetched"},
    {"img2img of no base64", "POST", I, "", "{" SMALL ",\"init_images\":[\"?\"]}", 422, "detail~base64"},
    {"img2img of no picture", "POST", I, "", "{" SMALL ",\"init_images\":[\"AAAA\"]}", 422, "detail^init_images"},
    {"img2img of a number", "POST", I, "", "{" SMALL ",\"init_images\":[3]}", 422, "detail!"},
    {"a mask that is a list", "POST", I, "", "{" SMALL ",\"init_images\":[\"AAAA\"],\"mask\":[]}", 422, "detail^mask"},
    {"a negative seed", "POST", T, "", "{\"steps\":1,\"seed\":-2}", 200, "images.#=1"},
    {"too many steps", "POST", T, "", "{\"steps\":100000}", 422, "detail^steps"},
    {"steps of a list", "POST", T, "", "{\"steps\":[1]}", 422, "detail^steps"},
    {"steps of words", "POST", T, "", "{\"steps\":\"many\"}", 422, "detail~many"},
    {"steps of words, cut within a character", "POST", T, "", "{\"steps\":\"a" E8 E8 E8 E8 "\"}", 422, "detail^steps"},
    {"too many pictures", "POST", T, "", "{" SMALL ",\"n_iter\":1000}", 422, "detail~--most-pictures"},
    {"a vast picture", "POST", T, "", "{" SMALL ",\"width\":16384,\"height\":16384}", 422, "detail^size"},
    {"a server's file", "POST", T, "", "{" SMALL ",\"noise\":\"/etc/passwd\"}", 200, "warnings.0^noise"},
    {"idle", "GET", "/sdapi/v1/progress", "", NULL, 200,
     "progress=0.0|state.job=|state.job_count=0|current_image=null|state.skipped=false|state.stopping_generation="
     "false"},
    {"interrupt without body and type", "POST", "/sdapi/v1/interrupt", NO_TYPE, "", 200, ""},
    {"skip with an empty body", "POST", "/sdapi/v1/skip", "", "", 200, ""},
    {"JSON without a type", "POST", T, NO_TYPE, "{" SMALL "}", 200, "images.#=1"},
    {"and from a foreign page", "POST", T, NO_TYPE "Origin: http://evil.example\r\n", "{" SMALL "}", 403, "detail!"},
    {"a foreign page", "POST", T, "Origin: http://evil.example\r\n", "{" SMALL "}", 403, "detail^Origin"},
    {"no page (null)", "POST", T, "Origin: null\r\n", "{" SMALL "}", 403, "detail^Origin"},
    {"our own page", "POST", T, "Origin: http://localhost\r\n", "{" SMALL "}", 200, "images.#=1"},
    {"a listed page", "POST", T, "Origin: https://good.example\r\n", "{" SMALL "}", 200, "images.#=1"},
    {"a link from elsewhere", "GET", "/sdapi/v1/options", "Sec-Fetch-Site: cross-site\r\n", NULL, 403, "detail^Origin"},
    {"Node's fetch", "POST", T, "Sec-Fetch-Mode: cors\r\n", "{" SMALL "}", 200, "images.#=1"},
    {"text/plain", "POST", T, "Content-Type: text/plain\r\n", "{" SMALL "}", 415, "detail!"},
    {"a form", "POST", T, "Content-Type: application/x-www-form-urlencoded\r\n", "prompt=x", 415, "detail!"},
    {"preflight of a listed page", "OPTIONS", T,
     "Origin: https://good.example\r\nAccess-Control-Request-Method: POST\r\n", NULL, 204, ""},
    {"preflight of a foreign one", "OPTIONS", T,
     "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n", NULL, 403, ""},
    {"OPTIONS without a page", "OPTIONS", "/v1/images/generations", "", NULL, 204, ""},
    {"an empty Basic, without keys", "GET", "/sdapi/v1/options", "Authorization: Basic \r\n", NULL, 200,
     "samples_format!"},
    {"a foreign Host", "GET", "/sdapi/v1/options", "Host: evil.example\r\n", NULL, 403, "detail^Host"},
    {"GET of a POST", "GET", T, "", NULL, 405, "detail=Method Not Allowed"},
    {"nothing there", "GET", "/nope", "", NULL, 404, "detail=Not Found"},
    {"doubled and last slashes", "GET", "//sdapi//v1/options/", "", NULL, 200, "samples_format=png"},
    {"a prefix", "GET", "/some/where/sdapi/v1/options", "", NULL, 200, "samples_format=png"},
    {"models", "GET", "/sdapi/v1/sd-models", "", NULL, 200,
     "#=3|0.model_name=a|1.model_name=b|2.title=built-in|0.filename=a.safetensors"},
    {"samplers", "GET", "/sdapi/v1/samplers", "", NULL, 200,
     "0.name=DPM++ 2M|0.aliases.0=k_dpmpp_2m|0.options.scheduler=karras"},
    {"schedulers", "GET", "/sdapi/v1/schedulers", "", NULL, 200, "0.name=automatic|0.label=Automatic"},
    {"upscalers", "GET", "/sdapi/v1/upscalers", "", NULL, 200, "0.name=None|0.scale!|0.model_name=null"},
    {"latent modes", "GET", "/sdapi/v1/latent-upscale-modes", "", NULL, 200, "0.name=Latent"},
    {"embeddings", "GET", "/sdapi/v1/embeddings", "", NULL, 200, "loaded={}|skipped={}"},
    {"loras", "GET", "/sdapi/v1/loras", "", NULL, 200, "#=0"},
    {"hypernetworks", "GET", "/sdapi/v1/hypernetworks", "", NULL, 200, "#=0"},
    {"scripts", "GET", "/sdapi/v1/scripts", "", NULL, 200, "txt2img.0=controlnet|img2img.1=soft inpainting"},
    {"cmd-flags", "GET", "/sdapi/v1/cmd-flags", "", NULL, 200, "api=true"},
    {"memory", "GET", "/sdapi/v1/memory", "", NULL, 200, "ram.used!"},
    {"refresh-checkpoints", "POST", "/sdapi/v1/refresh-checkpoints", NO_TYPE, "", 200, ""},
    {"queue/status", "GET", "/queue/status", "", NULL, 200, "queue_size=0"},
    {"livez", "GET", "/livez", "", NULL, 200, ""},
    {"readyz", "GET", "/readyz", "", NULL, 200, "status=ready"},
    {"openapi", "GET", "/openapi.json", "", NULL, 200, "openapi=3.0.3|paths!"},
    {"enlarging nothing", "POST", "/sdapi/v1/extra-single-image", "", "{}", 404, "detail=Image not found"},
    {"png-info of nothing", "POST", "/sdapi/v1/png-info", "", "{}", 404, "detail!"},
    {"unload with a string as body", "POST", "/sdapi/v1/unload-checkpoint", "", "\"\"", 200, ""},
    {"and it loads again", "POST", T, "", "{" SMALL "}", 200, "images.#=1"},
    {"no JSON", "POST", T, "", "{\"steps\":", 422, "detail~JSON"},
    {"a list as body", "POST", T, "", "[]", 422, "detail!"},
    {"a key twice", "POST", T, "", "{\"steps\":1,\"steps\":2}", 422, "detail~JSON"},
    {"no UTF-8", "POST", T, "", "{\"prompt\":\"\xff\"}", 422, "detail~JSON"},
    {"a NUL", "POST", T, "", "{\"prompt\":\"a\\u0000b\"}", 422, "detail~JSON"},
    {"NaN", "POST", T, "", "{\"cfg_scale\":NaN}", 422, "detail~JSON"},
    {"1e999", "POST", T, "", "{\"cfg_scale\":1e999}", 422, "detail~JSON"},
};

void server_cases(const Served *s, const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const Case *x = &cases[i];
        Reply r = call(s, x->method, x->path, x->headers, x->body);
        reply_check(&r, x->status, x->wanted, "%s", x->name);
        if (r.status != 204) {
            const char *type = reply_header(&r, "Content-Type");
            test_check(type && !strcmp(type, "application/json"), "%s: a JSON reply", x->name);
        }
        reply_free(&r);
    }
}

/* --- several requests --- */

static bool same_picture(const Reply *a, int i, const Reply *b, int k) {
    char x[32], y[32];
    snprintf(x, sizeof x, "images.%d", i);
    snprintf(y, sizeof y, "images.%d", k);
    const char *p = reply_get(a, x), *q = reply_get(b, y);
    return p && q && !strcmp(p, q);
}

static char *text_of(const char *format, const char *value) {
    size_t n = strlen(format) + strlen(value) + 1;
    char *text = malloc(n);
    snprintf(text, n, format, value);
    return text;
}

static void seeds_count_up(const Served *s) {
    Reply all = call(s, "POST", T, "", "{\"steps\":2,\"seed\":5,\"batch_size\":2,\"n_iter\":2,\"prompt\":\"x\"}");
    reply_check(&all, 200, "images.#=4|info:all_seeds.0=5|info:all_seeds.3=8|info:all_prompts.#=4|info:infotexts.#=4",
                "two batches of two");
    Reply one = call(s, "POST", T, "", "{\"steps\":2,\"seed\":7,\"prompt\":\"x\"}");
    test_check(same_picture(&all, 2, &one, 0), "the third is seed 7's");
    reply_free(&all), reply_free(&one);
}

static void pictures_come_back(const Served *s) {
    Reply r = call(s, "POST", T, "", "{\"steps\":2,\"seed\":9,\"prompt\":\"a cat\"}");
    if (!test_check(reply_get(&r, "images.0") != NULL, "a picture to send back")) {
        reply_free(&r);
        return;
    }
    char *picture = strdup(reply_get(&r, "images.0"));
    char *text = strdup(reply_get(&r, "info:infotexts.0"));
    Reply info = call_with(s, "/sdapi/v1/png-info", "{\"image\":\"data:image/png;base64,%s\"}", picture);
    const char *said = reply_get(&info, "info");
    test_check(said && !strcmp(said, text), "png-info says what infotexts said");
    reply_check(&info, 200, "parameters.Seed=9|items.parameters!", "png-info's parameters");
    Reply a = call_with(s, I, "{\"steps\":2,\"seed\":3,\"init_images\":[\"%s\"]}", picture);
    Reply b = call_with(
        s, I, "{\"steps\":2,\"seed\":3,\"init_images\":[\"data:image/png;base64,%s\"],\"resize_mode\":0}", picture);
    reply_check(&a, 200, "images.#=1|info:denoising_strength=0.75|parameters.init_images-", "img2img");
    test_check(same_picture(&a, 0, &b, 0), "base64 and a data URL are the same");
    Reply m = call_with(s, I, "{\"steps\":2,\"init_images\":[\"%s\"],\"mask\":[\"x\"]}", picture);
    reply_check(&m, 422, "detail^mask", "a mask in a list");
    Reply big = call_with(
        s, "/sdapi/v1/extra-single-image",
        "{\"image\":\"%s\",\"upscaling_resize\":1.5,\"upscaler_1\":\"Lanczos\",\"gfpgan_visibility\":1}", picture);
    reply_check(&big, 200, "image^iVBOR|html_info=|warnings.0^gfpgan_visibility", "enlarged");
    char *large = strdup(reply_get(&big, "image") ? reply_get(&big, "image") : "");
    reply_free(&big);
    big = call_with(s, "/sdapi/v1/png-info", "{\"image\":\"%s\"}", large);
    reply_check(&big, 200, "parameters.Seed=9", "and it keeps its text");
    reply_free(&big), free(large);
    big = call_with(s, "/sdapi/v1/extra-single-image", "{\"image\":\"%s\",\"upscaler_1\":\"4x-None-Such\"}", picture);
    reply_check(&big, 404, "detail~not found", "an unknown upscaler");
    reply_free(&big);
    char *body_m = malloc(2 * strlen(picture) + 300);
    sprintf(body_m, "{\"steps\":2,\"seed\":3,\"init_images\":[\"%s\"],\"mask\":\"%s\"}", picture, picture);
    Reply painted = call(s, "POST", I, "", body_m);
    reply_check(&painted, 200, "images.#=1|info:infotexts.0~Masked content: fill|parameters.inpaint_full_res=true",
                "a mask, with the webui's defaults");
    reply_free(&painted);
    sprintf(body_m,
            "{\"steps\":2,\"seed\":3,\"init_images\":[\"%s\"],\"mask\":\"%s\",\"include_init_images\":true,"
            "\"alwayson_scripts\":{\"soft inpainting\":{\"args\":[true,1,0.25]}}}",
            picture, picture);
    painted = call(s, "POST", I, "", body_m);
    reply_check(&painted, 200,
                "info:infotexts.0~Soft inpainting preservation strength: 0.25|parameters.init_images.#=1|warnings-",
                "soft inpainting by its script");
    reply_free(&painted);
    sprintf(body_m,
            "{\"steps\":2,\"seed\":3,\"width\":64,\"height\":64,\"init_images\":[\"%s\"],\"n_iter\":2,\"batch_size\":3,"
            "\"script_name\":\"SD upscale\",\"script_args\":[null,16,\"Lanczos\",1]}",
            picture);
    Reply tiled = call(s, "POST", I, "", body_m);
    reply_check(
        &tiled, 200,
        "images.#=2|info:all_seeds.1=4|info:infotexts.0~SD upscale scale: 1, SD upscale overlap: 16, SD upscale "
        "upscaler: Lanczos",
        "SD upscale by its script: a picture for each of n_iter");
    reply_free(&tiled);
    sprintf(body_m, "{\"init_images\":[\"%s\"],\"script_name\":\"SD upscale\",\"script_args\":[null,16,\"4x-None\",2]}",
            picture);
    tiled = call(s, "POST", I, "", body_m);
    reply_check(&tiled, 404, "detail~4x-None", "SD upscale by an upscaler that is not there");
    reply_free(&tiled);
    free(body_m);
    free(picture), free(text);
    reply_free(&r), reply_free(&info), reply_free(&a), reply_free(&b), reply_free(&m);
}

/* Texts come several times in a reply, for each picture. */
static void texts_are_bounded(const Served *s) {
    enum { LONG = 100000 };
    char *prompt = malloc(LONG + 1);
    memset(prompt, 'a', LONG), prompt[LONG] = 0;
    Reply r = call_with(s, T, "{" SMALL ",\"n_iter\":64,\"prompt\":\"%s\"}", prompt);
    reply_check(&r, 422, "detail^prompt: 100000 bytes for each of 64 pictures", "64 pictures of a long prompt");
    reply_free(&r);
    free(prompt);
}

static void options_change(const Served *s) {
    static const char *const NAMES[] = {"b", "a.safetensors", "b.safetensors [0123456789]"};
    Reply r = call(s, "GET", "/sdapi/v1/options", "", NULL), back = call(s, "POST", "/sdapi/v1/options", "", r.body);
    reply_check(&back, 200, "", "the whole object back");
    reply_free(&r), reply_free(&back);
    Reply list = call(s, "GET", "/sdapi/v1/sd-models", "", NULL);
    const char *hash = reply_get(&list, "1.hash");
    test_check(hash && strlen(hash) == 10, "a model's hash is known once it has drawn");
    r = call_with(s, "/sdapi/v1/options", "{\"sd_model_checkpoint\":\"%s\"}", hash ? hash : "none");
    reply_check(&r, 200, "", "a model by its hash");
    reply_free(&list), reply_free(&r);
    for (size_t i = 0; i < 3; i++) {
        r = call_with(s, "/sdapi/v1/options", "{\"sd_model_checkpoint\":\"%s\",\"CLIP_stop_at_last_layers\":\"2\"}",
                      NAMES[i]);
        reply_check(&r, 200, "", "another model: %s", NAMES[i]);
        test_check(r.seconds < 5, "%s: answered at once", NAMES[i]);
        reply_free(&r);
        for (int k = 0; k < 500; k++) {
            r = call(s, "GET", "/sdapi/v1/progress", "", NULL);
            const char *count = reply_get(&r, "state.job_count");
            bool done = count && !strcmp(count, "0");
            reply_free(&r);
            if (done) break;
            server_nap();
        }
        r = call(s, "GET", "/sdapi/v1/options", "", NULL);
        char *wanted =
            text_of("sd_model_checkpoint^%s|CLIP_stop_at_last_layers=2", i == 1 ? "a.safetensors" : "b.safetensors");
        reply_check(&r, 200, wanted, "%s: it is in use", NAMES[i]);
        reply_free(&r), free(wanted);
    }
    r = call(s, "POST", "/sdapi/v1/options", "", "{\"sd_model_checkpoint\":\"../a\"}");
    reply_check(&r, 404, "detail~not found", "an unknown model");
    reply_free(&r);
    size_t size;
    char *kept = test_read(cli_path("settings.json"), &size);
    test_check(kept && strstr(kept, "\"b.safetensors [0123456789]\"") && strstr(kept, "CLIP_stop_at_last_layers\": 2"),
               "the file keeps them");
    free(kept);
    r = call(s, "POST", T, "",
             "{" SMALL
             ",\"override_settings\":{\"sd_model_checkpoint\":\"a\"},\"override_settings_restore_afterwards\":0}");
    reply_check(&r, 200, "images.#=1", "a model that a picture brings");
    reply_free(&r);
    r = call(s, "GET", "/sdapi/v1/options", "", NULL);
    reply_check(&r, 200, "sd_model_checkpoint^a.safetensors", "and that stays");
    reply_free(&r);
}

void wait_idle(const Served *s, const char *name) {
    bool idle = false;
    for (int k = 0; !idle && k < 500; k++) {
        Reply r = call(s, "GET", "/sdapi/v1/progress?skip_current_image=true", "", NULL);
        const char *count = reply_get(&r, "state.job_count");
        idle = count && !strcmp(count, "0");
        reply_free(&r);
        if (!idle) server_nap();
    }
    test_check(idle, "%s", name);
}

/* Starts a picture of many steps and waits until it is drawn. */
static int begin_long(const Served *s, const char *body) {
    int fd = call_open(s);
    bool drawn = false;
    call_send(fd, "POST", T, "", body);
    for (int k = 0; !drawn && k < 1000; k++) {
        Reply r = call(s, "GET", "/sdapi/v1/progress?skip_current_image=true", "", NULL);
        const char *step = reply_get(&r, "state.sampling_step");
        drawn = step && strcmp(step, "0") != 0;
        reply_free(&r);
        if (!drawn) server_nap();
    }
    return fd;
}

#define LONG "{\"steps\":1000,\"seed\":5,\"width\":64,\"height\":64,\"force_task_id\":\"task(long)\"}"

static void progress_and_interrupt(const Served *s) {
    int fd = begin_long(s, LONG);
    Reply a = call(s, "GET", "/sdapi/v1/progress", "", NULL);
    reply_check(&a, 200, "current_image^iVBOR|state.job=task(long)|state.job_count=1|state.sampling_steps=1000",
                "progress while it is drawn");
    Reply b = a;
    for (int k = 0; k < 200 && b.body && a.body && !strcmp(reply_get(&b, "progress"), reply_get(&a, "progress")); k++) {
        if (k) reply_free(&b);
        server_nap();
        b = call(s, "GET", "/sdapi/v1/progress?skip_current_image=true", "", NULL);
    }
    test_check(b.body && atof(reply_get(&b, "progress")) > atof(reply_get(&a, "progress")), "progress rises");
    reply_check(&b, 200, "current_image=null", "skip_current_image");
    if (b.body != a.body) reply_free(&b);
    reply_free(&a);
    Reply i = call(s, "POST", "/sdapi/v1/interrupt", NO_TYPE, "");
    reply_check(&i, 200, "", "interrupt");
    Reply r = call_read(fd);
    reply_check(&r, 200, "images.#=1|info:interrupted=true", "what was interrupted");
    call_close(fd);
    reply_free(&i), reply_free(&r);
    fd = begin_long(s, LONG);
    call_close(fd); /* the client goes away */
    wait_idle(s, "a client that goes away frees its place");
}

/* The queue holds one. */
static void queue_is_bounded(const Served *s) {
    int first = begin_long(s, LONG), second = call_open(s);
    call_send(second, "POST", T, "", "{" SMALL "}");
    bool waits = false;
    for (int k = 0; !waits && k < 500; k++) {
        Reply r = call(s, "GET", "/sdapi/v1/progress?skip_current_image=true", "", NULL);
        const char *count = reply_get(&r, "state.job_count");
        waits = count && !strcmp(count, "2");
        reply_free(&r);
        if (!waits) server_nap();
    }
    Reply full = call(s, "POST", T, "", "{" SMALL "}");
    reply_check(&full, 503, "detail~full", "the queue is full");
    test_check(reply_header(&full, "Retry-After") != NULL, "and says when to try again");
    reply_free(&full);
    full = call(s, "POST", "/v1/images/generations", "", "{\"prompt\":\"x\"," SMALL "}");
    reply_check(&full, 503, "error.message~full|error.type=server_error|detail-", "in OpenAI's form, too");
    reply_free(&full);
    full = call(s, "POST", "/sdapi/v1/interrupt", NO_TYPE, "");
    reply_free(&full);
    Reply a = call_read(first), b = call_read(second);
    reply_check(&a, 200, "info:interrupted=true", "the first ends");
    reply_check(&b, 200, "images.#=1|info:interrupted-", "the second is drawn");
    call_close(first), call_close(second);
    reply_free(&a), reply_free(&b);
}

/* After a second, spaces. */
static void spaces_come_first(const Served *s) {
    int fd = begin_long(s, LONG);
    struct timespec t = {1, 300000000};
    nanosleep(&t, NULL);
    Reply i = call(s, "POST", "/sdapi/v1/interrupt", NO_TYPE, ""), r = call_read(fd);
    reply_check(&r, 200, "images.#=1", "a reply that takes long");
    test_check(r.chunked && r.body && *r.body == ' ', "begins with spaces");
    call_close(fd);
    reply_free(&i), reply_free(&r);
}

void server_webui(const Served *s) {
    server_cases(s, CASES, sizeof CASES / sizeof *CASES);
    seeds_count_up(s);
    pictures_come_back(s);
    texts_are_bounded(s);
    options_change(s);
    progress_and_interrupt(s);
    queue_is_bounded(s);
    spaces_come_first(s);
}
