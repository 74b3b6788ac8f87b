#!/usr/bin/env python3
"""Writes tests/golden/prompts.txt: prompts and what the webui's own code makes of them.

    python tools/goldens/prompts.py WEBUI clip/simple_tokenizer.py tests/golden/prompts.txt
    python tools/goldens/prompts.py WEBUI clip/simple_tokenizer.py FILE --fuzz SEED COUNT    (generated prompts only)

WEBUI is a checkout of AUTOMATIC1111/stable-diffusion-webui, about version 1.8. Its prompt_parser.py, extra_networks.py
and sd_hijack_clip.py run unchanged; their other imports are stubbed. The tokenizer is openai/CLIP's (with
bpe_simple_vocab_16e6.txt.gz in the same folder), which this project follows; the webui's own for SD 1 (transformers'
CLIPTokenizer) does not undo the HTML references that ftfy leaves. Needs: pip install lark torch ftfy regex

A line is a JSON object: prompt; those of steps (20), hires, old, negative and emphasis ("Original") that are not the
default; and parts: [weight, [[until, text], ...]] for each branch of AND, texts: [text, [[piece, weight], ...],
[[ids, weights], ...] by chunk without start, end and padding, tokens], networks: [kind, arguments]; or error: true where
the original raises an exception. Equal weights are written once.
"""
import hashlib
import importlib
import importlib.util
import json
import os
import random
import sys
import types
import warnings

SEED = 20240611
STEPS = 20

SHARED = [
    "(masterpiece:1.331), best quality, asian male boxer, (sweat:1.1), boxing ring, (detailed skin, pores:1.2), film grain, dramatic light, [blurry background], 85mm",
    "masterpiece, best quality, 1girl, (long hair:1.2), ((blue eyes)), [school uniform], cherry blossoms, <lora:flowers_v2:0.8>, (depth of field:0.9)",
    "a photo of a (((tiny))) [[[huge]]] castle on a hill, (volumetric light:1.4), by night BREAK a river in front, (mist:0.7) BREAK stars",
    "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75][ in foreground::0.6][ in background:0.25] [shoddy:masterful:0.5]",
    "a cat :1.2 AND a dog AND a penguin :2.2",
    "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
    "portrait of [a wolf|an old man|a (statue:1.2)], <hypernet:ink:0.6>, oil on canvas, [thick::10] brush strokes",
    "(best quality:1.4), (ultra-detailed:1.3), 8k, RAW photo, (woman:1.1) in a [red|blue] coat, city street \\(Paris\\), <lora:film:1:0.5> bokeh, {golden|blue} hour",
    "score_9, score_8_up, (1boy, solo:1.15), armor \\(fantasy\\), looking at viewer, (sword:1.05), <lora:armor-xl:te=0.4:unet=0.9>",
    "cinematic still :: a lighthouse in a storm --ar 16:9 --v 5, f/1.8, [:lightning:0.4] [waves:(giant waves:1.3):8]",
    "((best quality)), ((masterpiece)), (detailed), alluring smoky (Portrait of a Royal woman:1.2), ancient dress, ((intricate)), art by [Alphonse Mucha|Gustav Klimt], (backlight:0.8), [[sepia]]",
    "gta v style, (neon:1.2) sign \"OPEN 24/7\", 50% off, it's raining, don't stop, rock & roll, #1",
]
NEGATIVE = [
    "(worst quality:1.4), (low quality:1.4), normal quality, lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, fewer digits, cropped, jpeg artifacts, signature, watermark, username, blurry, (deformed, distorted, disfigured:1.3), poorly drawn, bad anatomy, wrong anatomy, extra limb, missing limb, floating limbs, (mutated hands and fingers:1.4), disconnected limbs, mutation, mutated, ugly, disgusting, amputation",
    "blurry AND bad:2, <lora:x:1>, [worst:best:0.5]",
    "EasyNegative, (bad_prompt:0.8), <foo:bar> AND, ((((ugly)))), a:1",
    "",
]
UGLY = """
:
::
a:1
a:1.5
a :
a : 0.5
cat AND
AND
AND AND
AND:2
 AND a
a AND b :-0.5
a AND b:+.5 AND c :1. AND d: 07
aAND b ANDc AND_d éAND AND。
a and b And c
a:1 AND b:1.2.3 AND c:1e3 AND d:-
a AND a AND a:2
a:.5 
(a AND b:1.2)
[a AND b:0.5]
(a
a)
[a
a]
(a]
[a)
)(
][
((a)
(a))
[[a]
[a]]
(a [b) c]
[a (b] c)
([a:b:3]
(a [b:c:3] d
(a:1.2
(a:1.2)
( a : 1.2 )
(a:-1)
(a:+1.5)
(a:.5)
(a:5.)
(a:0)
(a:-0.5) b
(a:1e3)
(a:1e999)
(a:1,2)
(a:1.2:1.3)
(a:b:1.3)
(a:b)
(:1.3)
(:)
()
[]
(())
[:]
[::]
[:::]
[|]
[||]
[a|]
[|a]
[fe|]male
[fe|||]male
[a|b]
[a|b|c|d]
[a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u|v|w]
[a|[b|c]]
[[a|b]|[c|d|e]]
[a|(b:1.1)]
[(a|b)]
(a|b)
a|b
[a|b
[a|b] | c
[a|b:0.5]
[a:b|c:0.5]
[a|b:c:0.5]
photo (a|b), [c:d:5]
[[a|b]:c:5]
[a:[b|c]:5]
[a:b:3]
[a:b: 3]
[a:b:3 ]
[a:b: 3 ]
[ a : b : 3 ]
[a:b:0.3]
[a:b:.3]
[a:b:3.]
[a:b:1.]
[a:b:1.0]
[a:b:0]
[a:b:-3]
[a:b:-0.5]
[a:b:+0.25]
[a:b:+5]
[a:b:1e1]
[a:b:1E-1]
[a:b:1.5e-1]
[a:b:1.e0]
[a:b:.5e0]
[a:b:1e]
[a:b:e1]
[a:b:1.2.3]
[a:b:--3]
[a:b:3x]
[a:b:0x3]
[a:b:99]
[a:b:1e300]
[a:b:20]
[a:b:19]
[a:b:21]
[a:b:]
[a:b: ]
[a:b]
[a:3]
[a:0.5]
[a::3]
[a::0.5]
[:a:3]
[::3]
[:3]
[3]
[a:b:c:3]
[a:b:c]
[a:(b:1.2):3]
[(a:1.2):(b:1.3):3]
[(a:2):3]
[(a:b:c):d:3]
[(a:b):c:3]
[((a):b:3]
[(a)):b:3]
a[b:[c:d:2]:1]e
[[a:b:2]:[c:d:8]:5]
[[[a:b:2]:c:4]:d:6]
[a:b:3][c:d:3][e:f:6]
a [[[b]]:2]
a [{b|d{:.5] c
((a][:b:c [d:3]
a [b : c : 1] d
a [unbalanced
a [b:.5] c
[a:b:3]]
[[a:b:3]
]([a:b:3])
([a:b:3]) : [c:d:5] : (x:1.2)
[a [b:c] d:3]
[a [b:c:3] d:e]
[a:b:5] ) [c:d:8] ( [e:f:9]
[x (a:b:c:d) [e:f:3]:0.5]
BREAK
 BREAK 
BREAK BREAK
BREAKBREAK
a BREAK b
aBREAK b
a,BREAK,b
a BREAK, b
a  BREAK  b
(a BREAK b)
(a BREAK b:1.2)
(a BREAK b:0)
(BREAK:-1)
((a BREAK b:-1):-1)
[a BREAK b]
a (BREAK) b
a [BREAK] b
BR\\EAK
(BR\\EAK:-1)
a BREAK
BREAK a
_BREAK BREAK_ 1BREAK éBREAK
BREAK:BREAK:BREAK
[a:BREAK:0.5]
[a|BREAK|b]
a AND b BREAK c
\\
\\\\
\\\\\\
a\\
a\\b
\\(a\\)
\\(a:1.2\\)
\\(a:1.2)
(a\\:1.2)
(a\\):1.2)
\\[a\\]
\\[a:b:3\\]
[a\\:b:3]
[a\\]:b:3]
[a\\|b]
\\|
a \\( [b:c:3] \\
\\\\(a\\\\)
[\\[a:b\\]:3]
(\\()
((\\))
(a:1..2)
(a:.)
(a:1.2.3)
a:1..2)
[(a:1..2):b:5]
(a:99999999999999999999)
(((((((((((((((((((((((((((((((((((((((((((((((((((a
a)))))))))))))))))))))
[[[[[[[[[[[[[[[[[[[[[[[[a
((((((((a:1.1):1.1):1.1):1.1):1.1):1.1):1.1):1.1)
(a:1.1)(b)
(a:1.1)b(c:1.0)d
([a])(b)
(a:1.21)((b))
(hou:1.1)(se)
h(o)use
cat(s)
,
,,,
, , ,
a,,b
<lora:a:1>
<lora:a>
a <lora:a b:0.5> c
<lora::1>x
<lyco:b:0.5:0.25:8>
<foo:bar>
<foo:bar> a <x_1:y:z>
<foo>
<foo:>
<:bar>
< foo:bar>
<foo:bar
<foo:a<b:c>d>
<é:b> <1:2> <a b:c>
a <lora:x:1> AND <lora:y:1> b
(<lora:x:1.2>:1.3)
[<lora:x:1>:<lora:y:1>:0.5]
a < b > c : d
<|startoftext|> a
a <|endoftext|> b
'tis (the:1.1)'s day
(a:١.٢)
(a: 1.2　)
[a:b:　3 ]
[a:b:٣]
a :١.٥ AND b
(日本語:1.2)のテスト
(😀:1.3)🎉[❤️]
ＢＲＥＡＫ BREAK。
"""
MORE = [
    "", " ", "\t", "\n", "\n\n", " \n a \n ", "a\nb", "(a\nb:1.2)", "a\n:1.2", "a :\n1.2\n", "\\\n", "a \\\n [b:c:3]", "[a\n:\nb\n:\n3\n]",
    "a\nBREAK\nb", "a\u00a0BREAK\u2003b", "a\u00a0AND\u00a0b", "a \x1c:\x1d2", "\ufeffa", "a\r\nAND\r\nb", "[a|\n|b]", "(a:\u00a01.3\u2003)", "a\u0301AND b", "<lora:a\nb:1>",
    "cat, " * 40, "dog " * 80, "," * 160, "a, " * 20 + "b " * 60, "x " * 54 + ", " + "y " * 40, "x " * 55 + ", " + "y " * 40, "x " * 74 + ", " + "y " * 10, "x " * 75 + ", " + "y " * 10,
    "x " * 53 + ", " + "y " * 40, "x " * 60 + ", " + "(y:1.3) " * 30, "x " * 150, "x " * 149 + ", y", "a" * 300, "!" * 300, "(x:1.1) " * 90 + ", z", "w " * 70 + "BREAK" + " v" * 80,
    "w " * 70 + ", v v v v BREAK" + " u" * 80, "w " * 75 + "BREAK v", ("BREAK " * 5).strip(), "x, " * 37 + "supercalifragilisticexpialidocious " * 3, "[" + "long text " * 40 + ":" + "other, " * 30 + ":0.5] end",
    " AND ".join(["part %d :%s" % (i, i / 4) for i in range(12)]), "(" * 40 + "deep" + ")" * 40, "[" * 40 + "deep" + "]" * 40, "([" * 20 + "deep" + "])" * 20, "(a" * 30 + ")" * 30, "[a" * 30 + "]" * 25, "[" * 12 + "x|y" + "]" * 12,
    "ｆｕｌｌ （ｗｉｄｔｈ：１．２）", "“quoted (text:1.2)” it’s", "&amp; (&lt;:1.2) &eacute;", "caf\u00e9 (cafe\u0301:1.1)", "naïve (façade:0.9) – em—dash…", "Ⅷ ½ (²:1.2)",
]  # fmt: skip
OPTIONS = [
    ("[a:b:0.5] [c:d:5] [e|f]", {"steps": 8}), ("[a:b:0.5]", {"steps": 1}), ("[a|b|c]", {"steps": 2}), ("[a:b:7] [c:d:0.35]", {"steps": 40}),
    ("a [b:.5] c", {"hires": 10}), ("a [b:1.5] c", {"hires": 10}), ("[a:b:25] [c:d:1.25] [e|f]", {"hires": 7}), ("[a:b:2] [c:d:-0.5]", {"hires": 12}), ("[a:b:30]", {"hires": 10}),
    ("[a:b:0.5] [c:d:1.0] [e:f:1.5] [g:h:7] [i:j:0]", {"old": True}), ("[a:b:0.5] [c:d:1.5]", {"old": True, "hires": 10}), ("[a:b:1.0]", {"old": True, "steps": 3}), ("[a:b:-0.5] [c:d:-2]", {"old": True}), ("[a:b:1e999]", {"old": True}),
    ("[a:b:1e999]", {}), ("[a:b:-1e999]", {}), ("[a:b:1e308] [c:d:1.0e308]", {}), ("([a:b:1e999]", {}), ("[x|[a:b:1e999]", {}),
    ("(a:1.2) [b:c:0.5] BREAK \\(d\\) ((e:1..2))", {"emphasis": "None"}), ("(a:1.2) [b] BREAK \\(c\\)", {"emphasis": "Ignore"}), ("(a:1..2)", {"emphasis": "Ignore"}), ("(a:1.2) BREAK b", {"emphasis": "No norm"}), ("w " * 70 + ", (v:2) v v v v v v v", {"emphasis": "None"}),
]  # fmt: skip
ALPHABET = ["(", ")", "[", "]", ":", "|", "\\", ",", " ", "a", "b", "1", "3", "0.5", "1.2", ".", "-", "BREAK", " BREAK ", " AND ", "AND", "<lora:x:1>", "[a:b:0.3]", "[c|d]", "(e:1.3)", "cat", "\n", "é", ":0.5]", ":3]", ":1.1)", "[:", "|]", "<", ">"]  # fmt: skip


def module(name, **attributes):
    m = types.ModuleType(name)
    m.__dict__.update(attributes)
    sys.modules[name] = m
    return m


def load_webui(path):
    """The original's modules, with stubs for everything around them."""
    package = module("modules", __path__=[os.path.join(path, "modules")])
    opts = types.SimpleNamespace(emphasis="Original", comma_padding_backtrack=20)
    stubs = {"devices": {}, "errors": {}, "sd_emphasis": {}, "shared": {"opts": opts}}
    stubs["sd_hijack"] = {"StableDiffusionModelHijack": object, "model_hijack": None}
    for name, attributes in stubs.items():
        setattr(package, name, module("modules." + name, **attributes))
    loaded = []
    for name in ("prompt_parser", "extra_networks", "sd_hijack_clip"):
        loaded.append(importlib.import_module("modules." + name))
        setattr(package, name, loaded[-1])
    return (*loaded, opts)


class Original:
    def __init__(self, webui, tokenizer):
        self.parser, self.networks, clip, self.opts = load_webui(webui)
        spec = importlib.util.spec_from_file_location("clip_tokenizer", tokenizer)
        simple = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(simple)
        tokens = simple.SimpleTokenizer(os.path.join(os.path.dirname(tokenizer), "bpe_simple_vocab_16e6.txt.gz"))

        class Embedder(clip.FrozenCLIPEmbedderWithCustomWordsBase):
            def tokenize(self, texts):
                return [tokens.encode(text) for text in texts]

        none = types.SimpleNamespace(find_embedding_at_position=lambda tokens, position: (None, None))
        hijack = types.SimpleNamespace(embedding_db=none)
        self.embedder = Embedder(types.SimpleNamespace(), hijack)
        e = self.embedder
        e.hijack, e.id_start, e.id_end, e.comma_token = hijack, 49406, 49407, 267

    def text(self, text, emphasis):
        self.opts.emphasis = emphasis
        chunks, count = self.embedder.tokenize_line(text)
        pieces = [[text, 1.0]] if emphasis == "None" else self.parser.parse_prompt_attention(text)
        out = []
        for chunk in chunks:
            size = 76
            while size > 1 and chunk.tokens[size - 1] == 49407 and chunk.multipliers[size - 1] == 1:
                size -= 1
            weights = [1.0 if emphasis == "Ignore" else w for w in chunk.multipliers[1:size]]
            if len(set(weights)) == 1:
                weights = weights[:1]
            out.append([chunk.tokens[1:size], [int(w) if w == int(w) and abs(w) < 100 else w for w in weights]])
        return [text, pieces, out, count]

    def run(self, prompt, steps=STEPS, hires=None, old=False, negative=False, emphasis="Original"):
        found = []
        try:
            if negative:
                flat, indexes = [prompt], [(0, 1.0)]
            else:
                # the stages in the order of processing.py
                prompt, data = self.networks.parse_prompt(prompt)
                found = [[kind, ":".join(n.items)] for kind in data for n in data[kind] if kind in ("lora", "lyco", "hypernet")]
                indexes, flat, _ = self.parser.get_multicond_prompt_list([prompt])
                indexes = indexes[0]
            schedules = self.parser.get_learned_conditioning_prompt_schedules(flat, steps, hires, old)
            texts, parts = {}, []
            for index, weight in indexes:
                parts.append([weight, [[until, texts.setdefault(text, len(texts))] for until, text in schedules[index]]])
            return {"parts": parts, "texts": [self.text(text, emphasis) for text in texts], "networks": found}
        except (ValueError, OverflowError):
            return {"error": True}


def fuzz(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        yield "".join(rng.choice(ALPHABET) for _ in range(rng.choice([3, 6, 10, 16, 24])))


def main():
    warnings.simplefilter("ignore")
    original = Original(sys.argv[1], sys.argv[2])
    cases = [(p, {}) for p in SHARED + UGLY.strip("\n").replace("\\\\", "\\").split("\n") + MORE]
    cases += [(p, {"negative": True}) for p in NEGATIVE + UGLY.strip("\n").split("\n")[:9]] + OPTIONS
    cases += [(p, {}) for p in fuzz(SEED, 90)]
    if "--fuzz" in sys.argv:
        cases = [(p, {}) for p in fuzz(int(sys.argv[5]), int(sys.argv[6]))]
    lines = {}
    for prompt, options in cases:
        line = {"prompt": prompt, **options, **original.run(prompt, **options)}
        lines[json.dumps([prompt, options])] = json.dumps(line, separators=(",", ":"))
    digests = []
    for name in ("prompt_parser", "extra_networks", "sd_hijack_clip"):
        with open(os.path.join(sys.argv[1], "modules", name + ".py"), "rb") as file:
            digests.append(f"{name}.py sha256 {hashlib.sha256(file.read()).hexdigest()[:16]}")
    import lark

    with open(sys.argv[3], "w", encoding="ascii") as out:
        out.write("# Written by tools/goldens/prompts.py, which says what a line holds.\n")
        out.write(f"# stable-diffusion-webui modules/: {', '.join(digests)}; lark {lark.__version__}\n")
        out.write("\n".join(lines.values()) + "\n")
    print(len(lines), "prompts")


if __name__ == "__main__":
    main()
