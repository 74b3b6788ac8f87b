# page.awk: a page of the guide as it should be: its quotations taken from the tree anew, its commands run anew.
#
#     awk -f tools/guide/page.awk -v work=DIR page.md > page.new
#
# DIR: a folder to run commands in, with sdc, and plain, in it. What differs from the page is no longer true.
#
#   ```c                                    a quotation. After the first line: all of the function, type or table of that
#   // FILE: NAME                           name, without what stands above it; or the lines from the first that holds
#   // FILE: NAME, from "TEXT" to "TEXT"    the one text to the next that holds the other
#
#   ```console                              commands, each after "$ "; what they print on standard output follows it.
#                                           Their exit code must be 0
#
#   <!-- short: s/--steps 20/--steps 2/ --> commands to run, which end with 0 and whose output does not count; "make
#   ```sh                                   TARGET" must be a target. In front of it may stand what sed does to a
#                                           command before it is run here; "-": do not run it
#
# Lines of other blocks stay. Messages and exit code 1 for what cannot be quoted or run.

function complain(what) {
    print FILENAME ":" FNR ": " what > "/dev/stderr"
    bad = 1
}

# Fills line[1..lines] with the definition of `name` in `file`; returns whether there is one.
function find(file, name,   text, begin, last, n, word) {
    lines = 0
    word = "(^|[^A-Za-z0-9_])" name "([^A-Za-z0-9_]|$)"
    while ((getline text < file) > 0) {
        n++
        if (!begin) {
            # where an enum or struct that is named at its end may begin
            if (text ~ /^(typedef )?(enum|struct|union)[^()]*\{$/) { lines = 0; last = n }
            if (last) line[++lines] = text
            if (last && text ~ /^\}/) {
                if (text ~ word) break
                last = 0
            }
            if (text ~ /^[A-Za-z#]/ && text ~ word && text !~ /^[^=({]*\);/ && !(text ~ /;$/ && text !~ /[={]/)) {
                if (last && n != last) continue
                begin = 1; lines = 1; line[1] = text
                if (text ~ /\}[^"]*;?$/ || (text ~ /^#/ && text !~ /\\$/) || text ~ /^[^({]*=.*;$/) break
            }
        } else {
            line[++lines] = text
            if (text ~ /^\}/ || (line[1] ~ /^#/ && text !~ /\\$/)) break
        }
    }
    close(file)
    if (!begin && !(last && text ~ word)) lines = 0
    return lines
}

function indent(text) { match(text, /^ */); return RLENGTH }

function quote(head,   file, name, rest, from, upto, i, on, less) {
    print head
    sub(/^\/\/ /, "", head)
    file = name = head
    sub(/: .*/, "", file)
    sub(/^[^:]*: /, "", name)
    rest = name
    sub(/,.*/, "", name)
    sub(/^[^,]*,? ?/, "", rest)
    if (!find(file, name)) {
        complain(file " defines no " name)
        return
    }
    if (rest == "") {
        for (i = 1; i <= lines; i++) print line[i]
        return
    }
    if (rest !~ /^from ".*" to ".*"$/) {
        complain(head ": a quotation is // FILE: NAME or // FILE: NAME, from \"TEXT\" to \"TEXT\"")
        return
    }
    from = upto = rest
    sub(/^from "/, "", from); sub(/" to ".*/, "", from)
    sub(/^.*" to "/, "", upto); sub(/"$/, "", upto)
    for (i = 1; i <= lines; i++) {
        if (!on && index(line[i], from)) { on = 1; less = indent(line[i]) }
        if (!on) continue
        print (indent(line[i]) >= less ? substr(line[i], less + 1) : line[i])
        if (index(line[i], upto)) return
    }
    complain(file ": " name " has no lines from \"" from "\" to \"" upto "\"")
}

# Runs a command in the work folder; prints its output where `show`.
function run(command, show,   text, code) {
    command = "cd " work " && { " command "\n} 2> .err; echo \"=$?\""
    while ((command | getline text) > 0) {
        if (text ~ /^=[0-9]+$/) code = substr(text, 2)
        else if (show) print text
    }
    close(command)
    return code + 0
}

function check(command,   code, target) {
    if (command ~ /^make( |$)/) {
        target = command
        sub(/^make */, "", target)
        gsub(/[A-Z_]+=("[^"]*"|[^ ]*)/, "", target)
        gsub(/ +/, " ", target)
        sub(/^ /, "", target); sub(/ .*/, "", target)
        if (target != "" && system("grep -q '^" target ":' Makefile")) complain("make has no target " target)
        return
    }
    code = run(command, 0)
    if (code) {
        complain("exit code " code " of: " command)
        system("head -3 " work "/.err >&2")
    }
}

/^<!-- short: / { short = $0; sub(/^<!-- short: /, "", short); sub(/ -->$/, "", short); print; next }

/^```/ {
    if (!block) {
        block = substr($0, 4)
        if (block == "") block = "text"
        first = 1
        print
        next
    }
    block = short = ""
    print
    next
}

block == "c" {
    if (first) quote($0)
    first = 0
    next
}

block == "console" {
    first = 0
    if ($0 !~ /^\$ /) next
    print
    command = substr($0, 3)
    code = run(command, 1)
    if (code) {
        complain("exit code " code " of: " command)
        system("head -3 " work "/.err >&2")
    }
    next
}

block == "sh" {
    print
    command = $0
    sub(/[ \t]+#.*/, "", command)
    if (command == "" || short == "-") next
    if (command ~ /\\$/) {
        sub(/\\$/, "", command)
        joined = joined command
        next
    }
    command = joined command
    joined = ""
    if (short != "" && command !~ /^make( |$)/) {
        edit = "sed '" short "' <<'END'\n" command "\nEND"
        edit | getline command
        close(edit)
    }
    check(command)
    next
}

{ print }

END {
    if (block) complain("a block that does not end")
    exit bad
}
