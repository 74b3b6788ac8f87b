/* server_hires.c: hires fix and the scripts of the webui's API. */
#include "server.h"

#define HIRES "{" SMALL ",\"enable_hr\":true,\"width\":64,\"height\":64"
#define SCRIPTS(text) "{" SMALL ",\"alwayson_scripts\":" text "}"
#define UNIT(text) SCRIPTS("{\"controlNet\":{\"args\":[{\"model\":\"x\"," text "}]}}")

static const Case CASES[] = {
    {"hires fix", "POST", T, "",
     "{" SMALL ",\"enable_hr\":\"True\",\"hr_scale\":\"1.5\",\"hr_second_pass_steps\":2.5,\"width\":64,\"height\":64,"
     "\"denoising_strength\":0.5,\"hr_upscaler\":\"Latent (nearest)\"}",
     200,
     "info:infotexts.0~Hires upscale: 1.5, Hires steps: 2, Hires upscaler: Latent (nearest)|"
     "info:denoising_strength=0.5|parameters.hires_scale=1.5|parameters.denoising_strength=0.5|warnings-"},
    {"hires fix to a size, by a filter", "POST", T, "",
     HIRES ",\"hr_resize_x\":96,\"hr_resize_y\":96,\"hr_upscaler\":\"Lanczos\"}", 200,
     "info:infotexts.0~Hires resize: 96x96|parameters.hires_scale=0.0"},
    {"hires fix with the choices of the webui's page", "POST", T, "",
     HIRES ",\"hr_sampler_name\":\"Use same sampler\",\"hr_scheduler\":\"Use same scheduler\",\"hr_prompt\":\"\","
           "\"hr_checkpoint_name\":\"Use same checkpoint\",\"hr_additional_modules\":[\"Use same choices\"]}",
     200, "info:infotexts.0~Hires upscale: 2|warnings-"},
    {"hires fix by the table's names", "POST", T, "",
     "{" SMALL ",\"hires_scale\":1.5,\"width\":64,\"height\":64,\"denoising_strength\":0.25}", 200,
     "info:infotexts.0~Hires upscale: 1.5|info:denoising_strength=0.25"},
    {"an upscaler that is not there", "POST", T, "", HIRES ",\"hr_upscaler\":\"4x-None\"}", 404, "detail~4x-None"},
    {"a path in its place", "POST", T, "", HIRES ",\"hr_upscaler\":\"/etc/passwd\"}", 404, "detail~not found"},
    {"another model for the second pass", "POST", T, "", HIRES ",\"hr_checkpoint_name\":\"built-in\"}", 422,
     "detail^hr_checkpoint_name"},
    {"an unknown sampler for it", "POST", T, "", HIRES ",\"hr_sampler_name\":\"foo\"}", 404,
     "detail=Sampler not found"},
    {"hires fix beyond its range", "POST", T, "", HIRES ",\"hr_scale\":17}", 422, "detail^hr_scale"},
    {"hires fix switched off", "POST", T, "",
     "{" SMALL ",\"enable_hr\":false,\"hr_scale\":2,\"hr_upscaler\":\"4x-None\",\"denoising_strength\":0.5}", 200,
     "info:denoising_strength=null|info:extra_generation_params.Hires upscale-|warnings-"},
    {"hires fix is no setting for all", "POST", "/sdapi/v1/options", "", "{\"hires_scale\":2}", 200, ""},
    {"and stays off", "POST", T, "", "{" SMALL "}", 200, "info:extra_generation_params.Hires upscale-"},
    {"OpenAI: hires fix", "POST", "/v1/images/generations", "",
     "{\"prompt\":\"x\",\"steps\":1,\"enable_hr\":true,\"hr_upscaler\":\"4x-None\"}", 404, "error.message~4x-None"},
    {"scripts in a list", "POST", T, "", SCRIPTS("[1]"), 422, "detail^alwayson_scripts"},
    {"a threshold below 0 is the module's own", "POST", T, "",
     UNIT("\"module\":\"canny\",\"threshold_a\":-1,\"threshold_b\":-1"), 404, "detail~'x' not found"},
    {"a module that only begins as one does", "POST", T, "", UNIT("\"module\":\"scribble_hed\""), 422,
     "detail~scribble_hed"},
    {"soft inpainting is for img2img", "POST", T, "", SCRIPTS("{\"Soft Inpainting\":{\"args\":[true]}}"), 422,
     "detail=always on script Soft Inpainting not found"},
    {"unless it is off", "POST", T, "", SCRIPTS("{\"Soft Inpainting\":{\"args\":[false]}}"), 200, "warnings-"},
};

void server_hires(const Served *s) { server_cases(s, CASES, sizeof CASES / sizeof *CASES); }
