"""The networks that bench_peers.py compares: those of goldens/models.py with the weights of a single file, and small
checkpoints of generated weights for sd.c to read."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from goldens import checkpoints, families, models, names, values

NANO = dict(
    **dict(channels=(48, 96, 144), depth=(1, 1, 0), middle=1, heads=4, groups=8, context=96, vae=(16, 32, 64)),
    **dict(linear=False, adm=None, scale=0.18215, zero_empty=False),
    encoders=[dict(families.MICRO["encoders"][0], width=96, layers=3, mlp=320)],
)
SHAPES = {
    "sd15": families.SD15,
    "sd21": families.SD21,
    "sdxl": families.SDXL,
    "micro": families.MICRO,
    "nano": NANO,
}
SIZE = {"sd15": 512, "sd21": 512, "sdxl": 512, "micro": 256, "nano": 64}  # pixels along a side of what is compared
LARGE = "sd21", "sdxl"  # whose networks would not fit into memory beside those of another program
MADE = "sd15", "micro", "nano"  # of which `make` writes a checkpoint


def factor(c):
    """Pixels of a latent, along a side."""
    return 2 ** (len(c["vae"]) - 1)


def texts(c):
    """Prompts that are encoded: with guidance two, unless the empty one is zeros."""
    return 1 if c["zero_empty"] else 2


def _unet_name(c):
    return lambda k: names.UNET + names.unet(k, depth=c["depth"])


def _vae_name(c):
    return lambda k: names.VAE + names.vae(k, len(c["vae"]))


class _Text(torch.nn.Module):
    """Token ids [B,77] to what the U-Net is given: states [B,77,context], and pooled vectors if the family has them."""

    def __init__(self, c, encoders):
        super().__init__()
        self.layers = [e["layer"] for e in c["encoders"]]
        self.norms = [e["norm"] for e in c["encoders"]]
        self.encoders = torch.nn.ModuleList(encoders)

    def forward(self, ids):
        states, pooled = [], ()
        for m, norm, inner in zip(self.encoders, self.norms, map(_depth, self.layers)):
            out = m(ids, output_hidden_states=bool(inner))
            states.append(out.hidden_states[-1 - inner] if inner else out.last_hidden_state)
            if inner and norm:
                states[-1] = getattr(m, "text_model", m).final_layer_norm(states[-1])
            pooled = (out.text_embeds,) if hasattr(out, "text_embeds") else pooled
        return (torch.cat(states, -1), *pooled)


def _depth(layer):
    """How many of an encoder's last blocks are not for its states."""
    return -1 - layer


def load(work, c, path, dtype):
    """A module in `dtype` for the work, with the weights of the file at `path`, one tensor at a time."""
    source = checkpoints.File(path)
    if work == "step":
        return _fill(models.new_unet(c), _unet_name(c), source, dtype)
    if work == "decode":
        m = models.new_vae(c)
        del m.encoder, m.quant_conv
        return _fill(m, _vae_name(c), source, dtype)
    return _Text(c, [_fill(models.new_encoder(e), names.encoder_names(e), source, dtype) for e in c["encoders"]])


def _fill(m, rename, source, dtype):
    names.fill(m, rename, source, dtype)
    return m.requires_grad_(False).eval()


def _configuration(name, c):
    """The metadata that tells sd.c what shapes do not."""

    def padded(values_of, n=8):
        return list(values_of) + [0] * (n - len(values_of))

    def multiples(channels):
        return padded([n // channels[0] for n in channels])

    (e,) = c["encoders"]
    return dict(
        unet=dict(
            **dict(channels=c["channels"][0], levels=len(c["channels"]), mult=multiples(c["channels"])),
            **dict(res_blocks=2, depth=padded(c["depth"]), middle_depth=c["middle"]),
            **dict(heads=c["heads"], head_dim=0, context=c["context"], groups=c["groups"]),
        ),
        vae=dict(
            **dict(channels=c["vae"][0], levels=len(c["vae"]), mult=multiples(c["vae"])),
            **dict(res_blocks=2, groups=c["groups"]),
        ),
        clip=dict(width=e["width"], layers=e["layers"], heads=e["heads"], mlp=e["mlp"]),
        width=SIZE[name],
        height=SIZE[name],
    )


def make(name, path):
    """Writes a checkpoint of generated float16 weights, of one of MADE."""
    c, tensors = SHAPES[name], {}
    (e,) = c["encoders"]
    parts = (models.new_unet(c), _unet_name(c)), (models.new_vae(c), _vae_name(c))
    for m, rename in (*parts, (models.new_encoder(e), names.encoder_names(e))):
        for _, key, shape, _ in names.plan(m, rename):
            tensors[key] = values.weight(key, shape).astype(np.float16)
    save_file(tensors, path, {"format": "pt", "sdc.config": json.dumps(_configuration(name, c))})
