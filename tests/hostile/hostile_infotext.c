/* hostile_infotext.c: texts of parameters, and other programs' texts, that no program writes. */
#include "hostile.h"
#include "tests/harness/make_picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PictureFile f;

static void run(const char *name, const char *args, int code, const char *words) {
    HostileCase c = {name, "h.png", (const char *)f.p, f.n, args, code, words};
    hostile_case(&c);
    file_clear(&f);
}

static void texts(void) {
#define HEAD "a cat\nSteps: 2, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 64x64"
    static const struct {
        const char *name, *keyword, *text;
        int code; /* of png-info */
        const char *words;
    } CASES[] = {
        {"escape-codes", "parameters", "a\x1b[2Jb", 0, "a?[2Jb"},
        {"bytes-of-no-encoding", "parameters", "a \x81\xfe\xff", 0, "a \xC2\x81\xC3\xBE\xC3\xBF"},
        {"a-mark-in-front", "parameters", "\xEF\xBB\xBF" HEAD, 0, "Euler a"},
        {"a-value-without-end", "parameters", HEAD ", Model: \"a, b", 0, "Euler a"},
        {"an-object-without-end", "parameters", HEAD ", Hashes: {\"a\": [1, 2", 0, "Euler a"},
        {"sizes-of-30-digits", "parameters", HEAD ", Hires resize: 999999999999999999999999999999x1", 0,
         "Hires resize-1"},
        {"first-pass-of-nothing", "parameters", HEAD ", First pass size: 0x0", 0, "Hires resize-1"},
        {"novelai-no-json", "Comment", "steps", 1, "does not say"},
        {"graph-cut", "prompt", "{\"3\": {\"class_type\": \"KSampler\", \"inputs\": {", 1, "does not say"},
        {"graph-of-numbers", "prompt", "{\"3\": 5, \"4\": [1, 2]}", 1, "does not say"},
        {"graph-list", "prompt", "[{\"class_type\": \"KSampler\", \"inputs\": {}}]", 1, "does not say"},
        {"graph-inputs-of-number", "prompt", "{\"3\": {\"class_type\": \"KSampler\", \"inputs\": 5}}", 0,
         "ComfyUI|no text leads to the sampler"},
        {"graph-class-of-number", "prompt", "{\"3\": {\"class_type\": 7, \"inputs\": {\"seed\": 1}}}", 0,
         "sampler that is known"},
        {"graph-links-to-itself", "prompt",
         "{\"3\": {\"class_type\": \"KSampler\", \"inputs\": {\"seed\": [\"3\", 0], \"positive\": [\"3\", 0], "
         "\"model\": "
         "[\"3\", 0], \"latent_image\": [\"3\", 0], \"steps\": [\"3\", 0]}}}",
         0, "ComfyUI"},
        {"graph-links-to-nothing", "prompt",
         "{\"3\": {\"class_type\": \"KSampler\", \"inputs\": {\"seed\": [\"9\", 0], \"positive\": [9], \"model\": [{}, "
         "[]], "
         "\"latent_image\": [], \"steps\": [null, 0]}}}",
         0, "ComfyUI"},
        {"graph-keys-twice", "prompt",
         "{\"3\": {\"class_type\": \"KSampler\", \"class_type\": \"X\", \"inputs\": {\"seed\": 1, \"seed\": 2}}}", 0,
         "sampler that is known"},
        {"graph-nan", "prompt",
         "{\"3\": {\"class_type\": \"KSampler\", \"inputs\": {\"seed\": NaN, \"steps\": Infinity, \"cfg\": "
         "-Infinity}}}",
         0, "ComfyUI"},
        {"graph-lone-surrogate", "prompt",
         "{\"3\": {\"class_type\": \"KSampler\", \"inputs\": {\"sampler_name\": \"\\ud83d\"}}}", 0, "none of sdc's"},
        {"swarm-of-list", "parameters", "{\"sui_image_params\": [1, 2]}", 0, "SwarmUI"},
        {"swarm-of-types", "parameters",
         "{\"sui_image_params\": {\"prompt\": 5, \"seed\": null, \"steps\": {}, \"loras\": [[]], \"model\": true}}", 0,
         "SwarmUI"},
        {"fooocus-of-types", "parameters",
         "{\"base_model\": {}, \"guidance_scale\": [], \"resolution\": \"(x)\", \"seed\": true}", 0, "Fooocus"},
        {"invoke-of-types", "invokeai_metadata",
         "{\"loras\": {\"a\": 1}, \"model\": 5, \"clip_skip\": -9, \"positive_prompt\": []}", 0, "InvokeAI"},
        {"invoke-empty-prompts", "sd-metadata", "{\"image\": {\"prompt\": []}}", 0, "InvokeAI"},
        {"invoke-image-of-number", "sd-metadata", "{\"image\": 5}", 0, "InvokeAI"},
        {"dream-without-end", "Dream", "\"a cat [dog", 1, "does not say"},
        {"dream-of-switches", "Dream", "\"\" -", 0, "InvokeAI"},
        {"dream-of-brackets", "Dream", "\"[[[[]]]][\" -s 5 -S", 0, "InvokeAI"},
        {"xmp-without-end", "XML:com.adobe.xmp", "<exif:UserComment", 1, "does not say"},
        {"xmp-of-tags", "XML:com.adobe.xmp", "<exif:UserComment><a><b></exif:UserComment>", 1, "does not say"},
        {"xmp-references", "XML:com.adobe.xmp", "<exif:UserComment>&#99999999999;&#x;&amp</exif:UserComment>", 1,
         "does not say"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        file_text_png(&f, CASES[i].keyword, CASES[i].text, strlen(CASES[i].text));
        run(CASES[i].name, "png-info h.png", CASES[i].code, CASES[i].words);
    }
}

/* The same few bytes over and over: what takes more than linear time takes more than two seconds. */
static void long_texts(void) {
    enum { SIZE = 2 << 20 };
    static const struct {
        const char *name, *keyword, *front, *part, *back;
        int code;
        const char *words;
    } CASES[] = {
        {"megabytes-of-fields", "parameters", "a\n", "Key: 1, ", "Steps: 2, Sampler: Euler, Seed: 1", 0, "Steps"},
        {"megabytes-of-lines", "parameters", "", "Negative prompt: a\n", "Steps: 2, Sampler: Euler, Seed: 1", 0,
         "Steps"},
        {"megabytes-of-brackets", "parameters", "", "ab: [{", "", 0, "ab"},
        {"megabytes-of-quotes", "parameters", "", "ab: \"\\", "", 0, "ab"},
        {"megabytes-of-other-fields", "parameters", "", "k\xC3\xA4: a, ", "", 0, "a"},
        {"deep-json", "prompt", "", "[", "", 1, "does not say"},
        {"wide-json", "prompt", "{\"a\":[0", ",0", "]}", 1, "does not say"},
        {"xmp-of-openings", "XML:com.adobe.xmp", "", "<exif:UserComment ", "", 1, "does not say"},
        {"xmp-of-empty-ones", "XML:com.adobe.xmp", "", "<exif:UserComment />", "", 1, "does not say"},
        {"xmp-of-ampersands", "XML:com.adobe.xmp", "<exif:UserComment>", "&#1", "</exif:UserComment>", 1,
         "does not say"},
        {"dream-of-switches-again", "Dream", "\"a\"", " -s 5", "", 0, "InvokeAI"},
        {"dream-of-open-brackets", "Dream", "\"", "[", "\" -s 5", 0, "InvokeAI"},
        {"graph-of-nodes", "prompt", "{\"0\":{\"class_type\":\"KSampler\",\"inputs\":{\"seed\":[\"x\",0]}}",
         ",\"1\":{\"class_type\":\"A\",\"inputs\":{}}", "}", 0, "ComfyUI"},
        {"swarm-of-prompts", "parameters", "{\"sui_image_params\":{\"a\":1", ",\"prompt\":\"x\"", "}}", 0, "SwarmUI"},
        {"invoke-of-loras", "invokeai_metadata", "{\"loras\":[{}", ",{\"model\":{\"name\":\"a\"}}", "]}", 0,
         "InvokeAI"},
        {"novelai-of-one-string", "Comment", "{\"a\":\"", "x", "\"}", 1, "does not say"},
    };
    char *text = malloc(SIZE + 1000);
    if (!text) abort();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t n = (size_t)sprintf(text, "%s", CASES[i].front), part = strlen(CASES[i].part);
        for (; n + part < SIZE; n += part) memcpy(text + n, CASES[i].part, part);
        n += (size_t)sprintf(text + n, "%s", CASES[i].back);
        file_text_png(&f, CASES[i].keyword, text, n);
        run(CASES[i].name, "png-info --json h.png", CASES[i].code, CASES[i].words);
    }
    file_png(&f, 1, 1, 8, 2, 0);
    file_chunk(&f, "tEXt", "num_inference_steps\0005", 21);
    file_chunk(&f, "tEXt", "guidance_scale\0007", 16);
    for (int i = 0; i < 100000; i++) file_chunk(&f, "tEXt", "prompt\0a", 8);
    file_chunk(&f, "IEND", NULL, 0);
    run("easy-diffusion-of-chunks", "png-info h.png", 1, "does not say");
    size_t n = (size_t)sprintf(text, "a\n");
    for (int i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "key%d: 1, ", i);
    file_text_png(&f, "parameters", text, n);
    run("2000-fields", "png-info h.png", 1, "more than 1000 parameters");
    free(text);
}

static void replays(void) {
    static const struct {
        const char *name, *keyword, *text, *words;
    } CASES[] = {
        {"replay-of-a-graph", "prompt", "{\"3\": {\"class_type\": \"KSampler\", \"inputs\": {\"seed\": 5}}}",
         "ComfyUI's text says more than sdc can do again|no text leads"},
        {"replay-without-sampler", "parameters", "{\"sui_image_params\": {\"prompt\": \"a\", \"steps\": 2}}",
         "does not tell its Sampler"},
        {"replay-of-another-sampler", "parameters",
         "{\"sui_image_params\": {\"prompt\": \"a\", \"steps\": 2, \"sampler\": \"heunpp2\"}}",
         "sampler 'heunpp2' is none of sdc's"},
        {"replay-of-civitai-lora", "parameters", HEAD ", Civitai resources: [{\"type\":\"lora\"}]", "needs a lora"},
        {"replay-of-civitai-junk", "parameters", HEAD ", Civitai resources: 5", "Civitai resources: 5"},
        {"replay-of-no-size", "parameters", HEAD ", Size: 64", "Size: 64 is not supported"},
        {"replay-of-another-size", "parameters", HEAD, "is 1x1, but its text says 64x64"},
        {"replay-of-a-huge-seed", "parameters", HEAD ", Seed: 99999999999999999999", "Seed"},
        {"replay-of-sd.cpp-rng", "parameters",
         "a\nSteps: 2, CFG scale: 7.0, Seed: 4, Size: 64x64, RNG: std_default, Sampler: euler_a, Version: "
         "stable-diffusion.cpp",
         "random numbers 'std_default'"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        file_text_png(&f, CASES[i].keyword, CASES[i].text, strlen(CASES[i].text));
        run(CASES[i].name, "replay h.png", 1, CASES[i].words);
    }
}

HOSTILE(infotext) {
    texts();
    long_texts();
    replays();
    free(f.p);
}
