# core.mk: sd_core: which sources of libsd it has, and what stands in place of the others.
CORE_SRC := $(addprefix tensor/,ctx.c error.c large.c no_gpu.c ops.c os/os_bare.c plan_backend.c prepare.c tensor.c) \
  $(addprefix tensor/cpu/,attention.c conv2d.c conv_few.c gather.c linear.c norm.c panel.c pointwise.c row_ops.c weights.c winograd.c) \
  $(addprefix weights/,files/glob.c files/json.c files/json_read.c files/utf8.c formats/blocks.c formats/byte_order.c formats/file_meta.c formats/file_range.c \
    formats/file_tensor.c formats/safetensors.c formats/weight_file.c) \
  $(addprefix nn/,bind.c layers.c resblock.c resblock_strips.c strips.c transformer.c) \
  $(addprefix sd/,text/bpe.c text/nearest.c text/tokenizer.c image/pixels.c image/draw/grid.c) \
  $(addprefix sd/prompt/,prompt.c prompt_attention.c prompt_chunks.c prompt_comments.c prompt_networks.c prompt_schedule.c prompt_words.c) \
  $(addprefix sd/noise/,brownian.c noise.c picture_noise.c seed_sequence.c) \
  $(addprefix sd/sampling/,beta.c lcm_levels.c noise_levels.c points.c sampler.c sampler_dpm.c sampler_dpmpp.c sampler_euler.c \
    sampler_lcm.c sampler_lms.c sampler_restart.c sampler_time.c sampler_unipc.c scheduler.c) \
  $(addprefix sd/info/,params.c params_check.c params_value.c words.c) \
  $(addprefix sd/models/,clip.c config.c config_published.c unet.c vae.c) \
  $(addprefix sd/load/,levels.c model.c open.c scratch.c weights.c weights_memory.c workspace.c) \
  $(addprefix sd/pipeline/,beside.c decode.c encode.c generate.c generation.c latents.c nonfinite.c plan.c plan_other.c planes.c request.c result.c \
    sample.c stages.c start.c denoiser/denoiser.c denoiser/experts.c denoiser/unet_calls.c denoiser/windows.c text/conditioning.c \
    text/text_states.c text/text_vectors.c) \
  $(sort $(filter-out sd/core/draw.c,$(wildcard sd/core/*.c)))

# Its own objects: one instruction set, without asserts, and libc.h before everything.
CORE_CFLAGS := -std=c11 -Wall -Wextra -Wshadow -Wpedantic -Wno-psabi -ffp-contract=off -fno-math-errno -fno-trapping-math \
  -DNDEBUG -DSDC_SMALL -DSDC_ISA=base -DSDC_ISA_NAME='"core"' -I. -include sd/core/libc.h -MMD -MP -ffunction-sections -fdata-sections
BARE_CC ?= arm-none-eabi-gcc
# a Cortex-M7; a Cortex-A15, without NEON, whose arithmetic flushes subnormal numbers
BARE_m := -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16
BARE_a := -mcpu=cortex-a15 -marm -mfloat-abi=hard -mfpu=vfpv4-d16
BARE_LD_m := sd/core/bare/an500.ld
BARE_LD_a := sd/core/bare/virt.ld
BARE_LEVEL ?= -Os
# settings are read as int
BARE_FLAGS := -fno-short-enums $(BARE_LEVEL)

define BARE_RULES
build/bare/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$(BARE_CC) $(CORE_CFLAGS) $(BARE_FLAGS) $(BARE_$(1)) -c -o $$@ $$<
build/bare/$(1)/sd_core.a: $$(CORE_SRC:%.c=build/bare/$(1)/%.o)
	@rm -f $$@
	arm-none-eabi-ar rcs $$@ $$^
build/bare/$(1)/model_%.o: sd/core/bare/model.S build/bare/%.safetensors
	@mkdir -p $$(@D)
	$(BARE_CC) $(BARE_$(1)) -DSDC_BARE_MODEL='"build/bare/$$*.safetensors"' -c -o $$@ $$<
build/bare/$(1)/%.elf: build/bare/$(1)/model_%.o $$(addprefix build/bare/$(1)/sd/core/bare/,main.o semihosting.o start_$(1).o) build/bare/$(1)/sd_core.a $(BARE_LD_$(1))
	$(BARE_CC) $(BARE_FLAGS) $(BARE_$(1)) -nostartfiles -Wl,--gc-sections -Wl,--no-enum-size-warning -T $(BARE_LD_$(1)) \
	  -o $$@ $$(filter %.o %.a,$$^) -lm
endef
$(foreach k,m a,$(eval $(call BARE_RULES,$(k))))

build/bare/f16.safetensors: weights/builtin.safetensors
	@mkdir -p $(@D)
	cp $< $@
build/bare/q8_0.safetensors: weights/builtin.safetensors | $(B)/sdc
	@mkdir -p $(@D)
	$(B)/sdc convert $< $@ --dtype q8_0

.SECONDARY: $(foreach k,m a,$(addprefix build/bare/$k/model_,f16.o q8_0.o))
.PHONY: bare bare-test run-bare-test amalgamation
## bare            sd_core and the built-in model for a Cortex-M7 and a Cortex-A without a system; needs arm-none-eabi-gcc
bare: $(foreach k,m a,build/bare/$k/f16.elf build/bare/$k/q8_0.elf)
## bare-test       draws with them in qemu-system-arm: the desktop's pictures, memory and size within their bounds
bare-test:
	@$(MAKE) --no-print-directory $(ALL_CORES) run-bare-test
run-bare-test: $(B)/sdc build/bare/picture_crc bare
	sh tools/dev/bare_test.sh $(B)/sdc
build/bare/picture_crc: sd/core/bare/picture_crc.c $(B)/libsd.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)
## amalgamation    all of sd_core in build/amalgamation/sd_core.c and sd_core.h, compiled and tried; needs python3
AMALGAMATION := build/amalgamation
amalgamation: $(B)/sdc build/bare/picture_crc
	python3 sd/core/amalgamate.py $(AMALGAMATION) $(CORE_SRC)
	cp sd/core/draw.c $(AMALGAMATION)/draw.c
	sh tools/dev/amalgamation_test.sh $(B)/sdc $(AMALGAMATION)
-include $(shell find build/bare -name '*.d' -type f 2>/dev/null)
