/* test_hostile.c: the suite of hostile cases, each a run of sdc from outside. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_LEAST = 1000 }; /* cases in all */

static HostileSet *first;
static const char *set;
static size_t count;

void hostile_add(HostileSet *s) {
    HostileSet **at = &first;
    while (*at && strcmp((*at)->name, s->name) < 0) at = &(*at)->next;
    s->next = *at;
    *at = s;
}

static bool one_line(const char *err) {
    const char *end = strchr(err, '\n');
    return end && !end[1] && !strncmp(err, "sdc: ", 5);
}

void hostile_case(const HostileCase *c) {
    count++;
    bool written = !c->file || test_write(cli_path(c->file), c->bytes, c->size);
    size_t files = cli_files();
    CliRun r = cli("%s", c->args);
    bool told = c->code ? cli_holds(r.err, c->words) : cli_holds(r.out, c->words) || cli_holds(r.err, c->words);
    bool ok = written && r.code == c->code && told && (!c->code || (one_line(r.err) && cli_files() == files));
    test_check(ok && cli_cheap(&r), "%s/%s: sdc %.100s: exit %d, with %s", set, c->name, c->args, c->code,
               c->words ? c->words : "anything");
    cli_tell(&r);
    if (cli_files() != files) test_note("%zu files before, %zu after", files, cli_files());
    cli_free(&r);
    if (c->file) remove(cli_path(c->file));
}

void hostile_cases(const HostileCase *c, size_t n) {
    for (size_t i = 0; i < n; i++) hostile_case(c + i);
}

SUITE(hostile, .seconds = 14) {
    if (!cli_begin()) {
        test_skip("no program sdc to run; SDC_BIN names it");
        return;
    }
    for (HostileSet *s = first; s; s = s->next) {
        set = s->name;
        s->run();
    }
    test_check(count >= AT_LEAST, "%zu hostile cases, at least %d", count, AT_LEAST);
}
