#!/usr/bin/env python3
"""Files by their real writers must make the picture of the safetensors file of the same numbers, bit for bit.

    python tools/dev/formats.py SDC TEST [FOLDER]

SDC and TEST are the built program and test runner. Needs torch, safetensors, numpy, pillow, and gguf 0.17 or newer from
PyPI. Prints a line for each format, and fails if a picture differs."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

SDC, TEST = sys.argv[1:3]
WORK = sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()
PARTS = ("unet", "vae", "text_encoder")
wrong = 0


def path(*names):
    return os.path.join(WORK, *names)


def make(layout, dtype, name):
    subprocess.run([TEST, "--make-model", "micro", layout, dtype, path(name)], check=True)
    return path(name)


def picture(model, *more):
    out = path("picture.png")
    run = subprocess.run(
        [SDC, "txt2img", "-q", "-m", model, "-p", "a lovely cat", "-W", "64", "-H", "64", "--steps", "2", "--seed", "1",
         "-o", out, *more], capture_output=True, text=True)
    if run.returncode:
        return run.stderr.strip()
    return np.array(Image.open(out))


def check(what, model, expected, *more):
    global wrong
    got = picture(model, *more)
    same = isinstance(got, np.ndarray) and isinstance(expected, np.ndarray) and np.array_equal(got, expected)
    wrong += not same
    print(f"{'same' if same else 'WRONG':6s}{what}" + ("" if isinstance(got, np.ndarray) else f": {got}"))


def weights_of(folder, part):
    names = [n for n in sorted(os.listdir(os.path.join(folder, part))) if n.endswith(".safetensors")]
    return os.path.join(folder, part, names[0]), load_file(os.path.join(folder, part, names[0]))


def folder_with(ref, name, write):
    new = path(name)
    shutil.copytree(ref, new)
    for part in PARTS:
        file, tensors = weights_of(new, part)
        os.remove(file)
        stem = "pytorch_model" if part == "text_encoder" else "diffusion_pytorch_model"
        write(os.path.join(new, part), stem, tensors)
    return new


def views(tensors):
    """All in one storage, matrices transposed, pictures channels-last: contiguous nowhere."""
    out = {}
    for k, t in tensors.items():
        if t.ndim == 2:
            t = t.t().contiguous().t()
        elif t.ndim == 4:
            t = t.contiguous(memory_format=torch.channels_last)
        out[k] = t
    flat = torch.cat([torch.zeros(3), *(t.flatten() for t in tensors.values() if t.ndim == 1 and t.is_floating_point())])
    at = 3
    for k, t in tensors.items():
        if t.ndim == 1 and t.is_floating_point():
            out[k] = flat[at:at + t.numel()]
            at += t.numel()
    return out


def sharded(folder, stem, tensors, save, extension):
    keys, where = sorted(tensors), {}
    for i in range(3):
        name = f"{stem}-{i + 1:05d}-of-00003.{extension}"
        save({k: tensors[k] for k in keys[i::3]}, os.path.join(folder, name))
        where.update({k: name for k in keys[i::3]})
    with open(os.path.join(folder, f"{stem}.{extension}.index.json"), "w") as f:
        json.dump({"metadata": {"total_size": 0}, "weight_map": where}, f)


def saved_by_diffusers(ref, expected):
    """save_pretrained of the networks themselves, which writes its own configurations, names and shards."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel
    networks = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    networks = {k: v.from_pretrained(ref, subfolder=k) for k, v in networks.items()}
    for what, how in {"": {}, " .bin": {"safe_serialization": False}, " shards": {"max_shard_size": "500KB"},
                      " .bin shards": {"safe_serialization": False, "max_shard_size": "500KB"},
                      " variant fp16": {"variant": "fp16"},
                      " variant fp16, shards": {"variant": "fp16", "max_shard_size": "500KB"}}.items():
        new = path("saved" + what.replace(" ", "-"))
        for part, network in networks.items():
            network.save_pretrained(os.path.join(new, part), **how)
        shutil.copy(os.path.join(ref, "model_index.json"), new)
        shutil.copytree(os.path.join(ref, "scheduler"), os.path.join(new, "scheduler"))
        check(f"save_pretrained{what}", new, expected)


def folders():
    ref = make("diffusers", "f32", "folder")
    expected = picture(ref)
    save = lambda **how: lambda d, stem, t: torch.save(t, os.path.join(d, stem + ".bin"), **how)
    check("folder, .bin", folder_with(ref, "bin", save()), expected)
    check("folder, .bin before torch 1.6", folder_with(ref, "old", save(_use_new_zipfile_serialization=False)), expected)
    check("folder, .bin, pickle protocol 4", folder_with(ref, "p4", save(pickle_protocol=4)), expected)
    check("folder, .bin, views and shared storages",
          folder_with(ref, "views", lambda d, s, t: torch.save(views(t), os.path.join(d, s + ".bin"))), expected)
    check("folder, .bin, nested, parameters", folder_with(
        ref, "nested", lambda d, s, t: torch.save({"epoch": 3, "callbacks": {}, "state_dict": {
            k: torch.nn.Parameter(v, requires_grad=False) for k, v in t.items()}}, os.path.join(d, s + ".bin"))), expected)
    check("folder, .fp16.bin", folder_with(ref, "fp16", lambda d, s, t: torch.save(t, os.path.join(d, s + ".fp16.bin"))),
          expected)
    check("folder, shards .bin", folder_with(ref, "shards", lambda d, s, t: sharded(d, s, t, torch.save, "bin")), expected)
    check("folder, shards .safetensors", folder_with(
        ref, "sts", lambda d, s, t: sharded(d, s.replace("pytorch_model", "model") if s == "pytorch_model" else s, t,
                                            save_file, "safetensors")), expected)
    saved_by_diffusers(ref, expected)
    hub = path("hub", "snapshots", "0")
    for root, _, names in os.walk(ref):
        os.makedirs(os.path.join(hub, os.path.relpath(root, ref)), exist_ok=True)
        for n in names:
            os.symlink(os.path.join(root, n), os.path.join(hub, os.path.relpath(root, ref), n))
    check("hub cache of symbolic links", hub, expected)


def gguf_file(name, tensors, meta, quantise):
    """The types that each tensor gets, and the numbers that come back."""
    writer, back = gguf.GGUFWriter(path(name), "sd"), {}
    for k, v in meta.items():
        writer.add_string(k, v)
    for k, t in tensors.items():
        a = t.numpy()
        q = quantise(k, a)
        if q is None:
            writer.add_tensor(k, a)
            back[k] = t
            continue
        data = gguf.quants.quantize(a.astype(np.float32), q)
        writer.add_tensor(k, data, raw_dtype=q)
        back[k] = torch.from_numpy(gguf.quants.dequantize(data, q).reshape(a.shape).copy())
        if q.name not in ("Q8_0", "Q5_0", "Q4_0"):  # which stay, or become, Q8_0
            back[k] = back[k].half()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return back


def k_blocks(kind, a):
    """A plain quantiser of 256 numbers a block, which uses one scale for all of a block's groups, and its step. gguf's
    Python package reads these types but does not write them; the layouts are ggml's (src/ggml-common.h)."""
    x = a.reshape(-1, 256).astype(np.float32)
    n = len(x)
    half = lambda v: v.astype(np.float16)
    bits = {"Q2_K": 2, "Q3_K": 3, "Q4_K": 4, "Q5_K": 5, "Q6_K": 6}[kind]
    if kind in ("Q3_K", "Q6_K"):  # signed: d * scale * (q - half), scale 1
        d = half(np.abs(x).max(1) / (2 ** (bits - 1) - 1))
        step = d.astype(np.float32)
        q = np.clip(np.rint(x / np.where(step == 0, 1, step)[:, None]) + 2 ** (bits - 1), 0, 2 ** bits - 1).astype(np.uint8)
    else:  # d * scale * q - dmin * m, scale 1, m 1
        m = half(np.maximum(-x.min(1), 0))
        d = half((x.max(1) + m.astype(np.float32)) / (2 ** bits - 1))
        step = d.astype(np.float32)
        q = np.clip(np.rint((x + m.astype(np.float32)[:, None]) / np.where(step == 0, 1, step)[:, None]), 0,
                    2 ** bits - 1).astype(np.uint8)
    raw = lambda v: v.view(np.uint8).reshape(n, 2)
    if kind == "Q2_K":
        p = q.reshape(n, 2, 4, 32)
        packed = (p[:, :, 0] | p[:, :, 1] << 2 | p[:, :, 2] << 4 | p[:, :, 3] << 6).reshape(n, 64)
        out = [np.full((n, 16), 0x11, np.uint8), packed, raw(d), raw(m)]
    elif kind == "Q3_K":
        p = (q & 3).reshape(n, 2, 4, 32)
        low = (p[:, :, 0] | p[:, :, 1] << 2 | p[:, :, 2] << 4 | p[:, :, 3] << 6).reshape(n, 64)
        h = (q >> 2).reshape(n, 8, 32)
        high = sum(h[:, i] << i for i in range(8)).astype(np.uint8)
        scales = np.concatenate([np.full((n, 8), 0x11, np.uint8), np.full((n, 4), 0xaa, np.uint8)], 1)  # 32 + 1
        out = [high, low, scales, raw(d)]
    elif kind in ("Q4_K", "Q5_K"):
        p = (q & 15).reshape(n, 4, 2, 32)
        low = (p[:, :, 0] | p[:, :, 1] << 4).reshape(n, 128)
        scales = np.concatenate([np.full((n, 8), 1, np.uint8), np.full((n, 4), 0x11, np.uint8)], 1)
        h = (q >> 4).reshape(n, 8, 32)
        high = [sum(h[:, i] << i for i in range(8)).astype(np.uint8)] if kind == "Q5_K" else []
        out = [raw(d), raw(m), scales, *high, low]
    else:
        p = (q & 15).reshape(n, 2, 4, 32)
        low = np.concatenate([p[:, :, 0] | p[:, :, 2] << 4, p[:, :, 1] | p[:, :, 3] << 4], 2).reshape(n, 128)
        h = (q >> 4).reshape(n, 2, 4, 32)
        high = (h[:, :, 0] | h[:, :, 1] << 2 | h[:, :, 2] << 4 | h[:, :, 3] << 6).reshape(n, 64)
        out = [low, high, np.ones((n, 16), np.uint8), raw(d)]
    return np.concatenate(out, 1), step


def k_quants(kind, tensors, meta):
    """Matrices whose rows are whole blocks, as this type: no number is off by more than the bound of its quantisation
    (half a step; a step where the F16 of d or m rounds the wrong way), and the picture is that of the numbers."""
    global wrong
    q = getattr(gguf.GGMLQuantizationType, kind)
    writer, back, worst, count = gguf.GGUFWriter(path(kind + ".gguf"), "sd"), {}, 0.0, 0
    for k, v in meta.items():
        writer.add_string(k, v)
    for k, t in tensors.items():
        a = t.numpy()
        if a.ndim != 2 or a.dtype != np.float16 or a.shape[-1] % 256:
            writer.add_tensor(k, a)
            back[k] = t
            continue
        blocks, step = k_blocks(kind, a)
        data = blocks.reshape(a.shape[0], -1)
        writer.add_tensor(k, data, raw_dtype=q)
        values = gguf.quants.dequantize(data, q).reshape(a.shape)
        error = np.abs(values.reshape(-1, 256) - a.reshape(-1, 256).astype(np.float32)).max(1)
        worst = max(worst, float((error / np.where(step == 0, 1, step)).max()))
        back[k] = torch.from_numpy(values.copy()).half()
        count += 1
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(back, path("back.safetensors"), meta)
    wrong += not count or worst > 1
    check(f"GGUF, {kind} ({count} matrices, off by at most {worst:.2f} of a step)", path(kind + ".gguf"),
          picture(path("back.safetensors")))


def singles():
    ref = make("single", "f16", "single.safetensors")
    tensors, expected = load_file(ref), picture(ref)
    with safe_open(ref, "pt") as f:
        meta = f.metadata()
    gguf_file("f16.gguf", tensors, meta, lambda k, a: None)
    check("GGUF, F16", path("f16.gguf"), expected)
    for q in ("Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1"):
        t = getattr(gguf.GGMLQuantizationType, q)
        back = gguf_file(f"{q}.gguf", tensors, meta,
                         lambda k, a: t if a.ndim == 2 and a.dtype == np.float16 and a.shape[-1] % 32 == 0 else None)
        save_file(back, path("back.safetensors"), meta)
        check(f"GGUF, {q}", path(f"{q}.gguf"), picture(path("back.safetensors")))
    for q in ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"):
        k_quants(q, tensors, meta)
    for name, kind in (("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2)):
        for scaled in (False, True):
            new, back = {}, {}
            for k, v in tensors.items():
                if v.ndim != 2 or not k.endswith(".weight") or not v.is_floating_point():
                    new[k] = back[k] = v
                    continue
                scale = v.float().abs().max() / 400 if scaled else torch.tensor(1.0)
                new[k] = (v.float() / scale).to(kind)
                back[k] = (new[k].float() * scale).half()
                if scaled:
                    new[k[:-6] + "scale_weight"] = scale.reshape(1)
                    new[k[:-6] + "scale_input"] = torch.ones(1)
            if scaled:
                new["scaled_fp8"] = torch.zeros(2).to(kind)
            save_file(new, path("f8.safetensors"), meta)
            save_file(back, path("back.safetensors"), meta)
            check(f"safetensors, {name}{', scaled' if scaled else ''}", path("f8.safetensors"),
                  picture(path("back.safetensors")))
            check(f"    streamed", path("f8.safetensors"), picture(path("back.safetensors")), "--threads", "1")


folders()
singles()
sys.exit(wrong != 0)
