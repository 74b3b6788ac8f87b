#!/usr/bin/env python3
"""Writes tests/golden/embeddings.txt, prompts that name embeddings and what the webui's own code makes of them, and
tests/golden/embeddings/, the same vectors in files of every kind.

    python tools/goldens/embeddings.py WEBUI clip/simple_tokenizer.py tests/golden

The arguments are those of prompts.py, which this goes on from. The webui's prompt parser, its chunks and its database
of embeddings (modules/textual_inversion) run unchanged, and so does what hides vectors in pictures; of its Lora
extension what reads tags (extra_networks_lora.py) and load_networks, for files that are all there.

The first line is {"names": [[name, vectors], ...]} in the order of registering; a line after it as of prompts.txt,
each chunk with a third list, [[offset, name], ...]; of TAGS also loras: [[name, te, unet, dyn or 0], ...]. Files hold VECTORS, which tests/load/test_embeddings.c knows.
"""
import ast
import json
import os
import sys
import types

import prompts

NAMES = [
    ("style", 1), ("style-two", 3), ("style-two-three", 2), ("easynegative", 8), ("bad hands 5", 5), ("wide", 75),
    ("half", 40), ("Emb_A", 2), ("emb_a", 4), ("cat,dog", 2), (",comma", 3), ("naïve", 2), ("(round)", 2), ("12", 2),
    ("a", 1), ("by greg", 4), ("sixty", 60),
]  # fmt: skip
CASES = [
    ("style", {}), ("a photo in style", {}), ("style-two", {}), ("style-two-three, style-two, style", {}), ("style - two", {}), ("style-twothree", {}), ("styles", {}), ("STYLE", {}), ("mystyle style", {}),
    ("EasyNegative, bad hands 5", {"negative": True}), ("(easynegative:1.3), worst", {"negative": True}), ("a AND easynegative :0.5", {"negative": True}), ("bad hands 55", {}), ("bad hands 5 5", {}), ("bad hand 5", {}),
    ("(style:1.3)", {}), ("((style-two)) [style]", {}), ("(sty:1.2)le", {}), ("(bad:1.2) hands 5", {}), ("bad BREAK hands 5", {}), ("style BREAK style-two BREAK style", {}), ("(style BREAK half:1.2)", {}),
    ("[style:half:0.5]", {}), ("[style|style-two|easynegative]", {}), ("a [style-two::5] b", {}), ("a [:(easynegative:0.8):0.3]", {}), ("[sty:style:0.5]le-two", {}), ("[half:wide:3] x", {"hires": 10}),
    ("style AND half :0.5 AND wide :-1", {}), ("a style AND style-two b", {}), ("style AND style", {}), ("(a AND style:1.2)", {}),
    ("wide", {}), ("a wide", {}), ("wide a", {}), ("half half", {}), ("half, half, half", {}), ("w " * 35 + "half", {}), ("w " * 36 + "half", {}), ("w " * 34 + "half w", {}), ("w " * 75 + "style", {}), ("w " * 74 + "style", {}), ("w " * 74 + "style-two", {}), ("w " * 72 + "style-two", {}), ("w " * 73 + "style-two", {}),
    ("w " * 60 + ", " + "w " * 10 + "style-two w w w", {}), ("w " * 60 + ", easynegative" + " w" * 20, {}), ("w " * 58 + ", bad hands 5 " + "w " * 11 + "style v", {}), ("w " * 30 + ", half style-two w w", {}), ("w " * 55 + ", " + "style " * 20 + "style", {}), ("w " * 54 + ", " + "style " * 20 + "style", {}), ("half " + "w " * 30 + ", w w style-two v", {}), ("sixty, w w (style-two:1.2), easynegative w w w w", {}), ("w " * 14 + ", sixty v", {}), ("w " * 15 + ", sixty v", {}), ("sixty " + ", cat,dog " * 8, {}), (("w " * 66 + ",comma w w w w w w w w") , {}), ("sixty ,comma " + "w " * 14, {}),
    ("Emb_A emb_a EMB_A", {}), ("cat,dog", {}), ("cat, dog", {}), ("cat ,dog", {}), (",comma,comma", {}), (", comma", {}), ("naïve naive NAÏVE", {}), ("(round)", {}), ("\\(round\\)", {}), ("((round):1.2)", {}), ("12 123 1 2", {}), ("a a, (a:0.5) b", {}), ("by greg rutkowski by  greg", {}), ("<lora:x:1> style <lora:style:1>", {}),
    ("(style:1.5) BREAK [half] (b)", {"emphasis": "None"}), ("(style:1.5) half", {"emphasis": "Ignore"}), ("(style-two:1.5) half", {"emphasis": "No norm"}), ("w " * 70 + ", (style-two:2) v v v v v v v", {}),
]  # fmt: skip
TAGS = [
    "<lora:x>", "<lora:x:0.5>", "<lora:x:0.5:0.25>", "<lora:x:0.5:0.25:8>", "<lora:x:-1:+2:4>", "<lora:x: .5 : 1e-1>", "<lora:x:te=0.5>", "<lora:x:unet=0.5>", "<lora:x:0.2:te=0.5>", "<lora:x:0.2:0.3:te=0.5>",
    "<lora:x:te=0.5:unet=-0.25:dyn=16>", "<lora:unet=2:x:te=3>", "<lora:x:dyn=4>", "<lora:x:1:1:8:dyn=4>", "<lora:x:1:dyn= 12 >", "<lora:x:foo=1:0.5>", "<lora:x:te=1=2>", "<lora:x:0.5:0.25:8:9:10>", "<lora:te=0.5>", "<lora:x:>",
    "<lora:x:much>", "<lora:x:1:2:3.5>", "<lora:x:1:2:dyn=>", "<lora:a b.c-d:0.5>", "<lora:x:1><lora:y:2>", "<lyco:x:1><lora:y:2>", "<lora:x:1><lyco:y:2><lora:z:3>", "<lora:x:1:2:3> a <lora:x:0.5>", "<lyco:x:0.5> <lora:x:0.25> style",
    "<lora:X:1><lora:x:2>", "<lora:x:0.7>, (style:<lora:y:0.3>1.2) AND <lora:z>", "<lora:x:TE=0.5>", "<lora:x:0.8:te=0.1:te=0.2>",
]  # fmt: skip
VECTORS, WIDTHS = 3, (32, 48)


def vector(part, row, column):
    return ((part * 131 + row * 37 + column * 11) % 64 - 32) / 64


class Original(prompts.Original):
    def __init__(self, webui, tokenizer):
        super().__init__(webui, tokenizer)
        package = sys.modules["modules"]
        for name in ("sd_models", "images", "sd_samplers", "sd_hijack_checkpoint", "hashes"):
            setattr(package, name, prompts.module("modules." + name))
        for name in ("dataset", "learn_schedule", "logging"):
            prompts.module("modules.textual_inversion." + name, LearnRateScheduler=None, save_settings_to_file=None)
        import importlib

        import torch

        self.inversion = importlib.import_module("modules.textual_inversion.textual_inversion")
        self.pictures = importlib.import_module("modules.textual_inversion.image_embedding")
        database = self.inversion.EmbeddingDatabase()
        model = types.SimpleNamespace(cond_stage_model=self.embedder)
        for name, vectors in NAMES:
            embedding = self.inversion.Embedding(torch.zeros(vectors, 768), name)
            embedding.vectors = vectors
            database.register_embedding(embedding, model)
        self.embedder.hijack.embedding_db = database

        self.read_lora(webui)

    def read_lora(self, webui):
        """The extension's reading of tags; load_networks with a network for every name."""
        folder = os.path.join(webui, "extensions-builtin", "Lora")
        with open(os.path.join(folder, "networks.py"), encoding="utf8") as file:
            source = file.read()
        function = next(n for n in ast.parse(source).body if getattr(n, "name", "") == "load_networks")
        self.lora = prompts.module("networks", loaded_networks=[], networks_in_memory={}, forbidden_network_aliases={}, os=os, available_networks={}, purge_networks_from_memory=lambda: None)
        self.lora.sd_hijack = types.SimpleNamespace(model_hijack=types.SimpleNamespace(embedding_db=None))
        on_disk = types.SimpleNamespace(filename=os.devnull, read_hash=lambda: None, shorthash="")
        self.lora.available_network_aliases = types.SimpleNamespace(get=lambda name, _: on_disk)
        self.lora.load_network = lambda name, _: types.SimpleNamespace(name=name, bundle_embeddings={}, mtime=2**60)
        exec(compile(ast.Module([function], []), "networks.py", "exec"), self.lora.__dict__)
        options = prompts.module("modules.shared").opts = self.opts
        sys.modules["modules"].shared = sys.modules["modules.shared"]
        options.sd_lora, options.lora_add_hashes_to_infotext = "None", False
        sys.path.insert(0, folder)
        from extra_networks_lora import ExtraNetworkLora

        sys.path.pop(0)
        self.networks.register_extra_network(ExtraNetworkLora())
        self.networks.register_extra_network_alias(self.networks.extra_network_registry["lora"], "lyco")

    def tags(self, prompt):
        self.lora.loaded_networks.clear()
        self.lora.networks_in_memory.clear()
        _, data = self.networks.parse_prompt(prompt)
        failed = []
        sys.modules["modules.errors"].report = lambda *a, **k: failed.append(a)
        sys.modules["modules.errors"].display = lambda *a, **k: failed.append(a)
        self.networks.activate(types.SimpleNamespace(all_prompts=[], scripts=None), data)
        if failed:
            return {"prompt": prompt, "error": True}
        loras = [[n.name, n.te_multiplier, n.unet_multiplier, n.dyn_dim or 0] for n in self.lora.loaded_networks]
        return {"prompt": prompt, **self.run(prompt), "loras": loras}

    def text(self, text, emphasis):
        out = super().text(text, emphasis)
        chunks, _ = self.embedder.tokenize_line(text)
        for mine, chunk in zip(out[2], chunks):
            mine.append([[fix.offset, fix.embedding.name] for fix in chunk.fixes])
        return out


def write_files(folder, original):
    import numpy
    import safetensors.torch
    import torch
    from PIL import Image, PngImagePlugin

    numpy.product = numpy.prod  # which the webui calls by its old name
    os.makedirs(folder, exist_ok=True)
    one, two = (torch.tensor([[vector(p, r, c) for c in range(w)] for r in range(VECTORS)]) for p, w in enumerate(WIDTHS))
    path = lambda name: os.path.join(folder, name)
    data = {"string_to_token": {"*": 265}, "string_to_param": {"*": one}, "name": "inner", "step": 7, "sd_checkpoint": None, "sd_checkpoint_name": None}
    torch.save(data, path("webui.pt"))
    parameters = torch.nn.ParameterDict({"*": torch.nn.Parameter(one)})
    torch.save({"string_to_token": {"*": torch.tensor(265)}, "string_to_param": parameters}, path("parameters.pt"))
    source, torch.serialization.get_source_lines_and_file = torch.serialization.get_source_lines_and_file, lambda _: (["class ParameterDict"], 1, "container.py")
    old = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": parameters, "name": "old", "step": 9}
    torch.save(old, path("legacy.pt"), _use_new_zipfile_serialization=False)
    torch.serialization.get_source_lines_and_file = source
    torch.save({"<concept>": one[0]}, path("concept.bin"))
    safetensors.torch.save_file({"emb_params": one.half()}, path("kohya.safetensors"))
    safetensors.torch.save_file({"clip_l": one, "clip_g": two}, path("sdxl.safetensors"))
    picture = Image.fromarray((numpy.arange(48 * 48 * 3) % 251 + 1).astype(numpy.uint8).reshape(48, 48, 3))
    info = PngImagePlugin.PngInfo()
    info.add_text("sd-ti-embedding", original.pictures.embedding_to_b64(data))
    picture.save(path("chunk.png"), pnginfo=info)
    data["name"] = "hidden"
    original.pictures.insert_image_data_embed(picture, data).save(path("pixels.png"))
    picture.save(path("picture.png"))


def main():
    original = Original(sys.argv[1], sys.argv[2])
    lines = [json.dumps({"names": NAMES}, separators=(",", ":"))]
    for prompt, options in CASES:
        lines.append(json.dumps({"prompt": prompt, **options, **original.run(prompt, **options)}, separators=(",", ":")))
    lines += [json.dumps(original.tags(tags), separators=(",", ":")) for tags in TAGS]
    with open(os.path.join(sys.argv[3], "embeddings.txt"), "w", encoding="ascii") as out:
        out.write("# Written by tools/goldens/embeddings.py, which says what a line holds.\n" + "\n".join(lines) + "\n")
    write_files(os.path.join(sys.argv[3], "embeddings"), original)
    print(len(CASES) + len(TAGS), "prompts")


if __name__ == "__main__":
    main()
