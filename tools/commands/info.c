/* info.c: `sdc info FILE... [--json] [--no-hash]`. */
#include "info_network.h"

#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/cli/printable.h"
#include "sd/sd.h"
#include "weights/files/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    bool json, hash;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(FLAG, json, 0, "json", NULL, "print one JSON object per line"),
    OPTION(OFF, hash, 0, "no-hash", NULL, "skip the SHA-256, for which the whole file is read"), OPTION_END};

static void print_json(const char *path, const SdInfo *i) {
    const struct {
        const char *key, *value;
    } TEXTS[] = {{"{\"file\":", path},
                 {",\"family\":", i->family},
                 {",\"layout\":", i->layout},
                 {",\"dtype\":", i->dtype},
                 {",\"prediction\":", i->prediction},
                 {",\"sha256\":", i->hash},
                 {",\"unused\":", i->unused},
                 {",\"unknown\":", i->unknown},
                 {",\"variant\":", i->variant},
                 {",\"decided\":", i->decided},
                 {",\"encoders\":", i->encoders},
                 {",\"embedding\":", i->embedding},
                 {",\"lacks\":", i->lacks},
                 {",\"besides\":", i->besides},
                 {",\"sampler\":", i->sampler},
                 {",\"scheduler\":", i->scheduler},
                 {",\"settings\":", i->settings},
                 {",\"format\":", i->format}};
    const struct {
        const char *key;
        int64_t value;
    } NUMBERS[] = {{"tensors", i->tensors},
                   {"used", i->used},
                   {"ignored", i->ignored},
                   {"missing", i->missing},
                   {"parameters", i->parameters},
                   {"unet_parameters", i->unet_parameters},
                   {"vae_parameters", i->vae_parameters},
                   {"text_parameters", i->text_parameters},
                   {"bytes", (int64_t)i->bytes},
                   {"steps", i->steps},
                   {"width", i->width},
                   {"height", i->height}};
    for (size_t k = 0; k < sizeof TEXTS / sizeof *TEXTS; k++) {
        fputs(TEXTS[k].key, stdout);
        json_print(stdout, TEXTS[k].value);
    }
    for (size_t k = 0; k < sizeof NUMBERS / sizeof *NUMBERS; k++)
        printf(",\"%s\":%" PRId64, NUMBERS[k].key, NUMBERS[k].value);
    printf(",\"cfg_scale\":%g}\n", i->cfg);
}

/* What a file says, on one line. */
static void print_list(const char *what, const char *list) {
    if (!*list) return;
    printf("  %-12s", what);
    for (const char *p = list; *p; p++) putchar(printable(*p));
    putchar('\n');
}

static void print_text(const char *path, const SdInfo *i) {
    for (const char *p = path; *p; p++) putchar(printable(*p));
    printf("\n");
    bool variant = *i->variant && !strstr(i->family, i->variant);
    printf("  family      %s%s%s, %s\n", i->family, variant ? ", " : "", variant ? i->variant : "", i->layout);
    printf("  format      %s\n", i->format);
    printf("  dtype       %s\n", i->dtype);
    printf("  tensors     %" PRId64 ": %" PRId64 " used, %" PRId64 " ignored, %" PRId64 " missing\n", i->tensors,
           i->used, i->ignored, i->missing);
    if (i->width)
        printf("  parameters  %" PRId64 ": U-Net %" PRId64 ", VAE %" PRId64 ", text encoder %" PRId64 "\n",
               i->parameters, i->unet_parameters, i->vae_parameters, i->text_parameters);
    else printf("  parameters  %" PRId64 "\n", i->parameters); /* a part of a model alone */
    printf("  size        %zu bytes (%.1f MiB)\n", i->bytes, (double)i->bytes * 0x1p-20);
    if (i->width) {
        printf("  pictures    %dx%d\n", i->width, i->height);
        printf("  settings    %s, %s, %d step%s, CFG %g (%s)\n", i->sampler, i->scheduler, i->steps,
               i->steps == 1 ? "" : "s", i->cfg, *i->settings ? i->settings : "the program's");
    }
    if (*i->prediction)
        printf("  prediction  %s%s%s%s\n", i->prediction, *i->decided ? " (" : "", i->decided, *i->decided ? ")" : "");
    print_list("encoders", i->encoders);
    print_list("embedding", i->embedding);
    print_list("lacks", i->lacks);
    print_list("besides", i->besides);
    print_list("not used", i->unused);
    print_list("not known", i->unknown);
    if (*i->hash) printf("  hash        %.10s\n  sha256      %s\n", i->hash, i->hash);
}

/* A file that is no model but a network is described. e: why it is no model; a broken network's error replaces it. */
static bool info_network(const Arguments *a, const char *path, Error *e) {
    SdNetworkReport r;
    Error own = {0};
    if (e->code != ERR_FORMAT) return false;
    if (sd_network(NULL, path, &r, &own) && info_network_print(path, &r, a->json, a->hash, &own)) return true;
    if (strstr(e->text, "is a LoRA")) *e = own;
    return false;
}

static int info(const Command *c, int argc, char **argv) {
    Arguments a = {.hash = true};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest), failed = EXIT_DONE;
    if (code != GO_ON) return code;
    if (!rest) return usage_error(c, "no file; name the models to look at");
    for (int k = 0; k < rest; k++) {
        SdInfo i = {0};
        Error e = {0};
        const char *path = argv[k];
        input_file(&path);
        bool is_model = sd_info(path, a.hash, &i, &e);
        if (!is_model && info_network(&a, path, &e)) continue;
        if (!is_model) {
            fflush(stdout); /* keeps the order of both streams where they go to one place */
            code = report(c, &e);
            if (!failed) failed = code;
        } else if (a.json) print_json(path, &i);
        else print_text(path, &i);
    }
    code = finish_output();
    return failed ? failed : code;
}

const Command INFO = {
    "info",
    info,
    "FILE... [options]",
    "describe model files",
    "Of a U-Net, a VAE, a text encoder or a TAESD alone it says that it is one; of a LoRA and the like its kind, rank "
    "and alpha, whose it is, and what its training wrote into it. "
    "The hash is the SHA-256 of the whole file; the webui shows its first 10 digits. A LoRA's is the one that pictures "
    "have of it, in \"Lora hashes\". Hashes are kept in the user's cache directory.",
    OPTIONS};
