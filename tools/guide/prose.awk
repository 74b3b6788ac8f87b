# prose.awk: whether the text of a page between its blocks names only what there is: in `code`, --options of some
# command of sdc, files, functions as name(), targets as make NAME; and files that it links to.
#
#     awk -f tools/guide/prose.awk -v help=FILE -v targets=FILE page.md
#
# help: what `sdc help` says of all commands; targets: the Makefile's, a line each. Run from the root of the tree.

function complain(what) {
    print FILENAME ":" FNR ": " what
    bad = 1
}

function is_there(file) { return !system("test -e '" file "'") }

function look(code,   word, n, i, name) {
    if (code ~ /^make [a-z-]+/) {
        split(code, word, " ")
        if (!(word[2] in target)) complain("make has no target " word[2])
    }
    n = split(code, word, /[ ,|()]/)
    for (i = 1; i <= n; i++) {
        name = word[i]
        sub(/=.*/, "", name)
        if (name ~ /^--[a-z]/ && !(name in option)) complain("no command has the option " name)
        if (name ~ /^(sd|tools|tests|tensor|nn|weights|cuda)\/[A-Za-z0-9_\/.-]+$/ && !is_there(name)) complain("there is no " name)
    }
    if (code ~ /^[a-z_][a-z0-9_]*\(\)$/) {
        name = substr(code, 1, length(code) - 2)
        if (system("grep -rqE '^[A-Za-z].*[ *]" name "\\(' --include='*.[ch]' sd nn tensor weights tools"))
            complain("no function is called " code)
    }
}

BEGIN {
    while ((getline text < help) > 0)
        while (match(text, /--[a-z][a-z0-9-]*/)) {
            option[substr(text, RSTART, RLENGTH)] = 1
            text = substr(text, RSTART + RLENGTH)
        }
    while ((getline text < targets) > 0) target[text] = 1
    option["--help"] = 1
}

/^```/ { block = !block; next }
block { next }
{
    text = $0
    while (match(text, /\]\([^)]*\)/)) {
        link = substr(text, RSTART + 2, RLENGTH - 3)
        text = substr(text, RSTART + RLENGTH)
        sub(/#.*/, "", link)
        folder = FILENAME
        sub(/[^\/]*$/, "", folder)
        if (link != "" && link !~ /^https?:/ && !is_there(folder link)) complain("there is no " link)
    }
    text = $0
    while (match(text, /`[^`]+`/)) {
        look(substr(text, RSTART + 1, RLENGTH - 2))
        text = substr(text, RSTART + RLENGTH)
    }
}
END { exit bad }
