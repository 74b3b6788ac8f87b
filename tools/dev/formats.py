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
        back[k] = torch.from_numpy(gguf.quants.dequantize(data, q).reshape(a.shape).copy()).half()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return back


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
