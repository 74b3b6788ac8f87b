"""The other programs of bench_peers.py: PyTorch with diffusers and transformers, and what OpenVINO makes of their modules."""

import gc
import os
import statistics
import sys
import time

import bench_few
import bench_models
import numpy as np
import torch
from goldens import values


class Peer:
    """A program inside this process: functions that run the work."""

    def __init__(self, args, kind):
        self.args, self.kind, self.calls = args, kind, {}

    def round(self, works, keep=True):
        """Seconds of each work. With `keep` the networks stay for the next round."""
        taken = {}
        for w in works:
            if w not in self.calls:
                self.calls[w] = self.prepare(w)
                self.warm_up(self.calls[w])
            times = []
            for _ in range(self.args.repeat):
                start = time.perf_counter()
                self.calls[w]()
                times.append(time.perf_counter() - start)
            taken[w] = statistics.median(times)
            if not keep:
                del self.calls[w]
                gc.collect()
        return taken

    def warm_up(self, call):
        call()


def inputs(args, work, at=None):
    """The arguments of a network's call: numpy arrays in torch's layout."""
    c = bench_models.SHAPES[args.shape]
    side = args.size // bench_models.factor(c)
    if work == "step":
        n = args.batch if args.few_steps else 2 * args.batch
        if not at:
            at = values.input("x", (1, 4, side, side)), 500, values.input("context", (n // args.batch, 77, c["context"]))
            at += (values.input("pooled", (n // args.batch, c["encoders"][-1]["pooled"])),) if c["adm"] else ()
        x, t, context, *pooled = at
        given = np.repeat(x, n // len(x), 0), np.array([t] * n, np.int64), np.repeat(context, args.batch, 0)
        if not c["adm"]:
            return given
        sizes = [args.size, args.size, 0, 0, args.size, args.size]  # original height and width, crop, target
        return *given, np.repeat(pooled[0], args.batch, 0), np.array([sizes] * n, np.float32)
    if work == "decode":
        return (values.input("z", (1, 4, side, side)),)
    texts = 1 if args.few_steps else bench_models.texts(c)
    return (np.array([[49406, 320, 1125, 539, 320, 2368] + [49407] * 71] * texts, np.int64),)


class _Step(torch.nn.Module):
    def forward(self, x, t, context, pooled=None, sizes=None):
        more = {} if pooled is None else {"text_embeds": pooled, "time_ids": sizes}
        return self.m(x, t, encoder_hidden_states=context, added_cond_kwargs=more, return_dict=False)[0]


class _Decode(torch.nn.Module):
    def forward(self, z):
        return self.m.decode(z, return_dict=False)[0]


class _Text(torch.nn.Module):
    def forward(self, ids):
        return self.m(ids)


class _Tiny(torch.nn.Module):
    def forward(self, z):
        return self.m(z)


def network(args, work, dtype):
    """A module whose call takes `inputs`; the first of what it gives, or all, is the network's output."""
    wrapper = {"step": _Step, "decode": _Decode, "text": _Text}[work]()
    if work == "decode" and args.few_steps:
        wrapper = _Tiny()
        wrapper.m = bench_few.load_taesd(args.taesd, dtype)
        return wrapper.eval()
    wrapper.m = bench_models.load(work, bench_models.SHAPES[args.shape], args.model, dtype)
    return wrapper.eval()


TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64}


class Torch(Peer):
    device = "cpu"

    def prepare(self, work, at=None):
        torch.set_num_threads(self.args.threads)
        dtype = TYPES[self.kind]
        m = self.ready(self.module(work, dtype))
        given = [torch.from_numpy(np.ascontiguousarray(x)).to(self.device) for x in inputs(self.args, work, at)]
        given = [x.to(dtype) if x.is_floating_point() else x for x in given]
        given = [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x for x in given]

        def call():
            with torch.inference_mode():
                y = m(*given)
            self.wait()
            return y

        return call

    def module(self, work, dtype):
        return network(self.args, work, dtype).to(self.device).to(memory_format=torch.channels_last)

    def ready(self, m):
        return m

    def wait(self):
        pass

    def unet(self, at):
        return self.prepare("step", at)().double().contiguous().cpu().numpy()


def _widen(module, dtype):
    """Gives a module its own parameters in `dtype` while it computes."""
    own = dict(module.named_parameters(recurse=False))
    kept = {k: p.data for k, p in own.items()}

    def before(*_):
        for k, p in own.items():
            p.data = kept[k].to(dtype)

    def after(*_):
        for k, p in own.items():
            p.data = kept[k]

    module.register_forward_pre_hook(before)
    module.register_forward_hook(after)


class Exact(Torch):
    """PyTorch in float64, slowly: weights are float16, widened module by module, so that SDXL's fit."""

    def __init__(self, args):
        super().__init__(args, "f64")

    def module(self, work, dtype):
        m = network(self.args, work, torch.float16)
        for part in m.modules():
            _widen(part, dtype)
        return m


class TorchGpu(Torch):
    device = "cuda"

    def __init__(self, args, kind):
        if not torch.cuda.is_available():
            sys.exit(f"bench_peers: --device cuda: torch {torch.__version__} sees no CUDA GPU here; "
                     "--only sdc-f16 measures without it")
        kind, _, self.how = kind.partition("-")
        super().__init__(args, kind)
        torch.backends.cudnn.benchmark = True

    def ready(self, m):
        return torch.compile(m, mode=self.args.compile_mode) if self.how else m

    def wait(self):
        torch.cuda.synchronize()

    def warm_up(self, call):
        for _ in range(4):  # kernels are chosen and steps recorded in the first ones
            call()


class OpenVino(Peer):
    def prepare(self, work, at=None):
        import openvino

        args = self.args
        given = list(inputs(args, work, at))
        few = "-few" if args.few_steps else ""
        path = os.path.join(args.cache, f"{args.shape}{few}-{work}-{args.size}-{args.batch}-{args.stamp}.xml")
        if not os.path.exists(path):
            self.convert(work, given, path)
        precision = self.kind
        if self.kind == "int8":
            precision, quantised = "bf16", path.replace(".xml", "-int8.xml")
            if not os.path.exists(quantised):
                bench_few.int8(path, given, [])
            path = quantised
        core = openvino.Core()
        options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": args.threads}
        request = core.compile_model(path, "CPU", options).create_infer_request()
        return lambda: request.infer(given, share_inputs=True, share_outputs=not at)

    def convert(self, work, given, path):
        """Writes the network; a large one with weights in float16, as its file has them, computed with in float32."""
        import openvino
        from openvino.frontend.pytorch import patch_model

        large = self.args.shape in bench_models.LARGE
        m = network(self.args, work, torch.float16 if large else torch.float32)
        if large:
            getattr(patch_model, "__make_16bit_traceable")(m)
        example = tuple(torch.from_numpy(np.ascontiguousarray(x)) for x in given)
        with torch.no_grad():
            sizes = [list(x.shape) for x in given]
            converted = openvino.convert_model(m, example_input=example, input=sizes)
        openvino.save_model(converted, path, compress_to_fp16=large)

    def unet(self, at):
        return list(self.prepare("step", at)().values())[0].astype(np.float64)


def make(args, device, kind, precision):
    """A program of that kind: torch, openvino or exact."""
    if kind == "exact":
        return Exact(args)
    if kind == "openvino":
        return OpenVino(args, precision)
    return (TorchGpu if device == "cuda" else Torch)(args, precision)
