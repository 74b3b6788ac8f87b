#include "setting_option.h"

#include <stdio.h>
#include <string.h>

/* The default as the help shows it: "7, or the model's own", "-1: random", "Euler a"; "" where there is none. */
static void standard_text(const Param *p, char *out, size_t size) {
    switch (p->type) {
    case PARAM_INT:
    case PARAM_INT64:
    case PARAM_DOUBLE:
        snprintf(out, size, "%.10g%s%s", p->standard,
                 p->unset      ? ": "
                 : p->of_model ? ", or the model's own"
                               : "",
                 p->unset ? p->unset : "");
        break;
    case PARAM_ENUM: words_get(p->value, (int)p->standard, out, size); break;
    case PARAM_SAMPLER:
    case PARAM_SCHEDULER: snprintf(out, size, "%s, or the model's own", p->text ? p->text : "Automatic"); break;
    default: snprintf(out, size, "%s", p->text ? p->text : ""); break;
    }
}

/* A default outside the range, which means "not set", can be given, too. */
Option setting_option(const Param *p) {
    static const OptionKind KINDS[] = {
        [PARAM_INT] = OPT_INT,      [PARAM_INT64] = OPT_INT64,      [PARAM_DOUBLE] = OPT_DOUBLE,
        [PARAM_BOOL] = OPT_FLAG,    [PARAM_ENUM] = OPT_ENUM,        [PARAM_SAMPLER] = OPT_STRING,
        [PARAM_PROMPT] = OPT_TEXT,  [PARAM_SCHEDULER] = OPT_STRING, [PARAM_FILE] = OPT_STRING,
        [PARAM_STRING] = OPT_STRING};
    Option o = {.kind = KINDS[p->type],
                .at = p->at,
                .letter = p->letter,
                .name = p->name,
                .value = p->value,
                .low = p->standard < p->low ? p->standard : p->low,
                .high = p->high,
                .help = p->help};
    standard_text(p, o.standard, sizeof o.standard);
    return o;
}

bool setting_row(const char *const *names, int i, Option *o) {
    for (int k = 0; k <= i; k++)
        if (!names[k]) return false;
    *o = setting_option(param_named(names[i]));
    return true;
}

int report_request(const Command *c, const Error *e) {
    size_t n = strcspn(e->text, ":");
    char name[40] = "";
    if (n < sizeof name) memcpy(name, e->text, n);
    for (char *p = name; *p; p++)
        if (*p == ' ') *p = '-';
    if (e->code != ERR_ARGUMENT || !param_named(name)) return report(c, e);
    return usage_error(c, "--%s%s", name, e->text + n);
}

int settings_check(const Command *c, const SdRequest *given) {
    const SdRequest usual = sd_request(NULL);
    SdRequest r = *given;
    const Scheduler *scheduler = NULL;
    Error e = {0};
    params_adopt(&r, &usual);
    if (request_enlarges_by_file(&r)) *request_enlarger(&r) = NULL; /* it is not open yet */
    if (!request_sampler(&r, &scheduler, &e))
        return usage_error(c, "--%s sdc %.*ss lists them", e.text, (int)strcspn(e.text, ":"), e.text);
    if (r.width % 8) return usage_error(c, "--width: %d is not a multiple of 8", r.width);
    if (r.height % 8) return usage_error(c, "--height: %d is not a multiple of 8", r.height);
    return params_check(&r, &e) ? GO_ON : report_request(c, &e);
}
