"""Block cases: every line of tools/ledger/block_cases.h through the module that diffusers or transformers builds models from.

Weights are named "CASE." + the layer's name in a single-file checkpoint: in_layers.0, skip_connection, nin_shortcut, q,
proj_out, op, ... (listed in block_cases.h); inputs "CASE.x", "CASE.x2", "CASE.emb", "CASE.context". Layouts are torch's.
"""
import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.autoencoders.vae import DecoderTiny, EncoderTiny
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.upsampling import Upsample2D
from transformers import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from . import models, names, ops, store  # noqa: F401 (models quietens the libraries)
from .precise import reference

CASES = store.ROOT / "tools" / "ledger" / "block_cases.h"
FIELDS = {
    "RES_BLOCK": "N H W I I2 O groups emb xscale",
    "SPATIAL_TRANSFORMER": "N H W C heads groups S context depth linear xscale",
    "TRANSFORMER_BLOCK": "N T C heads S context xscale",
    "VAE_RES_BLOCK": "N H W I O groups xscale",
    "VAE_ATTENTION": "N H W C groups xscale",
    "DOWNSAMPLE": "N H W C",
    "VAE_DOWNSAMPLE": "N H W C",
    "UPSAMPLE": "N H W C to_h to_w",
    "TAESD_DECODER": "N H W C levels xscale",
    "TAESD_ENCODER": "N H W C levels xscale",
    "CLIP_LAYER": "N T C heads mlp act xscale",
}


def ready(c, module, rename=lambda k: k):
    """The module with its generated weights, in the case's dtype."""
    module.eval()
    names.fill(module, lambda k: f"{c.name}.{rename(k)}", names.generated(False))
    return module.to(c.dtype)


def res_block(c):
    m = ResnetBlock2D(in_channels=c.I + c.I2, out_channels=c.O, temb_channels=c.emb, groups=c.groups, eps=1e-5)
    x = c.input("x", c.N, c.I, c.H, c.W, scale=c.xscale)
    if c.I2:
        x = torch.cat([x, c.input("x2", c.N, c.I2, c.H, c.W, scale=c.xscale)], dim=1)
    return ready(c, m, names.resnet)(x, c.input("emb", c.N, c.emb))


def spatial_transformer(c):
    m = Transformer2DModel(
        num_attention_heads=c.heads,
        attention_head_dim=c.C // c.heads,
        in_channels=c.C,
        num_layers=c.depth,
        cross_attention_dim=c.context,
        norm_num_groups=c.groups,
        use_linear_projection=bool(c.linear),
    )
    x, context = c.input("x", c.N, c.C, c.H, c.W, scale=c.xscale), c.input("context", c.N, c.S, c.context)
    return ready(c, m)(x, encoder_hidden_states=context).sample


def transformer_block(c):
    m = BasicTransformerBlock(c.C, c.heads, c.C // c.heads, cross_attention_dim=c.context)
    x, context = c.input("x", c.N, c.T, c.C, scale=c.xscale), c.input("context", c.N, c.S, c.context)
    return ready(c, m)(x, encoder_hidden_states=context)


def vae_res_block(c):
    m = ResnetBlock2D(in_channels=c.I, out_channels=c.O, temb_channels=None, groups=c.groups, eps=1e-6)
    return ready(c, m, names.vae_resnet)(c.input("x", c.N, c.I, c.H, c.W, scale=c.xscale), None)


def vae_attention(c):
    """As UNetMidBlock2D builds it for the autoencoder."""
    m = Attention(
        c.C,
        heads=1,
        dim_head=c.C,
        eps=1e-6,
        norm_num_groups=c.groups,
        residual_connection=True,
        bias=True,
        upcast_softmax=True,
        _from_deprecated_attn_block=True,
    )
    m.upcast_softmax = m.upcast_softmax and c.dtype != torch.float64  # "up" to float32 would be down
    return ready(c, m, names.vae_attention)(c.input("x", c.N, c.C, c.H, c.W, scale=c.xscale))


def downsample(c):
    m = Downsample2D(c.C, use_conv=True, padding=1, name="op")
    return ready(c, m, lambda k: k.replace("conv.", "op."))(c.input("x", c.N, c.C, c.H, c.W))


def vae_downsample(c):
    m = Downsample2D(c.C, use_conv=True, padding=0, name="op")
    return ready(c, m)(c.input("x", c.N, c.C, c.H, c.W))


def upsample(c):
    m = Upsample2D(c.C, use_conv=True)
    size = None if (c.to_h, c.to_w) == (2 * c.H, 2 * c.W) else (c.to_h, c.to_w)
    return ready(c, m)(c.input("x", c.N, c.C, c.H, c.W), size)


def taesd_decoder(c):
    blocks = (3,) * (c.levels - 1) + (1,)
    m = DecoderTiny(4, 3, blocks, (c.C,) * c.levels, upsampling_scaling_factor=2, act_fn="relu", upsample_fn="nearest")
    return ready(c, m, names.taesd_decoder)(c.input("x", c.N, 4, c.H, c.W, scale=c.xscale))


def taesd_encoder(c):
    blocks = (1,) + (3,) * (c.levels - 1)
    m = EncoderTiny(3, 4, blocks, (c.C,) * c.levels, act_fn="relu")
    return ready(c, m, names.taesd_encoder)(c.input("x", c.N, 3, c.H, c.W, scale=c.xscale))


def clip_layer(c):
    config = CLIPTextConfig(
        hidden_size=c.C,
        intermediate_size=c.mlp,
        num_attention_heads=c.heads,
        hidden_act={"ACT_QUICK_GELU": "quick_gelu", "ACT_GELU": "gelu"}[c.act],
        layer_norm_eps=1e-5,
        attn_implementation="eager",
    )
    mask = torch.full((c.T, c.T), torch.finfo(c.dtype).min, dtype=c.dtype).triu(1)[None, None]
    m = ready(c, CLIPEncoderLayer(config))
    m.self_attn.forward = _eager(m.self_attn)
    return m(c.input("x", c.N, c.T, c.C, scale=c.xscale), mask)


def _eager(a):
    """CLIP's attention in plain operations: the library's eager form computes its softmax in float32 for every dtype."""

    def forward(hidden_states, attention_mask=None, **_):
        shape = (*hidden_states.shape[:2], a.num_heads, a.head_dim)
        q, k, v = (f(hidden_states).view(shape).transpose(1, 2) for f in (a.q_proj, a.k_proj, a.v_proj))
        p = (q @ k.transpose(2, 3) * a.scale + attention_mask).softmax(dim=-1)
        return a.out_proj((p @ v).transpose(1, 2).reshape(hidden_states.shape)), None

    return forward


RUN = {
    "RES_BLOCK": res_block,
    "SPATIAL_TRANSFORMER": spatial_transformer,
    "TRANSFORMER_BLOCK": transformer_block,
    "VAE_RES_BLOCK": vae_res_block,
    "VAE_ATTENTION": vae_attention,
    "DOWNSAMPLE": downsample,
    "VAE_DOWNSAMPLE": vae_downsample,
    "UPSAMPLE": upsample,
    "TAESD_DECODER": taesd_decoder,
    "TAESD_ENCODER": taesd_encoder,
    "CLIP_LAYER": clip_layer,
}


def make(args):
    """This group's golden, at most 1024 values a case."""
    sources = ["tools/goldens/" + n + ".py" for n in ("names", "ops", "precise", "blocks")] + ["tools/ledger/block_cases.h"]
    golden = store.Golden("blocks", sources, samples=1024)
    for c in ops.parse(CASES, FIELDS):
        out = []
        for c.dtype in (torch.float64, torch.float32):
            with reference(c.dtype):
                out.append(RUN[c.kind](c))
        golden.add(c.name, *out)
    return [golden]
