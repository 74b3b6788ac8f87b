/* help_man.c: the manual page, sdc(1), from the tables of commands and of their options. */
#include "help.h"
#include "help_words.h"

#include <stdio.h>
#include <string.h>

/* Text as troff reads it: a hyphen that can be copied, and no line that begins with a request. */
static void put(const char *text) {
    static const struct {
        char c;
        const char *as;
    } ESCAPED[] = {{'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};
    if (*text == '.') printf("\\&");
    for (; *text; text++) {
        size_t i = 0, n = sizeof ESCAPED / sizeof *ESCAPED;
        while (i < n && ESCAPED[i].c != *text) i++;
        if (i < n) printf("%s", ESCAPED[i].as);
        else if (*text == '\n') printf(text[1] == '.' ? "\n.PP\n\\&" : "\n.PP\n");
        else putchar(*text);
    }
}

static void line(const char *text) { put(text), putchar('\n'); }

static void option(const Option *o) {
    char text[600];
    printf(".TP\n");
    if (o->letter) printf("\\fB\\-%c\\fR, ", o->letter);
    printf("\\fB\\-\\-"), put(o->name), printf("\\fR");
    if (*help_value(o, text, sizeof text)) printf(" \\fI"), put(text), printf("\\fR");
    printf("\n");
    line(help_text(o, text, sizeof text));
}

static void command(const Command *c) {
    Option o;
    printf(".SS sdc "), put(c->name), printf("%s", *c->usage ? " " : ""), line(c->usage);
    line(c->summary);
    if (c->notes) printf(".PP\n"), line(c->notes);
    for (OptionCursor k = {.next = c->options}; option_next(&k, &o);) option(&o);
}

int help_man(const Command *(*at)(int i), const char *version) {
    printf(".\\\" made by sdc help --man\n.TH SDC 1 \"\" \"sdc %s\" \"User Commands\"\n.nh\n.ad l\n", version);
    printf(".SH NAME\nsdc \\- draw pictures with Stable Diffusion, and work with its models\n"
           ".SH SYNOPSIS\n.B sdc\n.I COMMAND\n[options]\n.SH DESCRIPTION\n");
    for (int i = 0; at(i); i++) printf(".TP\n.B "), line(at(i)->name), line(at(i)->summary);
    printf(".SH COMMANDS\n");
    for (int i = 0; at(i); i++) command(at(i));
    printf(".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\na file, memory or device failed\n.TP\n2\nwrong usage\n"
           ".TP\n128 + N\nstopped by signal N\n");
    return finish_output();
}
