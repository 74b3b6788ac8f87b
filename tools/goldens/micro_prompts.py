"""micro-SDXL's texts by the webui's rules: micro_sdxl_prompts.safetensors.

What the webui's own code makes of a prompt (chunks of tokens, weights, schedules, branches of AND) is taken from
tests/golden/prompts.txt; what follows is done here with transformers' encoders: each encoder's padding after the first end
token, emphasis over each chunk of all texts of a schedule and each encoder by itself (sd_hijack_clip.py, sd_emphasis.py),
pooled states of the first chunk, the zeroed negative prompt if all its texts are empty (sd_models_xl.py), shorter branches
of AND padded with their last vector, and guidance by weighted branches (prompt_parser.py, sd_samplers_cfg_denoiser.py).

CASES are (prompt, negative, steps, emphasis, clip skip; 0: the first encoder's usual layer, otherwise the webui's setting
sdxl_clip_l_skip is on). Under "pNN.": the first call's text_model.last_hidden_state,
text_model_2.last_hidden_state and pooled, the negative's first (if lengths differ: NAME.0 the negative's, NAME.1 the
others'), and the last latents of Euler at 32x32, CFG 7, seed 42. The request is in the metadata (pNN.prompt, ...).
"""
import json

import torch

from . import families, kdiffusion, micro_families, pipeline, store
from .precise import reference

SOURCES = [*micro_families.SOURCES, "tools/goldens/micro_prompts.py"]
CFG, SEED, SIDE = 7, 42, 4
UGLY = "(worst quality:1.4), (low quality:1.4), normal quality"  # how the long negative prompt of prompts.txt begins
CASES = [
    ("(masterpiece:1.331), best quality, asian male boxer", UGLY, 2, "Original"),
    ("a photo of a (((tiny))) [[[huge]]] castle", "", 2, "Original"),  # BREAK: three chunks; a zeroed negative of one
    ("fantasy landscape with a [mountain:lake:0.25]", UGLY, 20, "Original"),
    ("a cat :1.2 AND a dog AND a penguin :2.2", "", 4, "Original"),
    ("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", "blurry AND bad:2, <lora:x:1>, [worst:best:0.5]", 20, "Original"),
    ("cinematic still :: a lighthouse in a storm", "", 20, "Original"),
    ("((best quality)), ((masterpiece)), (detailed), alluring", UGLY, 2, "Original"),
    ("(日本語:1.2)のテスト", "[a::3]", 20, "Original"),  # a negative that becomes empty is not zeroed
    ("[a|b|c|d]", "[::3]", 20, "Original"),  # one that is always empty is
    ("[[a|b]:c:5]", "a:1", 20, "Original"),
    ("cat, cat, cat, cat, ", "", 2, "Original"),  # chunks cut at a comma
    ("dog dog dog dog ", UGLY, 2, "Original"),
    ("(x:1.1) (x:1.1) (x:1.1) ", "", 2, "Original"),
    ("w w w w w w w w w w w w", "", 2, "Original"),
    ("", "", 2, "Original"),  # an empty prompt is not zeroed
    ("<|startoftext|> a", "", 2, "Original"),
    ("a <|endoftext|> b", UGLY, 2, "Original"),  # the second encoder's words are the first's end token
    ("(a:-0.5) b", "", 2, "Original"),
    ("a AND b BREAK c", "", 4, "Original"),
    ("a AND b :-0.5", UGLY, 4, "Original"),
    ("(a:1.2) BREAK b", "", 2, "No norm"),
    ("(a:1.2) [b] BREAK \\(c\\)", "", 2, "Ignore"),
    ("(a:1.2) [b:c:0.5] BREAK \\(d\\) ((e:1..2))", "", 20, "None"),
    ("[a:BREAK:0.5]", "", 20, "Original"),  # texts of one schedule with one and two chunks
    ("(x:1.1) (x:1.1) (x:1.1) ", UGLY, 2, "Original", 1),  # the last layer, without the final norm
    ("a AND b BREAK c", "", 2, "Original", 3),
]
CASES = [(*case, 0)[:5] for case in CASES]


# open_clip spells its own special tokens <start_of_text> and <end_of_text>: these are words to it.
OPEN_CLIP_IDS = {
    "<|startoftext|> a": [27, 347, 993, 6659, 4160, 91, 285, 320],
    "a <|endoftext|> b": [320, 27, 347, 40786, 4160, 91, 285, 321],
}


class Parsed:
    """prompts.txt: what the webui makes of a prompt that begins so."""

    def __init__(self):
        text = (store.FOLDER / "prompts.txt").read_text(encoding="ascii")
        self.lines = [json.loads(x) for x in text.splitlines() if not x.startswith("#")]

    def find(self, start, negative, emphasis):
        def fits(x):
            same = x.get("emphasis", "Original") == emphasis and x.get("steps", 20) == 20 and "hires" not in x and "old" not in x
            whole = x["prompt"] == start or len(start) > 15 and x["prompt"].startswith(start)
            return same and whole and not x.get("error") and not (x.get("networks") and not x.get("negative"))

        found = [x for x in self.lines if fits(x)]
        found.sort(key=lambda x: (bool(x.get("negative")) != negative, len(x["prompt"])))
        if not found:
            raise ValueError(f"{start!r} is not in prompts.txt")
        best = found[0]
        if negative and not best.get("negative"):  # the same unless it has branches, weights or networks
            assert len(best["parts"]) == 1 and best["parts"][0][0] == 1 and not best["networks"], start
        return best


def chunks(text, e):
    """[(77 ids, 77 weights)] of a text of prompts.txt for an encoder."""
    out = []
    for ids, weights in text[2]:
        if e["kind"] == families.OPEN_CLIP:
            ids = OPEN_CLIP_IDS.get(text[0], ids)
        if len(weights) == 1:
            weights = weights * len(ids)
        rest = 76 - len(ids)
        out.append(([pipeline.START, *ids, *[pipeline.END] * rest], [1.0, *weights, *[1.0] * rest]))
    return out


EMPTY = ([pipeline.START, *[pipeline.END] * 76], [1.0] * 77)


def encode(encoders, c, texts, emphasis, zero, skip):
    """([(states [B,77n,C]) of each encoder], pooled [B,P]) of a schedule's texts, as one batch."""
    all_states, pooled = [], None
    for m, e in zip(encoders, c["encoders"]):
        zs, of = [], [chunks(t, e) or [EMPTY] for t in texts]
        for i in range(max(len(t) for t in of)):
            batch = [t[i] if i < len(t) else EMPTY for t in of]
            ids = torch.tensor([b[0] for b in batch])
            for row in ids if e["pad"] != pipeline.END else ():
                row[row.tolist().index(pipeline.END) + 1 :] = e["pad"]
            out = m(ids, output_hidden_states=True)
            z = out.hidden_states[-skip if skip and m is encoders[0] else e["layer"]]
            w = torch.tensor([b[1] for b in batch], dtype=torch.float32).to(z.dtype)[:, :, None]
            if emphasis in ("Original", "No norm"):
                before = z.mean()
                z = z * w
                if emphasis == "Original":
                    z = z * (before / z.mean())
            zs.append(z)
            if i == 0 and e["pooled"]:
                pooled = out.text_embeds
        all_states.append(torch.hstack(zs))
    if zero:
        all_states, pooled = [torch.zeros_like(z) for z in all_states], torch.zeros_like(pooled)
    return all_states, pooled


class Side:
    """A branch of AND or the negative prompt: its texts' states, and which is when."""

    def __init__(self, encoders, c, line, part, emphasis, negative, skip):
        self.weight, self.spans = part
        texts = [line["texts"][i] for _, i in self.spans]
        self.states, self.pooled = encode(encoders, c, texts, emphasis, negative and all(t[0] == "" for t in texts), skip)
        self.tokens, self.negative = self.states[0].shape[1], negative

    def at(self, step, tokens):
        """(states of each encoder, pooled) at a step, padded to so many tokens."""
        k = next((k for k, (until, _) in enumerate(self.spans) if step <= until), 0)
        states = [z[k : k + 1] for z in self.states]
        states = [torch.cat([z, z[:, -1:].expand(-1, tokens - z.shape[1], -1)], dim=1) for z in states]
        return states, self.pooled[k : k + 1]


def run(parts, c, prompt, negative, steps, emphasis, skip, dtype):
    """The taps of a case."""
    encoders, unet, taps = parts["encoders"], parts["unet"], {}
    job = dict(height=8 * SIDE, width=8 * SIDE)
    first = Side(encoders, c, negative, [1.0, negative["parts"][0][1]], emphasis, True, skip)
    branches = [Side(encoders, c, prompt, p, emphasis, False, skip) for p in prompt["parts"]]
    tokens = max(s.tokens for s in branches)
    sides = [(first, first.tokens), *((s, tokens) for s in branches)]
    of = [s.at(0, n) for s, n in sides]
    for which, rows in (("", of),) if first.tokens == tokens else ((".0", of[:1]), (".1", of[1:])):
        for i in range(len(encoders)):
            name = f"text_model{f'_{i + 1}' if i else ''}.last_hidden_state{which}"
            taps[name] = torch.cat([states[i] for states, _ in rows])
        taps[f"pooled{which}"] = torch.cat([p for _, p in rows])
    calls = 0

    def eps(x, t, side, n):
        states, pooled = side.at(calls, n)
        sizes = torch.tensor([pipeline.sizes(c, job, side.negative)], dtype=dtype)
        more = {"text_embeds": pooled, "time_ids": sizes}
        return unet(x, t, encoder_hidden_states=torch.cat(states, dim=2), added_cond_kwargs=more).sample

    def guided(x, sigma):
        nonlocal calls
        out = [kdiffusion.Denoiser(lambda x, t: eps(x, t, side, n), dtype)(x, sigma) for side, n in sides]
        calls += 1
        return out[0] + sum((y - out[0]) * (s.weight * CFG) for y, s in zip(out[1:], branches))

    sigmas = kdiffusion.Denoiser(None, dtype).schedule(steps)
    noise = torch.randn((4, SIDE, SIDE), generator=torch.Generator("cpu").manual_seed(SEED))[None].to(dtype)
    taps["latents"] = kdiffusion.sampling.sample_euler(guided, noise * sigmas[0], sigmas, disable=True)
    return taps


def make(args):
    """This group's golden."""
    c, parsed = families.MICRO_SDXL, Parsed()
    parts = {d: micro_families.load(c, d) for d in (torch.float64, torch.float32)}
    meta, lines = {"model": "micro_sdxl", "cases": str(len(CASES))}, []
    for i, (start, negative, steps, emphasis, skip) in enumerate(CASES):
        lines.append((parsed.find(start, False, emphasis), parsed.find(negative, True, "Original"), steps, emphasis, skip))
        request = dict(prompt=lines[i][0]["prompt"], negative=lines[i][1]["prompt"], steps=str(steps), emphasis=emphasis)
        request |= {"clip_skip": str(skip)} if skip else {}
        meta |= {f"p{i:02d}.{k}": v for k, v in request.items()}
    golden = store.Golden("micro_sdxl_prompts", SOURCES, samples=96, meta=meta)
    for i, case in enumerate(lines):
        taps = []
        for dtype in parts:
            with reference(dtype):
                taps.append(run(parts[dtype], c, *case, dtype))
        for name in taps[0]:
            golden.add(f"p{i:02d}.{name}", taps[0][name], taps[1][name], samples=256 if name == "latents" else None)
    return [golden]
