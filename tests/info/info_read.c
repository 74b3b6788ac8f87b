/* info_read.c: parameters as the webui and its kin wrote them over the years, and what the webui reads in them. */
#include "tests/harness/test.h"
#include "tests/image/test_image.h"
#include "test_info.h"
#include "sd/image/image_text.h"
#include "sd/info/infotext_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE "Steps: 20, Sampler: Euler a, CFG scale: 7"
#define READ "Steps=20|Sampler=Euler a|CFG scale=7"

/* pairs: KEY=VALUE|..., in order; an implied one begins with "+". */
static const struct {
    const char *name, *text, *prompt, *negative, *pairs;
} CASES[] = {
    {"nothing", "", "", "", ""},
    {"blanks", " \n\t\r\n ", "", "", ""},
    {"a prompt alone", "a cat", "a cat", "", ""},
    {"the usual", "a cat\nNegative prompt: dog\n" LINE, "a cat", "dog", READ},
    {"no negative prompt", "a cat\n" LINE, "a cat", "", READ},
    {"only parameters", LINE, "", "", READ},
    {"only a negative prompt", "Negative prompt: dog\n" LINE, "", "dog", READ},
    {"prompts without parameters", "a cat\nNegative prompt: dog", "a cat", "dog", ""},
    {"several lines", "a\nb\nNegative prompt: c\nd\n" LINE, "a\nb", "c\nd", READ},
    {"lines are stripped", "  a \n\t b\t\nNegative prompt:   c  \n d \n" LINE "  ", "a\nb", "c\nd", READ},
    {"Windows lines", "a\r\nNegative prompt: b\r\n" LINE "\r\n", "a", "b", READ},
    {"empty lines within stay", "a\n\nb\n" LINE, "a\n\nb", "", READ},
    {"an empty last line of the prompt stays", "a\n\n" LINE, "a\n", "", READ},
    {"empty lines before a negative prompt vanish", "a\nNegative prompt:\n\nb\n" LINE, "a", "b", READ},
    {"negative prompt twice", "a\nNegative prompt: b\nNegative prompt: c\n" LINE, "a", "b\nc", READ},
    {"negative prompt without blank", "a\nNegative prompt:b\n" LINE, "a", "b", READ},
    {"case counts", "a\nnegative prompt: b\n" LINE, "a\nnegative prompt: b", "", READ},
    {"negative prompt within a line", "a Negative prompt: b\n" LINE, "a Negative prompt: b", "", READ},
    {"unicode blanks",
     "\xC2\xA0"
     "a\xE3\x80\x80\n" LINE,
     "a", "", READ},
    {"emoji", "\xF0\x9F\x90\x88\nNegative prompt: \xE7\x8A\xAC\n" LINE, "\xF0\x9F\x90\x88", "\xE7\x8A\xAC", READ},
    {"broken UTF-8", "\xFF\x80 a\n" LINE, "\xFF\x80 a", "", READ},
    {"two pairs are prompt", "a\nSteps: 20, Sampler: Euler a", "a\nSteps: 20, Sampler: Euler a", "", ""},
    {"three pairs in a prompt are parameters", "(a:1), red: b, blue: c, tall: d", "", "", "red=b|blue=c|tall=d"},
    {"weights are no pairs", "(a:1.2), (b:1.3), (c:1.4)", "(a:1.2), (b:1.3), (c:1.4)", "", ""},
    {"a mark at the beginning",
     "\xEF\xBB\xBF"
     "a cat\n" LINE,
     "a cat", "", READ},
    {"Civitai's resources",
     LINE ", Civitai resources: [{\"type\":\"checkpoint\",\"modelName\":\"a, Seed: 9]\"},{\"weight\":[1]}], Seed: 5",
     "", "",
     READ "|Civitai resources=[{\"type\":\"checkpoint\",\"modelName\":\"a, Seed: 9]\"},{\"weight\":[1]}]|Seed=5"},
    {"an object at the end", LINE ", Hashes: {\"a\": \"b, Seed: 9\"}", "", "", READ "|Hashes={\"a\": \"b, Seed: 9\"}"},
    {"brackets that do not close", LINE ", Skip: [7, Seed: 5", "", "", READ "|Skip=[7|Seed=5"},
    {"brackets and more", LINE ", Skip: [7, 8] x, Seed: 5", "", "", READ "|Skip=[7|Seed=5"},
    {"templates after the parameters", "a cat\n" LINE "\nTemplate: a {cat|dog}, b\nNegative Template: c", "a cat", "",
     READ "|Template=a {cat|dog}, b|Negative Template=c"},
    {"a template without parameters", "a cat\nTemplate: x", "a cat\nTemplate: x", "", ""},
    {"parameters not on the last line", LINE "\nthe end", LINE "\nthe end", "", ""},
    {"a size", LINE ", Size: 512x768", "", "", READ "|Size-1=512|Size-2=768"},
    {"any value of a size's form", LINE ", Hires resize: 0x1024", "", "", READ "|Hires resize-1=0|Hires resize-2=1024"},
    {"a quoted size", LINE ", Size: \"512x768\"", "", "", READ "|Size-1=512|Size-2=768"},
    {"no size: a blank", LINE ", Size: 512 x 768", "", "", READ "|Size=512 x 768"},
    {"no size: capital", LINE ", Size: 512X768", "", "", READ "|Size=512X768"},
    {"no size: half", LINE ", Size: 512x", "", "", READ "|Size=512x"},
    {"no size: three", LINE ", Size: 1x2x3", "", "", READ "|Size=1x2x3"},
    {"quoted", LINE ", Lora hashes: \"foo: 0123456789ab, bar: ba9876543210\"", "", "",
     READ "|Lora hashes=foo: 0123456789ab, bar: ba9876543210"},
    {"escapes", LINE ", Hires prompt: \"a \\\"b\\\"\\n\\\\ \\u00e4\"", "", "",
     READ "|Hires prompt=a \"b\"\n\\ \xC3\xA4"},
    {"quoted, not JSON", LINE ", Model: \"a \\x b\"", "", "", READ "|Model=\"a \\x b\""},
    {"quotes without end", LINE ", Model: \"a, Seed: 5", "", "", READ "|Model=\"a|Seed=5"},
    {"quotes and more", LINE ", Model: \"a, b\" c, Seed: 5", "", "", READ "|Model=\"a|Seed=5"},
    {"quotes within", LINE ", Model: a \"b\" c, Seed: 5", "", "", READ "|Model=a \"b\" c|Seed=5"},
    {"empty quotes", LINE ", Model: \"\", Seed: 5", "", "", READ "|Model=|Seed=5"},
    {"one quote", LINE ", Model: \", Seed: 5", "", "", READ "|Model=\"|Seed=5"},
    {"a quoted value before no blank", LINE ", Model: \"a, b\",Seed: 5", "", "", READ "|Model=a, b|Seed=5"},
    {"a backslash at the end", LINE ", Model: \"a\\", "", "", READ "|Model=\"a\\"},
    {"an empty value is dropped", LINE ", Model: , Seed: 5", "", "", READ "|Seed=5"},
    {"an empty value at the end", LINE ", Model:", "", "", READ},
    {"no blank after colons", "Steps:20,Sampler:Euler a,Seed:5", "", "", "Steps=20|Sampler=Euler a|Seed=5"},
    {"blanks before a comma belong to the value", LINE ", Model: a  , Seed: 5", "", "", READ "|Model=a  |Seed=5"},
    {"a comma at the end", LINE ",", "", "", READ},
    {"commas alone", LINE ", , ,, Seed: 5", "", "", READ "|Seed=5"},
    {"a word without colon", LINE ", Tiling, Seed: 5", "", "", READ "|Seed=5"},
    {"keys of one letter are none", LINE ", A: 5, Bc: 6", "", "", READ "|Bc=6"},
    {"keys with slashes and hyphens", LINE ", ADetailer/x-y 2nd: 5", "", "", READ "|ADetailer/x-y 2nd=5"},
    {"keys begin with a letter", LINE ", - -/Key: 5", "", "", READ "|Key=5"},
    {"keys of other scripts", LINE ", \xC3\x84ndern \xE7\x8C\xAB: 5", "", "", READ "|\xC3\x84ndern \xE7\x8C\xAB=5"},
    {"brackets end a key", LINE ", Model (x) hash: 5", "", "", READ "|hash=5"},
    {"a colon in a value", LINE ", Model: a: b, Seed: 5", "", "", READ "|Model=a: b|Seed=5"},
    {"a key again: the later value, the first place", LINE ", Steps: 30, Seed: 5", "", "",
     "Steps=30|Sampler=Euler a|CFG scale=7|Seed=5"},
    {"unknown fields stay in order", LINE ", Zeta: 1, Alpha: 2", "", "", READ "|Zeta=1|Alpha=2"},
    {"hires fields", LINE ", Denoising strength: 0.7, Hires upscale: 2, Hires steps: 10, Hires upscaler: Latent", "",
     "", READ "|Denoising strength=0.7|Hires upscale=2|Hires steps=10|Hires upscaler=Latent"},
    {"old hires fix", LINE ", Size: 1024x768, First pass size: 512x384", "", "",
     READ
     "|Size-1=512|Size-2=384|First pass size-1=512|First pass size-2=384|+Hires resize-1=1024|+Hires resize-2=768"},
    {"the oldest hires fix", LINE ", Size: 1024x768, First pass size: 0x0", "", "",
     READ "|Size-1=640|Size-2=448|First pass size-1=0|First pass size-2=0|+Hires resize-1=1024|+Hires resize-2=768"},
    {"a hypernetwork", "a\n" LINE ", Hypernet: foo, Hypernet strength: 0.5", "a<hypernet:foo:0.5>", "",
     READ "|Hypernet=foo|Hypernet strength=0.5"},
    {"a hypernetwork's strength", "a\n" LINE ", Hypernet: foo", "a<hypernet:foo:1.0>", "", READ "|Hypernet=foo"},
    {"version 1.5 and brackets", "[a:b:5]\n" LINE ", Version: v1.5.2", "[a:b:5]", "",
     READ "|Version=v1.5.2|+Old prompt editing timelines=True|+Downcast alphas_cumprod=True"},
    {"version 1.5 without brackets", "a\n" LINE ", Version: 1.5.2", "a", "",
     READ "|Version=1.5.2|+Downcast alphas_cumprod=True"},
    {"version 1.5 and DDIM", "Steps: 2, Sampler: DDIM, Seed: 5, Version: v1.5.0", "", "",
     "Steps=2|Sampler=DDIM|Seed=5|Version=v1.5.0|+Pad conds v0=True|+Downcast alphas_cumprod=True"},
    {"version 1.6", "[a]\n" LINE ", Version: v1.6.0", "[a]", "", READ "|Version=v1.6.0|+Downcast alphas_cumprod=True"},
    {"224 commits after 1.7.0", LINE ", Version: v1.7.0-224-gd2c7a1ee", "", "",
     READ "|Version=v1.7.0-224-gd2c7a1ee|+Downcast alphas_cumprod=True"},
    {"225 commits after 1.7.0", LINE ", Version: v1.7.0-225-gd2c7a1ee", "", "", READ "|Version=v1.7.0-225-gd2c7a1ee"},
    {"a refiner before 1.8.0", LINE ", Refiner: x, Version: v1.8.0-RC", "", "",
     READ "|Refiner=x|Version=v1.8.0-RC|+Refiner switch by sampling steps=True"},
    {"a refiner in 1.8.0", LINE ", Refiner: x, Version: v1.8.0", "", "", READ "|Refiner=x|Version=v1.8.0"},
    {"version 1.10", "[a]\n" LINE ", Version: v1.10.1", "[a]", "", READ "|Version=v1.10.1"},
    {"a version of others", "[a]\n" LINE ", Version: f0.0.17v1.8.0", "[a]", "", READ "|Version=f0.0.17v1.8.0"},
    {"our version", "[a]\n" LINE ", Version: sd.c", "[a]", "", READ "|Version=sd.c"},
    {"batches of the first months", LINE ", Seed: 5, Model hash: 45dee52b, Batch size: 4, Batch pos: 2", "", "",
     READ "|Seed=5|Model hash=45dee52b|Batch size=4|Batch pos=2"},
};

static void one_text(const char *name, const char *text, const char *prompt, const char *negative, const char *pairs) {
    InfoRead r;
    Error e = {0};
    char got[2000] = "";
    size_t n = 0;
    bool ok = infotext_read(text, &r, &e);
    for (int i = 0; i < r.count; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%s%s=%s", n ? "|" : "", r.pairs[i].implied ? "+" : "",
                              r.pairs[i].key, r.pairs[i].value);
    ok = ok && !strcmp(r.prompt, prompt) && !strcmp(r.negative, negative) && !strcmp(got, pairs);
    test_check(ok, "infotext: %s", name);
    test_note("%s; '%s', '%s', '%s'", e.text, r.prompt, r.negative, got);
    infotext_read_free(&r);
}

static void numbers(void) {
    static const char *const BAD[] = {"",    " 1",  "1 ",    "0x10", "1e",  ".",    ".5",
                                      "nan", "inf", "1e999", "--1",  "1,5", "1.5.0"};
    int64_t n;
    double d;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        test_check(!infotext_double(BAD[i], &d) && !infotext_int(BAD[i], &n), "'%s' is no number", BAD[i]);
    test_check(infotext_int("7.0", &n) && n == 7 && infotext_int("-1", &n) && n == -1 && !infotext_int("7.5", &n) &&
                   !infotext_int("99999999999999999999", &n) && infotext_double("7.", &d) && d == 7 &&
                   infotext_double("1e-05", &d) && d == 1e-05,
               "numbers as Python writes them");
}

/* Long texts, which take a backtracking parser forever. */
static void large(void) {
    enum { SIZE = 1 << 20 };
    static const char *const PARTS[] = {"a: ", "ab: {", "ab: {}x", "ab: [\"", "\n",       "Negative prompt:\n",
                                        "\"",  "\\",    "a ",      ": ",      "\xC3\xA4", "\xFF",
                                        ",",   " "};
    char *text = malloc(SIZE + 64);
    for (size_t k = 0; text && k < sizeof PARTS / sizeof *PARTS; k++) {
        size_t n = strlen(PARTS[k]), at = 0;
        for (; at + n <= SIZE; at += n) memcpy(text + at, PARTS[k], n);
        memcpy(text + at, LINE, sizeof LINE);
        double start = test_seconds();
        Error e = {0};
        InfoRead r;
        bool ok = infotext_read(text, &r, &e);
        double seconds = test_seconds() - start;
        infotext_read_free(&r);
        test_check(ok && seconds < 1, "a megabyte of part %zu: linear time", k);
        test_note("%.2f s %s", seconds, e.text);
    }
    size_t at = 0;
    for (int i = 0; text && i < 2000; i++) at += (size_t)sprintf(text + at, "key%d: 1, ", i);
    Error e = {0};
    InfoRead r;
    test_check(!infotext_read(text, &r, &e) && e.code == ERR_FORMAT, "2000 fields are too many");
    infotext_read_free(&r);
    free(text);
}

static void from_files(void) {
    static const char *const NAMES[] = {"rgb.jpg", "comment.webp"};
    for (int i = 0; i < 2; i++) {
        char path[64], *text = NULL;
        size_t n = 0;
        Error e = {0};
        snprintf(path, sizeof path, "images/%s", NAMES[i]);
        char *bytes = image_file(path, &n);
        bool ok = bytes && (text = image_said_in(bytes, n, TEXT_USER_COMMENT, &e));
        test_check(ok &&
                       strstr(text, "a c\xC3\xA4t, \xE7\x8C\xAB \xF0\x9F\x90\x88\nNegative prompt: blurry\nSteps: 20"),
                   "%s: the text in its EXIF, in UTF-16", NAMES[i]);
        test_note("%s %s", e.text, text ? text : "none");
        free(text);
        for (size_t cut = 0; bytes && cut < n; cut++) { /* for the sanitizer */
            e = (Error){0};
            char *own = malloc(cut + !cut);
            if (!own) abort();
            memcpy(own, bytes, cut);
            free(image_said_in(own, cut, TEXT_USER_COMMENT, &e));
            free(own);
        }
        free(bytes);
    }
}

void info_read(void) {
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        one_text(CASES[i].name, CASES[i].text, CASES[i].prompt, CASES[i].negative, CASES[i].pairs);
    numbers();
    large();
    from_files();
}
