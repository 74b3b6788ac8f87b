/* server_controls.c: the routes and units of the webui's ControlNet extension. */
#include "server.h"

#include "sd/image/hint.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/image/resize.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Case CASES[] = {
    {"ControlNet without units", "POST", T, "", "{" SMALL ",\"alwayson_scripts\":{\"ControlNet\":{\"args\":[]}}}", 200,
     "images.#=1"},
    {"a ControlNet that is switched off", "POST", T, "",
     "{" SMALL ",\"alwayson_scripts\":{\"ControlNet\":{\"args\":[{\"enabled\":false,\"model\":\"x\"}]}}}", 200,
     "images.#=1"},
    {"a ControlNet that is not there", "POST", T, "",
     "{" SMALL ",\"alwayson_scripts\":{\"ControlNet\":{\"args\":[{\"model\":\"x [12345678]\",\"module\":\"canny\"}]}}}",
     404, "detail~x [12345678]"},
    {"a module that is not there", "POST", T, "",
     "{" SMALL ",\"alwayson_scripts\":{\"ControlNet\":{\"args\":[{\"model\":\"x\",\"module\":\"depth_midas\"}]}}}", 422,
     "detail~depth_midas"},
    {"ControlNet's models", "GET", "/controlnet/model_list", "", NULL, 200, "model_list.#=0"},
    {"ControlNet's types", "GET", "/controlnet/control_types", "", NULL, 200,
     "control_types.All.module_list.1=canny|control_types.All.default_model=None|"
     "control_types.All.default_option=none|control_types.Canny.module_list.1=canny|"
     "control_types.Canny.default_option=canny|control_types.Depth.module_list.#=1|"
     "control_types.Tile.model_list.0=None"},
    {"ControlNet's modules", "GET", "/controlnet/module_list", "", NULL, 200,
     "module_list.0=none|module_list.2=invert|module_detail.canny.sliders.1.value=100.0|"
     "module_detail.none.sliders.#=0|module_detail.canny.model_free=false"},
    {"by the names of the page", "GET", "/controlnet/module_list?alias_names=true", "", NULL, 200,
     "module_list.2=invert (from white bg & black line)"},
    {"a hint of nothing", "POST", "/controlnet/detect", "", "{\"controlnet_module\":\"canny\"}", 422,
     "detail=No image selected"},
    {"a hint by a network", "POST", "/controlnet/detect", "",
     "{\"controlnet_module\":\"openpose_full\",\"controlnet_input_images\":[\"AAAA\"]}", 422,
     "detail^Module not available|detail~openpose_full"},
    {"a hint that is no picture", "POST", "/controlnet/detect", "",
     "{\"controlnet_module\":\"ip-adapter_clip_sd15\",\"controlnet_input_images\":[\"AAAA\"]}", 422,
     "detail^Module not supported"},
    {"a hint of no picture", "POST", "/controlnet/detect", "",
     "{\"controlnet_module\":\"invert\",\"controlnet_input_images\":[\"AAAA\"]}", 422,
     "detail^controlnet_input_images"},
    {"a hint of an address", "POST", "/controlnet/detect", "",
     "{\"controlnet_input_images\":[\"http://127.0.0.1/x.png\"]}", 422, "detail~not fetched"},
    {"a hint of a number", "POST", "/controlnet/detect", "", "{\"controlnet_input_images\":[1]}", 422, "detail!"},
};

enum { SIDE = 32 };

/* What the server makes of a picture is hint_make's of the same pixels, at its own size and at another. */
static void hints(const Served *s) {
    static const struct {
        const char *module;
        SdHint hint;
        double low, high;
        int side;
    } MODULES[] = {{"none", SD_HINT_NONE, 0, 0, SIDE},
                   {"canny", SD_HINT_CANNY, 60, 200, 64},
                   {"canny", SD_HINT_CANNY, 100, 150, 100},
                   {"Invert (from white bg & black line)", SD_HINT_INVERT, 0, 0, SIDE},
                   {"tile_resample", SD_HINT_TILE, 0, 0, SIDE},
                   {"scribble", SD_HINT_SCRIBBLE, 0, 0, 64},
                   {"recolor_luminance", SD_HINT_LUMINANCE, 0.5, 0, SIDE}};
    enum { W = SIDE * 3 / 2, MOST = 150 * 100 * 3 };
    static uint8_t rgb[SIDE * W * 3], wanted[MOST];
    uint8_t *png = NULL;
    size_t size = 0;
    for (int i = 0; i < SIDE * W; i++)
        rgb[i * 3] = (uint8_t)(i % W * 5), rgb[i * 3 + 1] = (uint8_t)(i / W / 8 * 60), rgb[i * 3 + 2] = i % 7 ? 0 : 255;
    test_check(png_encode(rgb, W, SIDE, NULL, 0, &png, &size, NULL), "a picture");
    char *text = base64_of(png, size);
    for (size_t i = 0; i < sizeof MODULES / sizeof *MODULES; i++) {
        int h = MODULES[i].side, w = h * 3 / 2;
        char format[400];
        snprintf(format, sizeof format,
                 "{\"controlnet_module\":\"%s\",\"controlnet_processor_res\":%d,\"controlnet_threshold_a\":%g,"
                 "\"controlnet_threshold_b\":%g,\"controlnet_input_images\":[\"data:image/png;base64,%%s\"]}",
                 MODULES[i].module, h, MODULES[i].low, MODULES[i].high);
        Reply r = call_with(s, "/controlnet/detect", format, text);
        reply_check(&r, 200, "info=Success|images.#=1", "a hint by %s", MODULES[i].module);
        const char *got = reply_get(&r, "images.0");
        uint8_t *file = base64_bytes(got ? got : "", &size);
        Image image = {0};
        bool same = image_decode(file, size, "reply", IMAGE_WHITE, &image, NULL) && image.width == w &&
                    image.height == h && resize_rgb(rgb, W, SIDE, wanted, w, h, RESIZE_LANCZOS, NULL) &&
                    hint_make(wanted, w, h, MODULES[i].hint, MODULES[i].low, MODULES[i].high, NULL) &&
                    !memcmp(wanted, image.rgb, (size_t)(w * h) * 3);
        test_check(same, "%s makes the hint that a ControlNet is shown", MODULES[i].module);
        image_free(&image);
        free(file);
        reply_free(&r);
    }
    free(png), free(text);
}

void server_controls(const Served *s) {
    server_cases(s, CASES, sizeof CASES / sizeof *CASES);
    hints(s);
}
