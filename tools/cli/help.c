#include "help.h"
#include "option.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 36 }; /* INDENT: of what options mean */

/* Prints text in lines of WIDTH, all but the first indented; the first goes on from `column`. '\n' begins a line. */
static void print_wrapped(const char *text, int column, int indent) {
    while (*text) {
        int n = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + n > WIDTH) printf("\n%*s", column = indent, "");
        else if (column > indent) column += printf(" ");
        column += printf("%.*s", n, text);
        text += n;
        if (*text == '\n') printf("\n%*s", column = indent, "");
        if (*text) text++;
    }
    printf("\n");
}

static void print_option(const Option *o) {
    char left[128];
    int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                      : snprintf(left, sizeof left, "      --%s", o->name);
    if (o->value) snprintf(left + n, sizeof left - (size_t)n, " %s", o->value);
    for (char *p = left + n; *p; p++) *p = *p == ',' && o->kind == OPT_ENUM ? '|' : *p; /* names of one value */
    n = printf("%s", left);
    if (n >= INDENT) printf("\n"), n = 0;
    printf("%*s", INDENT - n, "");
    print_wrapped(o->help, INDENT, INDENT);
}

int help_print(const Command *c) {
    Option o;
    printf("usage: sdc %s%s%s\n\n", c->name, *c->usage ? " " : "", c->usage);
    print_wrapped(c->summary, 0, 0);
    printf("\n");
    for (OptionCursor k = {.next = c->options}; option_next(&k, &o);) print_option(&o);
    if (c->options && c->notes) printf("\n");
    if (c->notes) print_wrapped(c->notes, 0, 0);
    return finish_output();
}
