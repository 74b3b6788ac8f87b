#include "help_words.h"
#include "sd/info/params.h"

#include <stdio.h>
#include <string.h>

const char *help_value(const Option *o, char *out, size_t size) {
    snprintf(out, size, "%s", o->value ? o->value : "");
    for (char *p = out; *p; p++) *p = *p == ',' && o->kind == OPT_ENUM ? '|' : *p; /* names of one value */
    return out;
}

const char *help_text(const Option *o, char *out, size_t size) {
    snprintf(out, size, *o->standard ? "%s (%s)" : "%s", o->help, o->standard);
    return out;
}

/* The row of the table of settings that the option is, if it is one. */
static const Param *row_of(const Option *o) {
    const Param *p = o->kind == OPT_STRING ? param_named(o->name) : NULL;
    return p && p->help == o->help ? p : NULL;
}

const char *help_word(const Option *o, int i, char *out, size_t size) {
    const Param *p = row_of(o);
    const char *name = "";
    int count;
    *out = 0;
    if (o->kind == OPT_CHOICE || o->kind == OPT_ENUM || o->kind == OPT_EITHER) {
        const char *words = o->value;
        for (; i > 0 && *words; i--) words += strcspn(words, "|"), words += *words == '|';
        snprintf(out, size, "%.*s", (int)strcspn(words, o->kind == OPT_ENUM ? "|," : "|"), words);
    } else if (p && p->type == PARAM_SAMPLER) {
        const Sampler *all = sampler_list(&count);
        if (i < count) name = all[i].name;
        snprintf(out, size, "%s", name);
    } else if (p && p->type == PARAM_SCHEDULER) {
        const Scheduler *all = scheduler_list(&count);
        if (i < count) name = all[i].label;
        snprintf(out, size, "%s", name);
    }
    return out;
}

bool help_is_file(const Option *o) {
    char word[80];
    if (o->kind != OPT_STRING && o->kind != OPT_LIST && o->kind != OPT_TEXT) return false;
    return !*help_word(o, 0, word, sizeof word);
}
