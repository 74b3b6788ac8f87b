"""amalgamate.py OUT SOURCE...: all of sd_core in two files, OUT/sd_core.c and OUT/sd_core.h.

Headers come first, each once, then the sources. What a source keeps to itself (static functions, types, constants) may
have the same name in another source or header: it then gets the source's number at its end. Names of members are no such
names: they follow a dot or an arrow, or are declared within braces of a struct. A name that two headers have is an error,
since nothing says which one a source means.
"""
import os
import re
import sys

TOKEN = re.compile(r'''//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\.?\d(?:[eEpP][+-]|[\w.])*|[A-Za-z_]\w*'''
                   r'''|->|\.\.\.|\n|[^\S\n]+|.''', re.S)
NAME = re.compile(r'[A-Za-z_]\w*$')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"[^\n]*\n', re.M)
PUBLIC = ['tensor/error.h', 'sd/sd.h', 'sd/core/sd_core.h']
KEYWORDS = set('if else for while do switch return sizeof case goto static const inline extern struct union enum typedef void '
               'int long short char float double unsigned signed bool _Static_assert __attribute__ _Noreturn'.split())


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def find(name, path):
    near = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return near if os.path.exists(near) else os.path.normpath(name)


def includes(text, path):
    return [find(m.group(1), path) for m in INCLUDE.finditer(text)]


def without_comments(text):
    return ''.join(' ' if t.startswith(('/*', '//')) else t for t in TOKEN.findall(text))


def file_names(text, header=False):
    """The names that a file defines for itself at its outermost level, of a header also what it declares; its macros."""
    text = without_comments(text)
    macros = set(re.findall(r'^[ \t]*#[ \t]*define[ \t]+(\w+)', text, re.M))
    text = re.sub(r'\\\n', ' ', text)
    text = re.sub(r'^[ \t]*#[^\n]*', '', text, flags=re.M)
    names, depth, words, enum_depth = set(), 0, [], None
    tokens = [t for t in TOKEN.findall(text) if not t.isspace()]
    parens = 0
    for i, t in enumerate(tokens):
        if t == '{':
            if depth == 0 and 'enum' in words:
                enum_depth = depth + 1
            if depth == 0 and ('struct' in words or 'union' in words or 'enum' in words) and words and words[-1] not in (
                    'struct', 'union', 'enum') and '=' not in words:
                names.add(words[-1])  # a tag
            depth += 1
            continue
        if t == '}':
            if depth == enum_depth:
                enum_depth = None
            depth -= 1
            # a function's body ends a definition; a type's or an initialiser's goes on
            if depth == 0 and '(' in words and '=' not in words and 'typedef' not in words:
                words = []
            elif depth == 0:
                words.append('}')
            continue
        if depth == enum_depth and NAME.match(t) and tokens[i - 1] in '{,':
            names.add(t)
        if depth:
            continue
        if t in '([':
            parens += 1
        if t in ')]':
            parens -= 1
        if t == ';':
            words = []
            continue
        words.append(t)
        if not NAME.match(t) or t in KEYWORDS or parens:
            continue
        after = tokens[i + 1] if i + 1 < len(tokens) else ''
        if 'static' in words and '=' not in words and after in ('(', '[', '=', ';', ','):
            names.add(t)
        if header and (after == '(' or 'extern' in words) and '=' not in words:
            names.add(t)
        if words[0] == 'typedef' and after in (';', '['):
            names.add(t)
    return {n for n in names - KEYWORDS if n != 'K' and NAME.match(n)} - macros, macros


def renamed(text, names, number):
    if not names:
        return text
    out, last, stack, before = [], ('', ''), [], []
    for t in TOKEN.findall(text):
        if t.isspace() or t.startswith(('/*', '//')):
            out.append(t)
            continue
        if t == '{':
            stack.append(any(w in ('struct', 'union') for w in before) and ')' not in before and '=' not in before)
            before = []
        elif t == '}':
            if stack:
                stack.pop()
            before = []
        elif t == ';':
            before = []
        else:
            before.append(t)
        member = last[1:] in (('.',), ('->',)) or last == ('K', '(') or (stack and stack[-1] and t[0].islower())
        out.append('%s_%d' % (t, number) if t in names and not member else t)
        last = (last[1], t)
    return ''.join(out)


def expand_tables(text, path):
    def put(m):
        name = find(m.group(1), path)
        return read(name) if name.endswith('.inc') else m.group(0)
    return INCLUDE.sub(put, text)


def main():
    out, sources = sys.argv[1], sys.argv[2:]
    headers = []

    def visit(path):
        if path in headers or path.endswith('.inc'):
            return
        for name in includes(read(path), path):
            visit(name)
        headers.append(path)
    for path in PUBLIC:
        visit(path)
    for path in ['sd/core/libc.h'] + sources:
        for name in includes(read(path), path):
            visit(name)
    headers.remove('sd/core/libc.h') if 'sd/core/libc.h' in headers else None

    owner, bad = {}, False
    for path in headers:
        for name in file_names(read(path), True)[0]:
            if name in owner and owner[name] != path:
                # a declaration may be in two: typedef struct X X
                if re.search(r'typedef struct %s %s;' % (name, name), read(path) + read(owner[name])):
                    continue
                print('amalgamate: %s and %s both have %s' % (owner[name], path, name), file=sys.stderr)
                bad = True
            owner[name] = path
    macros_of = {h: file_names(read(h))[1] for h in headers}
    public_macros = set().union(*macros_of.values())
    own = {path: file_names(read(path)) for path in sources}
    words = {path: set(re.findall(r'[A-Za-z_]\w*', without_comments(read(path)))) for path in sources}
    used = {}
    for path in sources:
        for name in words[path]:
            used[name] = used.get(name, 0) + 1
    seen = {}

    def reach(path):
        if path not in seen:
            seen[path] = {path}
            for name in includes(read(path), path):
                if not name.endswith('.inc'):
                    seen[path] |= reach(name)
        return seen[path]

    def clashes(path):
        """Names of this source's own that others know, too."""
        mine, macros = own[path]
        visible = reach(path)
        private = {n for n in mine if used[n] > 1 or n in owner} | (macros & public_macros)
        foreign = {n for n in words[path] if n in owner and owner[n] not in visible and n[0].isupper()}
        return {n for n in private if owner.get(n) not in visible} | foreign
    if bad:
        sys.exit(1)

    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, 'sd_core.h'), 'w', encoding='utf-8') as f:
        f.write('/* sd_core.h: the interface of sd_core.c; made by `make amalgamation` of %s. */\n' % ', '.join(PUBLIC))
        for path in PUBLIC:
            f.write('\n' + INCLUDE.sub('', read(path)))
    with open(os.path.join(out, 'sd_core.c'), 'w', encoding='utf-8') as f:
        f.write('/* sd_core.c: Stable Diffusion for machines without an operating system, in one file; made by '
                '`make amalgamation`.\n * Compile it as C11 with -ffp-contract=off -fno-math-errno -fno-trapping-math: the '
                'promise of bits needs the first.\n * sd_core.h says how to use it. */\n'
                '#if defined __clang__ /* of headers, not every inline function is used */\n'
                '#pragma clang diagnostic ignored "-Wunused-function"\n#endif\n'
                '#ifndef SDC_ISA\n#define SDC_ISA base\n#endif\n#define SDC_ISA_NAME "core"\n#define SDC_SMALL\n'
                '#ifndef NDEBUG\n#define NDEBUG\n#endif\n#include <assert.h>\n#include <errno.h>\n#include <math.h>\n'
                '#include <string.h>\n')
        f.write('\n/* ---- sd/core/libc.h ---- */\n' + read('sd/core/libc.h'))
        f.write('\n#include "sd_core.h"\n')
        done = set(PUBLIC)

        def expanded(path):
            done.add(path)

            def put(m):
                name = find(m.group(1), path)
                return '' if name in done else expanded(name)
            return '\n/* ---- %s ---- */\n' % path + INCLUDE.sub(put, expand_tables(read(path), path))
        for source in sources:
            for path in includes(read(source), source):
                if path not in done and not path.endswith('.inc'):
                    f.write(expanded(path))
        for number, path in enumerate(sources):
            clash = clashes(path)
            text = INCLUDE.sub('', expand_tables(read(path), path))
            f.write('\n/* ---- %s ---- */\n' % path + renamed(text, clash, number))
            for name in sorted(own[path][1]):
                f.write('#undef %s\n' % ('%s_%d' % (name, number) if name in clash else name))
    print('%s/sd_core.c: %d sources, %d headers' % (out, len(sources), len(headers)))


main()
