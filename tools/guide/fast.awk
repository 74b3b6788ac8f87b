# fast.awk: whether plain.c's functions and the files that compute the same fast name each other.
#
#     awk -f tools/guide/fast.awk sd/guide/plain.c FILE...
#
# In plain.c the comment above a function has "fast: FILE, FILE"; each of these files says "In sd/guide/plain.c: NAME()." in
# one of its first lines, of all such functions, and no other file of the list does.
function complain(what) { print what; bad = 1 }

FILENAME == ARGV[1] {
    if (/^\/\*/) { comment = ""; inside = 1 }
    if (inside) comment = comment " " $0
    if (/\*\/$/) inside = 0
    if (/^static [^=;]*\(.*[{,]$/ || /^static [^=;]*\{.*\}$/) {
        name = $0
        sub(/\(.*/, "", name)
        sub(/.*[ *]/, "", name)
        at = index(comment, "fast:")
        rest = at ? substr(comment, at) : ""
        while (match(rest, /[a-z0-9_]+(\/[a-z0-9_]+)+\.[ch]/)) {
            wanted[substr(rest, RSTART, RLENGTH), name] = 1
            rest = substr(rest, RSTART + RLENGTH)
        }
        comment = ""
    }
    next
}

FNR <= 3 && /In sd\/guide\/plain\.c: / {
    text = $0
    sub(/.*plain\.c: /, "", text)
    while (match(text, /[a-z_0-9]+\(\)/)) {
        name = substr(text, RSTART, RLENGTH - 2)
        text = substr(text, RSTART + RLENGTH)
        if (!((FILENAME, name) in wanted)) complain(FILENAME ": names " name "() of plain.c, whose comment does not name this file as fast")
        said[FILENAME, name] = 1
    }
}

END {
    for (k in wanted) {
        split(k, part, SUBSEP)
        count++
        if (!(k in said)) complain(part[1] ": must begin with a line \"In sd/guide/plain.c: " part[2] "().\", as plain.c says that it is fast")
    }
    if (!count) complain("plain.c names no fast file")
    exit bad
}
