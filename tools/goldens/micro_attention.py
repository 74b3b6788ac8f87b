"""Attention maps of words beside micro-SD 1 and micro-SDXL, as castorini/daam sums them, from diffusers' attention scores.

Each layer's map is the mean over heads, steps and a word's tokens of the prompt's scores; "all" is the mean over all layers
but the middle's, each enlarged to the latents' size (bicubic) and clamped at 0. Shapes are [pictures,words,height,width].
"""
import torch

from . import families, micro_families, models, pipeline, store
from .precise import reference

SOURCES = micro_families.SOURCES + ["tools/goldens/micro_attention.py"]
PROMPT = "a lovely catgirlish, 3"
pipeline.IDS[PROMPT] = [320, 2165, 1481, 1077, 2354, 267, 274]
WORDS = [[1], [2], [3, 4, 5], [7]]  # places of the tokens of: a, lovely, catgirlish, 3
JOBS = {"micro_attention": (families.MICRO, dict(height=72, width=104)), "micro_attention_sdxl": (families.MICRO_SDXL, {})}


class Watched:
    """A cross attention that keeps its scores."""

    def __init__(self):
        self.scores = []

    def __call__(self, attn, x, encoder_hidden_states=None, attention_mask=None, **more):
        q, k, v = attn.to_q(x), attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states)
        q, k, v = (attn.head_to_batch_dim(t) for t in (q, k, v))
        p = attn.get_attention_scores(q, k)
        self.scores.append(p.reshape(len(x), attn.heads, *p.shape[1:])[1:].mean(1))  # without the negative prompt's
        return attn.to_out[1](attn.to_out[0](attn.batch_to_head_dim(torch.bmm(p, v))))


def run(parts, c, job, dtype):
    unet, layers = models.unet(c, dtype=dtype), {}
    processors = unet.attn_processors
    for name in processors:
        if "attn2" in name and not name.startswith("mid_block"):
            processors[name] = layers[name.removesuffix(".attn2.processor")] = Watched()
    unet.set_attn_processor(processors)
    pipeline.run_family({**parts, "unet": unet}, c, job, dtype, False)
    h, w = job["height"] // 8, job["width"] // 8
    taps, total = {}, 0
    with reference(dtype):
        for name, layer in layers.items():
            mean = torch.stack(layer.scores).mean(0)  # [pictures,h w,77]
            own = next((y, x) for k in range(8) for y, x in [(-(-h // 2**k), -(-w // 2**k))] if y * x == mean.shape[1])
            words = torch.stack([mean[:, :, t].mean(2) for t in WORDS], dim=1).reshape(len(mean), len(WORDS), *own)
            taps[name] = words
            total = total + torch.nn.functional.interpolate(words, size=(h, w), mode="bicubic").clamp(min=0)
        taps["all"] = total / len(layers)
    return taps


def make(args):
    """All goldens of attention maps."""
    if args.bpe:
        pipeline.check_ids(args.bpe)
    goldens = []
    for name, (c, more) in JOBS.items():
        job = {**micro_families.BASE, "prompt": PROMPT, "steps": 3, **more}
        parts = {d: micro_families.load(c, d) for d in (torch.float64, torch.float32)}
        golden = store.Golden(name, SOURCES, samples=96, meta=pipeline.metadata(job, name))
        exact, single = (run(parts[d], c, job, d) for d in (torch.float64, torch.float32))
        for tap, x in exact.items():
            golden.add(tap, x, single[tap])
        goldens.append(golden)
    return goldens
