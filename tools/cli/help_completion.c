/* help_completion.c: scripts by which shells complete command lines of sdc, from the tables of commands and of their
 * options. */
#include "help.h"
#include "help_words.h"

#include <stdio.h>
#include <string.h>

enum { WORD = 80 };

/* The characters of `special` get a backslash before them; each ' ends the quotes that text stands in and begins them
 * anew. */
static void put(const char *text, const char *special) {
    for (; *text; text++) {
        if (*text == '\'') printf("'\\''");
        else printf(strchr(special, *text) ? "\\%c" : "%c", *text == '\n' ? ' ' : *text);
    }
}

static bool has_words(const Option *o) {
    char word[WORD];
    return *help_word(o, 0, word, sizeof word);
}

/* --- bash --- */

static void bash_option(const Command *c, const Option *o) {
    char word[WORD];
    if (!o->value) return;
    printf("    %s:--%s", c->name, o->name);
    if (o->letter) printf(" | %s:-%c", c->name, o->letter);
    if (help_is_file(o)) {
        printf(") return ;;\n");
        return;
    }
    printf(") plain=1 words='");
    for (int i = 0; *help_word(o, i, word, sizeof word); i++) printf("%s", i ? "\n" : ""), put(word, "");
    printf("' ;;\n");
}

static void bash(const Command *(*at)(int i)) {
    Option o;
    printf("# Made by sdc help --completion bash\n"
           "_sdc() {\n"
           "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} plain= words= w\n"
           "  COMPREPLY=()\n"
           "  if [ \"$cur\" = = ]; then cur=\n"
           "  elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
           "  if [ \"$COMP_CWORD\" = 1 ]; then plain=1 words='");
    for (int i = 0; at(i); i++) printf("%s%s", i ? "\n" : "", at(i)->name);
    printf("'\n  else case ${COMP_WORDS[1]}:$prev in\n    help:help) plain=1 words='");
    for (int i = 0; at(i); i++) printf("%s%s", i ? "\n" : "", at(i)->name);
    printf("\n--man\n--completion' ;;\n");
    for (int i = 0; at(i); i++)
        for (OptionCursor k = {.next = at(i)->options}; option_next(&k, &o);) bash_option(at(i), &o);
    printf("  esac; fi\n"
           "  if [ ! \"$plain\" ] && [[ $cur == -* ]]; then plain=1; case ${COMP_WORDS[1]} in\n");
    for (int i = 0; at(i); i++) {
        printf("    %s) words='--help", at(i)->name);
        for (OptionCursor k = {.next = at(i)->options}; option_next(&k, &o);) printf("\n--%s", o.name);
        printf("' ;;\n");
    }
    printf("  esac; fi\n"
           "  [ ! \"$plain\" ] || compopt +o default 2>/dev/null\n"
           "  while IFS= read -r w; do\n"
           "    if [ \"$w\" ] && [[ $w == \"$cur\"* ]]; then COMPREPLY+=(\"$(printf %%q \"$w\")\"); fi\n"
           "  done <<< \"$words\"\n"
           "}\n"
           "complete -o default -F _sdc sdc\n");
}

/* --- zsh --- */

static void zsh_option(const Option *o) {
    char text[600], word[WORD];
    const char *again = o->kind == OPT_LIST ? "*" : "";
    if (o->letter && o->kind != OPT_LIST)
        printf(" \\\n      '(-%c --%s)'{-%c,--%s=}'[", o->letter, o->name, o->letter, o->name);
    else printf(" \\\n      '%s--%s%s[", again, o->name, o->value ? "=" : "");
    put(help_text(o, text, sizeof text), "[]:\\");
    printf("]");
    if (o->value) {
        printf(":"), put(help_value(o, text, sizeof text), ":\\"), printf(":");
        if (has_words(o)) {
            printf("(");
            for (int i = 0; *help_word(o, i, word, sizeof word); i++) printf("%s", i ? " " : ""), put(word, " ()\\:");
            printf(")");
        } else if (help_is_file(o)) printf("_files");
    }
    printf("'");
}

static void zsh(const Command *(*at)(int i)) {
    Option o;
    printf("#compdef sdc\n# Made by sdc help --completion zsh\n_sdc() {\n  local -a commands\n  commands=(");
    for (int i = 0; at(i); i++) printf("\n    '%s:", at(i)->name), put(at(i)->summary, ":\\"), printf("'");
    printf(")\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
           "  local name=$words[2]\n  shift words; (( CURRENT-- ))\n  case $name in\n");
    for (int i = 0; at(i); i++) {
        printf("    %s) _arguments -s", at(i)->name);
        for (OptionCursor k = {.next = at(i)->options}; option_next(&k, &o);) zsh_option(&o);
        if (!strcmp(at(i)->name, "help")) {
            printf(" \\\n      '*:command:(");
            for (int k = 0; at(k); k++) printf(k ? " %s" : "%s", at(k)->name);
            printf(")' ;;\n");
        } else printf(" \\\n      '*:file:_files' ;;\n");
    }
    printf("  esac\n}\n_sdc \"$@\"\n");
}

/* --- fish --- */

/* What it is for. */
static void fish_says(const char *text) {
    printf(" -d '");
    for (; *text; text++) printf(strchr("'\\", *text) ? "\\%c" : "%c", *text);
    printf("'\n");
}

static void fish_option(const Command *c, const Option *o) {
    char text[600], word[WORD];
    printf("complete -c sdc -n '__fish_seen_subcommand_from %s'", c->name);
    if (o->letter) printf(" -s %c", o->letter);
    printf(" -l %s%s", o->name, !o->value ? "" : help_is_file(o) ? " -r -F" : " -x");
    if (has_words(o)) {
        printf(" -a '");
        for (int i = 0; *help_word(o, i, word, sizeof word); i++) {
            printf("%s", i ? " " : "");
            put(word, " ()$*?~#\\\"");
        }
        printf("'");
    }
    fish_says(help_text(o, text, sizeof text));
}

static void fish(const Command *(*at)(int i)) {
    Option o;
    printf("# Made by sdc help --completion fish\ncomplete -c sdc -f\n");
    for (int i = 0; at(i); i++)
        printf("complete -c sdc -n __fish_use_subcommand -a %s", at(i)->name), fish_says(at(i)->summary);
    for (int i = 0; at(i); i++) {
        bool help = !strcmp(at(i)->name, "help");
        printf("complete -c sdc -n '__fish_seen_subcommand_from %s' %s", at(i)->name, help ? "-a '" : "-F");
        for (int k = 0; help && at(k); k++) printf(k ? " %s" : "%s", at(k)->name);
        printf(help ? "'\n" : "\n");
        for (OptionCursor k = {.next = at(i)->options}; option_next(&k, &o);) fish_option(at(i), &o);
    }
}

int help_completion(const Command *(*at)(int i), const char *shell) {
    if (!strcmp(shell, "bash")) bash(at);
    else if (!strcmp(shell, "zsh")) zsh(at);
    else fish(at);
    return finish_output();
}
