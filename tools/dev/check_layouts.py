"""check_layouts.py: what `sdc convert --layout` writes is what diffusers makes of the same file, and loads.

    python tools/dev/check_layouts.py SDC DIR MODEL...

MODEL: single files (micro ones: tests --make-model micro single f16). For each: the folder that SDC writes holds, byte by
byte, what diffusers' own conversion makes of MODEL; its pipeline loads without a missing or unexpected key; and it draws
the same latents as the pipeline that from_single_file makes of SDC's --layout single. Exit status 1 if anything differs.
"""

import subprocess
import sys

import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNet2DConditionModel
from diffusers.loaders import single_file_utils as theirs
from safetensors.torch import load_file


def part(d, prefix):
    return {k[len(prefix):]: v for k, v in d.items() if k.startswith(prefix)}


def same(what, x, y):
    x, y = dict(x), dict(y)
    wrong = sorted(x.keys() ^ y.keys()) + [
        k for k in x.keys() & y.keys() if not torch.equal(x[k].flatten().view(torch.uint8), y[k].flatten().view(torch.uint8))
    ]
    print(f"{what}: {f'{len(wrong)} tensors differ: {wrong[:3]}' if wrong else f'{len(x)} tensors, the same bytes'}", flush=True)
    return not wrong


def text_of(original, prefix, model):
    """HF's names of an encoder in the file, as diffusers makes them."""
    if any(k.startswith(prefix + "transformer.") for k in original):
        d = part(original, prefix + "transformer.")
    else:
        d = theirs.convert_open_clip_checkpoint(model, dict(original), prefix=prefix + "model.")
    unused = f"encoder.layers.{model.config.num_hidden_layers}."  # SD 2's; diffusers knows the full size's number only
    return {k: v for k, v in d.items() if "position_ids" not in k and unused not in k}


def check(sdc, folder, path):
    ok = True
    subprocess.run([sdc, "convert", path, folder, "--layout", "diffusers", "-q"], check=True)
    subprocess.run([sdc, "convert", folder, folder + ".safetensors", "--layout", "single", "-q"], check=True)
    original = load_file(path)
    unet, info = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", output_loading_info=True)
    ok &= same("U-Net", theirs.convert_ldm_unet_checkpoint(dict(original), dict(unet.config)),
               load_file(f"{folder}/unet/diffusion_pytorch_model.safetensors"))
    vae, more = AutoencoderKL.from_pretrained(folder, subfolder="vae", output_loading_info=True)
    ok &= same("VAE", theirs.convert_ldm_vae_checkpoint(dict(original), dict(vae.config)),
               load_file(f"{folder}/vae/diffusion_pytorch_model.safetensors"))
    for i in (info, more):
        if i["missing_keys"] or i["unexpected_keys"]:
            print("keys that diffusers misses or does not expect:", i)
            ok = False
    pipe = DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    for name, prefixes in (("text_encoder", ("cond_stage_model.", "conditioner.embedders.0.")),
                           ("text_encoder_2", ("conditioner.embedders.1.", "conditioner.embedders.0."))):
        encoder = getattr(pipe, name, None)
        prefix = next((p for p in prefixes if any(k.startswith(p) for k in original)), None)
        if encoder is None or prefix is None:
            continue
        ok &= same(name, text_of(original, prefix, encoder), load_file(f"{folder}/{name}/model.safetensors"))
    if "Img2Img" in type(pipe).__name__:  # the refiner, which draws from a picture
        return ok
    single = type(pipe).from_single_file(folder + ".safetensors", config=folder, torch_dtype=torch.float32)
    single.set_progress_bar_config(disable=True)
    draws = []
    for p in (pipe, single):
        side = p.unet.config.sample_size * 2 ** (len(p.vae.config.block_out_channels) - 1)
        draws.append(p("a cat", num_inference_steps=2, width=min(side, 512), height=min(side, 512), output_type="latent",
                       generator=torch.Generator().manual_seed(1)).images)
    equal = torch.equal(*draws)
    print(f"{type(pipe).__name__}: from_pretrained and from_single_file draw {'the same' if equal else 'different'} latents")
    return ok and equal


def main():
    torch.set_num_threads(1)
    sdc, folder, *files = sys.argv[1:]
    ok = True
    for i, path in enumerate(files):
        print(path)
        ok &= check(sdc, f"{folder}/layout{i}", path)
    sys.exit(not ok)


main()
