"""What networks (LoRA and its kin) make of a weight, by LyCORIS: networks.safetensors.

"NAME", a row of tests/load/network_kinds.c: samples of w + 0.7 (w' - w), w' the weight that LyCORIS makes of w and the
parts below at multiplier 1, in float64; the float32 run is LyCORIS' own in float32. (0.7 (w' - w) is how the webui
multiplies every kind; LyCORIS' own multiplier differs for rotations and DoRA.) w is of the micro model; parts are within
+-0.5, by their role (`part`), and lora_name + role is their key.
"""
import numpy as np
import torch

from . import store, values

SOURCES = ["tools/goldens/networks.py"]
UNET = "model.diffusion_model."
LINEAR = (UNET + "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", (32, 32))
CONV = (UNET + "input_blocks.1.0.in_layers.2.weight", (32, 32, 3, 3))
NORM = (UNET + "input_blocks.1.0.in_layers.0.weight", (32,))
R, O, I = 3, 32, 32
LORA = {"lora_down.weight": (R, I), "lora_up.weight": (O, R), "alpha": 2.0}
LOCON = {"lora_down.weight": (R, I, 3, 3), "lora_up.weight": (O, R, 1, 1), "alpha": 2.0}


def loha(columns):
    return {"hada_w1_a": (O, R), "hada_w1_b": (R, columns), "hada_w2_a": (O, R), "hada_w2_b": (R, columns), "alpha": 1.0}


def tucker():
    sides = {"hada_w1_a": (R, O), "hada_w1_b": (R, I), "hada_w2_a": (R, O), "hada_w2_b": (R, I)}
    return {**sides, "hada_t1": (R, R, 3, 3), "hada_t2": (R, R, 3, 3), "alpha": float(R)}


def lokr(taps):
    return {"lokr_w1": (4, 2), "lokr_w2_a": (O // 4, R), "lokr_w2_b": (R, I // 2 * taps), "alpha": 1.0}


# name: (weight, parts, what the values of a part are multiplied by); a part's shape, or its only number
CASES = {
    "LoRA": (LINEAR, LORA),
    "LoCon": (CONV, LOCON),
    "LoCon with a middle": (CONV, {"lora_up.weight": (O, R, 1, 1), "lora_mid.weight": (R, R, 3, 3), "lora_down.weight": (R, I, 1, 1), "alpha": 1.0}),
    "LoHa": (LINEAR, loha(I)),
    "LoHa of a convolution": (CONV, loha(I * 9)),
    "LoHa, tucker": (CONV, tucker()),
    "LoKr": (LINEAR, lokr(1)),
    "LoKr of a convolution": (CONV, lokr(9)),
    "LoKr, second whole": (CONV, {"lokr_w1_a": (4, 1), "lokr_w1_b": (1, 2), "lokr_w2": (O // 4, I // 2, 3, 3)}),
    "IA3 of outputs": (LINEAR, {"weight": (O,), "on_input": 0.0}),
    "IA3 of inputs": (CONV, {"weight": (I,), "on_input": 1.0}),
    "full": (CONV, {"diff": (O, I, 3, 3)}),
    "norm": (NORM, {"w_norm": (O,), "b_norm": (O,)}),
    # the names that GLoRA's parts had before LyCORIS 3
    "GLoRA": (LINEAR, {"a2.weight": (I, R), "a1.weight": (R, I), "b2.weight": (O, R), "b1.weight": (R, I)}),
    "GLoRA of a convolution, its parts swapped": (CONV, {"a1.weight": (I, R, 1, 1), "a2.weight": (R, I, 1, 1), "b1.weight": (O, R, 1, 1), "b2.weight": (R, I, 3, 3), "alpha": 1.0}),
    "OFT": (LINEAR, {"oft_blocks": (8, 4, 4), "alpha": 0.0, "rescale": (O, 1)}),
    "OFT with a constraint": (CONV, {"oft_blocks": (8, 4, 4), "alpha": 0.01, "rescale": (O, 1)}),
    "BOFT": (CONV, {"oft_blocks": (4, 8, 4, 4), "alpha": 0.0}),
    "DoRA by inputs": (LINEAR, {**LORA, "dora_scale": (1, I)}),
    "DoRA by inputs of a convolution": (CONV, {**LOCON, "dora_scale": (1, I, 1, 1)}),
    "DoRA by outputs": (CONV, {**LOCON, "dora_scale": (O, 1, 1, 1)}),
}


def part(role, shape):
    """Values as made_part of tests/load/made_network.c makes them."""
    if isinstance(shape, float):
        return np.float32(shape)
    seed = 7
    for c in "." + role:
        seed = (seed * 31 + ord(c)) & 0xFFFFFFFF
    j = np.arange(int(np.prod(shape)), dtype=np.uint64)
    x = values.mix(((np.uint64(seed) + j * np.uint64(0x9E3779B1)) & np.uint64(0xFFFFFFFF)).astype(np.uint32))
    out = (0.5 * (x * 2.0**-31 - 1.0)).astype(np.float32).reshape(shape)
    return out * np.float32(0.3) if role == "oft_blocks" else out


def layer(w):
    """A layer of torch around a weight."""
    if w.dim() == 1:
        m = torch.nn.GroupNorm(1, w.shape[0], dtype=w.dtype)
    elif w.dim() == 4:
        m = torch.nn.Conv2d(w.shape[1], w.shape[0], 3, padding=1, bias=False, dtype=w.dtype)
    else:
        m = torch.nn.Linear(w.shape[1], w.shape[0], bias=False, dtype=w.dtype)
    m.weight.data = w.clone()
    return m


def lycoris_weight(w, state, name):
    """w' by LyCORIS' module of that state."""
    from lycoris import modules
    from lycoris.functional.general import weight_decompose
    from lycoris.functional.lokr import _kron_weight

    if name.startswith("LoKr"):  # its modules choose the sides of w1 themselves
        a, b = (tuple(state.get(f"m.lokr_w{k}{end}") for end in ("", "_a", "_b")) for k in (1, 2))
        scale = float(state["m.alpha"]) / R if "m.alpha" in state else 1
        return w + _kron_weight(*a, *b, None, scale).reshape(w.shape)
    if name.startswith("IA3"):  # its reader does not work
        m = modules.IA3Module("m", layer(w), 1.0, train_on_input=bool(state["m.on_input"]))
        m.weight.data = state["m.weight"].reshape(m.weight.shape)
        return m.get_merged_weight(1)[0]
    dora = state.pop("m.dora_scale", None)  # its reader takes magnitudes of outputs only
    if "m.rescale" in state:
        state = {**state, "m.rescale": state["m.rescale"].reshape(-1, *[1] * (w.dim() - 1))}
    m = modules.make_module(*modules.get_module(state, "m"), "m", layer(w)).to(w.dtype)
    if name.startswith("LoHa"):  # get_merged_weight has the scale twice, forward once
        return w + m.get_weight(w.shape)
    if dora is not None:
        diff = m.get_diff_weight(1)[0].reshape(w.shape)
        return weight_decompose(w + diff, dora, 1, name == "DoRA by outputs")
    return m.get_merged_weight(1)[0].reshape(w.shape)


def run(name, dtype):
    (key, shape), parts = CASES[name]
    w = torch.tensor(values.weight(key, shape)).to(dtype)
    if name == "GLoRA":
        state = {"a1.weight": "a2.weight", "a2.weight": "a1.weight", "b1.weight": "b2.weight", "b2.weight": "b1.weight"}
        state = {"m." + state[k]: torch.tensor(part(k, s)) for k, s in parts.items()}
        state["m.alpha"] = torch.tensor(float(R))  # no scale: the webui has none
    else:
        state = {"m." + k: torch.tensor(part(k, s)) for k, s in parts.items()}
    state = {k: v.to(dtype) for k, v in state.items()}
    single = torch.Tensor.float
    torch.set_default_dtype(dtype)
    if dtype == torch.float64:
        torch.Tensor.float = torch.Tensor.double  # of OFT's inverse
    try:
        made = lycoris_weight(w, state, name)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.Tensor.float = single
    return (w + float(np.float32(0.7)) * (made.detach().to(dtype) - w)).numpy()


def make(args):
    golden = store.Golden("networks", SOURCES, samples=256)
    for name in CASES:
        golden.add(name, run(name, torch.float64), run(name, torch.float32))
    yield golden
