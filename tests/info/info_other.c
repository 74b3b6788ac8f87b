/* info_other.c: what programs beside the webui write into pictures, in the webui's words. The texts have the form that
 * each program's source gives them (named in sd/info/other_*.c). */
#include "test_info.h"
#include "sd/info/picture_info.h"
#include "tests/harness/make_picture.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x64"

/* A graph of ComfyUI; what stands for the prompt, the sampler's inputs and more nodes. */
#define SAMPLER_OF(name, latent)                                                                                       \
    "{\"3\":{\"class_type\":\"KSampler\",\"inputs\":{\"seed\":5,\"steps\":20,\"cfg\":8.0,\"sampler_name\":\"" name     \
    "\",\"scheduler\":\"karras\",\"denoise\":1.0,\"model\":[\"4\",0],\"positive\":[\"6\",0],\"negative\":[\"7\",0],"   \
    "\"latent_image\":[\"" latent "\",0]},\"is_changed\":[NaN]},"
#define LATENT "\"5\":{\"class_type\":\"EmptyLatentImage\",\"inputs\":{\"width\":512,\"height\":768,\"batch_size\":1}},"
#define MODEL "\"4\":{\"class_type\":\"CheckpointLoaderSimple\",\"inputs\":{\"ckpt_name\":\"sd\\\\v1-5.safetensors\"}}"
#define ENCODE(id, text)                                                                                               \
    "\"" id "\":{\"class_type\":\"CLIPTextEncode\",\"inputs\":{\"text\":" text ",\"clip\":[\"4\",1]}},"
#define NODE(id, type, inputs) "\"" id "\":{\"class_type\":\"" type "\",\"inputs\":{" inputs "}},"
#define USUAL SAMPLER_OF("euler_ancestral", "5") LATENT ENCODE("6", "\"a cat\"") ENCODE("7", "\"dog\"") MODEL "}"
#define FIELDS                                                                                                         \
    "Size-1=512|Size-2=768|Steps=20|Sampler=Euler a|Schedule type=Karras|CFG scale=8.0|Seed=5|Model=v1-5|RNG=CPU|"     \
    "Version=ComfyUI"

static const struct {
    const char *name, *texts[8]; /* keyword, text, ... */
    const char *program, *prompt, *negative, *pairs, *missing;
} CASES[] = {
    {"the webui",
     {"parameters", LINE},
     NULL,
     "a cat",
     "dog",
     "Steps=20|Sampler=Euler a|CFG scale=7|Seed=5|Size-1=64|Size-2=64",
     NULL},
    {"the last of two counts", {"parameters", "x", "parameters", "a cat"}, NULL, "a cat", "", "", NULL},
    {"a keyword in capitals", {"Parameters", "a cat"}, NULL, "a cat", "", "", NULL},
    {"EXIF goes before", {"parameters", "x", TEXT_USER_COMMENT, "a cat"}, NULL, "a cat", "", "", NULL},
    {"blank EXIF does not", {"parameters", "a cat", TEXT_USER_COMMENT, "  "}, NULL, "a cat", "", "", NULL},
    {"a comment", {TEXT_COMMENT, "a cat"}, NULL, "a cat", "", "", NULL},
    {"nothing", {"Author", "me"}, NULL, NULL, NULL, NULL, NULL},
    {"the webui's text before a graph", {"parameters", "a cat", "prompt", USUAL}, NULL, "a cat", "", "", NULL},

    {"NovelAI",
     {"Software", "NovelAI", "Description", "1girl", "Source", "Stable Diffusion 81274D13", "Comment",
      "{\"steps\": 28, \"sampler\": \"k_euler_ancestral\", \"seed\": 123, \"strength\": 0.7, \"noise\": 0.2, "
      "\"scale\": 11.0, \"uc\": \"lowres, bad\"}"},
     "NovelAI",
     "1girl",
     "lowres, bad",
     "Steps=28|Sampler=Euler a|CFG scale=11.0|Seed=123|Size-1=72|Size-2=80|Model=Stable Diffusion 81274D13|Clip skip=2|"
     "ENSD=31337",
     NULL},
    {"NovelAI's settings that sdc lacks",
     {"Software", "NovelAI", "Description", "1girl", "Comment",
      "{\"steps\": 28, \"sampler\": \"k_dpmpp_2m\", \"noise_schedule\": \"karras\", \"sm\": true, \"uc\": \"\"}"},
     "NovelAI",
     "1girl",
     "",
     "Steps=28|Sampler=DPM++ 2M|Schedule type=Karras|Size-1=72|Size-2=80|Clip skip=2|ENSD=31337",
     "SMEA"},
    {"NovelAI in one object",
     {TEXT_USER_COMMENT, "{\"Software\":\"NovelAI\",\"Description\":\"a\",\"Comment\":\"{\\\"steps\\\": 3}\"}"},
     "NovelAI",
     "a",
     "",
     "Steps=3|Size-1=72|Size-2=80|Clip skip=2|ENSD=31337",
     NULL},

    {"ComfyUI", {"prompt", USUAL, "workflow", "{\"nodes\":[]}"}, "ComfyUI", "a cat", "dog", FIELDS, NULL},
    {"ComfyUI in WebP",
     {TEXT_MODEL, "prompt:" USUAL, TEXT_MAKE, "workflow:{}"},
     "ComfyUI",
     "a cat",
     "dog",
     FIELDS,
     NULL},
    {"ComfyUI's sampler alone",
     {"prompt", "{\"3\":{\"class_type\":\"KSampler\",\"inputs\":{\"seed\":5,\"steps\":20,\"cfg\":8.0,"
                "\"sampler_name\":\"euler\",\"scheduler\":\"normal\"}}}"},
     "ComfyUI",
     "",
     "",
     "Steps=20|Sampler=Euler|Schedule type=Normal|CFG scale=8.0|Seed=5|Size-1=72|Size-2=80|RNG=CPU|Version=ComfyUI",
     "the prompt"},
    {"ComfyUI's drawing alone",
     {"workflow", "{\"nodes\":[]}"},
     "ComfyUI",
     "",
     "",
     "Version=ComfyUI",
     "the graph that ran"},
    {"a graph without sampler",
     {"prompt", "{\"1\":{\"class_type\":\"A\",\"inputs\":{}}}"},
     "ComfyUI",
     "",
     "",
     "",
     "a sampler"},
    {"texts, seeds and layers from other nodes",
     {"prompt", SAMPLER_OF("euler_ancestral", "5") LATENT ENCODE("6", "[\"8\",0]") ENCODE("7", "\"dog\"")
                    NODE("8", "PrimitiveString", "\"value\":\"a cat\"") MODEL "}"},
     "ComfyUI",
     "a cat",
     "dog",
     FIELDS,
     NULL},
    {"concatenated strings and conditionings",
     {"prompt",
      SAMPLER_OF("euler_ancestral", "5") LATENT NODE("6", "ConditioningConcat",
                                                     "\"conditioning_to\":[\"8\",0],\"conditioning_from\":[\"9\",0]")
          ENCODE("7", "\"dog\"") ENCODE("8", "[\"10\",0]") ENCODE("9", "\"c\"")
              NODE("10", "StringConcatenate", "\"string_a\":\"a\",\"string_b\":\"b\",\"delimiter\":\", \"") MODEL "}"},
     "ComfyUI",
     "a, b BREAK c",
     "dog",
     FIELDS,
     NULL},
    {"LoRA and clip skip",
     {"prompt", "{\"3\":{\"class_type\":\"KSampler\",\"inputs\":{\"seed\":[\"9\",0],\"steps\":20,\"cfg\":8.0,"
                "\"sampler_name\":\"euler_ancestral\",\"scheduler\":\"karras\",\"denoise\":1.0,\"model\":[\"10\",0],"
                "\"positive\":[\"6\",0],\"negative\":[\"7\",0],\"latent_image\":[\"5\",0]}}," LATENT
                "\"6\":{\"class_type\":\"CLIPTextEncode\",\"inputs\":{\"text\":\"a cat\",\"clip\":[\"8\",0]}}," ENCODE(
                    "7", "\"dog\"") NODE("8", "CLIPSetLastLayer", "\"stop_at_clip_layer\":-2,\"clip\":[\"10\",1]")
                    NODE("9", "Seed (rgthree)", "\"seed\":5")
                        NODE("10", "LoraLoader",
                             "\"lora_name\":\"x/foo.safetensors\",\"strength_model\":0.8,\"strength_clip\":1,"
                             "\"model\":[\"4\",0],\"clip\":[\"4\",1]") MODEL "}"},
     "ComfyUI",
     "a cat<lora:foo:0.8>",
     "dog",
     "Size-1=512|Size-2=768|Clip skip=2|Steps=20|Sampler=Euler a|Schedule type=Karras|CFG scale=8.0|Seed=5|Model=v1-5|"
     "RNG=CPU|Version=ComfyUI",
     NULL},
    {"a picture to begin with",
     {"prompt", SAMPLER_OF("ddim", "5") NODE("5", "VAEEncode", "\"pixels\":[\"9\",0],\"vae\":[\"4\",2]")
                    ENCODE("6", "\"a\"") ENCODE("7", "\"b\"") MODEL "}"},
     "ComfyUI",
     "a",
     "b",
     "Steps=20|Sampler=Euler|Schedule type=Karras|CFG scale=8.0|Seed=5|Denoising strength=1.0|Model=v1-5|Size-1=72|"
     "Size-2=80|RNG=CPU|Version=ComfyUI",
     NULL},
    {"custom sampling",
     {"prompt",
      "{" NODE("1", "SamplerCustomAdvanced",
               "\"noise\":[\"2\",0],\"guider\":[\"3\",0],\"sampler\":[\"8\",0],\"sigmas\":[\"9\",0],"
               "\"latent_image\":[\"5\",0]") NODE("2", "RandomNoise", "\"noise_seed\":5")
          NODE("3", "CFGGuider", "\"cfg\":8.0,\"model\":[\"4\",0],\"positive\":[\"6\",0],\"negative\":[\"7\",0]")
              NODE("8", "KSamplerSelect", "\"sampler_name\":\"euler_ancestral\"")
                  NODE("9", "BasicScheduler", "\"scheduler\":\"karras\",\"steps\":20,\"denoise\":1.0")
                      LATENT ENCODE("6", "\"a cat\"") ENCODE("7", "\"dog\"") MODEL "}"},
     "ComfyUI",
     "a cat",
     "dog",
     FIELDS,
     NULL},
    {"nodes that are not known",
     {"prompt", SAMPLER_OF("euler_ancestral", "5") LATENT NODE("6", "Mystery", "\"conditioning\":[\"8\",0]")
                    ENCODE("7", "\"dog\"") ENCODE("8", "\"a cat\"") MODEL "}"},
     "ComfyUI",
     "a cat",
     "dog",
     FIELDS,
     "node Mystery"},
    {"a circle",
     {"prompt", SAMPLER_OF("euler_ancestral", "5") LATENT NODE("6", "Reroute", "\"\":[\"6\",0]") ENCODE("7", "\"dog\"")
                    MODEL "}"},
     "ComfyUI",
     "",
     "dog",
     FIELDS,
     "the prompt"},

    {"SwarmUI",
     {"parameters",
      "{\n  \"sui_image_params\": {\n    \"prompt\": \"a cat\",\n    \"negativeprompt\": \"dog\",\n    \"model\": "
      "\"Official/sd_1.5\",\n \"seed\": 1,\n \"steps\": 20,\n \"cfgscale\": 7.0,\n \"aspectratio\": \"1:1\",\n "
      "\"width\": "
      "512,\n \"height\": 768,\n \"sampler\": \"dpmpp_2m_sde_gpu\",\n \"scheduler\": \"karras\",\n "
      "\"clipstopatlayer\": "
      "\"-2\",\n \"loras\": [\"x/foo\"], \"loraweights\": [\"0.5\"],\n \"swarm_version\": \"0.9.3.1\"\n },\n "
      "\"sui_extra_data\": {}}"},
     "SwarmUI",
     "a cat<lora:foo:0.5>",
     "dog",
     "Model=sd_1.5|Seed=1|Steps=20|CFG scale=7.0|Size-1=512|Size-2=768|Sampler=DPM++ 2M SDE|Schedule type=Karras|Clip "
     "skip=2|Version=SwarmUI 0.9.3.1|RNG=CPU",
     "'loras'; 'loraweights'"},
    {"Fooocus",
     {"parameters",
      "{\"adm_guidance\": \"(1.5, 0.8, 0.3)\", \"base_model\": \"foo\", \"base_model_hash\": \"0123456789\", "
      "\"full_prompt\": [\"a cat, best\"], \"guidance_scale\": 4.0, \"lora_combined_1\": \"bar : 0.1\", \"loras\": [], "
      "\"metadata_scheme\": \"fooocus\", \"negative_prompt\": \"dog\", \"prompt\": \"a cat\", \"refiner_model\": "
      "\"None\", "
      "\"resolution\": \"(512, 768)\", \"sampler\": \"dpmpp_2m_sde_gpu\", \"scheduler\": \"karras\", \"seed\": \"7\", "
      "\"sharpness\": 2.0, \"steps\": 30, \"vae\": \"Default (model)\", \"version\": \"Fooocus v2.5.0\"}",
      "fooocus_scheme", "fooocus"},
     "Fooocus",
     "<lora:bar:0.1>\na cat",
     "dog",
     "adm_guidance=(1.5, 0.8, 0.3)|Model=foo|Model hash=0123456789|CFG scale=4.0|Size-1=512|Size-2=768|Sampler=DPM++ "
     "2M "
     "SDE|Schedule type=Karras|Seed=7|sharpness=2.0|Steps=30|Version=Fooocus v2.5.0|RNG=CPU",
     "'full_prompt'"},
    {"InvokeAI",
     {"invokeai_metadata",
      "{\"generation_mode\":\"txt2img\",\"positive_prompt\":\"a "
      "cat\",\"negative_prompt\":\"dog\",\"width\":512,\"height\":"
      "768,\"seed\":7,\"rand_device\":\"cpu\",\"cfg_scale\":7.5,\"steps\":30,\"scheduler\":\"dpmpp_2m_k\",\"clip_"
      "skip\":1,"
      "\"model\":{\"name\":\"foo\",\"base\":\"sd-1\"},\"loras\":[{\"model\":{\"name\":\"bar\"},\"weight\":0.75}],"
      "\"app_version\":\"5.0.0\"}"},
     "InvokeAI",
     "a cat<lora:bar:0.75>",
     "dog",
     "Steps=30|CFG scale=7.5|Seed=7|Size-1=512|Size-2=768|Sampler=DPM++ 2M|Schedule type=Karras|Model=foo|Clip skip=2|"
     "RNG=CPU|Version=InvokeAI 5.0.0",
     NULL},
    {"InvokeAI until 2.3",
     {"sd-metadata", "{\"model_weights\":\"stable-diffusion-1.5\",\"app_version\":\"2.3.5\",\"image\":{\"prompt\":[{"
                     "\"prompt\":\"a cat "
                     "[dog]\",\"weight\":1}],\"steps\":30,\"cfg_scale\":7.5,\"seed\":7,\"width\":512,\"height\":768,"
                     "\"type\":\"txt2img\","
                     "\"sampler\":\"k_euler_a\"}}"},
     "InvokeAI",
     "a cat",
     "dog",
     "Steps=30|CFG scale=7.5|Seed=7|Size-1=512|Size-2=768|Sampler=Euler a|Model=stable-diffusion-1.5|Version=InvokeAI "
     "2.3.5",
     NULL},
    {"Dream",
     {"Dream", "\"a cat [dog]\" -s 50 -S 42 -W512 -H 768 -C7.5 -A k_lms"},
     "InvokeAI",
     "a cat",
     "dog",
     "Steps=50|Seed=42|Size-1=512|Size-2=768|CFG scale=7.5|Sampler=LMS|Version=InvokeAI",
     NULL},
    {"Easy Diffusion",
     {TEXT_USER_COMMENT, "{\"prompt\":\"a cat\",\"seed\":7,\"negative_prompt\":\"dog\",\"num_inference_steps\":25,"
                         "\"guidance_scale\":7.5,\"width\":512,\"height\":768,\"sampler_name\":\"euler_a\","
                         "\"use_stable_diffusion_model\":\"models/sd-v1-5.ckpt\",\"tiling\":\"none\"}"},
     "Easy Diffusion",
     "a cat",
     "dog",
     "Seed=7|Steps=25|CFG scale=7.5|Size-1=512|Size-2=768|Sampler=Euler a|Model=sd-v1-5|tiling=none",
     NULL},
    {"Draw Things",
     {TEXT_XMP, "<x:xmpmeta><rdf:Description><exif:UserComment><rdf:Alt><rdf:li xml:lang=\"x-default\">{&quot;c&quot;:"
                "&quot;a &amp;amp; b&quot;,&quot;uc&quot;:&quot;dog&quot;,&quot;seed&quot;:7,&quot;steps&quot;:20,"
                "&quot;scale&quot;:7.5,&quot;sampler&quot;:&quot;DPM++ 2M Karras&quot;,&quot;size&quot;:&quot;512x768"
                "&quot;,&quot;model&quot;:&quot;sd_v1.5_f16.ckpt&quot;,&quot;v2&quot;:{&quot;a&quot;:1}}</rdf:li>"
                "</rdf:Alt></exif:UserComment></rdf:Description></x:xmpmeta>"},
     "Draw Things",
     "a &amp; b",
     "dog",
     "Seed=7|Steps=20|CFG scale=7.5|Sampler=DPM++ 2M|Schedule type=Karras|Size-1=512|Size-2=768|Model=sd_v1.5_f16",
     NULL},
    {"stable-diffusion.cpp",
     {"parameters",
      "a cat\nNegative prompt: dog\nSteps: 20, CFG scale: 7.000000, Guidance: 3.500000, Eta: inf, Seed: 42, "
      "Size: 512x768, Model: sd-v1-4.ckpt, RNG: cuda, Sampler: euler_a karras, Version: "
      "stable-diffusion.cpp, SDCPP: {\"prompt\":\"a, Steps: 5\",\"x\":[1,2]}"},
     "stable-diffusion.cpp",
     "a cat",
     "dog",
     "Steps=20|CFG scale=7.000000|Seed=42|Size-1=512|Size-2=768|Model=sd-v1-4|RNG=GPU|Sampler=Euler a|Schedule "
     "type=Karras|Version=stable-diffusion.cpp",
     NULL},
    {"stable-diffusion.cpp in WebP",
     {TEXT_XMP,
      "<rdf:Description xmlns:sdcpp=\"x\"><sdcpp:parameters>a &lt; b\nSteps: 20, Sampler: dpm++2mv2 gits, Seed: 4"
      ", RNG: std_default, Version: stable-diffusion.cpp</sdcpp:parameters>"},
     "stable-diffusion.cpp",
     "a < b",
     "",
     "Steps=20|Sampler=dpm++2mv2|Schedule type=gits|Seed=4|RNG=std_default|Version=stable-diffusion.cpp",
     "its sampler 'dpm++2mv2' is none of sdc's; its schedule 'gits' is none of sdc's; its random numbers "
     "'std_default'"},
    {"JSON of nobody", {"parameters", "{\"a\": 1}"}, NULL, "{\"a\": 1}", "", "", NULL},
    {"broken JSON", {"prompt", "{\"a\": "}, NULL, NULL, NULL, NULL, NULL},
};

static bool same(const char *got, const char *want) { return got && want ? !strcmp(got, want) : !got == !want; }

#define T(text) text, sizeof(text) - 1

/* A text hidden in the lowest bits of 24 x 20 pixels: of alpha, or of the colours. */
static void hidden(bool alpha, const char *name, const char *text, size_t text_n, size_t bits, const char *prompt,
                   const char *words) {
    enum { W = 24, H = 20 };
    uint8_t rows[H][1 + 4 * W] = {{0}}, data[200];
    size_t n = strlen(name) + 4 + text_n, step = alpha ? 1 : 3;
    snprintf((char *)data, sizeof data, "%s", name);
    memcpy(data + strlen(name) + 4, text, text_n);
    for (int i = 0; i < 4; i++) data[strlen(name) + (size_t)i] = (uint8_t)(bits >> (24 - 8 * i));
    for (int y = 0; y < H; y++) memset(rows[y] + 1, 0x80, 4 * W);
    for (size_t i = 0; i < 8 * n; i++) {
        size_t pixel = i / step, x = pixel / H, y = pixel % H;
        rows[y][1 + 4 * x + (alpha ? 3 : i % 3)] |= data[i / 8] >> (7 - i % 8) & 1;
    }
    PictureFile f = {NULL, 0, 0};
    PictureInfo info;
    Error e = {0};
    file_png(&f, W, H, 8, 6, 0);
    file_deflated(&f, "IDAT", NULL, 0, rows, sizeof rows);
    file_chunk(&f, "IEND", NULL, 0);
    bool ok = picture_info_of(f.p, f.n, "x.png", &info, &e);
    test_check(words ? !ok && strstr(e.text, words) : ok && same(info.read.prompt, prompt), "%s: %s", name,
               words ? words : "is found");
    test_note("%s %s", e.text, info.text ? info.text : "-");
    picture_info_free(&info);
    free(f.p);
}

void info_other(void) {
    hidden(true, "stealth_pnginfo", T("a cat"), 40, "a cat", NULL);
    hidden(false, "stealth_rgbinfo", T("a cat"), 40, "a cat", NULL);
    hidden(true, "stealth_pnginf_", T("a cat"), 40, NULL, NULL);
    hidden(true, "stealth_pnginfo", T("a cat"), 0xFFFFFFF8, NULL, "lowest bits is cut");
    hidden(true, "stealth_pngcomp", T("a cat"), 40, NULL, "lowest bits is not read");
    hidden(false, "stealth_rgbinfo", T("{\"Software\":\"NovelAI\",\"Comment\":\"{\\\"steps\\\":3}\"}"), 8 * 48, "",
           NULL);
    static const char GZIP[] = /* Python's gzip.compress(b"a cat", mtime=0) */
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x54\x48\x4e\x2c\x01\x00\x64\x9c\x5d\xa3\x05\x00\x00\x00";
    hidden(true, "stealth_pngcomp", GZIP, 25, 8 * 25, "a cat", NULL);
    hidden(false, "stealth_rgbcomp", GZIP, 25, 8 * 25, "a cat", NULL);
    hidden(true, "stealth_pngcomp", GZIP, 24, 8 * 24, NULL, "ends early");

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        ImageTexts texts = {.width = 72, .height = 80};
        PictureInfo info;
        Error e = {0};
        char got[2000] = "";
        size_t n = 0;
        for (const char *const *t = CASES[i].texts; t < CASES[i].texts + 8 && *t; t += 2)
            image_texts_add(&texts, t[0], strlen(t[0]), t[1], strlen(t[1]), TEXT_UTF8, &e);
        bool ok = picture_info(&texts, "x.png", &info, &e);
        for (int k = 0; k < info.read.count; k++)
            n += (size_t)snprintf(got + n, sizeof got - n, "%s%s=%s", n ? "|" : "", info.read.pairs[k].key,
                                  info.read.pairs[k].value);
        ok = ok && same(info.program, CASES[i].program) && same(info.read.prompt, CASES[i].prompt) &&
             same(info.read.negative, CASES[i].negative) && !strcmp(got, CASES[i].pairs ? CASES[i].pairs : "") &&
             !info.missing == !CASES[i].missing;
        if (ok && info.missing) ok = strstr(info.missing, CASES[i].missing);
        test_check(ok, "other programs: %s", CASES[i].name);
        test_note("%s; %s; '%s', '%s', '%s'; missing %s", e.text, info.program ? info.program : "-",
                  info.read.prompt ? info.read.prompt : "-", info.read.negative ? info.read.negative : "-", got,
                  info.missing ? info.missing : "-");
        InfoRead again = {0}; /* the text says the same as the fields */
        if (ok && info.program && info.read.count > 2) {
            ok = infotext_read(info.text, &again, &e) && again.count == info.read.count &&
                 !strcmp(again.prompt, info.read.prompt) && !strcmp(again.negative, info.read.negative);
            for (int k = 0; ok && k < again.count; k++)
                ok = same(infotext_get(&info.read, again.pairs[k].key), again.pairs[k].value);
            test_check(ok, "other programs: %s, as a text", CASES[i].name);
            test_note("%s", info.text);
        }
        infotext_read_free(&again);
        picture_info_free(&info);
        image_texts_free(&texts);
    }
}
