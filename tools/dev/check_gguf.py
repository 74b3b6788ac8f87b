#!/usr/bin/env python3
"""GGUF files of sdc are read by stable-diffusion.cpp, and its own and ComfyUI-GGUF's by sdc.

    python tools/dev/check_gguf.py SDC TEST [FOLDER]

SDC and TEST are the built program and test runner. Needs numpy, pillow, gguf 0.17 or newer and
stable-diffusion-cpp-python from PyPI. stable-diffusion.cpp converts ours, as they are and with names of its own: the
same bytes, and the same pictures. Prints a line for each, and fails if something differs."""
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from PIL import Image
from stable_diffusion_cpp import stable_diffusion_cpp

SDC, TEST = sys.argv[1:3]
WORK = sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()
OWN_TYPES = stable_diffusion_cpp.GGMLType.SD_TYPE_COUNT
wrong = 0


def path(name):
    return os.path.join(WORK, name)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else None


def picture(model):
    error = run(SDC, "txt2img", "-q", "-m", model, "-p", "a (lovely:1.2) cat", "-W", "64", "-H", "64", "--steps", "2",
                "--seed", "1", "--cfg", "5", "-o", path("picture.png"))
    return error or np.array(Image.open(path("picture.png")))


def check(what, ok, note=""):
    global wrong
    wrong += not ok
    print(f"{'same' if ok else 'WRONG':6s}{what}{': ' + note if note else ''}")


def check_picture(what, model, expected):
    got = picture(model)
    is_picture = isinstance(got, np.ndarray) and isinstance(expected, np.ndarray)
    check(what, is_picture and np.array_equal(got, expected), "" if isinstance(got, np.ndarray) else got)


def texts(reader):
    return {f.name: str(bytes(f.parts[-1]), "utf-8") for f in reader.fields.values()
            if f.types == [gguf.GGUFValueType.STRING] and f.name != "general.architecture"}


def write(name, meta, tensors, shapes={}):
    """tensors: name, numbers or blocks, type."""
    writer = gguf.GGUFWriter(path(name), "sd")
    for k, v in meta.items():
        writer.add_string(k, v)
    for k, v in shapes.items():
        writer.add_array("comfy.gguf.orig_shape." + k, v)
    for k, data, kind in tensors:
        writer.add_tensor(k, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path(name)


def by_sd_cpp(family, ours, expected):
    """Its converter reads the file and writes it again, without the metadata that micro models need."""
    a = gguf.GGUFReader(ours)
    kept = {t.name: t for t in a.tensors}
    for names in (False, True):
        theirs = path(f"{family}.sdcpp.gguf")
        if not stable_diffusion_cpp.convert(ours.encode(), b"", theirs.encode(), OWN_TYPES, b"", names):
            check(f"{family}: stable-diffusion.cpp reads it", False)
            continue
        b = [(t.name, t.data, t.tensor_type) for t in gguf.GGUFReader(theirs).tensors]
        if not names:
            check(f"{family}: stable-diffusion.cpp reads the same bytes", len(b) == len(kept) and all(
                k in kept and kept[k].tensor_type == t and np.array_equal(kept[k].data, d) for k, d, t in b))
        check_picture(f"{family}: written by stable-diffusion.cpp{', its names' if names else ''}",
                      write(f"{family}.back.gguf", texts(a), b), expected)


def as_comfy(family, plain):
    """Convolutions whose rows are not whole blocks as rows of 256, in Q8_0 and Q4_1."""
    reader = gguf.GGUFReader(plain)
    for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_1):
        out, back, shapes = [], [], {}
        for t in reader.tensors:
            shape = [int(n) for n in reversed(t.shape)]
            if len(shape) != 4 or t.data.size % 256 or t.data.size < 512:
                out.append((t.name, t.data, t.tensor_type))
                back.append(out[-1])
                continue
            rows = gguf.quants.quantize(t.data.reshape(-1, 256).astype(np.float32), kind)
            shapes[t.name] = shape
            out.append((t.name, rows, kind))
            stays = kind.name == "Q8_0" and shape[2] == 1 and shape[1] % 32 == 0  # others become F16
            number, own = (np.float32, "F32") if stays else (np.float16, "F16")
            back.append((t.name, gguf.quants.dequantize(rows, kind).reshape(shape).astype(number),
                         gguf.GGMLQuantizationType[own]))
        expected = picture(write(f"{family}.back.gguf", texts(reader), back))
        check_picture(f"{family}: {len(shapes)} convolutions of ComfyUI-GGUF, {kind.name}",
                      write(f"{family}.comfy.gguf", texts(reader), out, shapes), expected)


for family in ("micro", "micro-sd2", "micro-sdxl", "micro-refiner"):
    model, plain, ours = path(family + ".safetensors"), path(family + ".f16.gguf"), path(family + ".gguf")
    error = (run(TEST, "--make-model", family, "single", "f16", model) or
             run(SDC, "convert", model, plain, "--out-format", "gguf") or
             run(SDC, "convert", model, ours, "--dtype", "q8_0", "--out-format", "gguf"))
    if error:
        sys.exit(error)
    by_sd_cpp(family, ours, picture(ours))
    as_comfy(family, plain)
sys.exit(wrong != 0)
