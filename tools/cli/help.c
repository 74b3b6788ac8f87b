#include "help.h"
#include "help_words.h"
#include "tensor/os.h"

#include <stdio.h>
#include <string.h>

enum { INDENT = 36 }; /* of what options mean */

/* The terminal's width, within what reads well; 80 elsewhere. */
static int line_width(void) {
    int w = os_terminal_width(stdout);
    return w <= 0 ? 80 : w < 60 ? 60 : w > 110 ? 110 : w;
}

/* Prints text in lines of `width`; the first continues at `column`, the others are indented. '\n' begins a line. */
static void print_wrapped(const char *text, int width, int column, int indent) {
    while (*text) {
        int n = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + n > width) printf("\n%*s", column = indent, "");
        else if (column > indent) column += printf(" ");
        column += printf("%.*s", n, text);
        text += n;
        if (*text == '\n') printf("\n%*s", column = indent, "");
        if (*text) text++;
    }
    printf("\n");
}

static void print_option(const Option *o, int width) {
    char left[160], value[128], help[600];
    int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                      : snprintf(left, sizeof left, "      --%s", o->name);
    if (o->value) snprintf(left + n, sizeof left - (size_t)n, " %s", help_value(o, value, sizeof value));
    n = printf("%s", left);
    if (n >= INDENT) printf("\n"), n = 0;
    printf("%*s", INDENT - n, "");
    print_wrapped(help_text(o, help, sizeof help), width, INDENT, INDENT);
}

int help_print(const Command *c) {
    Option o;
    int width = line_width();
    printf("usage: sdc %s%s%s\n\n", c->name, *c->usage ? " " : "", c->usage);
    print_wrapped(c->summary, width, 0, 0);
    printf("\n");
    for (OptionCursor k = {.next = c->options}; option_next(&k, &o);) print_option(&o, width);
    if (c->options && c->notes) printf("\n");
    if (c->notes) print_wrapped(c->notes, width, 0, 0);
    return finish_output();
}
