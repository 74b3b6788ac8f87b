"""The families of models in numbers: at full size as published, and "micro" with the same structure at small widths.

A configuration: channels and depth (transformer blocks) of each level, middle (depth; 0: a ResBlock alone, -1: none), up (the depths of each block on the way up, if they differ), layers (2), heads (each level has so many) or
head_dim (each head's width), groups, context, linear (projections of the spatial transformers), vae (channels), scale (of
the latents), mean and std (of each channel of a latent, if the VAE says them), adm (width of the label embedding's input; None: no such embedding), size_values (numbers of the size
conditions, each a sinusoid of 256), encoders, zero_empty (the webui's zeroed empty negative prompt), beside (channels of the
U-Net's input beyond the latents'), classes (rows of the embedding of noise levels) and only_cross (levels whose attn1 reads the text), both the x4 upscaler's.

An encoder: kind (whose names the single file uses), prefix there and folder in diffusers' layout, width, layers, heads,
mlp, act, layer (whose output is the text's states: -1 the last, -2 the one before), norm (whether the final norm follows),
pad (the token that fills up), pooled (width of its pooled state; None: not used).
"""

CLIP, OPEN_CLIP = "clip", "open_clip"
SIZES = 256  # width of the sinusoid of each size condition


def _clip(width, layers, heads, mlp, prefix="cond_stage_model.transformer.text_model.", layer=-1, norm=True):
    return dict(
        **dict(kind=CLIP, prefix=prefix, folder="text_encoder", width=width, layers=layers, heads=heads, mlp=mlp),
        **dict(act="quick_gelu", layer=layer, norm=norm, pad=49407, pooled=None),
    )


def _open_clip(width, layers, heads, mlp, prefix="cond_stage_model.model.", folder="text_encoder", norm=False, pooled=None):
    return dict(
        **dict(kind=OPEN_CLIP, prefix=prefix, folder=folder, width=width, layers=layers, heads=heads, mlp=mlp),
        **dict(act="gelu", layer=-2, norm=norm, pad=0, pooled=pooled),
    )


_SD1 = dict(depth=(1, 1, 1, 0), middle=1, linear=False, adm=None, scale=0.18215, zero_empty=False)
_SD2 = dict(depth=(1, 1, 1, 0), middle=1, linear=True, adm=None, scale=0.18215, zero_empty=False)
_SDXL = dict(linear=True, scale=0.13025, size_values=6, zero_empty=True)
_REFINER = dict(linear=True, scale=0.13025, size_values=5, zero_empty=True)
_FIRST, _SECOND = "conditioner.embedders.0.", "conditioner.embedders.1."
_MICRO_VAE = (32, 32, 64, 64)
_VAE = (128, 256, 512, 512)

MICRO = dict(
    **dict(channels=(32, 64, 64, 64), heads=4, groups=8, context=32, vae=_MICRO_VAE, **_SD1),
    encoders=[_clip(32, 2, 4, 64)],
)
MICRO_INPAINTING = dict(MICRO, beside=5)
MICRO_PIX2PIX = dict(MICRO, beside=4)
MICRO_LCM = dict(MICRO, guidance=32)  # width of the guidance scale's embedding
MICRO_SD2 = dict(
    **dict(channels=(32, 64, 64, 64), head_dim=16, groups=8, context=32, vae=_MICRO_VAE, **_SD2),
    encoders=[_open_clip(32, 3, 4, 64, norm=True)],
)
_X4 = dict(depth=(0, 1, 1, 1), middle=1, linear=True, adm=None, scale=0.08333, zero_empty=False, beside=3, classes=1000)
MICRO_X4 = dict(
    **dict(channels=(32, 64, 64, 128), only_cross=(False, True, True, False), heads=4, groups=8, context=128, vae=(32, 32, 64), **_X4),
    encoders=[_open_clip(128, 3, 2, 256, norm=True)],
)
MICRO_SDXL = dict(
    **dict(channels=(32, 64, 128), depth=(0, 1, 2), middle=2, head_dim=16, groups=8, context=32 + 48, vae=_MICRO_VAE),
    **dict(adm=40 + 6 * SIZES, **_SDXL),
    encoders=[
        _clip(32, 3, 4, 64, _FIRST + "transformer.text_model.", layer=-2, norm=False),
        _open_clip(48, 3, 3, 96, _SECOND + "model.", "text_encoder_2", pooled=40),
    ],
)
MICRO_STATISTICS = dict(MICRO_SDXL, scale=0.5, mean=(-1.6574, 0.886, -1.383, 2.5155), std=(8.4927, 5.9022, 6.5498, 5.2299))  # Playground v2.5's
MICRO_SDXL_INPAINTING = dict(MICRO_SDXL, beside=5)
MICRO_SSD = dict(MICRO_SDXL, middle=0, up=((2, 2, 3), (2, 1, 1), (1, 1, 1)))  # as SSD-1B; the first level has none
MICRO_TINY = dict(MICRO, channels=(32, 64, 64), depth=(1, 1, 1), middle=-1, layers=1)  # as BK-SDM's and Segmind's tiny
MICRO_REFINER = dict(
    **dict(channels=(32, 64, 64, 64), depth=(0, 1, 2, 0), middle=2, head_dim=16, groups=8, context=48, vae=_MICRO_VAE),
    **dict(adm=40 + 5 * SIZES, **_REFINER),
    encoders=[_open_clip(48, 3, 3, 96, _FIRST + "model.", "text_encoder_2", pooled=40)],
)

SD15 = dict(
    **dict(channels=(320, 640, 1280, 1280), heads=8, groups=32, context=768, vae=_VAE, **_SD1),
    encoders=[_clip(768, 12, 12, 3072)],
)
SD21 = dict(
    **dict(channels=(320, 640, 1280, 1280), head_dim=64, groups=32, context=1024, vae=_VAE, **_SD2),
    encoders=[_open_clip(1024, 24, 16, 4096, norm=True)],
)
X4 = dict(
    **dict(channels=(256, 512, 512, 1024), only_cross=(False, True, True, False), heads=8, groups=32, context=1024, vae=(128, 256, 512), **_X4),
    encoders=[_open_clip(1024, 24, 16, 4096, norm=True)],
)
SDXL = dict(
    **dict(channels=(320, 640, 1280), depth=(0, 2, 10), middle=10, head_dim=64, groups=32, context=2048, vae=_VAE),
    **dict(adm=1280 + 6 * SIZES, **_SDXL),
    encoders=[
        _clip(768, 12, 12, 3072, _FIRST + "transformer.text_model.", layer=-2, norm=False),
        _open_clip(1280, 32, 20, 5120, _SECOND + "model.", "text_encoder_2", pooled=1280),
    ],
)
REFINER = dict(
    **dict(channels=(384, 768, 1536, 1536), depth=(0, 4, 4, 0), middle=4, head_dim=64, groups=32, context=1280, vae=_VAE),
    **dict(adm=1280 + 5 * SIZES, **_REFINER),
    encoders=[_open_clip(1280, 32, 20, 5120, _FIRST + "model.", "text_encoder_2", pooled=1280)],
)
