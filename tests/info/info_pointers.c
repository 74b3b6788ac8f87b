/* info_pointers.c: what sd.h says of pointers that are NULL, of calls after a failure, and of what is given back twice:
 * misuse gets a line or does nothing, and the next call works. */
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "test_info.h"
#include "sd/info/params.h"
#include "sd/sd.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call that must fail: with code and words, or the right way without an Error. */
#define REFUSED(code_, words, call)                                                                                    \
    do {                                                                                                               \
        Error e = {0}, *error = &e;                                                                                    \
        bool with = (call);                                                                                            \
        error = NULL;                                                                                                  \
        bool without = (call);                                                                                         \
        test_check(!with && !without && e.code == (code_) && strstr(e.text, words), "%s: %s", #call, words);           \
        test_note("%s", e.text);                                                                                       \
    } while (0)

/* A call that must do nothing, because an error stands. */
#define STUCK(call)                                                                                                    \
    do {                                                                                                               \
        Error e = {.code = ERR_FILE, .text = "first"}, *error = &e;                                                    \
        test_check(!(call) && e.code == ERR_FILE && !strcmp(e.text, "first"), "%s after an error: nothing", #call);    \
    } while (0)

static SdRequest small(const SdModel *m) {
    SdRequest r = sd_request(m);
    r.width = r.height = 64, r.steps = 1, r.seed = 1;
    return r;
}

static bool works(SdModel *m) {
    SdRequest r = small(m);
    SdResult out = {0};
    bool ok = sd_txt2img(m, &r, &out, NULL);
    sd_free(&out);
    return ok;
}

/* Calls without an Error say whether they worked, and do nothing worse when they did not. */
static void without_error(SdModel *m) {
    SdRequest r = small(m), plain = r;
    SdResult a = {0}, b = {0};
    SdPlan plan;
    r.sampler = NULL;
    test_check(m && sd_plan(m, &r, &plan, NULL) && plan.unet_peak > 0, "a plan without an Error, a sampler or prompts");
    bool ok = sd_txt2img(m, &r, &a, NULL) && sd_txt2img(m, &plain, &b, NULL);
    test_check(ok && !memcmp(a.pictures[0].rgb, b.pictures[0].rgb, 64 * 64 * 3) &&
                   !strcmp(a.pictures[0].parameters, b.pictures[0].parameters),
               "no sampler is the default one, and no Error is no trouble");
    test_check(ok && sd_save_png(&a.pictures[0], test_path("a.png"), NULL), "a picture is saved without an Error");
    sd_free(&a), sd_free(&b);
    r.steps = 0;
    test_check(!sd_txt2img(m, &r, &a, NULL) && !a.count && !sd_plan(m, &r, &plan, NULL), "refused without an Error");
    r = plain, r.noise = test_path("gone.safetensors");
    test_check(!sd_txt2img(m, &r, &a, NULL) && !a.count, "a file that is missing, without an Error");
    r = plain, r.sampler = "Eulr";
    test_check(!sd_txt2img(m, &r, &a, NULL) && !a.count, "a wrong name, without an Error");
}

static void null_pointers(SdModel *m, const char *path) {
    SdRequest r = small(m), *no_request = NULL;
    SdResult out = {.count = 3};
    SdPlan plan;
    SdInfo info;
    const uint8_t pixel[3] = {0};
    SdPicture none = {.width = 8, .height = 8}, flat = {.rgb = (uint8_t[3]){0}, .width = 0, .height = 1};
    REFUSED(ERR_ARGUMENT, "txt2img: the model", sd_txt2img(NULL, &r, &out, error));
    test_check(!out.count && !out.pictures, "the result of a refused call is empty");
    REFUSED(ERR_ARGUMENT, "img2img: the model", sd_img2img(NULL, &r, &out, error));
    REFUSED(ERR_ARGUMENT, "plan: the model", sd_plan(NULL, &r, &plan, error));
    REFUSED(ERR_ARGUMENT, "txt2img: the request", sd_txt2img(m, no_request, &out, error));
    REFUSED(ERR_ARGUMENT, "img2img: the request", sd_img2img(m, no_request, &out, error));
    REFUSED(ERR_ARGUMENT, "plan: the request", sd_plan(m, no_request, &plan, error));
    REFUSED(ERR_ARGUMENT, "txt2img: the place", sd_txt2img(m, &r, NULL, error));
    REFUSED(ERR_ARGUMENT, "img2img: the place", sd_img2img(m, &r, NULL, error));
    REFUSED(ERR_ARGUMENT, "plan: the place", sd_plan(m, &r, NULL, error));
    REFUSED(ERR_ARGUMENT, "img2img: needs an image", sd_img2img(m, &r, &out, error));
    REFUSED(ERR_ARGUMENT, "there is no picture", sd_save_png(NULL, "n.png", error));
    REFUSED(ERR_ARGUMENT, "there is no picture", sd_save_png(&none, "n.png", error));
    REFUSED(ERR_ARGUMENT, "picture of 0x1", sd_save_png(&flat, "n.png", error));
    flat.width = flat.height = INT_MAX;
    REFUSED(ERR_ARGUMENT, "cannot be written", sd_save_png(&flat, "n.png", error));
    flat.width = flat.height = 1;
    REFUSED(ERR_ARGUMENT, "the file's name is NULL", sd_save_png(&flat, NULL, error));
    REFUSED(ERR_ARGUMENT, "empty name", sd_save_png(&flat, "", error));
    REFUSED(ERR_ARGUMENT, "info: the place", sd_info(path, false, NULL, error));
    REFUSED(ERR_ARGUMENT, "name of a file is empty", sd_info("", false, &info, error));
    REFUSED(ERR_ARGUMENT, "convert: the new file's name", sd_convert(path, NULL, NULL, NULL, error));
    const SdConvert f64 = {.dtype = "f64"};
    REFUSED(ERR_ARGUMENT, "dtype 'f64'", sd_convert(path, test_path("c.safetensors"), &f64, NULL, error));
    REFUSED(ERR_ARGUMENT, "the address", sd_open_memory(path, NULL, 0, NULL, error));
    REFUSED(ERR_ARGUMENT, "model in memory: the address", sd_open_memory(NULL, NULL, 9, NULL, error));
    REFUSED(ERR_FORMAT, "model in memory", sd_open_memory(NULL, pixel, 0, NULL, error));
    REFUSED(ERR_FORMAT, "model in memory", sd_open_memory(NULL, pixel, 3, NULL, error));
    REFUSED(ERR_ARGUMENT, "name of a file is empty", sd_open("", NULL, error));
    REFUSED(ERR_FILE, "gone", sd_open("gone", NULL, error));
    if (!sd_builtin()) REFUSED(ERR_ARGUMENT, "no model is built in", sd_open(NULL, NULL, error));
    else test_check(sd_info(NULL, true, &info, NULL) && strlen(info.hash) == 64, "what is built in, with its hash");
    sd_close(NULL);
    sd_free(NULL);
    test_check(!strcmp(sd_device(NULL), "") && sd_request(NULL).steps == 20, "NULL has no device, and defaults");
    test_check(works(m), "after that the model works");
}

static void options(const char *path) {
    REFUSED(ERR_ARGUMENT, "threads: -1", sd_open(path, &(SdOptions){.threads = -1}, error));
    REFUSED(ERR_ARGUMENT, "threads: 1025", sd_open(path, &(SdOptions){.threads = SD_MOST_THREADS + 1}, error));
    REFUSED(ERR_ARGUMENT, "threads: -2147483648", sd_open(path, &(SdOptions){.threads = INT_MIN}, error));
    REFUSED(ERR_ARGUMENT, "precision: 5", sd_open(path, &(SdOptions){.precision = (SdPrecision)5}, error));
    REFUSED(ERR_ARGUMENT, "precision", sd_open(path, &(SdOptions){.precision = (SdPrecision)-1}, error));
    REFUSED(ERR_ARGUMENT, "device ''", sd_open(path, &(SdOptions){.device = ""}, error));
    REFUSED(ERR_ARGUMENT, "device 'cuda:'", sd_open(path, &(SdOptions){.device = "cuda:"}, error));
    REFUSED(ERR_ARGUMENT, "device 'cpu?x'", sd_open(path, &(SdOptions){.device = "cpu\nx"}, error));
    REFUSED(ERR_ARGUMENT, "precision f16", sd_open(path, &(SdOptions){.precision = SD_F16}, error));
}

static void stuck(SdModel *m, const char *path) {
    SdRequest r = small(m);
    SdResult out = {0};
    SdPlan plan;
    SdInfo info;
    SdPicture flat = {.rgb = (uint8_t[3]){0}, .width = 1, .height = 1};
    STUCK(sd_open(path, NULL, error));
    STUCK(sd_open(NULL, NULL, error));
    STUCK(sd_open_memory(NULL, NULL, 0, NULL, error));
    STUCK(sd_txt2img(m, &r, &out, error));
    STUCK(sd_img2img(m, &r, &out, error));
    STUCK(sd_txt2img(NULL, NULL, NULL, error));
    STUCK(sd_plan(m, &r, &plan, error));
    STUCK(sd_info(path, true, &info, error));
    STUCK(sd_convert(path, test_path("stuck.safetensors"), NULL, NULL, error));
    STUCK(sd_save_png(&flat, test_path("stuck.png"), error));
    test_check(!test_read(test_path("stuck.png"), NULL) && !test_read(test_path("stuck.safetensors"), NULL),
               "calls after an error write nothing");
}

static void twice(SdModel *m) {
    SdRequest r = small(m), zero = {0};
    SdResult out = {0};
    r.keep = true, r.batch_size = 2;
    bool ok = sd_txt2img(m, &r, &out, NULL) && out.count == 2;
    sd_free(&out), sd_free(&out);
    test_check(ok && !out.count && !out.pictures, "a result given back twice");
    REFUSED(ERR_ARGUMENT, "is not in", sd_txt2img(m, &zero, &out, error));
    r.noise = "gone.safetensors";
    REFUSED(ERR_FILE, "gone", sd_txt2img(m, &r, &out, error));
    test_check(works(m), "a model that kept its memory works after a failure");
}

/* Strings and pictures of a request. */
static void contents(SdModel *m) {
    static const struct {
        const char *words, *prompt, *negative, *sampler, *scheduler, *taps, *tap, *noise;
        int code, width, height;
    } CASES[] = {
        {"prompt: not UTF-8 at byte 2", .prompt = "a \xFF", .code = ERR_ARGUMENT},
        {"prompt: not UTF-8 at byte 0", .prompt = "\xC0\x80", .code = ERR_ARGUMENT},
        {"negative: not UTF-8 at byte 3", .negative = "caf\xE9", .code = ERR_ARGUMENT},
        {"negative: not UTF-8 at byte 1", .negative = "a\xED\xA0\x80", .code = ERR_ARGUMENT},
        {"sampler: no ''", .sampler = "", .code = ERR_ARGUMENT},
        {"sampler: no '?[2J'", .sampler = "\033[2J", .code = ERR_ARGUMENT},
        {"sampler: no ' Euler'", .sampler = " Euler", .code = ERR_ARGUMENT},
        {"scheduler: no ''", .scheduler = "", .code = ERR_ARGUMENT},
        {"scheduler: no 'Karras '", .scheduler = "Karras ", .code = ERR_ARGUMENT},
        {"taps: the file's name is empty", .taps = "", .code = ERR_ARGUMENT},
        {"noise: the file's name is empty", .noise = "", .code = ERR_ARGUMENT},
        {"", .noise = ".", .code = ERR_FILE},
        {"", .taps = "no/such/folder.safetensors", .code = ERR_FILE},
        {"image: 0x1 is no picture", .width = 0, .height = 1, .code = ERR_ARGUMENT},
        {"image: 1x-1 is no picture", .width = 1, .height = -1, .code = ERR_ARGUMENT},
        {"image: 2147483647x2147483647 is no picture", .width = INT_MAX, .height = INT_MAX, .code = ERR_ARGUMENT},
        {"image: -2147483648x-2147483648 is no picture", .width = INT_MIN, .height = INT_MIN, .code = ERR_ARGUMENT}};
    const uint8_t pixel[3] = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        SdRequest r = small(m);
        SdResult out = {0};
        SdPlan plan;
        Error e = {0}, planned = {0};
        r.prompt = CASES[i].prompt, r.negative = CASES[i].negative, r.scheduler = CASES[i].scheduler;
        r.taps = CASES[i].taps, r.tap = CASES[i].tap, r.noise = CASES[i].noise;
        if (CASES[i].sampler) r.sampler = CASES[i].sampler;
        if (CASES[i].width || CASES[i].height)
            r.image = pixel, r.image_width = CASES[i].width, r.image_height = CASES[i].height;
        bool ok = (r.image ? sd_img2img : sd_txt2img)(m, &r, &out, &e);
        test_check(!ok && !out.count && (int)e.code == CASES[i].code && strstr(e.text, CASES[i].words),
                   "request %zu is refused: %s", i, CASES[i].words);
        test_note("%s", e.text);
        if (CASES[i].code == ERR_ARGUMENT)
            test_check(!sd_plan(m, &r, &plan, &planned) && !strcmp(planned.text, e.text), "and so is its plan");
    }
    test_check(works(m), "after that the model works");
}

void info_pointers(void) {
    char path[1024];
    snprintf(path, sizeof path, "%s", test_path("pointers.safetensors"));
    if (!test_check(make_model(path, (MakeModel){.dtype = F32}), "a model is made")) return;
    SdModel *m = sd_open(path, NULL, NULL);
    without_error(m);
    null_pointers(m, path);
    options(path);
    stuck(m, path);
    twice(m);
    contents(m);
    sd_close(m);
}
