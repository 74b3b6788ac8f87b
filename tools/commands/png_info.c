/* png_info.c: `sdc png-info FILE... [--json] [--raw]`: what pictures say about how they were made. */
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/cli/printable.h"
#include "sd/info/picture_info.h"
#include "weights/files/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool json, raw;
} Arguments;

static const Option OPTIONS[] = {OPTION(FLAG, json, 0, "json", NULL, "print a JSON object for each file"),
                                 OPTION(FLAG, raw, 0, "raw", NULL, "print the text as it is in the file"), OPTION_END};

/* Prints text from a file, safely for a terminal; lines after the first are indented. */
static void print_clean(const char *s, int indent) {
    for (; *s; s++) {
        putchar(*s == '\n' || *s == '\t' ? *s : printable(*s));
        if (*s == '\n') printf("%*s", indent, "");
    }
    putchar('\n');
}

static void print_json_pairs(const InfoRead *r, bool implied) {
    const char *comma = "";
    putchar('{');
    for (int i = 0; i < r->count; i++) {
        if (r->pairs[i].implied != implied) continue;
        fputs(comma, stdout);
        json_print(stdout, r->pairs[i].key);
        putchar(':');
        json_print(stdout, r->pairs[i].value);
        comma = ",";
    }
    putchar('}');
}

static void print_member(const char *before, const char *value) {
    fputs(before, stdout);
    json_print(stdout, value);
}

static void print_json(const char *path, const PictureInfo *info) {
    print_member("{\"file\":", path);
    print_member(",\"parameters\":", info->text);
    print_member(",\"prompt\":", info->read.prompt);
    print_member(",\"negative_prompt\":", info->read.negative);
    fputs(",\"fields\":", stdout);
    print_json_pairs(&info->read, false);
    fputs(",\"implied\":", stdout);
    print_json_pairs(&info->read, true);
    if (info->program) print_member(",\"program\":", info->program);
    if (info->missing) print_member(",\"missing\":", info->missing);
    puts("}");
}

static void print_text(const char *path, const PictureInfo *info) {
    enum { COLUMN = 24 };
    const InfoRead *r = &info->read;
    print_clean(path, 0);
    printf("  %-*s", COLUMN, "prompt");
    print_clean(r->prompt, COLUMN + 2);
    if (*r->negative) {
        printf("  %-*s", COLUMN, "negative prompt");
        print_clean(r->negative, COLUMN + 2);
    }
    for (int i = 0; i < r->count; i++) {
        printf("  %-*s ", COLUMN - 1, r->pairs[i].key);
        if (r->pairs[i].implied) fputs("(by the version) ", stdout);
        print_clean(r->pairs[i].value, COLUMN + 2);
    }
    if (info->program) printf("  %-*s%s, put into the webui's words\n", COLUMN, "written by", info->program);
    if (info->missing) {
        printf("  %-*s", COLUMN, "not understood");
        print_clean(info->missing, COLUMN + 2);
    }
}

static bool show(const Arguments *a, const char *path, Error *e) {
    PictureInfo info;
    bool ok = picture_info_read(path, &info, e);
    if (ok && !info.text) ok = error_set(e, ERR_FORMAT, "%s: does not say how it was made", path);
    if (ok && a->raw) print_clean(info.raw, 0);
    else if (ok && a->json) print_json(path, &info);
    else if (ok) print_text(path, &info);
    picture_info_free(&info);
    return ok;
}

static int png_info(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest), failed = EXIT_DONE;
    if (code != GO_ON) return code;
    if (!rest) return usage_error(c, "no file named");
    if (a.json && a.raw) return usage_error(c, "--json and --raw: one of them; --json has the text as well");
    for (int k = 0; k < rest; k++) {
        Error e = {0};
        const char *path = argv[k];
        input_file(&path);
        if (show(&a, path, &e)) continue;
        fflush(stdout); /* keeps the two streams in order where both go to one place */
        report(c, &e);
        failed = EXIT_FAILED;
    }
    code = finish_output();
    return failed ? failed : code;
}

const Command PNG_INFO = {
    "png-info",
    png_info,
    "FILE... [options]",
    "show what pictures say about how they were made",
    "Reads what the webui and its kin, sdc, ComfyUI, NovelAI, SwarmUI, InvokeAI, Fooocus, Easy "
    "Diffusion, Draw Things and stable-diffusion.cpp write into PNG, JPEG, WebP and GIF files, and "
    "puts it into the webui's words; --raw prints what is in the file. At most 8 MiB of text are "
    "read. The exit code is 1 when a picture says nothing.",
    OPTIONS};
