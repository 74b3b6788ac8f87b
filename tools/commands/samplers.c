/* samplers.c: `sdc samplers` and `sdc schedulers`: the lists, with every name and what each one has. */
#include "sd/load/model.h"
#include "sd/sampling/scheduler.h"
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/json_text.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    bool json;
    const char *csv, *model;
    int steps;
} Arguments;

#define JSON_ROW OPTION(FLAG, json, 0, "json", NULL, "print one JSON object a line")
static const Option OPTIONS[] = {JSON_ROW, OPTION_END};
static const Option SCHEDULE_OPTIONS[] = {
    JSON_ROW, OPTION(STRING, csv, 0, "csv", "FILE", "the sigmas of every type, as CSV; - is standard output"),
    OPTION_IN(INT, steps, 's', "steps", "N", 1, 1000, "steps of the CSV (20)"),
    OPTION(STRING, model, 'm', "model", "MODEL", "the model whose noise levels the CSV has (the built-in one)"),
    OPTION_END};

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

static bool write_csv(const Arguments *a, const NoiseLevels *levels, Error *e) {
    JsonText t = {0};
    int count, types;
    const Scheduler *all = scheduler_list(&types);
    float *sigmas = malloc(MOST_SIGMAS * sizeof *sigmas);
    bool ok = sigmas || error_set(e, ERR_MEMORY, "out of memory for a schedule");
    json_text(&t, "schedule,index,sigma,time\n");
    for (int i = 0; ok && i < types; i++) {
        const ScheduleOptions o = {0};
        if (!all[i].fill) continue; /* Automatic */
        ok = scheduler_sigmas(&all[i], levels, false, a->steps ? a->steps : 20, &o, sigmas, &count, e);
        for (int k = 0; ok && k < count; k++) {
            json_text(&t, "%s,%d,%.9g,", all[i].label, k, (double)sigmas[k]);
            if (sigmas[k] > 0) json_text(&t, "%.9g", (double)noise_levels_time(levels, sigmas[k]));
            json_text(&t, "\n");
        }
    }
    ok = ok && json_text_write(&t, a->csv, e);
    free(sigmas);
    free(t.p);
    return ok;
}

/* --csv: "SCHEDULE,INDEX,SIGMA,TIME": the sigma before each step and the last one, 0, which no time has. */
static int schedule_csv(const Command *c, Arguments *a) {
    Error e = {0};
    if (a->json) return usage_error(c, "--csv: not with --json; leave one out");
    if (file_same(a->csv, a->model)) return usage_error(c, "--csv: %.200s is also the model", a->csv);
    int code = output_file(c, "--csv", &a->csv);
    if (code != GO_ON) return code;
    SdModel *m = atomic_check(a->csv, &e) ? sd_open(a->model, &(SdOptions){.threads = 1}, &e) : NULL;
    bool ok = m && write_csv(a, &m->noise_levels, &e);
    sd_close(m);
    return ok ? finish_output() : report(c, &e);
}

static int schedulers(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    int count, code = parse(c, &a, argc, argv);
    if (code != GO_ON) return code;
    if (a.csv) return schedule_csv(c, &a);
    if (a.model || a.steps) return usage_error(c, "--%s: is for the CSV; add --csv FILE", a.model ? "model" : "steps");
    const Scheduler *all = scheduler_list(&count);
    for (int i = 0; i < count; i++) print_scheduler(&all[i], a.json);
    return finish_output();
}

const Command SAMPLERS = {"samplers", samplers, "[options]", "list the samplers", NULL, OPTIONS};
const Command SCHEDULERS = {"schedulers",
                            schedulers,
                            "[options]",
                            "list the schedule types",
                            "With --csv: each type's noise levels (sigma) before every step and at the end, and the "
                            "time that the U-Net is told.",
                            SCHEDULE_OPTIONS};
