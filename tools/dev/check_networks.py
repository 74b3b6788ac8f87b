"""check_networks.py: compares `sdc merge MODEL --lora` with the weights that LyCORIS and PEFT make of the same networks.

    python tools/dev/check_networks.py SDC DIR MODEL

MODEL: an SD 1 model of F32 in one file (tests --make-model micro single f32). For every kind LyCORIS makes modules over
two of the model's layers, a linear one and a convolution, with random numbers; their state goes to a network's file
under kohya's names, and their own merged weights, computed in double, are compared with those of SDC's file, in units of
the last place of the largest number of the tensor. Prints a line for each case; exit status 1 if any is further off than
LyCORIS in f32 and 1.
Environment: tools/requirements.txt, and `pip install --no-deps lycoris-lora peft` (checked with the versions that are
printed).
"""

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

UNET = "model.diffusion_model."
LAYERS = {
    "linear": ("input_blocks.1.1.transformer_blocks.0.attn1.to_q", "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"),
    "conv": ("input_blocks.1.0.in_layers.2", "lora_unet_down_blocks_0_resnets_0_conv1"),
    "norm": ("input_blocks.1.0.in_layers.0", "lora_unet_down_blocks_0_resnets_0_norm1"),
}


def layer(state, which, dtype):
    key = UNET + LAYERS[which][0]
    w, b = state[key + ".weight"], state.get(key + ".bias")
    if which == "norm":
        m = torch.nn.GroupNorm(1, w.shape[0])
    elif w.dim() == 4:
        m = torch.nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], padding=w.shape[2] // 2, bias=b is not None)
    else:
        m = torch.nn.Linear(w.shape[1], w.shape[0], bias=b is not None)
    m.weight.data = w.to(dtype)
    if b is not None:
        m.bias.data = b.to(dtype)
    return m


def lycoris_cases():
    """Name, layer, class, its options, multiplier. What LyCORIS' multiplier interpolates is not what the webui's does
    for those with 1: rescaled OFT, BOFT, DoRA."""
    from lycoris import modules as ly

    tucker = {"use_tucker": True}
    for name, cls, options, multiplier in [
        ("locon", "LoConModule", {}, 0.7),
        ("locon tucker", "LoConModule", tucker, 0.7),
        ("loha", "LohaModule", {}, 0.7),
        ("loha tucker", "LohaModule", tucker, 0.7),
        ("lokr", "LokrModule", {"factor": 4}, 0.7),
        ("lokr tucker", "LokrModule", {"factor": 4, **tucker}, 0.7),
        ("lokr both", "LokrModule", {"factor": 8, "decompose_both": True}, 0.7),
        ("lokr full", "LokrModule", {"factor": 4, "full_matrix": True}, 0.7),
        ("ia3", "IA3Module", {}, 0.7),
        ("full", "FullModule", {}, 0.7),
        ("norm", "NormModule", {}, 0.7),
        ("glora", "GLoRAModule", {}, 0.7),
        ("oft", "DiagOFTModule", {"constraint": 0}, 0.7),
        ("oft rescaled", "DiagOFTModule", {"constraint": 0, "rescaled": True}, 1),
        ("oft constraint", "DiagOFTModule", {"constraint": 1e-4}, 0.7),
        ("boft", "ButterflyOFTModule", {"constraint": 0}, 1),
        ("dora", "LoConModule", {"weight_decompose": True, "wd_on_out": False}, 1),
        ("dora out", "LoConModule", {"weight_decompose": True, "wd_on_out": True}, 1),
        ("dora loha", "LohaModule", {"weight_decompose": True, "wd_on_out": False}, 1),
        ("dora lokr", "LokrModule", {"weight_decompose": True, "wd_on_out": False, "factor": 4}, 1),
    ]:
        for which in ("linear", "conv", "norm"):
            if (which == "norm") != (name == "norm") or (which == "linear" and "tucker" in name):
                continue
            yield name, which, getattr(ly, cls, None), options, multiplier


def make(cls, options, which, org, rank, alpha, seed):
    """A module of LyCORIS with random numbers that F32 holds; it computes in double."""
    torch.manual_seed(seed)
    m = cls(LAYERS[which][1], org, multiplier=1.0, lora_dim=rank, alpha=alpha, **options)
    for n, p in m.named_parameters():
        if n.startswith("org"):
            continue
        scale = 0.05 if "oft" in n else 0.3
        if "dora_scale" in n:
            p.data *= 1 + 0.3 * torch.rand_like(p)
        elif "rescale" in n:
            p.data = 1 + 0.1 * torch.randn_like(p)
        else:
            p.data = scale * torch.randn_like(p)
        p.data = p.data.float().double()
    return m


def parts(m):
    """What LyCORIS saves of a module."""
    if type(m).__name__ == "FullModule":  # it counts as applied to its layer
        return {"diff": m.weight, **({"diff_b": m.bias} if m.bias is not None else {})}
    own = m.custom_state_dict() if hasattr(m, "custom_state_dict") else None
    return own if own is not None else m.state_dict()


def weight_of(m, org, multiplier):
    """In double, which OFT's inverse is not by itself."""
    single = torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        return f32_weight_of(m, org, multiplier)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.Tensor.float = single


def f32_weight_of(m, org, multiplier):
    if type(m).__name__ in ("LohaModule", "LokrModule"):  # get_diff_weight has the scale twice, which forward has once
        diff = m.get_weight(org.weight.shape)
        return m.apply_weight_decompose(org.weight + diff, multiplier) if m.wd else org.weight + diff * multiplier
    return m.get_merged_weight(multiplier=multiplier)[0]


def merged(sdc, model, network, weight, out):
    subprocess.run([sdc, "merge", model, "--lora", f"{network}:{weight}", "-o", out, "-q"], check=True)
    return load_file(out)


def main():
    sdc, folder, model = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    state = load_file(model)
    bad = 0
    for i, (name, which, cls, options, multiplier) in enumerate(lycoris_cases()):
        label = f"{name} {which}"
        if cls is None:
            print(f"{label}: LyCORIS has no such module")
            continue
        org, single = layer(state, which, torch.float64), layer(state, which, torch.float32)
        try:
            rank = 2 if "LokrModule" in cls.__name__ else 4  # LyCORIS does not decompose matrices as small as these into 4
            m = make(cls, options, which, org, rank, 1, i)
            other = make(cls, options, which, single, rank, 1, i)
            for a, b in zip(other.parameters(), m.parameters()):
                a.data = b.data.float()
            own, weight, f32 = parts(m), weight_of(m, org, multiplier), f32_weight_of(other, single, multiplier)
        except Exception as error:  # a combination that this version does not make
            print(f"{label}: LyCORIS: {error}")
            continue
        file, out = str(folder / "network.safetensors"), str(folder / "merged.safetensors")
        save_file({f"{LAYERS[which][1]}.{k}": v.detach().float().contiguous() for k, v in own.items() if not k.startswith("org")}, file)
        try:
            got = merged(sdc, model, file, multiplier, out)
        except subprocess.CalledProcessError:
            print(f"{label}: refused; parts {sorted(own)}")
            bad += 1
            continue
        w = got[UNET + LAYERS[which][0] + ".weight"].double()
        want = weight.detach().double().reshape(w.shape)
        ulp = 2.0 ** (torch.log2(want.abs().max()).floor().item() - 23)
        off = ((w - want).abs().max() / ulp).item()
        theirs = ((f32.detach().double().reshape(w.shape) - want).abs().max() / ulp).item()
        moved = (want - state[UNET + LAYERS[which][0] + ".weight"].double()).abs().max().item()
        others = sum(not torch.equal(got[k], state[k]) for k in state if not k.startswith(UNET + LAYERS[which][0]))
        ok = off <= 1 + theirs and not others and moved > 1e-4
        bad += not ok
        print(f"{label}: {off:.2f} ulp, LyCORIS in f32 {theirs:.2f} (changed by {moved:.3g}){'' if ok else '  WRONG'}{f', {others} other tensors changed' if others else ''}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
