/* server_more.c: what clients ask for besides pictures: styles, tokens, cards, masks, batches of the small. */
#include "server.h"

#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_adapter.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/pipeline/control_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { SIDE = 32 };

/* A black picture with one white point, or with text. */
static char *point(int x, int y, const char *said) {
    static uint8_t rgb[SIDE * SIDE * 3];
    const PngText text = {"parameters", said};
    uint8_t *png = NULL;
    size_t size;
    memset(rgb, 0, sizeof rgb);
    memset(rgb + (y * SIDE + x) * 3, 255, 3);
    test_check(png_encode(rgb, SIDE, SIDE, &text, said != NULL, &png, &size, NULL), "a picture");
    char *out = base64_of(png, size);
    free(png);
    return out;
}

/* How many pixels of a reply's picture are white, and the least and largest x of such. */
static int white(const Reply *r, const char *path, int *left, int *right) {
    const char *text = reply_get(r, path);
    size_t size;
    uint8_t *file = base64_bytes(text ? text : "", &size);
    Image image = {0};
    int count = 0;
    *left = SIDE, *right = -1;
    if (image_decode(file, size, "reply", IMAGE_WHITE, &image, NULL))
        for (int i = 0; i < image.width * image.height; i++)
            if (image.rgb[i * 3] == 255) {
                int x = i % image.width;
                count++;
                *left = x < *left ? x : *left, *right = x > *right ? x : *right;
            }
    image_free(&image);
    free(file);
    return count;
}

/* --- masks of the Photoshop plug-in --- */

#define EXPANSION "/sdapi/auto-photoshop-sd/mask/expansion/"

/* Each pixel of a mask is the largest of those around it. */
static void masks_are_largest(const Served *s) {
    static uint8_t rgb[SIDE * SIDE * 3];
    uint8_t *png = NULL;
    size_t size = 0;
    unsigned chance = 7;
    for (int i = 0; i < SIDE * SIDE; i++)
        chance = chance * 1103515245u + 12345u, memset(rgb + i * 3, (int)(chance >> 16 & 255), 3);
    test_check(png_encode(rgb, SIDE, SIDE, NULL, 0, &png, &size, NULL), "a picture");
    char *mask = base64_of(png, size);
    for (int reach = 1; reach < 6; reach += 2) {
        char format[100];
        snprintf(format, sizeof format, "{\"mask\":\"%%s\",\"mask_expansion\":%d}", reach);
        Reply r = call_with(s, EXPANSION, format, mask);
        const char *text = reply_get(&r, "mask");
        uint8_t *file = base64_bytes(text ? text : "", &size);
        Image image = {0};
        int wrong = image_decode(file, size, "reply", IMAGE_WHITE, &image, NULL) ? 0 : -1;
        for (int y = 0; !wrong && y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                int most = 0;
                for (int i = y - reach; i <= y + reach; i++)
                    for (int k = x - reach; k <= x + reach; k++)
                        if (i >= 0 && k >= 0 && i < SIDE && k < SIDE && rgb[(i * SIDE + k) * 3] > most)
                            most = rgb[(i * SIDE + k) * 3];
                wrong += image.rgb[(y * SIDE + x) * 3] != most;
            }
        test_check(!wrong, "a mask that grows by %d: %d pixels are wrong", reach, wrong);
        image_free(&image);
        free(file);
        reply_free(&r);
    }
    free(png), free(mask);
}

static void masks_grow(const Served *s) {
    char *mask = point(10, 20, NULL);
    int left, right;
    Reply r = call_with(s, EXPANSION, "{\"mask\":\"%s\",\"mask_expansion\":3,\"blur\":0}", mask);
    int count = white(&r, "mask", &left, &right);
    test_check(count == 49 && left == 7 && right == 13, "a point grows to 7x7: %d, %d..%d", count, left, right);
    reply_free(&r);
    r = call_with(s, EXPANSION, "{\"mask\":\"data:image/png;base64,%s\",\"mask_expansion\":\"30\"}", mask);
    count = white(&r, "mask", &left, &right);
    test_check(count == SIDE * SIDE, "or over the whole mask: %d", count);
    reply_free(&r);
    r = call_with(s, EXPANSION, "{\"mask\":\"%s\",\"mask_expansion\":3,\"blur\":4}", mask);
    count = white(&r, "mask", &left, &right);
    test_check(r.status == 200 && count == 0, "and is softened: %d", count);
    reply_free(&r);
    free(mask);
}

/* --- pictures that are looked at, and enlarged --- */

static void pictures(const Served *s) {
    char *plain = point(1, 1, NULL), *said = point(5, 1, "a red cat\nSteps: 3, Sampler: Euler, CFG scale: 7, Seed: 8");
    Reply r = call_with(s, "/sdapi/v1/interrogate", "{\"image\":\"%s\",\"model\":\"clip\"}", said);
    reply_check(&r, 200, "caption=a red cat|warnings.0~no model", "a picture that says its prompt");
    reply_free(&r);
    r = call_with(s, "/sdapi/v1/interrogate", "{\"image\":\"%s\"}", plain);
    reply_check(&r, 404, "detail^Model not found", "and one that says none");
    reply_free(&r);
    size_t n = strlen(plain) + strlen(said) + 200;
    char *body = malloc(n);
    snprintf(body, n,
             "{\"imageList\":[{\"data\":\"%s\",\"name\":\"a\"},{\"data\":\"%s\",\"name\":\"b\"}],"
             "\"upscaling_resize\":2,\"upscaler_1\":\"Nearest\"}",
             plain, said);
    r = call(s, "POST", "/sdapi/v1/extra-batch-images", "", body);
    int left, right, count = white(&r, "images.1", &left, &right);
    reply_check(&r, 200, "images.#=2|html_info=|image-", "two pictures enlarged");
    test_check(count == 4 && left == 10 && right == 11, "each as if alone: %d, %d..%d", count, left, right);
    reply_free(&r);
    r = call_with(s, "/sdapi/v1/png-info", "{\"image\":\"%s\"}", said);
    reply_check(&r, 200, "parameters.Seed=8", "a text that is not ours");
    reply_free(&r);
    free(body), free(plain), free(said);
}

#define TEN_D "\"D\",\"D\",\"D\",\"D\",\"D\",\"D\",\"D\",\"D\",\"D\",\"D\""

/* --- files beside files --- */

static const Case CASES[] = {
    {"heartbeat", "GET", "/sdapi/auto-photoshop-sd/heartbeat", "", NULL, 200, "heartbeat=true"},
    {"no mask to expand", "POST", EXPANSION, "", "{}", 404, "detail=Mask not found"},
    {"a mask that is a list", "POST", EXPANSION, "", "{\"mask\":[1]}", 422, "detail^mask"},
    {"a mask that is no picture", "POST", EXPANSION, "", "{\"mask\":\"AAAA\"}", 422, "detail^mask"},
    {"a mask that grows without end", "POST", EXPANSION, "", "{\"mask\":\"AAAA\",\"mask_expansion\":100000}", 422,
     "detail^mask_expansion"},
    {"login without keys", "POST", "/login", "Content-Type: application/x-www-form-urlencoded\r\n",
     "username=a&password=b", 200, "success=true"},
    {"interrogating nothing", "POST", "/sdapi/v1/interrogate", "", "{}", 404, "detail=Image not found"},
    {"a batch of nothing", "POST", "/sdapi/v1/extra-batch-images", "", "{}", 422, "detail^imageList"},
    {"a batch of numbers", "POST", "/sdapi/v1/extra-batch-images", "", "{\"imageList\":[1]}", 422, "detail^imageList"},
    {"styles", "GET", "/sdapi/v1/prompt-styles", "", NULL, 200,
     "#=2|0.name=Ink|0.prompt=ink drawing of {prompt}, \"fine\" lines|1.negative_prompt=blurry"},
    {"a style around a prompt, and one after it", "POST", T, "",
     "{" SMALL ",\"prompt\":\"a cat\",\"styles\":[\"Ink\",\"Sharp\"]}", 200,
     "info:prompt=ink drawing of a cat, \"fine\" lines, "
     "sharp|info:negative_prompt=blurry|info:styles.1=Sharp|warnings-"},
    {"a style that is not there", "POST", T, "", "{" SMALL ",\"prompt\":\"a cat\",\"styles\":[\"Oil\"]}", 200,
     "info:prompt=a cat|warnings.0=styles: 'Oil' is unknown"},
    {"a new style", "POST", "/v1/styles", "", "{\"name\":\"Two, three\",\"prompt\":\"a\\nb\"}", 200,
     "#=3|2.name=Two, three|2.prompt=a\nb"},
    {"changed", "POST", "/v1/styles", "", "{\"name\":\"Ink\",\"prompt\":\"ink\"}", 200, "#=3|0.prompt=ink"},
    {"removed", "POST", "/v1/styles", "", "{\"name\":\"Two, three\"}", 200, "#=2"},
    {"a style that doubles", "POST", "/v1/styles", "", "{\"name\":\"D\",\"prompt\":\"{prompt} {prompt}\"}", 200, "#=3"},
    {"too often", "POST", T, "", "{" SMALL ",\"prompt\":\"a\",\"styles\":[" TEN_D "," TEN_D "," TEN_D "]}", 422,
     "detail^styles"},
    {"and removed", "POST", "/v1/styles", "", "{\"name\":\"D\"}", 200, "#=2"},
    {"a style without a name", "POST", "/v1/styles", "", "{\"prompt\":\"x\"}", 422, "detail^name"},
    {"tokens", "POST", "/v1/tokens", "", "{\"prompt\":\"a cat, (a dog:1.2)\",\"negative_prompt\":\"\"}", 200,
     "prompt.tokens=5|prompt.room=75|prompt.chunks=1|negative_prompt.tokens=0"},
    {"tokens of two chunks", "POST", "/v1/tokens", "", "{\"prompt\":\"a BREAK b\"}", 200,
     "prompt.tokens=76|prompt.room=150|prompt.chunks=2"},
    {"an embedding's vectors", "POST", "/v1/tokens", "", "{\"prompt\":\"in mymark style\"}", 200, "prompt.tokens=5"},
    {"a prompt that is wrong", "POST", "/v1/tokens", "", "{\"prompt\":\"(a:1..2)\"}", 422, "detail!"},
    {"tokens of a number", "POST", "/v1/tokens", "", "{\"prompt\":3}", 422, "detail^prompt"},
    {"embeddings and their vectors", "GET", "/sdapi/v1/embeddings", "", NULL, 200,
     "loaded.mymark.vectors=3|loaded.mymark.shape=768"},
    {"cards", "GET", "/v1/cards", "", NULL, 200,
     "loras.#=1|loras.0.name=inky|loras.0.file=sub/inky.safetensors|loras.0.preview=true|loras.0.words=inky style|"
     "loras.0.weight^0.8|embeddings.0.vectors=3|embeddings.0.preview=false|models.0.name=built-in"},
    {"no preview", "GET", "/v1/cards/preview?of=embeddings&name=mymark", "", NULL, 404, "detail=Not Found"},
    {"a path in its place", "GET", "/v1/cards/preview?of=loras&name=../../x.png", "", NULL, 404, "detail=Not Found"},
    {"of nothing", "GET", "/v1/cards/preview?of=nothing&name=inky", "", NULL, 404, "detail=Not Found"},
    {"the page's fields at first", "GET", "/v1/page", "", NULL, 200, "prompt-"},
    {"are kept", "POST", "/v1/page", "", "{\"prompt\":\"a kept prompt\",\"rows\":{\"steps\":7}}", 200, ""},
    {"and found again", "GET", "/v1/page", "", NULL, 200, "prompt=a kept prompt|rows.steps=7"},
    {"nested without end", "POST", "/v1/page", "", "{\"a\":[[[[1]]]]}", 422, "detail~nested"},
    {"and are no settings", "GET", "/sdapi/v1/options", "", NULL, 200, "page-|samples_format=png"},
    {"what a route takes", "GET", "/openapi.json", "", NULL, 200,
     "paths./v1/styles.post.requestBody.content.application/json.schema.required.0=name|"
     "paths./sdapi/v1/progress.get.parameters.0.name=skip_current_image"},
    {"an image prompt without a vision encoder", "POST", T, "",
     "{" SMALL
     ",\"alwayson_scripts\":{\"controlnet\":{\"args\":[{\"model\":\"x\",\"module\":\"ip-adapter_clip_sd15\"}]}}}",
     422, "detail~--image-encoder"},
};

/* One tensor of three vectors, as an embedding's file has it. */
static void write_embedding(const char *path) {
    enum { VECTORS = 3, WIDTH = 768, BYTES = VECTORS * WIDTH * 4 };
    static unsigned char file[8 + 128 + BYTES];
    int n = snprintf((char *)file + 8, 128,
                     "{\"emb_params\":{\"dtype\":\"F32\",\"shape\":[3,768],\"data_offsets\":[0,%d]}}", (int)BYTES);
    file[0] = (unsigned char)n;
    test_write(path, (const char *)file, 8 + (size_t)n + BYTES);
}

static void make_files(void) {
    static const char STYLES[] = "\xef\xbb\xbfname,prompt,negative_prompt\r\n"
                                 "Ink,\"ink drawing of {prompt}, \"\"fine\"\" lines\",\r\nSharp, sharp ,blurry\r\n";
    static const char NOTES[] = "{\"activation text\":\"inky style\",\"preferred weight\":0.8,\"sd version\":\"SD1\"}";
    mkdir(cli_path("loras"), 0777), mkdir(cli_path("loras/sub"), 0777), mkdir(cli_path("embeddings"), 0777);
    test_write(cli_path("styles.csv"), STYLES, sizeof STYLES - 1);
    test_write(cli_path("loras/sub/inky.safetensors"), "x", 1);
    test_write(cli_path("loras/sub/inky.preview.png"), "\x89PNG preview", 12);
    test_write(cli_path("loras/sub/inky.json"), NOTES, sizeof NOTES - 1);
    write_embedding(cli_path("embeddings/mymark.safetensors"));
}

/* The file of styles stays one that is read. */
static void styles_are_bounded(const Served *s) {
    enum { LONG = 5 << 20 };
    char *text = malloc(LONG + 1);
    memset(text, 'a', LONG), text[LONG] = 0;
    Reply r = call_with(s, "/v1/styles", "{\"name\":\"long\",\"prompt\":\"%s\"}", text);
    reply_check(&r, 422, "detail^styles", "a style larger than the file may be");
    reply_free(&r);
    free(text);
}

static void page_is_whole(const Served *s) {
    static const struct {
        const char *path, *type, *holds;
    } PARTS[] = {{"/", "text/html; charset=utf-8", "page.js|page.css|</html>"},
                 {"/page.css", "text/css; charset=utf-8", "data-theme|@media"},
                 {"/page.js", "text/javascript; charset=utf-8", "\"use strict\"|begin()"}};
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        Reply r = call(s, "GET", PARTS[i].path, "", NULL);
        const char *type = reply_header(&r, "Content-Type");
        test_check(r.status == 200 && type && !strcmp(type, PARTS[i].type) && cli_holds(r.body, PARTS[i].holds),
                   "the page's part %s", PARTS[i].path);
        reply_free(&r);
    }
    int fd = call_open(s);
    char head[16] = "";
    call_send(fd, "HEAD", "/", "", NULL);
    test_check(recv(fd, head, 12, MSG_WAITALL) == 12 && !strcmp(head, "HTTP/1.1 200"), "HEAD /: %s", head);
    call_close(fd);
    Reply r = call(s, "GET", "/v1/cards/preview?of=loras&name=sub%2Finky.safetensors", "", NULL);
    const char *type = reply_header(&r, "Content-Type");
    test_check(r.status == 200 && type && !strcmp(type, "image/png") && r.size == 12, "a preview beside a file");
    reply_free(&r);
}

void server_more(void) {
    char arguments[2000];
    Served s;
    make_files();
    snprintf(arguments, sizeof arguments, "--styles %s --lora-dir %s --embedding-dir %s --settings %s",
             cli_path("styles.csv"), cli_path("loras"), cli_path("embeddings"), cli_path("more.json"));
    for (int again = 0; again < 2; again++) {
        if (!test_check(serve_start(&s, arguments), "a server with styles, LoRAs and embeddings")) return;
        if (again) {
            Reply r = call(&s, "GET", "/v1/page", "", NULL);
            reply_check(&r, 200, "prompt=a kept prompt|rows.steps=7", "the page's fields outlive the server");
            reply_free(&r);
        } else {
            server_cases(&s, CASES, sizeof CASES / sizeof *CASES);
            styles_are_bounded(&s);
            page_is_whole(&s);
            masks_grow(&s);
            masks_are_largest(&s);
            pictures(&s);
            server_load(&s);
        }
        test_check(serve_stop(&s) == 0, "it ends with 0");
    }
}

/* --- an image prompt --- */

/* A ControlNet that is shown what a mask repaints. */
static void repainted(const Served *s, const char *picture) {
#define I "/sdapi/v1/img2img"
#define PAINT(module, rest)                                                                                            \
    ",\"alwayson_scripts\":{\"controlnet\":{\"args\":[{\"model\":\"paint\",\"module\":\"" module "\"" rest "}]}}}"
#define MASKED "{" SMALL ",\"width\":64,\"height\":64,\"init_images\":[\"%s\"],\"mask\":\"%s\""
#define SHOWN ",\"image\":\"%s\",\"mask\":\"%s\""
    static const struct {
        const char *path, *body, *wanted;
        int status;
    } UNITS[] = {
        {I, MASKED PAINT("inpaint_only", ""), "images.#=1|warnings-|info:infotexts.0~Module: inpaint_global_harmonious",
         200},
        {I, MASKED ",\"inpaint_full_res\":true,\"script_name\":\"SD upscale\",\"script_args\":[null,16,\"Lanczos\",1]}",
         "info:infotexts.0~Mask blur: 4|warnings.0~inpaint_full_res", 200},
        {I, MASKED PAINT("Inpaint", SHOWN), "images.#=1|warnings-", 200},
        {T, "{" SMALL PAINT("inpaint", SHOWN), "images.#=1|info:infotexts.0~Module: inpaint_global_harmonious", 200},
        {I, MASKED PAINT("inpaint_only", SHOWN), "detail~keeps pixels of the unit's picture", 422},
        {T, "{" SMALL PAINT("inpaint", ""), "detail~a unit has no picture", 422},
        {T, "{" SMALL PAINT("inpaint", ",\"image\":\"%s\""), "detail~needs a mask", 422},
        {T, "{" SMALL PAINT("inpaint", ",\"mask\":\"%s\""), "detail~but no picture", 422},
    };
    char *body = malloc(4 * strlen(picture) + 1000);
    for (size_t i = 0; body && i < sizeof UNITS / sizeof *UNITS; i++) {
        sprintf(body, UNITS[i].body, picture, picture, picture, picture);
        Reply r = call(s, "POST", UNITS[i].path, "", body);
        reply_check(&r, UNITS[i].status, UNITS[i].wanted, "an inpainting's ControlNet");
        reply_free(&r);
    }
    free(body);
}

/* Hires fix whose second pass is another model's, and a job that keeps it. */
static void by_two_models(const Served *s) {
#define TWICE "{" SMALL ",\"width\":32,\"height\":32,\"enable_hr\":true,\"hr_upscaler\":\"Lanczos\","
    Reply r = call(s, "POST", T, "", TWICE "\"hr_checkpoint_name\":\"second\"}");
    reply_check(&r, 200, "images.#=1|warnings-|info:infotexts.0~Hires checkpoint: second", "another model's pass");
    reply_free(&r);
    r = call(s, "POST", T, "", TWICE "\"hr_checkpoint_name\":\"third\"}");
    reply_check(&r, 404, "detail~third", "a model that is not there");
    reply_free(&r);
}

/* Previews of the x4 upscaler are full ones. */
static void enlarged(const Served *s, const char *picture) {
    Reply r = call_with(
        s, "/sdapi/v1/img2img",
        "{" SMALL
        ",\"sampler_name\":\"Euler\",\"init_images\":[\"%s\"],\"override_settings\":{\"sd_model_checkpoint\":\"x4\"}}",
        picture);
    reply_check(&r, 200, "images.#=1|info:infotexts.0~Noise level: 20", "the x4 upscaler");
    reply_free(&r);
}

/* A micro model with an IP-Adapter: the picture is another with it, the same by the extension's names of the module,
 * and without it that of before. */
void server_image_prompt(void) {
    char arguments[3000], vision[1024];
    Served s;
    mkdir(cli_path("adapters"), 0777);
    make_adapter(cli_path("adapters/ip.safetensors"), (MadeAdapter){.config = micro_config()});
    make_vision(vision);
    make_control(cli_path("adapters/paint.safetensors"), (ControlFile){.config = micro_config()});
    if (!make_micro_model(cli_path("micro.safetensors"), F32)) return;
    if (!make_model_of(cli_path("second.safetensors"), (MakeModel){.dtype = F16}, micro_config())) return;
    if (!make_model_of(cli_path("x4.safetensors"), (MakeModel){.dtype = F16}, micro_x4_config())) return;
    snprintf(arguments, sizeof arguments, "-q -m %s --models %s --controlnet-dir %s --image-encoder %s",
             cli_path("micro.safetensors"), cli_path("."), cli_path("adapters"), vision);
    if (!test_check(serve_start(&s, arguments), "a server with an IP-Adapter")) return;
    char *picture = point(3, 3, NULL);
#define UNIT(module)                                                                                                   \
    "{" SMALL ",\"width\":64,\"height\":64,\"alwayson_scripts\":{\"controlnet\":{\"args\":[{\"model\":\"ip\","         \
    "\"module\":\"" module "\",\"weight\":0.9,\"control_mode\":2,\"image\":\"%s\"}]}}}"
    Reply plain = call(&s, "POST", T, "", "{" SMALL ",\"width\":64,\"height\":64}");
    Reply by = call_with(&s, T, UNIT("ip-adapter"), picture),
          named = call_with(&s, T, UNIT("IP-Adapter_clip_sd15"), picture);
    Reply after = call(&s, "POST", T, "", "{" SMALL ",\"width\":64,\"height\":64}");
    reply_check(&by, 200, "images.#=1|warnings.0~control_mode", "an image prompt");
    const char *with = reply_get(&by, "images.0"), *again = reply_get(&named, "images.0");
    const char *without = reply_get(&plain, "images.0"), *later = reply_get(&after, "images.0");
    test_check(with && without && strcmp(with, without) != 0, "changes the picture");
    test_check(with && again && !strcmp(with, again), "by any of the extension's names");
    test_check(later && without && !strcmp(later, without), "and leaves the next alone");
    reply_free(&plain), reply_free(&by), reply_free(&named), reply_free(&after);
    Reply list = call(&s, "GET", "/controlnet/module_list", "", NULL);
    reply_check(&list, 200, "module_list.#=9|module_list.8=ip-adapter-auto", "its module");
    reply_free(&list);
    repainted(&s, picture);
    by_two_models(&s);
    enlarged(&s, picture);
    free(picture);
    test_check(serve_stop(&s) == 0, "it ends with 0");
}
