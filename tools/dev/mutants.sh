#!/bin/sh
# mutants.sh: proves that the tests can fail. Plants one known error at a time in a copy of the sources, builds the
# tests there, and requires a suite to fail (a copy that does not build is an error, not a kill).
#
#     tools/dev/mutants.sh [NAME...]     all, or those whose name contains a NAME
#     tools/dev/mutants.sh --check       only checks that every expression still changes its file
#     JOBS=4 WORK=DIR KEEP=1             jobs of make; where the copies go; keep the objects there for the next run
#
# The table: name ~ file ~ suites ~ BLAS ~ sed expression. An expression that changes nothing is an error.
set -u
cd "$(dirname "$0")/../.." || exit 1
table() {
    cat << 'END'
group norm eps of the U-Net's ResBlock ~ nn/resblock.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|m->has_emb ? 1e-5f|m->has_emb ? 1e-6f|
group norm eps of the VAE's ResBlock ~ nn/resblock.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|: 1e-6f /\*|: 1e-5f /*|
group norm eps of the spatial transformer ~ nn/transformer.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|1e-6f /\* Normalize() in attention.py|1e-5f /* Normalize() in attention.py|
group norm eps of the VAE's attention ~ nn/transformer.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|1e-6f /\* Normalize() in the VAE|1e-5f /* Normalize() in the VAE|
group norm eps of the U-Net's end ~ sd/models/unet.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|k->groups, 1e-5f|k->groups, 1e-6f|
U-Net's label left out of the time ~ sd/models/unet.c ~ known_answers ~ openblas ~ s|(Epilogue){.residual = &rows}|PLAIN|
U-Net's hook on another skip connection ~ sd/models/unet.c ~ known_answers ~ openblas ~ s|run_hook(c, in->hook, s, skips|run_hook(c, in->hook, i, skips|
group norm eps of the VAE's ends ~ sd/models/vae.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|k->groups, 1e-6f|k->groups, 1e-5f|
layer norm eps of the transformer block ~ nn/transformer.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|eps = 1e-5f; /\* torch|eps = 1e-6f; /* torch|
layer norm eps of CLIP ~ nn/transformer.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|eps = 1e-5f; /\* layer_norm_eps|eps = 1e-6f; /* layer_norm_eps|
a sum over a row in thirty-two lanes ~ tensor/cpu/layer_norm.h ~ exact ~ openblas ~ s|LANES = ROW_LANES, |LANES = 2 * ROW_LANES, |
probabilities added one after the other ~ tensor/cpu/attention.c ~ exact ~ openblas ~ s|sum\[c\] += p\[0\] + p\[1\];|sum[c] += p[0]; sum[c] += p[1];|
scores over a large head in one piece ~ tensor/cpu/panel.c ~ exact ~ openblas ~ s|PIECE = 320, |PIECE = 640, |
a tap's channels in even pieces ~ tensor/pieces.h ~ exact ~ openblas ~ s|part_size(w->t.n\[3\], PRODUCT_K, 1)|part_size(w->t.n[3], PRODUCT_K, 2)|
a phase's product rounded before it is added ~ tensor/winograd_rows.h ~ exact ~ openblas ~ s|WINO_FMA(WINO_UP_DB, odd_b, WINO_UP_DA \* odd_a)|WINO_UP_DB * odd_b + WINO_UP_DA * odd_a|
a contraction left to the compiler ~ tensor/winograd_rows.h ~ exact ~ openblas ~ s|WINO_FMA(WINO_DB \* WINO_B, odd_b, (WINO_DA \* WINO_A) \* odd_a)|(WINO_DB * WINO_B) * odd_b + (WINO_DA * WINO_A) * odd_a|
fma rounded twice where it is emulated ~ tensor/cpu/fma.h ~ exact ~ openblas ~ s|bits += away.*;|(void)away, (void)inexact;|
GEGLU without its GELU ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|^    gelu_by(g, count);||
GEGLU's halves swapped ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|Geglu p = {y, x, gate, bias, gate_bias}|Geglu p = {y, gate, x, gate_bias, bias}|
GELU for quick GELU ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|fm_quick_gelu(x\[i\])|fm_gelu(x[i])|
quick GELU's constant ~ tensor/fmath.h ~ ops ~ openblas ~ s|-1.702f|-1.7f|
group norm by E[x^2] - E[x]^2 ~ tensor/cpu/norm.c ~ ops ~ openblas ~ s|m\[c\] \*= inverse;|m[c] *= 0.0f * inverse;|
layer norm by E[x^2] - E[x]^2 ~ tensor/cpu/layer_norm.h ~ ops ~ openblas ~ s|float m = (float)(total / (double)n);|float m = 0.0f * (float)total;|
group norm's blocks joined without their distance ~ tensor/cpu/norm.c ~ ops ~ openblas ~ s|m2 += p\[1\] + d \* d \* n \* k / (n + k);|m2 += p[1];|
group norm of the last pixels left out ~ tensor/cpu/norm.c ~ ops ~ openblas ~ s|from + GROUP_NORM_PIXELS, g->x.n\[1\])|from + GROUP_NORM_PIXELS, g->x.n[1] - (g->x.n[1] > 64))|
sine before cosine ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|\[i\] = (float)co;|[i] = (float)s;|; s|\[half + i\] = (float)s;|[half + i] = (float)co;|
whole timesteps only ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|((const float \*)t.data)\[p\] \* f|(int)((const float *)t.data)[p] * f|
time embedding without its SiLU ~ sd/models/unet.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|op_activation(c, flat, flat, ACT_SILU);||
skip before hidden in the concatenation ~ sd/models/unet.c ~ blocks known_answers micro_encoder plan layouts pipeline ~ openblas ~ s|resblock(c, out, m, in, skip ? &second : NULL, &shifts)|resblock(c, out, m, skip ? second : in, skip ? \&in : NULL, \&shifts)|
linear's bias dropped ~ tensor/cpu/linear.c ~ ops ~ openblas ~ s/finish_of(y, b, e)/finish_of(y, NULL, e)/
convolution's bias dropped ~ tensor/cpu/conv2d.c ~ ops ~ openblas ~ s|finish_of(y, b, e)|finish_of(y, NULL, e)|
attention's output bias dropped ~ nn/transformer.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|"to_out.0", channels, channels, true|"to_out.0", channels, channels, false|
an enlarged picture's phase begins a row too low ~ tensor/cpu/winograd.c ~ ops ~ openblas ~ s|(first - low) / 2|(first + low) / 2|
an enlarged picture's phases exchange filters ~ tensor/cpu/winograd.c ~ ops ~ openblas ~ s|\*odd = !low;|*odd = low;|
a phase's last point left out ~ tensor/winograd_rows.h ~ ops ~ openblas ~ s|even_a, in\[4 \* step\]|even_a, 0 * in[4 * step]|
SiLU of the last channels left out ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|    if (!n) return;|    return;|
a panel's vectors all widened from its first ~ tensor/cpu/panel.c ~ ops ~ openblas ~ s|widen_vector(t.from + p \* PANEL + c \* VW|widen_vector(t.from + p * PANEL|
few outputs see what lies left of the picture ~ tensor/cpu/conv_few.c ~ ops ~ openblas ~ s|line && j >= 0 &&|line \&\&|
convolution's taps transposed ~ tensor/cpu/gather.c ~ ops ~ openblas ~ s|t / kw - g->g.pad_top|t % kw - g->g.pad_top|; s|t % kw - g->g.pad_left|t / kw - g->g.pad_left|
convolution's weights not transposed ~ sd/load/weights.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|return w->kind == WEIGHT_CONV \&\& !f|return w->kind == WEIGHT_TABLE \&\& !f|
convolution's weights transposed wrongly ~ sd/load/weights.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|(t \* channels + i) \* width, in|(i * taps + t) * width, in|
VAE encoder pads all round ~ nn/layers.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|{.stride = 2}|{.stride = 2, .pad_top = 1, .pad_left = 1}|
U-Net's way down pads right and bottom ~ nn/layers.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|.stride = stride, .pad_top = 1, .pad_left = 1|.stride = stride, .pad_top = stride == 1, .pad_left = stride == 1|
up-sampling by halves ~ tensor/cpu/pixels.h ~ ops ~ openblas ~ s|min64((int64_t)((float)i \* ((float)in / (float)up)), in - 1)|min64(i / 2, in - 1)|
padding read from the picture's edge ~ tensor/cpu/pixels.h ~ ops ~ openblas ~ s|return i >= 0 \&\& i < in ? i : -1;|return i >= 0 \&\& i < in ? i : i < 0 ? 0 : in - 1;|
tile's last column left out ~ tensor/cpu/linear.c ~ ops ~ openblas ~ s/n = min64(PANEL, end - j), most/n = min64(PANEL, end - j - 1), most/
tile's last row left out ~ tensor/cpu/panel.c ~ ops ~ openblas ~ s|for (; m >= ROWS; m -= ROWS,|for (m -= m % ROWS == 1; m >= ROWS; m -= ROWS,|
product's second piece reads a wrong row of the panel ~ tensor/cpu/panel.c ~ ops ~ openblas ~ s|t.panel += p \* PANEL;|t.panel += p * PANEL + (p > 0);|
product's second piece overwrites the first ~ tensor/cpu/panel.c ~ ops ~ openblas ~ s|p += piece, all.accumulate = true|p += piece|
linear's second piece of K overwrites ~ tensor/cpu/linear.c ~ ops ~ openblas ~ s/b->accumulate = l->finish.in_place || b->k > 0;/b->accumulate = l->finish.in_place;/
GEGLU's copied rows lie where the block's size says ~ tensor/cpu/linear.c ~ ops ~ openblas ~ s/rows += l->rows \* 2 \* (l->most + 1) \* PANEL/rows += b->m * 2 * half/
a thread's next rows taken for copied ~ tensor/cpu/linear.c ~ ops ~ openblas ~ s/b = (Block){.picture = picture, .row = row}/b.picture = picture, b.row = row/
GEGLU gates with its value ~ tensor/cpu/linear.c ~ ops ~ openblas ~ s|(y, value, gates, bias, below, n)|(y, value, value, bias, below, n)|
pairs the wrong way round ~ tensor/cpu/pair.h ~ ops ~ openblas ~ s#out\[i / 2\] = f32_to_bf16(in\[i\]) |#out[i / 2] = f32_to_bf16(in[i + 1]) |#
bf16 cut off, not rounded ~ tensor/cpu/pair.h ~ ops ~ openblas ~ s#rounded = u + 0x7fffu + (u >> 16 \& 1)#rounded = u#
products that are to stay f32 in pairs ~ tensor/cpu/linear.c ~ ops ~ openblas ~ s|.pairs = !w->keep_f32|.pairs = true|
text encoders' attention in pairs ~ tensor/cpu/attention.c ~ ops ~ openblas ~ s|causal ? block : block_mixed|block_mixed|
shortcuts in bf16 ~ nn/resblock.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|bind_linear_f32(l, &m->skip, name\[4\], in, out, true)|bind_linear(l, \&m->skip, name[4], in, out, true, true)|
a row's last square turned where the one before lies ~ tensor/cpu/attention.c ~ ops ~ openblas ~ s|out + at \* PANEL + i, PANEL, inverse|out + c * PANEL + i, PANEL, inverse|
epilogue's vector of the wrong picture ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|at2(\*f->e.vector, picture, 0)|at2(*f->e.vector, 0, 0)|
residual in place added twice ~ tensor/cpu/pointwise.c ~ ops ~ openblas ~ s|if (r \&\& !f->in_place) rt|if (r) rt|
feed-forward's residual dropped ~ nn/transformer.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|&m->ff_out, hidden, NULL, (Epilogue){.residual = &part}|\&m->ff_out, hidden, NULL, PLAIN|
ResBlock's residual taken inside ~ nn/resblock.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|.residual = &x}|.residual = \&inner}|
attention's scale of the wrong width ~ tensor/cpu/attention.c ~ ops ~ openblas ~ s|1.44269504f / sqrtf((float)d)|1.44269504f / sqrtf((float)(d + 1))|
causal mask off in the op ~ tensor/cpu/attention.c ~ ops ~ openblas ~ s|scores\[j \* PANEL + c\] = -3.0e38f|scores[j * PANEL + c] += 0.0f|
causal mask one key too long ~ tensor/cpu/attention.c ~ ops ~ openblas ~ s|from + i + c < at + j; c++|from + i + c + 1 < at + j; c++|
causal mask off in CLIP ~ nn/transformer.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|&m->attn, true)|\&m->attn, false)|
SDXL: encoders the other way round ~ sd/pipeline/text_states.c ~ families_pipeline ~ openblas ~ s|for (int i = 0; i < encoder; i++) n.at|for (int i = encoder + 1; i < 2; i++) n.at|
SDXL: pooled from the last token ~ sd/models/clip.c ~ families_pipeline ~ openblas ~ s|ends ? ends\[i\] : 0, 1|hidden.n[1] - 1, 1|
SDXL: pooled from the last chunk ~ sd/pipeline/text_states.c ~ families_pipeline ~ openblas ~ s|pools = k == 0|pools = k + 1 == side->chunks|
SDXL: width before height ~ sd/pipeline/conditioning.c ~ families_pipeline ~ openblas ~ s|r->original_height ? r->original_height : r->height|r->original_width ? r->original_width : r->width|
SDXL: left before top ~ sd/pipeline/conditioning.c ~ families_pipeline ~ openblas ~ s|(float)r->crop_top|(float)r->crop_left|
SDXL: an empty negative prompt is not zeroed ~ sd/pipeline/conditioning.c ~ families_pipeline ~ openblas ~ s|if (has_labels(d)) text_states_zero_empty(&d->cond.text);||
SDXL: states through the final norm ~ sd/models/clip.c ~ families_pipeline ~ openblas ~ s|if (m->config.final_norm) norm|norm|
SDXL: padded with the end token ~ sd/pipeline/text_states.c ~ families_pipeline ~ openblas ~ s|clip->config.pad != TOKEN_EOS|false|
refiner's scores on the wrong sides ~ sd/pipeline/conditioning.c ~ families_pipeline ~ openblas ~ s|negative ? r->negative_aesthetic_score : r->aesthetic_score|negative ? r->aesthetic_score : r->negative_aesthetic_score|
text states of the layer before ~ sd/models/clip.c ~ pipeline ~ openblas ~ s|m->config.layers - skip + 1|m->config.layers - skip|
padding token of SD 2 ~ sd/models/config_published.c ~ pipeline ~ openblas ~ s|.pad = 49407|.pad = 0|
SDXL known by its first text encoder alone ~ sd/models/families.c ~ families ~ openblas ~ s|HAS(XL_CLIP), HAS(XL_OPEN_CLIP_2)}|HAS(XL_CLIP)}|
SD 2's folder taken for SD 1's ~ sd/models/families.c ~ families ~ openblas ~ s|"hidden_act", "gelu"|"hidden_act", "relu"|
a family's second trait ignored ~ sd/models/families.c ~ families ~ openblas ~ s|if (holds(c, &f->traits\[i\])) i++;|if (i == 1 \|\| holds(c, \&f->traits[i])) i++;|
a key that is not computed passes ~ sd/models/config_keys.c ~ hostile ~ openblas ~ s|return config_refuse(f, k->key, why);|continue;|
default betas of a Karras scheduler's class ~ sd/load/levels.c ~ configs ~ openblas ~ s|{"HeunDiscreteScheduler", KARRAS}|{"HeunDiscreteScheduler", DDPM}|
overflow of f16 unseen ~ weights/file_range.c ~ hostile ~ openblas ~ s|type == F16 ? 65520|type == F16 ? 1e9|
first level of the U-Net of any width ~ sd/models/config.c ~ hostile ~ openblas ~ s|if (u->mult\[0\] != 1)|if (u->mult[0] < 1)|
an error above the allowed one passes the ledger ~ tools/ledger/ledger.c ~ verify ~ openblas ~ s/t, r.ratio <= 1,/t, r.ratio < 1e9,/
a number that was not written passes the ledger ~ tools/ledger/golden.c ~ verify ~ openblas ~ s/r.finite \&= isfinite(ours\[i\]) != 0;/r.finite = true;/
an activation that a run lacks passes the ledger ~ tools/ledger/pipeline.c ~ verify ~ openblas ~ s/"is not among the run's activations"/"is not here"/; s/ledger_fail(l, run.group, row_of/if (0) ledger_fail(l, run.group, row_of/
a listener hears zeros ~ sd/pipeline/taps.c ~ verify ~ openblas ~ s/if (t->heard) memcpy(t->values + t->filled, data, /if (t->heard) memset(t->values + t->filled, 0, /
JUnit's text with a bare ampersand ~ tools/ledger/results_write.c ~ verify ~ openblas ~ s/c == '&'/c == 1/
a record of another model passes sdc verify ~ tools/commands/verify_model.c ~ verify ~ openblas ~ s/!strcmp(hash, record->hash)/hash[0]/
first of duplicate keys ~ weights/json.c ~ files ~ openblas ~ s|found = &j->nodes\[i\];|return \&j->nodes[i];|
heads beside a single file unread ~ sd/models/config_yaml.c ~ families ~ openblas ~ s|u->heads = heads, u->head_dim = 0|u->head_dim = 0|
safetensors tried after the other formats ~ weights/formats.c ~ files ~ openblas ~ s|{"safetensors", .sniff = safetensors_sniff|{"safetensors", .sniff = is_empty|
a name's ending in small letters alone ~ sd/image/codecs.c ~ image ~ openblas ~ s/(end\[same\] | 32)/end[same]/
any file of AVIF's container is AVIF ~ sd/image/codecs.c ~ image ~ openblas ~ s|return \*brands;|return true;|
a text unfolds without end ~ sd/image/codec_png.c ~ hostile ~ openblas ~ s/false, IMAGE_TEXT_MOST, /false, 1 << 30, /
a PNG's checksum is not looked at ~ sd/image/inflate.c ~ image ~ openblas ~ s/if (sum != (s->gzip/if (0 \&\& sum != (s->gzip/
Paeth's choice among equals ~ sd/image/png_decode.c ~ image ~ openblas ~ s/a <= b && a <= c ? left : b <= c ? up/a < b \&\& a < c ? left : b < c ? up/
a JPEG cut in its pixels is read ~ sd/image/jpeg_scan.c ~ image ~ openblas ~ s/return b->held >= b->beyond;/return true;/
the first of several texts counts ~ sd/image/image_text.c ~ info ~ openblas ~ s/for (int i = t->count - 1; i >= 0; i--)/for (int i = 0; i < t->count; i++)/
ComfyUI's clip skip is left out ~ sd/info/other_comfy.c ~ info ~ openblas ~ s/        clip(c, node);//
an object in a text ends at its comma ~ sd/info/infotext_read.c ~ info ~ openblas ~ s/if (!n) n = bracketed(v, closed);//
a pickle's names are all allowed ~ weights/pickle_globals.c ~ files ~ openblas ~ s#same("__builtin__", module, module_size)) {#same("__builtin__", module, module_size) || true) {#; s#return \&BUILTIN;#break;#; s#^        return NULL;#        return \&BUILTIN;#
a pickle's stack without an end ~ weights/pickle.c ~ files ~ openblas ~ s#MOST_STACK = 1 << 18,#MOST_STACK = 1 << 26,#
dictionaries in dictionaries counted one by one ~ weights/torch_tensors.c ~ files ~ openblas ~ s#MOST_DEPTH = 4,#MOST_DEPTH = 40,#
a view may reach beyond its storage ~ weights/torch_tensors.c ~ files ~ openblas ~ s#(strides\[i\] && t->n\[i\] - 1 > (room - 1 - last) / strides\[i\])#(0)#
strides of a view not followed ~ weights/file_tensor.c ~ files ~ openblas ~ s#offset += at\[i\] \* t->strides\[i\];#offset += at[i];#
a compressed entry is read ~ weights/zip.c ~ files ~ openblas ~ s#if (number(p + 10, 2) .. packed != e->size)#if (0)#
entries of an archive may overlap ~ weights/zip.c ~ files ~ openblas ~ s#if (i \&\& z->entries\[i\].header < #if (0 \&\& z->entries[i].header < #
a storage of another size than its pickle says ~ weights/torch_zip.c ~ files ~ openblas ~ s#if (k->size != dtype_bytes(s->dtype, s->count))#if (k->size < dtype_bytes(s->dtype, s->count) / 4)#
GGUF's data begin unaligned ~ weights/gguf.c ~ files ~ openblas ~ s#f->data = (h.at + (size_t)h.alignment - 1) /#f->data = h.at /#
GGUF's data may overlap ~ weights/gguf.c ~ files ~ openblas ~ s#if (t->begin < at) return refuse_tensor#if (0) return refuse_tensor#
GGUF's claims of its counts are believed ~ weights/gguf.c ~ broken files ~ openblas ~ s#if (h.tensors > MOST_TENSORS .. h.tensors \* 24 > f->size .. h.pairs > f->size / 13)#if (0)#
a cut file of GGUF opens ~ weights/gguf.c ~ broken ~ openblas ~ s#if (t->end > size) return refuse_tensor#if (0) return refuse_tensor#
8-bit weights without their scale ~ weights/file_tensor.c ~ files ~ openblas ~ s#t->scale \&\& i < n; i++) single\[i\] \*= factor#t->scale \&\& i < n; i++) single[i] *= 1#
E5M2's bias for E4M3's ~ tensor/half.h ~ files ~ openblas ~ s#return (uint16_t)(b << 8);#return (uint16_t)((b << 8) ^ 0x400);#
Q5_1's fifth bits left out ~ weights/blocks.c ~ files ~ openblas ~ s#case Q5_1: small_block(p + 4,#case Q5_1: small_block(NULL,#
Q6_K's scales unsigned ~ weights/blocks.c ~ files ~ openblas ~ s#(int8_t)p\[192 + i / 16\]#p[192 + i / 16]#
an fp16 variant of a .bin file not looked for ~ weights/part_files.c ~ formats ~ openblas ~ s#"diffusion_pytorch_model.fp16.bin",#"diffusion_pytorch_model.fp16",#
scales of 8-bit weights counted as ignored ~ sd/load/model.c ~ formats ~ openblas ~ s#out->scales += t->scale != NULL#out->scales += 0#
SD 2 under CLIP's names taken for SD 1 ~ sd/models/families.c ~ families ~ openblas ~ s#SIZE(A_CLIP, 1, 1024)#SIZE(A_CLIP, 1, 768)#
two 4-bit numbers take two bytes ~ tensor/tensor.c ~ files ~ openblas ~ s|{"F4", 2, 1}|{"F4", 1, 1}|
end token missing ~ sd/prompt/prompt_chunks.c ~ pipeline ~ openblas ~ s/TOKEN_EOS/TOKEN_BOS/
latents not scaled ~ sd/models/vae.c ~ pipeline ~ openblas ~ s|1.0 / v->config.scale|1.0|
sampler's direction ~ sd/sampling/sampler_steps.h ~ noise ~ openblas ~ s|(x\[i\] - denoised\[i\]) / sigma \* dt|(denoised[i] - x[i]) / sigma * dt|
an output block of the level's depth ~ sd/models/config.c ~ families_pipeline ~ openblas ~ s|return u->uneven ? u->up_depth\[i\]|return 0 ? u->up_depth[i]|
LCM's guidance told as it is ~ sd/pipeline/conditioning.c ~ families_pipeline ~ openblas ~ s|1000 \* fabs(scale - 1)|1000 * fabs(scale)|
LCM's guidance left out of the time ~ sd/models/unet.c ~ families_pipeline ~ openblas ~ s|    if (guidance)$|    if (guidance \&\& !n)|
a few-step model's low guidance is the webui's ~ sd/pipeline/request.c ~ few_steps ~ openblas ~ s/m->config.few_steps \&\& r->cfg < 1/false/
a name's words joined ~ sd/models/few_steps.c ~ few_steps ~ openblas ~ s/apart \&\& out\[at - 1\] != ' '/false/
a sampler's own schedule type replaced by the model's ~ sd/info/params_check.c ~ few_steps ~ openblas ~ s/p->type == PARAM_SCHEDULER \&\& has_schedule/p->type == PARAM_PROMPT \&\& has_schedule/
x0 taken for eps in the time space ~ sd/sampling/sampler.c ~ samplers ~ openblas ~ s/(x\[i\] - a \* clean\[i\]) \/ b/clean[i]/
TCD jumps past the next level ~ sd/sampling/sampler_lcm.c ~ samplers ~ openblas ~ s|keep = (float)(1 - s->options.eta)|keep = 1|
TCD draws noise after its last step ~ sd/sampling/sampler_lcm.c ~ samplers ~ openblas ~ s|noisy = at \&\& |noisy = |
trailing times one too high ~ sd/sampling/scheduler.c ~ samplers ~ openblas ~ s|(float)rint(TRAIN_STEPS + i \* step) - 1;|(float)rint(TRAIN_STEPS + i * step) - (i == 0);|
LCM's schedule begins with noise of sigma ~ sd/sampling/scheduler.c ~ samplers ~ openblas ~ s|{"lcm"}, .unit_start = true|{"lcm"}|
DDIM's direction forgets the noise ~ sd/sampling/sampler_time.c ~ noise samplers ~ openblas ~ s|sqrtf(1 - prev - sigma \* sigma)|sqrtf(1 - prev)|
F16 rounded towards zero ~ tensor/half.h ~ ops ~ openblas ~ s|(127u - 15) << 23) + 0xfff|(127u - 15) << 23) + 0x000|
keys of another side's text ~ nn/transformer.c ~ pipeline ~ openblas ~ s|tensor_slice(k, 0, i, texts)|tensor_slice(k, 0, 0, texts)|
the refiner takes over one call late ~ sd/pipeline/denoiser.c ~ refiner ~ openblas ~ s/done(d, ask) >= at)/done(d, ask) > at)/
a step of two calls counted as one ~ sd/pipeline/denoiser.c ~ refiner ~ openblas ~ s/? 2 \* g->steps : g->steps/? g->steps : g->steps/
the refiner keeps the base's text states ~ sd/pipeline/conditioning.c ~ refiner ~ openblas ~ s/text_states_encode(&g->now->cond.text,/text_states_encode(\&g->experts[BASE].cond.text,/
the refiner's score beside the wrong prompt ~ sd/pipeline/conditioning.c ~ refiner ~ openblas ~ s/(negative ? r->negative_aesthetic_score/(!negative ? r->negative_aesthetic_score/
the base decodes what the refiner drew ~ sd/pipeline/decode.c ~ refiner ~ openblas ~ s/expert_take_over(g, expert_for(g, index), e)/expert_take_over(g, \&g->experts[BASE], e)/
weights of both at once ~ sd/pipeline/experts.c ~ refiner ~ openblas ~ s/!g->keep && i < PART_COUNT/false \&\& i < PART_COUNT/
scores of attention that f16 cannot hold ~ cuda/attention_tensor.cu ~ cuda ~ openblas ~ s/\*p \*= scale;/*p *= *p > 65504.0f ? 1e30f * 1e30f : scale;/
scores of wgmma that f16 cannot hold ~ cuda/attention_hopper.cu ~ cuda_hopper ~ openblas ~ s/\*p = exp2_fast(\*p \* scale - most/*p = exp2_fast((*p > 65504.0f ? 65504.0f : *p) * scale - most/
SDXL's training is told the crop's left before its top ~ sd/train/train_text.c ~ training_sdxl ~ openblas ~ s/(float)s.crop_top, (float)s.crop_left/(float)s.crop_left, (float)s.crop_top/
SDXL's training is told the picture's width first ~ sd/train/train_text.c ~ training_sdxl ~ openblas ~ s/(float)s.height, (float)s.width/(float)s.width, (float)s.height/
a dropped caption keeps its pooled vector ~ sd/train/train_text.c ~ training_sdxl ~ openblas ~ s/memset((float \*)y.data + p.*;/;/
a dropped caption keeps its states ~ sd/train/train_text.c ~ training_sdxl ~ openblas ~ s/memset((float \*)states.data + p.*;/;/
a folder's crops untold ~ tools/commands/train_data.c ~ training_sdxl ~ openblas ~ s/^    folder_crop(.*/    (void)p;/
the refiner's size conditions are the base's ~ sd/pipeline/conditioning.c ~ verify ~ openblas ~ s/if (n == 5) out\[4\] = .*/(void)negative;/
a tap overwrites the zeroed pooled vector on a GPU ~ sd/pipeline/conditioning.c ~ cuda_programs ~ openblas ~ s|tensor_host(&g->ctx, side->pooled)|tensor_pull(\&g->ctx, side->pooled)|
a refiner's steps recorded as the base's ~ tools/commands/bench.c ~ bench ~ openblas ~ s/refines = steps .*;/refines = false;/
the label's gradient left out ~ sd/models/unet.c ~ training ~ openblas ~ s/(Epilogue){.residual = &rows}/PLAIN/
an empty negative prompt not made zeros ~ sd/pipeline/text_states.c ~ sdxl_text ~ openblas ~ s|if (empty) s->sides\[0\].zero = true;||
a negative prompt that is empty at first made zeros ~ sd/pipeline/text_states.c ~ sdxl_text ~ openblas ~ s|i < negative->text_count; i++) empty =|i < 1; i++) empty =|
an empty negative prompt keeps its pooled vector ~ sd/pipeline/text_states.c ~ sdxl_text ~ openblas ~ s|memset(pooled.data, 0, tensor_bytes(pooled));|(void)pooled;|
the pooled vector from the start token ~ sd/models/clip.c ~ sdxl_text ~ openblas ~ s|ends ? ends\[i\] : 0, 1)|0, 1)|
the pooled vector of the last chunk ~ sd/pipeline/text_states.c ~ sdxl_text ~ openblas ~ s|pools = k == 0 \&\&|pools =|
the second encoder reads the first one's tokens ~ sd/pipeline/text_states.c ~ sdxl_text ~ openblas ~ s|prompt_for(n->s, side, n->encoder)|prompt_for(n->s, side, 0)|
chunks of the first encoder counted alone ~ sd/pipeline/text_states.c ~ sdxl_text ~ openblas ~ s|k < s->encoders; k++|k < 1; k++|
encoders swapped in the context ~ sd/pipeline/text_states.c ~ sdxl_text ~ openblas ~ s|n.at += clips\[i\].config.width;|n.at += 0;|
SDXL's first encoder follows clip skip unasked ~ sd/pipeline/request.c ~ sdxl_text ~ openblas ~ s/k->layer == 1 .. (r->sdxl_clip_l_skip \&\&/k->layer == 1 || (/
a label that stays when the text switches ~ sd/pipeline/conditioning.c ~ sdxl_text ~ openblas ~ s|of->now < 0 ? 0 : of->now, 1)|0, 1)|
Align Your Steps of SD 1 for SDXL ~ sd/pipeline/generation.c ~ sdxl_text ~ openblas ~ s|.xl = g->m->config.conditioner|.xl = false|
references decoded for Hugging Face's tokenizer ~ sd/text/text_clean.c ~ tokenizer ~ openblas ~ s|return clean(text, size, 0, out)|return clean(text, size, 2, out)|
keys stay when the text switches ~ sd/pipeline/conditioning.c ~ pipeline ~ openblas ~ s/if (s->sides\[side\].switched)/if (call == 0)/
strips do not see the next one ~ nn/strips.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|below = to < h;|below = 0;|
ReLU left out of Winograd's outputs ~ tensor/cpu/winograd.c ~ taesd blocks ~ openblas ~ s|if (e->relu) {|if (false) {|
ReLU left out of direct convolutions ~ tensor/cpu/pointwise.c ~ taesd blocks ~ openblas ~ s|if (f->e.relu)|if (false)|
a part answers for another's keys ~ weights/checkpoint.c ~ parts ~ openblas ~ s|{"first_stage_model.", GIVEN_VAE}|{"first_stage_model.", GIVEN_TEXT_2}|
diffusers' TAESD a layer off ~ weights/given.c ~ parts ~ openblas ~ s|"%ld%s", number - 1, rest|"%ld%s", number, rest|
a given text encoder of the other names ~ sd/models/config_shapes.c ~ parts ~ openblas ~ s|if (!find_text(c, all, i, OPEN, HUGGING, 0)) k->open_clip = !k->open_clip;|(void)OPEN, (void)HUGGING;|
a given VAE's levels not counted ~ weights/given.c ~ parts ~ openblas ~ s|if (g->diffusers) count_levels(g, part);||
latents of a wide TAESD pass ~ sd/models/config_given.c ~ parts ~ openblas ~ s/|| latent == k->unet.out_channels) return true/|| true) return true/
previews decoded as the picture is ~ sd/pipeline/stages.c ~ parts ~ openblas ~ s|r->preview_by == SD_PREVIEW_TAESD ?|r->preview_by != SD_PREVIEW_TAESD ?|
TAESD encodes whatever its file has ~ sd/pipeline/request.c ~ parts ~ openblas ~ s|if (m->lists\[PART_TAESD_ENCODER\].count) r.vae_encoder|if (m->lists[PART_TAESD_DECODER].count) r.vae_encoder|
a VAE of its own not named in the text ~ sd/pipeline/picture_text.c ~ parts ~ openblas ~ s|or_none(parts.titles\[GIVEN_VAE\], by_vae)|NULL|
replay takes any VAE ~ tools/commands/replay.c ~ parts info ~ openblas ~ s|if (name \&\& !given)|if (0)|
TAESD's latents clamped hard ~ sd/models/taesd.c ~ taesd blocks ~ openblas ~ s|op_affine(c, soft, z, 1.0f / 3, 0)|op_affine(c, soft, z, 1.0f / 2, 0)|
TAESD's pictures left in 0..1 ~ sd/models/taesd.c ~ taesd blocks ~ openblas ~ s|op_affine(c, image, image, 2, -1)|op_affine(c, image, image, 1, 0)|
a ReLU block's strip reads what it has overwritten ~ nn/relublock.c ~ taesd ~ openblas ~ s|Tensor y = tensor_slice(x, 1, from, to - from);|Tensor y = tensor_slice(x, 1, from ? from - 4 : 0, to - from);|
tanh without its sign ~ tensor/fmath.h ~ ops exact ~ openblas ~ s|x < 0.0f ? -e : e|e|
strip's statistics in the wrong blocks ~ nn/resblock_strips.c ~ blocks known_answers micro_encoder plan layouts ~ openblas ~ s|first = from \* s->w / GROUP_NORM_PIXELS|first = 0 * from|
weights of the piece before ~ sd/load/weights.c ~ memory ~ openblas ~ s|first = index \* PIECE|first = (index > 0 ? index - 1 : 0) * PIECE|
values overwritten before the way back ~ tensor/tape.c ~ gradients ~ openblas ~ s|if (!overlap(t->needs\[i\].place, place)) continue;|if (t->count) continue;|
outputs in place lose their gradient ~ tensor/tape_back.c ~ gradients ~ openblas ~ s|if (!r->in_place \&\& tensor_dense(r->y)) spans_remove|if (tensor_dense(r->y)) spans_remove|
second contributions overwrite ~ tensor/tape_back.c ~ gradients ~ openblas ~ s|bool add = cover != COVERED_NOT|bool add = cover == COVERED_PARTLY|
filters not turned for dX ~ tensor/cpu/product_backward.c ~ gradients ~ openblas ~ s|tap = taps - 1; tap >= 0; tap--, to += FILTER_OUTPUTS|tap = 0; tap < taps; tap++, to += FILTER_OUTPUTS|
group norm's gradient forgets the mean's ~ tensor/cpu/norm_backward.c ~ gradients ~ openblas ~ s|dz\[c\], -m1\[c\])), dx|dz[c], 0)), dx|; s|dz\[c\], -m1\[c\]));|dz[c], 0));|
attention's gradient without D ~ tensor/cpu/attention_backward.c ~ gradients ~ openblas ~ s|- row\[2\])|- 0 * row[2])|
dW in the transformed domain loses its first chunk ~ tensor/cpu/winograd_backward.c ~ gradients ~ openblas ~ s|PANEL, b->more);|PANEL, true);|
segments read what is there now ~ tensor/tape_rerun.c ~ training ~ openblas ~ s|r->before\[slot\] ? r->saved\[slot\] : r->in\[slot\]|r->in[slot]|
AdamW without its correction ~ nn/optimiser.c ~ training ~ openblas ~ s|j.first = (float)(1 / (1 - pow(o->beta1, (double)step)));|j.first = 1;|
a folder is believed without decoding ~ sd/train/folder_check.c ~ folders ~ openblas ~ s|bool good = image_read(path, IMAGE_WHITE, .image, .why), ok = true;|bool good = true, ok = true;|
weights that are not finite are saved ~ sd/train/train_state.c ~ folders ~ openblas ~ s|if (first_wrong(names\[i\], at\[i\], t->p.floats) < t->p.floats)$|if (0)|
a state is saved before its model can be made ~ sd/train/train_model.c ~ folders ~ openblas ~ s/own.code == ERR_NUMERIC || train_save_state/train_save_state/
a VAE's latents are first looked at after training ~ sd/train/train.c ~ hostile ~ openblas ~ s/return !o->vae || train_check_latents(t, e);/return true;/
a surrogate pair of UTF-16 one plane too low ~ weights/utf8.c ~ corpus ~ openblas ~ s|\*c = 0x10000 + (|*c = (|
an infinite difference in the JSON of diff ~ tools/commands/diff_print.c ~ corpus ~ openblas ~ s|if (isfinite(v)) printf|if (v == v) printf|
pictures of any width ~ sd/image/image.h ~ hostile ~ openblas ~ s|IMAGE_SIDE = 65535|IMAGE_SIDE = 1 << 30|
text that is not UTF-8 passes ~ weights/utf8.c ~ files ~ openblas ~ s|^        if (!ok) break;||
guidance upside down ~ sd/pipeline/denoiser.c ~ pipeline ~ openblas ~ s|(c\[i\] - u\[i\]) \* scale|(u[i] - c[i]) * scale|
a setting's help without its default ~ tools/cli/setting_option.c ~ options ~ openblas ~ s|standard_text(p, o.standard, sizeof o.standard);||
an option's range as whole numbers ~ tools/cli/option_value.c ~ options ~ openblas ~ s|v <= o->high))|v <= (int)o->high))|
an option of more rows beside its struct ~ tools/cli/option.c ~ options ~ openblas ~ s|o->at += k->next->at;||
a word's second name counted as the next word ~ tools/cli/option_value.c ~ options ~ openblas ~ s/if (words\[n\] == '|') index++/index++/
held-out pairs drawn ~ tools/shapes/shapes_scene.c ~ shapes ~ openblas ~ s#(!o->held_out \&\& shapes_held_out#(o->held_out \&\& shapes_held_out#
a shape's pixels without the part of its edge ~ tools/shapes/paint.c ~ shapes ~ openblas ~ s|1 - ((x0 + end) / 2 - x)|1 - (x0 - x)|
captions with left for right ~ tools/shapes/shapes_caption.c ~ shapes ~ openblas ~ s|"to the left of", "left of"|"to the right of", "left of"|
judge blind to the background ~ tools/shapes/judge_scene.c ~ shapes ~ openblas ~ s|v->all = v->background \&\& |v->all = |
judge blind to shapes ~ tools/shapes/judge_scene.c ~ shapes ~ openblas ~ s|return judge_shape(o, \&fit) == shape \&\& fit >= JUDGE_FIT|return judge_shape(o, \&fit) >= 0|
judge with above for below ~ tools/shapes/judge_scene.c ~ shapes ~ openblas ~ s|return upright \&\& dy < 0|return upright \&\& dy > 0|
GPU: plain product's sign ~ cuda/product_tile.cuh ~ cuda_bits ~ openblas ~ s|fma1(a\[i\], b\[j\]|fma1(-a[i], b[j]|
GPU: a product's steps backwards ~ cuda/product_tile.cuh ~ cuda_bits ~ openblas ~ s|for (int k = 0; k < STEP; k++)|for (int k = STEP - 1; k >= 0; k--)|
GPU: pieces of K as long as may be ~ cuda/product.cu ~ cuda_bits ~ openblas ~ s|part_size(k, PRODUCT_K, 2)|PRODUCT_K|
GPU: a residual in place added last ~ cuda/product.cu ~ cuda_bits ~ openblas ~ s|y.dtype == F32 \&\& e.residual|y.dtype == F64 \&\& e.residual|
GPU: multiplied, then added ~ cuda/prelude.cuh ~ cuda_bits ~ openblas ~ s|return fmaf(a, b, c);|return a * b + c;|
GPU: few outputs' lanes added from neighbours on ~ cuda/conv_few.cu ~ cuda_bits ~ openblas ~ s|for (int half = ROW_LANES / 2; half; half /= 2)|for (int half = 1; half < ROW_LANES; half *= 2)|
GPU: Winograd's channels by half blocks ~ cuda/winograd.cu ~ cuda_bits ~ openblas ~ s|p.channels, WINOGRAD_CHANNELS}|p.channels, WINOGRAD_CHANNELS / 2}|
GPU: Winograd's later channels overwrite ~ cuda/winograd.cu ~ cuda_bits ~ openblas ~ s|started = p.channel > 0|started = false|
GPU: Winograd's phases exchange filters ~ cuda/winograd.cu ~ cuda_bits ~ openblas ~ s|\*odd = !low;|*odd = low;|
GPU: probabilities added one by one ~ cuda/attention.cu ~ cuda_bits ~ openblas ~ s|total += p\[j\]\[lane\] + p\[j + 1\]\[lane\]|total = total + p[j][lane] + p[j + 1][lane]|
GPU: plain GEGLU's gates among the values ~ cuda/product.cu ~ cuda_bits ~ openblas ~ s|gated \&\& i % EACH > 1|gated \&\& i % EACH > 2|
GPU: tensor cores' second eight rows are the first ~ cuda/product_tensor.cuh ~ cuda ~ openblas ~ s|wm + i \* 16 + lane % 16|wm + i * 16 + lane % 8|
GPU: GEGLU's gates and values swapped on tensor cores ~ cuda/product_tensor.cuh ~ cuda ~ openblas ~ s|GATED \&\& r / 8 % 2)|GATED \&\& r / 8 % 2 == 0)|
GPU: first part of K forgotten ~ cuda/product_tensor.cuh ~ cuda ~ openblas ~ s|int s = 0; s < splits|int s = 1; s < splits|
GPU: gates' parts of K not added ~ cuda/product_tensor.cuh ~ cuda ~ openblas ~ s|if (gates) gate += p\[gates\]|if (gates) gate = p[gates]|
GPU: GEGLU's value through the gate ~ cuda/kernels.cuh ~ cuda ~ openblas ~ s|value \* activate(gate, ACT_GELU)|gate * activate(value, ACT_GELU)|
GPU: epilogue's vector of the first picture ~ cuda/kernels.cuh ~ cuda ~ openblas ~ s|at2<A>(f.vector, picture, 0)|at2<A>(f.vector, 0, 0)|
GPU: convolution's taps turned ~ cuda/pixels.cuh ~ cuda ~ openblas ~ s|{tap / kw, tap % kw,|{tap % kw, tap / kw,|
GPU: up-sampling by halves ~ cuda/pixels.cuh ~ cuda ~ openblas ~ s|min64((int64_t)((float)i \* ((float)in / (float)up)), in - 1)|min64(i / 2, in - 1)|
GPU: plain attention's sign ~ cuda/attention.cu ~ cuda_bits ~ openblas ~ s|fma1(shared.step.q|fma1(-shared.step.q|
GPU: attention forgets what it had on tensor cores ~ cuda/attention_tensor.cu ~ cuda ~ openblas ~ s|sum\[half\] = sum\[half\] \* shrink + part|sum[half] = sum[half] + part|
GPU: group norm's blocks joined without their distance ~ cuda/norm.cu ~ cuda_bits ~ openblas ~ s| + d \* d \* n \* k / (n + k)||
GPU: layer norm's bias subtracted ~ cuda/norm.cu ~ cuda ~ openblas ~ s|l.w\[c\], l.b\[c\])|l.w[c], -l.b[c])|
GPU: norms' squares multiplied, then added ~ cuda/norm.cu ~ cuda_bits ~ openblas ~ s|s2 = fma1(d, d, s2)|s2 += d * d|
GPU: layer norm's tail in the lanes ~ cuda/norm.cu ~ cuda_bits ~ openblas ~ s|whole = n / ROW_LANES \* ROW_LANES|whole = n|
GPU: affine's offset subtracted ~ cuda/pointwise.cu ~ cuda ~ openblas ~ s|to_f32(from\[i\]), offset|to_f32(from[i]), -offset|
GPU: every token at the first position ~ cuda/pointwise.cu ~ cuda ~ openblas ~ s|positions\[t \* n + i\]|positions[i]|
GPU: neighbours exchanged ~ cuda/numbers.cuh ~ cuda ~ openblas ~ s#(uint32_t)a.bits | (uint32_t)b.bits << 16#(uint32_t)b.bits | (uint32_t)a.bits << 16#
GPU: two neighbours with the bias of the first ~ cuda/kernels.cuh ~ cuda ~ openblas ~ s|s\[1\] += f.bias\[column + 1\]|s[1] += f.bias[column]|
GPU: keys overwritten while they are read ~ cuda/attention_tensor.cu ~ cuda ~ openblas ~ s|__syncthreads(); /\* nobody reads these keys|/* nobody reads these keys|
GPU: causal mask of the first eight queries ~ cuda/attention_tensor.cu ~ cuda ~ openblas ~ s|key > query + 8 \* half|key > query|
GPU: residuals of the first part of a batch ~ cuda/product_tensor.cuh ~ cuda_kinds ~ openblas ~ s|if (f.residual.data) part.residual = .*||
GPU: the second source of the first part of a batch ~ cuda/product_tensor.cuh ~ cuda_kinds ~ openblas ~ s|if (second_of(some)) .*||
GPU: steps recorded of other tensors ~ tensor/ctx.c ~ cuda_pictures ~ openblas ~ s|if (!same) recording_free|if (0) recording_free|
GPU: a tile too large for 7.5 ~ cuda/product_tensor.cuh ~ cuda_kinds ~ openblas ~ s| \&\& gpu_of(c)->shared >= shared_for(128, 160)||
GPU: weights prepared for the first GPU of all ~ cuda/memory.cu ~ cuda_programs ~ openblas ~ s|static void enter(Gpu \*gpu) { cudaSetDevice(gpu->number); }|static void enter(Gpu *) {}|
GPU: weights' pieces on top of each other ~ cuda/weights.cu ~ cuda_pictures ~ openblas ~ s|        to += count;||
GPU: one arena for all stages ~ sd/pipeline/experts.c ~ cuda_programs ~ openblas ~ s/|| size == g->work.arena.size)/|| g->work.arena.size)/
GPU: boxes one row too low ~ cuda/product_hopper.cu ~ cuda_hopper ~ openblas ~ s|/ k.kernel_width - k.pad_top|/ k.kernel_width - k.pad_top + 1|
GPU: boxes of a stride begin as if it were 1 ~ cuda/product_hopper.cu ~ cuda_hopper ~ openblas ~ s|left \* k.stride|left|
GPU: a phase's boxes rounded up ~ cuda/product_hopper.cu ~ cuda_hopper ~ openblas ~ s|k.pad_left) >> k.doubled|k.pad_left + k.doubled) >> k.doubled|
GPU: phases exchanged ~ cuda/product_hopper.cu ~ cuda_hopper ~ openblas ~ s|<< k.doubled) + right|<< k.doubled) + below|; s|<< k.doubled) + below;|<< k.doubled) + right;|
GPU: wgmma's keys that are not there seen ~ cuda/attention_hopper.cu ~ cuda_hopper ~ openblas ~ s|if (there < 8 \* N)|if (there < 0)|
GPU: wgmma's values of the first 64 columns twice ~ cuda/attention_hopper.cu ~ cuda_hopper ~ openblas ~ s|TILE, KEYS \* BOX_ROW)|TILE, 0)|
GPU: wgmma's attention shrinks by the other query's ~ cuda/attention_hopper.cu ~ cuda_hopper ~ openblas ~ s|\*= shrink\[e / 2\]|*= shrink[1 - e / 2]|
GPU: probabilities rounded while they are multiplied ~ cuda/attention_hopper.cu ~ cuda_hopper ~ openblas ~ s|^        products_wait<0>();|        products_wait<1>();|
GPU: keys' stage filled before it is free ~ cuda/attention_hopper.cu ~ cuda_hopper ~ openblas ~ s|barrier_wait(barriers + K_FREE + k, (i / STAGES + 1) % 2);||
GPU: one text's keys looked for at every picture ~ cuda/attention_hopper.cu ~ cuda_hopper ~ openblas ~ s|a.one_k ? 0 : picture|picture|
GPU: wgmma's steps of K half as long ~ cuda/product_hopper.cu ~ cuda_hopper ~ openblas ~ s|x + 2 \* e, w + 2 \* e|x + e, w + e|
GPU: a stage given back while it is read ~ cuda/product_hopper.cu ~ cuda_hopper ~ openblas ~ s|products_wait<1>(); /|products_wait<2>(); /|
GPU: a stage filled before it is free ~ cuda/product_hopper.cu ~ cuda_hopper ~ openblas ~ s|barrier_wait(empty + stage, (i / DEPTH + 1) % 2);||
reading a file begins at its start ~ tensor/os_posix_files.c ~ os ~ openblas ~ s|(off_t)(at + done)|(off_t)done|
a replaced file loses its permissions ~ tensor/os_posix_files.c ~ os ~ openblas ~ s|ignored = fchmod((int)f, (mode_t)from->mode);||
an ignored signal is caught ~ tensor/os_posix_program.c ~ os_program ~ openblas ~ s| \&\& old.sa_handler != SIG_IGN||
a signal leaves temporary files ~ tensor/os_posix_program.c ~ os_program ~ openblas ~ s|if (name) unlinkat(|if (0) unlinkat(|
a cut file ends the process without a line ~ tensor/os_posix_program.c ~ os_program ~ openblas ~ s|at - begin >= maps\[i\].size|at - begin < maps[i].size|
closed streams stay closed ~ tensor/os_posix_program.c ~ os_program ~ openblas ~ s|^    fill_streams();||
a living writer's file is removed ~ tensor/os_posix_files.c ~ files ~ openblas ~ s|S_ISREG(st.st_mode) \&\& os_own(fd)|S_ISREG(st.st_mode)|
what a killed writer left stays ~ weights/temporary.c ~ files ~ openblas ~ s|os_remove_abandoned(c->dir, name);|;|
a named pipe is opened ~ weights/file_open.c ~ hostile ~ openblas ~ s#(handed \&\& kind != OS_DIRECTORY)#kind != OS_DIRECTORY#
cannot tell counts as not there ~ tensor/os_posix_files.c ~ os ~ openblas ~ s|return errno == ENOENT .. errno == ENOTDIR ? OS_NOTHING : OS_UNKNOWN;|return OS_NOTHING;|
a long line loses its end ~ tensor/error.c ~ hostile ~ openblas ~ s|if (n >= (int)sizeof e->text)|if (0 \&\& n)|
lines go to the picture's stream ~ tensor/os_posix_program.c ~ start ~ openblas ~ s#if (to < 0 .. dup2(2, 1) < 0) return false;#if (to < 0) return false;#
img2img is planned without an encoder ~ sd/pipeline/request.c ~ hostile ~ openblas ~ s#: model_has(m, PART_ENCODER, e);#: true;#
noise of any size ~ sd/info/params_check.c ~ hostile ~ openblas ~ s|(int64_t)r->seed_width \* r->seed_height > MOST_PIXELS|0|
crops train the VAE in an arena of their own size ~ sd/train/train.c ~ cli ~ openblas ~ s|if (t->o->vae) train_fold_plan(t)|if (t->o->vae) (void)0|
a picture's text loses a digit ~ sd/info/info_writer.c ~ gen_request ~ openblas ~ s|precision < 17|precision < 16|
a sheet may replace its model ~ tools/commands/judge.c ~ hostile ~ openblas ~ s|file_same(a.sheet, a.model)|0|
a gradient's product rounded before it is added ~ tensor/cpu/norm_backward.c ~ exact_runs ~ openblas ~ s|g2\[v\] = fma_v(at, \*(const V \*)(xh + c + v \* VW), g2\[v\]);|g2[v] += at * *(const V *)(xh + c + v * VW);|
a record's checksums do not count ~ tools/commands/record_check.c ~ records ~ openblas ~ s|out->exact = how->bound < 0|out->exact = how->bound < -2|
a memory limit splits calls whose activations are shown ~ sd/pipeline/plan.c ~ records ~ openblas ~ s|\&\& !shows(g->r, "unet.")||
an activation's pattern matches no beginning ~ weights/glob.c ~ records ~ openblas ~ s|if (\*pattern != '?' \&\& \*pattern != \*begin) return false;|return false;|
a listener's copies are not planned ~ sd/pipeline/plan.c ~ memory ~ openblas ~ s|return peak + k.bytes;|return peak;|
a record's norms do not count ~ tools/commands/record_check.c ~ records ~ openblas ~ s| \&\& row->norm <= k->out->bound||
an activation that is not there passes ~ tools/commands/record_check.c ~ records ~ openblas ~ s| \&\& !v->counts\[ROW_ABSENT\]||
a converted file's weights in their own order ~ tools/commands/record_weights.c ~ records ~ openblas ~ s|f.file->channels_last \&\& list|false \&\& list|
a record's values from other places ~ tools/commands/tap_measure.c ~ records ~ openblas ~ s|return begin + (int64_t)(u % |return end - 1 - (int64_t)(u % |
a record of another picture's pixels passes ~ tools/commands/record_check.c ~ records ~ openblas ~ s|if (strcmp(hex, record->image))|if (0)|
a setting in JSON cut to a float ~ sd/info/params_json.c ~ records ~ openblas ~ s|info_number(param_number(p, r), value)|info_number((float)param_number(p, r), value)|
diff's first rule loses to a later one ~ tools/commands/diff_names.c ~ files ~ openblas ~ s|if (best \&\& r > best) break;||
a piece of a name is sought by its first letters ~ tools/commands/diff_names.c ~ files ~ openblas ~ s|while (k \&\& \*text != piece\[k\]) k = border\[k - 1\];|if (*text != piece[k]) k = 0;|
a whole file may be a byte too large ~ weights/file_read.c ~ os ~ openblas ~ s|n > w->most|n > w->most + 1|
eta counts for every sampler ~ sd/info/params.c ~ info ~ openblas ~ s|return s->flags & SAMPLER_ETA && |return |
a NULL result filled ~ sd/pipeline/txt2img.c ~ info ~ openblas ~ s|if (!out) return error_set|if (0) return error_set|
UniPC divides by a step of no length ~ sd/sampling/sampler_unipc.c ~ sampling_extremes ~ openblas ~ s|> APART)|> -1)|
a batch's U-Net calls planned as one ~ sd/pipeline/unet_calls.c ~ bench ~ openblas ~ s|((double)times \* (all / k.texts) - 1)|0|
a prompt that is not UTF-8 taken ~ sd/info/params_check.c ~ info ~ openblas ~ s/return text_check(s, p->name, e);/return true;/
a range without its upper end ~ sd/info/params.c ~ info ~ openblas ~ s|v >= p->low && v <= param_high(p)|v >= p->low|
a default outside its range refused ~ sd/info/params.c ~ info ~ openblas ~ s/ || v == p->standard; }/; }/
seeds of a batch may overflow ~ sd/info/params_check.c ~ info ~ openblas ~ s|INT64_MAX - (batch - 1)|INT64_MAX|
the option's words in a picture's text ~ sd/info/infotext.c ~ info ~ openblas ~ s|p->key_words ? p->key_words : p->value|p->value|
half of a size left out ~ sd/info/infotext.c ~ info ~ openblas ~ s|param_number(p + 1, r)|param_number(p, r)|
an unknown key ignored ~ sd/info/infotext_request.c ~ info ~ openblas ~ s|if (!p && !k && pair->implied) continue;|if (!p \&\& !k) continue;|
a picture says the batch's first seed ~ sd/pipeline/picture_text.c ~ info ~ openblas ~ s|own.seed = (int64_t)seed;|own.seed = r->seed;|
a picture does not say its precision ~ sd/pipeline/picture_text.c ~ info ~ openblas ~ s|return "f32-direct";|return NULL;|
a comment's line end kept ~ sd/prompt/prompt_comments.c ~ info ~ openblas ~ s|from += \*from == '.n';||
the new file's list of tensors is never released ~ sd/load/convert.c ~ torture_calls ~ openblas ~ s|^    free(p.list);||
output that a full disk lost counts as written ~ tools/cli/command.c ~ torture ~ openblas ~ s/if (!fflush(stdout) \&\& !ferror(stdout)) return/if (!fflush(stdout) || true) return/
SD 2's prediction taken as eps ~ sd/load/prediction.c ~ configs ~ openblas ~ s|< -1;|< -1e9;|
refiner's encoder looked for in text_encoder ~ weights/checkpoint.c ~ layouts ~ openblas ~ s|if (!p && !strncmp(key, "cond|if (0 \&\& !strncmp(key, "cond|
second text encoder read from the first's files ~ weights/names.c ~ layouts ~ openblas ~ s|name = "text_encoder_2";|name = "text_encoder";|
SDXL's states from the last layer in a folder ~ sd/models/config_folder.c ~ layouts ~ openblas ~ s|if (!label) k->layer = 1;|k->layer = 1;|
text_projection saved as it lies in memory ~ sd/train/train_model.c ~ gen_config ~ openblas ~ s|if (w->inputs_first) t.n|if (0) t.n|
a merge's products of F16 not rounded ~ sd/load/merge_math.c ~ merge ~ openblas ~ s|    round_all(out, to, n);|    round_all(out, to == F16 ? F32 : to, n);|
a merge's ratio in double ~ sd/load/merge_math.c ~ merge ~ openblas ~ s|(double)(float)factor;|factor;|
F16 beside BF16 merges to F16 ~ sd/load/merge_math.c ~ merge ~ openblas ~ s#return a == F64 || b == F64 ? F64 : F32;#return a == F64 || b == F64 ? F64 : a == F32 || b == F32 ? F32 : F16;#
what C lacks is added whole ~ sd/load/merge_math.c ~ merge ~ openblas ~ s|d\[i\] = c ? x - z : 0;|d[i] = x - z;|
a merge's fifth input channel, too ~ sd/load/merge_rows.c ~ merge ~ openblas ~ s|MERGED_CHANNELS = 4|MERGED_CHANNELS = 5|
a LoRA's alpha not divided by its rank ~ weights/networks_kinds.c ~ networks ~ openblas ~ s|m->alpha / (double)m->rank|m->alpha|
a tucker's factors not transposed ~ weights/networks_product.c ~ networks ~ openblas ~ s|n \* p->rows + first + r, 1|r * p->rank + n, 1|
a LoHa's products added ~ sd/load/overlay_kinds.c ~ networks ~ openblas ~ s|\*= second\[|+= second[|
a LoKr's factors exchanged ~ sd/load/overlay_kinds.c ~ networks ~ openblas ~ s|o / b.rows, 1, (column|o % a.rows, 1, (column|
DoRA's norms without the change ~ sd/load/overlay_rows.c ~ networks ~ openblas ~ s|at + k\] + tile\[r \* TILE + k\]);|at + k] + 0 * tile[r * TILE + k]);|
DoRA's norms always of outputs ~ sd/load/overlay_rows.c ~ networks ~ openblas ~ s|return t->nd > 1 \&\& t->n\[0\] == 1|return t->nd > 9 \&\& t->n[0] == 1|
OFT turned the other way ~ sd/load/overlay_oft.c ~ networks ~ openblas ~ s|d->rotations\[n \* s + o % s\]|d->rotations[o * s + n % s]|
BOFT's stages in the order of the file ~ sd/load/overlay_oft.c ~ networks ~ openblas ~ s|int64_t half = (b / 2) << stage;|int64_t half = (b / 2) << (t->n[0] - 1 - stage);|
k's rows of a fused projection are q's ~ sd/load/overlay_names.c ~ networks ~ openblas ~ s|bias, i \* rows, rows|bias, 0 * rows, rows|
networks left out where weights are streamed ~ sd/load/weights.c ~ networks ~ openblas ~ s|if (j->deltas.count) return changed|if (j->deltas.count \&\& j->w == j->layer) return changed|
a kept part made as before for another network ~ sd/load/overlay.c ~ networks ~ openblas ~ s|return a->weight == b->weight \&\& |return true \|\| |
a remade weight made with the old networks ~ sd/load/weights.c ~ networks ~ openblas ~ s|        m->overlay = now;||
positions are merged ~ sd/load/merge.c ~ merge ~ openblas ~ s#|| !strcmp(a->name, SKIPPED)##
k and v exchanged in a folder ~ sd/load/state_layout.c ~ convert ~ openblas ~ s|"q_proj", "k_proj", "v_proj"|"q_proj", "v_proj", "k_proj"|
text_projection as it is ~ sd/load/state_layout.c ~ convert ~ openblas ~ s|.transposed = transposed != stored|.transposed = false|
a folder with SD 2's last layer ~ sd/load/state_layout.c ~ convert ~ openblas ~ s/layer == layers - 1;/layer == layers;/
compute order left in torch's file ~ sd/load/state_dict.c ~ convert ~ openblas ~ s|(t \* channels + i) \* width|(i * taps + t) * width|
moving averages' names with dots ~ weights/names.c ~ convert ~ openblas ~ s|if (\*at != '.') out\[n++\]|out[n++]|
a block of Q8_0 with the scales of the first ~ tensor/cpu/weights.c ~ ops ~ openblas ~ s|panel + e / Q8_NUMBERS \* Q8_PANEL_BYTES|panel + from / Q8_NUMBERS * Q8_PANEL_BYTES|
filters of Q8_0 all from their first block ~ tensor/cpu/winograd.c ~ ops ~ openblas ~ s|first += Q8_NUMBERS, from += Q8_FILTER_BYTES|first += Q8_NUMBERS|
Q8_0 rounded towards zero ~ weights/blocks.c ~ files ~ openblas ~ s|roundf(numbers\[i\] \* inverse)|truncf(numbers[i] * inverse)|
Q5_0's bytes in Q8_0 not made signed ~ weights/blocks.c ~ files ~ openblas ~ s|small_block(p + 2, p + 6, 1, NULL, 16, whole)|small_block(p + 2, p + 6, 1, NULL, 0, whole)|
tensors of a GGUF file without room between them ~ weights/gguf_write.c ~ files ~ openblas ~ s|at = padded(t->end);|at = t->end;|
rows of U8 that are no blocks are read as such ~ weights/safetensors.c ~ files ~ openblas ~ s|if (\*row % Q8_BYTES)|if (*row < 0)|
END
}

if [ "${1:-}" = --check ]; then
    table | {
        broken=0
        while IFS='~' read -r name file list blas expression; do
            file=$(echo $file)
            [ -f "$file" ] && ! sed "${expression# }" "$file" | cmp -s - "$file" && continue
            echo "mutants: ${name% }: its expression changes nothing in $file"
            broken=1
        done
        exit $broken
    }
    exit $?
fi

work=${WORK:-build/mutants}
jobs=${JOBS:-2}
mkdir -p "$work" || exit 1
work=$(cd "$work" && pwd)
tree=$work/tree
rm -rf "$tree"
mkdir -p "$tree" || exit 1
for f in Makefile tensor weights nn sd tests tools cuda; do
    cp -Rp "$f" "$tree/" || exit 1
done
cd "$tree" || exit 1

build() { make BUILD="$work/$1" BLAS="$1" -j "$jobs" "$work/$1/test" "$work/$1/sdc" > "$work/build.log" 2>&1; }

# Runs the suites $2 of the tests built for BLAS $1, one at a time; true if they pass. Stops at the first failure: grep
# ends, and the tests end with the next line that they print. $why says what failed.
run() {
    for suite in $2; do
        why=$({
            SDC_BIN="$work/$1/sdc" SDC_TEST_VERBOSE=1 timeout 600 "$work/$1/test" "$suite" 2>&1
            echo "exit $?"
        } | grep -m 1 -E '^  FAIL|^exit ')
        [ "$why" = "exit 0" ] || return 1
    done
}

total=0 killed=0 broken=0
wanted() {
    [ $# -gt 1 ] || return 0
    name=${1%% ~ *}
    shift
    for w; do case $name in *"$w"*) return 0 ;; esac done
    return 1
}

column() { awk -F ' ~ ' -v n="$1" '{ print $n }' "$2" | tr ' ' '\n' | sort -u | tr '\n' ' '; }

table > "$work/all"
while IFS= read -r line; do if wanted "$line" "$@"; then printf '%s\n' "$line"; fi; done < "$work/all" > "$work/table"
touch $(column 2 "$work/all") # an interrupted run may have left objects of a mutant
for blas in $(column 4 "$work/table"); do
    build $blas || { echo "mutants: the unchanged sources do not build with BLAS=$blas:" && tail -5 "$work/build.log" && exit 1; }
done

# A suite that fails without a mutant would kill every mutant.
for blas in $(column 4 "$work/table"); do
    grep " ~ $blas ~ " "$work/table" > "$work/some"
    run $blas "$(column 3 "$work/some")" || { echo "mutants: the unchanged tests fail with BLAS=$blas: $why" && exit 1; }
done

while IFS='~' read -r name file list blas expression; do
    name=${name% } file=$(echo $file) list=$(echo $list) blas=$(echo $blas) expression=${expression# }
    total=$((total + 1))
    cp "$file" "$work/original"
    sed "$expression" "$work/original" > "$file"
    if cmp -s "$file" "$work/original"; then
        verdict="ERROR: the expression changes nothing in $file"
        broken=$((broken + 1))
    elif ! build "$blas"; then
        verdict="ERROR: does not build: $(grep -m 1 error: "$work/build.log")"
        broken=$((broken + 1))
    elif run "$blas" "$list"; then
        verdict=SURVIVED
    else
        killed=$((killed + 1))
        verdict="killed: ${why#  FAIL }"
    fi
    printf '%-52s %s\n' "$name" "$verdict"
    cp "$work/original" "$file"
done < "$work/table"
[ -n "${KEEP:-}" ] || rm -rf "$tree" "$work/openblas" "$work/none" "$work/original" "$work/all" "$work/some" "$work"/*.log
echo "$total mutants, $killed killed"
[ "$total" -gt 0 ] && [ "$killed" -eq "$total" ] && [ "$broken" -eq 0 ]
