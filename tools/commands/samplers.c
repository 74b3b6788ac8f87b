/* samplers.c: `sdc samplers` and `sdc schedulers`: the lists, with every name and what each one has. */
#include "tools/cli/commands.h"
#include "sd/sampling/scheduler.h"

#include <stdio.h>

typedef struct {
    bool json;
} Arguments;

static const Option OPTIONS[] = {OPTION(FLAG, json, 0, "json", NULL, "print one JSON object a line"), OPTION_END};

static const struct {
    int flag;
    const char *json, *words;
} FLAGS[] = {
    {SAMPLER_TWO_CALLS, "second_order", "two model calls a step"},
    {SAMPLER_ETA, "eta", "eta"},
    {SAMPLER_CHURN, "churn", "churn"},
    {SAMPLER_S_NOISE, "s_noise", "noise scale"},
    {SAMPLER_BROWNIAN, "brownian_noise", "Brownian noise"},
    {SAMPLER_ENSD, "uses_ensd", "eta noise seed delta"},
    {SAMPLER_DISCARD, "discard_next_to_last_sigma", "discards the next-to-last sigma"},
    {SAMPLER_CFGPP, "cfgpp", "CFG++"},
    {SAMPLER_ADAPTIVE, "chooses_steps", "chooses its steps for each picture"},
};

enum { FLAG_COUNT = sizeof FLAGS / sizeof *FLAGS };

/* Names need no escapes in JSON. */
static void print_sampler(const Sampler *s, bool json) {
    bool fixed = !sampler_has_schedule(s);
    const char *schedule = s->scheduler ? s->scheduler : fixed ? "its own" : "Uniform";
    const char *space = s->space == SPACE_SIGMA ? "sigma" : "time", *between = "";
    if (!json) {
        printf("%s\n  names     ", s->name);
        for (int k = 0; s->aliases[k]; k++) printf("%s%s", k ? ", " : "", s->aliases[k]);
        printf("%s\n  schedule  %s%s", s->aliases[0] ? "" : "-", schedule, fixed ? "; ignores schedule types" : "");
        if (s->flags & SAMPLER_ETA) printf("\n  eta       %g", s->default_eta);
        for (int i = 0; i < FLAG_COUNT; i++)
            if (s->flags & FLAGS[i].flag)
                printf("%s%s", *between ? between : "\n  has       ", FLAGS[i].words), between = ", ";
        printf("\n");
        return;
    }
    printf("{\"name\":\"%s\",\"aliases\":[", s->name);
    for (int k = 0; s->aliases[k]; k++) printf("%s\"%s\"", k ? "," : "", s->aliases[k]);
    printf("],\"space\":\"%s\",\"scheduler\":", space);
    if (fixed) printf("null");
    else printf("\"%s\"", schedule);
    printf(",\"eta\":");
    if (s->flags & SAMPLER_ETA) printf("%g", s->default_eta);
    else printf("null");
    printf(",\"flags\":[");
    for (int i = 0; i < FLAG_COUNT; i++)
        if (s->flags & FLAGS[i].flag) printf("%s\"%s\"", between, FLAGS[i].json), between = ",";
    printf("]}\n");
}

static void print_scheduler(const Scheduler *s, bool json) {
    if (!json) {
        printf("%s\n  names     ", s->label);
        for (int k = 0; s->aliases[k]; k++) printf("%s%s", k ? ", " : "", s->aliases[k]);
        if (s->rho > 0) printf("\n  rho       %g", s->rho);
        if (s->ends) printf("\n  has       sigma min, sigma max");
        if (!s->fill) printf("\n  meaning   the sampler's default");
        printf("\n");
        return;
    }
    printf("{\"label\":\"%s\",\"name\":\"%s\",\"aliases\":[", s->label, s->aliases[0]);
    for (int k = 1; s->aliases[k]; k++) printf("%s\"%s\"", k > 1 ? "," : "", s->aliases[k]);
    printf("],\"default_rho\":");
    if (s->rho > 0) printf("%g}\n", s->rho);
    else printf("null}\n");
}

static int parse(const Command *c, Arguments *a, int argc, char **argv) {
    int rest = 0, code = options_parse(c, a, argc, argv, &rest);
    if (code == GO_ON && rest) return usage_error(c, "%.60s: %s takes no names", argv[0], c->name);
    return code;
}

static int samplers(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    int count, code = parse(c, &a, argc, argv);
    if (code != GO_ON) return code;
    const Sampler *all = sampler_list(&count);
    for (int i = 0; i < count; i++) print_sampler(&all[i], a.json);
    return finish_output();
}

static int schedulers(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    int count, code = parse(c, &a, argc, argv);
    if (code != GO_ON) return code;
    const Scheduler *all = scheduler_list(&count);
    for (int i = 0; i < count; i++) print_scheduler(&all[i], a.json);
    return finish_output();
}

const Command SAMPLERS = {"samplers", samplers, "[options]", "list the samplers", NULL, OPTIONS};
const Command SCHEDULERS = {"schedulers", schedulers, "[options]", "list the schedule types", NULL, OPTIONS};
