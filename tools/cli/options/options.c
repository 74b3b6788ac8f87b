/* options.c: the option parser. Values are read in option_value.c. */
#include "options.h"
#include "tools/cli/help.h"
#include "option_value.h"
#include "other_names.h"
#include "weights/files/file_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_option(const Option *table, const char *name) {
    Option o;
    for (OptionCursor k = {.next = table}; option_next(&k, &o);)
        if (!strcmp(o.name, name)) return true;
    return false;
}

static int unknown(const Command *c, const char *arg, size_t length) {
    char given[64];
    const char *nearest = NULL;
    int least = FAR;
    Option o;
    snprintf(given, sizeof given, "%.*s", (int)(length < 60 ? length : 60), arg);
    for (OptionCursor k = {.next = c->options}; option_next(&k, &o);) /* -W64, -W=64 */
        if (o.letter && o.letter == arg[1] && o.value && strlen(arg) > 2 && !strstr(o.name, given + 1))
            return usage_error(c, "%s: no such option; did you mean %.2s %s", given, given,
                               given + 2 + (given[2] == '='));
    for (size_t n = 0; other_name(given, n); n++)
        if (has_option(c->options, other_name(given, n)))
            return usage_error(c, "%s: no such option; it is --%s here", given, other_name(given, n));
    for (OptionCursor k = {.next = c->options}; option_next(&k, &o);)
        if (is_nearer(o.name, given + strspn(given, "-"), &least)) nearest = o.name;
    if (nearest) return usage_error(c, "%s: no such option; did you mean --%s", given, nearest);
    return usage_error(c, "%s: no such option", given);
}

static bool find_option(const Option *table, const char *arg, Option *o, size_t *length) {
    bool letter = arg[1] != '-';
    *length = letter ? strlen(arg) : strcspn(arg, "=");
    for (OptionCursor k = {.next = table}; option_next(&k, o);) {
        if (letter && o->letter == arg[1] && !arg[2]) return true;
        if (!letter && strlen(o->name) == *length - 2 && !memcmp(o->name, arg + 2, *length - 2)) return true;
    }
    return false;
}

int options_parse(const Command *c, void *values, int argc, char **argv, int *rest) {
    int kept = 0;
    bool files_only = false;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (files_only || arg[0] != '-' || !arg[1]) {
            argv[kept++] = arg;
            continue;
        }
        if (!strcmp(arg, "--")) {
            files_only = true;
            continue;
        }
        size_t length;
        Option o;
        if (!find_option(c->options, arg, &o, &length)) {
            if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) return help_print(c);
            return unknown(c, arg, length);
        }
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)length, arg);
        bool joined = arg[length] == '=';
        void *at = (char *)values + o.at;
        if (o.kind == OPT_FLAG || o.kind == OPT_OFF) {
            if (joined) return usage_error(c, "%s: takes no value", name);
            *(bool *)at = o.kind == OPT_FLAG;
            continue;
        }
        if (!joined && ++i == argc) return usage_error(c, "%s: needs a value: %s", name, o.value);
        int code = option_value(c, &o, name, joined ? arg + length + 1 : argv[i], at);
        if (code != GO_ON) return code;
    }
    *rest = kept;
    return GO_ON;
}

bool options_text_file(const Command *c, int argc, char **argv, const char *path) {
    Option o;
    size_t length;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || !argv[i][1] || !find_option(c->options, argv[i], &o, &length)) continue;
        bool joined = argv[i][length] == '=', value = o.kind != OPT_FLAG && o.kind != OPT_OFF;
        const char *text = !value ? NULL : joined ? argv[i] + length + 1 : ++i < argc ? argv[i] : NULL;
        if (text && o.kind == OPT_TEXT && text[0] == '@' && text[1] != '@' && file_same(path, text + 1)) return true;
    }
    return false;
}

void options_free(const Command *c, void *values) {
    Option o;
    for (OptionCursor k = {.next = c->options}; option_next(&k, &o);) {
        char **text = (char **)((char *)values + o.at);
        if (o.kind == OPT_TEXT) free(*text), *text = NULL;
    }
}
