"""check_networks.py: compares `sdc merge MODEL --lora` with the weights that LyCORIS and PEFT make of the same networks.

    python tools/dev/check_networks.py SDC DIR MODEL

MODEL: an SD 1 model of F32 in one file (tests --make-model micro single f32). For every kind LyCORIS makes modules over
two of the model's layers, a linear one and a convolution, with random numbers; their state goes to a network's file
under kohya's names, and their own merged weights are compared with those of SDC's file, in units of the last place of
the largest number of the tensor. Prints a line for each case; exit status 1 if any is further off than 1.
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


def layer(state, which):
    key = UNET + LAYERS[which][0]
    w, b = state[key + ".weight"], state.get(key + ".bias")
    if which == "norm":
        m = torch.nn.GroupNorm(1, w.shape[0])
    elif w.dim() == 4:
        m = torch.nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], padding=w.shape[2] // 2, bias=b is not None)
    else:
        m = torch.nn.Linear(w.shape[1], w.shape[0], bias=b is not None)
    m.weight.data = w.clone()
    if b is not None:
        m.bias.data = b.clone()
    return m


def lycoris_cases():
    from lycoris import modules as ly

    conv_only = {"use_tucker": True}
    for name, cls, options in [
        ("locon", "LoConModule", {}),
        ("locon tucker", "LoConModule", conv_only),
        ("loha", "LohaModule", {}),
        ("loha tucker", "LohaModule", conv_only),
        ("lokr", "LokrModule", {"factor": 4}),
        ("lokr tucker", "LokrModule", {"factor": 4, **conv_only}),
        ("lokr both", "LokrModule", {"factor": 4, "decompose_both": True}),
        ("lokr full", "LokrModule", {"factor": 4, "full_matrix": True}),
        ("ia3", "IA3Module", {}),
        ("full", "FullModule", {}),
        ("norm", "NormModule", {}),
        ("glora", "GLoRAModule", {}),
        ("oft", "DiagOFTModule", {"constraint": 0}),
        ("oft rescaled", "DiagOFTModule", {"constraint": 0, "rescaled": True}),
        ("oft constraint", "DiagOFTModule", {"constraint": 1e-4}),
        ("boft", "ButterflyOFTModule", {"constraint": 0}),
        ("dora", "LoConModule", {"weight_decompose": True, "wd_on_out": False}),
        ("dora out", "LoConModule", {"weight_decompose": True, "wd_on_out": True}),
        ("dora loha", "LohaModule", {"weight_decompose": True, "wd_on_out": False}),
        ("dora lokr", "LokrModule", {"weight_decompose": True, "wd_on_out": False, "factor": 4}),
    ]:
        for which in ("linear", "conv", "norm"):
            if (which == "norm") != (name == "norm") or (which == "linear" and "tucker" in name):
                continue
            yield name, which, getattr(ly, cls, None), options


def make(cls, options, which, org, rank, alpha, seed):
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
    return m


def merged(sdc, model, network, weight, out):
    subprocess.run([sdc, "merge", model, "--lora", f"{network}:{weight}", "-o", out, "-q"], check=True)
    return load_file(out)


def main():
    sdc, folder, model = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    state = load_file(model)
    bad = 0
    for i, (name, which, cls, options) in enumerate(lycoris_cases()):
        label = f"{name} {which}"
        if cls is None:
            print(f"{label}: LyCORIS has no such module")
            continue
        org = layer(state, which)
        try:
            m = make(cls, options, which, org, 4, 2, i)
            own = m.state_dict() if not hasattr(m, "custom_state_dict") or m.custom_state_dict() is None else m.custom_state_dict()
            weight, bias = m.get_merged_weight(multiplier=0.7)
        except Exception as error:  # a combination that this version does not make
            print(f"{label}: LyCORIS: {error}")
            continue
        file, out = str(folder / "network.safetensors"), str(folder / "merged.safetensors")
        save_file({f"{LAYERS[which][1]}.{k}": v.detach().clone().contiguous() for k, v in own.items() if not k.startswith("org")}, file)
        try:
            got = merged(sdc, model, file, 0.7, out)
        except subprocess.CalledProcessError:
            print(f"{label}: refused; parts {sorted(own)}")
            bad += 1
            continue
        w = got[UNET + LAYERS[which][0] + ".weight"].double()
        want = weight.detach().double().reshape(w.shape)
        ulp = 2.0 ** (torch.log2(want.abs().max()).floor().item() - 23)
        off = ((w - want).abs().max() / ulp).item()
        moved = (want - state[UNET + LAYERS[which][0] + ".weight"].double()).abs().max().item()
        others = sum(not torch.equal(got[k], state[k]) for k in state if not k.startswith(UNET + LAYERS[which][0]))
        ok = off <= 1 and not others and moved > 1e-4
        bad += not ok
        print(f"{label}: {off:.2f} ulp (changed by {moved:.3g}){'' if ok else '  WRONG'}{f', {others} other tensors changed' if others else ''}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
