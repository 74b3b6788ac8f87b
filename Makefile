# sd.c. `make help` lists the targets.
#
#   BLAS=openblas|none   OpenBLAS for products on machines where it is faster, loaded when needed; or only our kernels
#   BUILD=DIR            where objects go (each configuration has its own folder)
#   BUILTIN=FILE         the model that is built in (weights/builtin.safetensors, where it is there)
#   EMBED=asm|c          how: by GNU's assembler, or as numbers in C, slowly, for compilers without it
#   OS=posix|wasi        the system: tensor/os/os_NAME.c and os_NAME_*.c are compiled, and what they share with others
#   SAN=1|thread         AddressSanitizer and UndefinedBehaviorSanitizer, or ThreadSanitizer
#   FUZZER=1             with libFuzzer's counters, and kernels for the base instruction set only (make fuzz; clang)
#   CUDA=1               with the table for NVIDIA GPUs, by nvcc; CUDA_ARCHS="80 90a" for fewer of them
#   SERVER=1|0           with sdc-serve, or without (1 where its libraries are found)
#   CC, CXX, CFLAGS      as usual; CXX only for the tests' stand-in for GPUs

BLAS ?= openblas
SAN ?= 0
FUZZER ?= 0
CFLAGS ?= -O2 -g
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
ARCH := $(firstword $(subst -, ,$(MACHINE)))

CUDA ?= 0
CXX := $(if $(filter default undefined,$(origin CXX)),g++,$(CXX))

# The server's libraries: found if this compiler links them.
SERVER_MODULES := libmicrohttpd jansson sqlite3 libcurl hiredis
SERVER_LIBS := $(or $(shell pkg-config --libs $(SERVER_MODULES) 2>/dev/null),-lmicrohttpd -ljansson -lsqlite3 -lcurl -lhiredis)
SERVER_CFLAGS := $(shell pkg-config --cflags $(SERVER_MODULES) 2>/dev/null)
ifneq ($(SERVER),0)
  SERVER_FOUND := $(shell printf '\043include <microhttpd.h>\n\043include <jansson.h>\n\043include <sqlite3.h>\n\043include <curl/curl.h>\n\043include <hiredis/hiredis.h>\nint main(void) { return 0; }\n' | \
    $(CC) $(SERVER_CFLAGS) -x c - -o /dev/null $(SERVER_LIBS) 2>/dev/null && echo 1)
endif
ifeq ($(SERVER)/$(SERVER_FOUND),1/)
  $(error SERVER=1: libmicrohttpd, jansson, SQLite, libcurl or hiredis is missing; make deps installs them, or says what to install)
endif
WITH_SERVER := $(SERVER_FOUND)

B := $(or $(BUILD),build/$(notdir $(CC))-$(BLAS)$(if $(filter 1,$(CUDA)),-cuda)$(if $(filter 0,$(SERVER)),-noserver)$(if $(filter 1,$(SAN)),-asan)$(if $(filter thread,$(SAN)),-tsan))

# := because Windows has an OS in the environment; make OS=NAME overrides it.
OS := posix
THREADS := $(if $(filter wasi,$(OS)),,-pthread)

WARN := -Wall -Wextra -Wshadow -Wpedantic
ALL_CFLAGS := -std=c11 $(WARN) -ffp-contract=off -fno-math-errno -fno-trapping-math $(THREADS) -MMD -MP -I. $(CFLAGS)
# Offsets in files have 64 bits on 32-bit machines, too. f32 is computed in f32: not by x87, nor, as ISO C has it on s390x,
# in double (tensor/cpu/fma.h).
ALL_CFLAGS += $(if $(filter arm% i386 i486 i586 i686,$(ARCH)),-D_FILE_OFFSET_BITS=64) $(if $(filter i386 i486 i586 i686,$(ARCH)),-msse2 -mfpmath=sse) \
  $(if $(filter s390x,$(ARCH)),-fexcess-precision=fast)
LIBS := -lm
ifeq ($(SAN),1)
  SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
  ALL_CFLAGS += $(SANITIZE)
else ifeq ($(SAN),thread)
  SANITIZE := -fsanitize=thread
  ALL_CFLAGS += $(SANITIZE)
endif
ifeq ($(FUZZER),1)
  ALL_CFLAGS += -fsanitize=fuzzer-no-link
endif

# OpenBLAS is loaded when it is needed, so neither its header nor the library must be there now.
ifeq ($(BLAS),openblas)
  BLAS_CFLAGS := -DSDC_OPENBLAS
  LIBS += $(if $(findstring linux,$(MACHINE)),-ldl)
else ifneq ($(BLAS),none)
  $(error BLAS=$(BLAS): use openblas or none)
endif

# The CPU backend's files are compiled once per instruction set (tensor/cpu/isa.h).
ifneq ($(and $(filter x86_64 amd64,$(ARCH)),$(filter 0,$(FUZZER))),)
  ISAS := base exact v3 v4 bf16
  ALL_CFLAGS += -DSDC_X86
  ISA_base := -march=x86-64
  ISA_exact := $(ISA_base) -DSDC_EMULATE_FMA
  ISA_v3 := -march=x86-64-v3 -mprfchw
  ISA_v4 := -march=x86-64-v4 -mprfchw -mprefer-vector-width=512
  ISA_bf16 := $(ISA_v4) -mavx512bf16
else ifeq ($(ARCH),wasm32)
  # Without the last one a module runs in engines that have no relaxed SIMD.
  ISAS := base exact $(if $(filter 1,$(RELAXED)),relaxed)
  ISA_exact := -DSDC_EMULATE_FMA
  ISA_relaxed := -mrelaxed-simd
else
  # whose compilers always have fma
  WITH_FMA := aarch64 arm64 riscv64 ppc64 ppc64le s390x
  ISAS := base $(if $(filter 0,$(FUZZER)),$(if $(filter $(WITH_FMA),$(ARCH)),,exact))
  ISA_exact := -DSDC_EMULATE_FMA
endif
ifneq ($(filter exact,$(ISAS)),)
  ALL_CFLAGS += -DSDC_EXACT
endif
KERNEL_LEVEL ?= -O3
# ThreadSanitizer looks at what starts the kernels, not at their loops, which it would slow down twenty times.
KERNEL_FLAGS := $(if $(filter 1,$(FUZZER)),-fno-sanitize=fuzzer-no-link,$(KERNEL_LEVEL)) -Wno-psabi $(if $(filter thread,$(SAN)),-fno-sanitize=thread)

# Sources are found where they lie, at any depth; each goes to the same place under $(B).
KERNELS := $(sort $(wildcard tensor/cpu/*.c))
OS_SRC := $(sort $(wildcard tensor/os/os_$(OS).c tensor/os/os_$(OS)_*.c))
$(if $(OS_SRC),,$(error OS=$(OS): there is no tensor/os/os_$(OS).c; use posix or wasi))
OS_SRC += tensor/os/os_fd.c
ifeq ($(OS),wasi) # tools/wasm/rules.mk makes threads of os_wasi_threads.c
  OS_SRC := $(filter-out %_threads.c,$(OS_SRC)) tensor/os/os_single.c tensor/os/os_no_threads.c
endif
OTHER_OS := $(filter-out $(OS_SRC),$(wildcard tensor/os/os_*.c))
SRC := $(filter-out $(KERNELS) $(OTHER_OS) sd/guide/% sd/core/%,$(sort $(shell find tensor weights nn sd -name '*.c')))
TOOLS := $(filter-out tools/pictures/% tools/wasm/%,$(sort $(shell find tools -name "*.c")))
# The server's libraries belong to a program of its own, sdc-serve, which `sdc serve` runs: sdc with the server.
SERVER_SRC := $(filter-out tools/server/absent.c,$(filter tools/server/%,$(TOOLS)))
TOOLS := $(filter-out $(SERVER_SRC),$(TOOLS))
SERVER_OBJ := $(SERVER_SRC:%.c=$(B)/%.o)
SERVER_PROGRAM := $(if $(WITH_SERVER),$(B)/sdc-serve)
TESTS := $(filter-out tests/fuzz/libfuzzer.c tests/port/% tests/torture/inject/%,$(sort $(shell find tests -name '*.c')))
# GPUs. CUDA=1 compiles cuda/ for them into libsd; else the tests hold it, compiled for the host (cuda/shim/shim.h), where
# there is a C++ compiler, and sdc-shim is sdc with that.
CUDA_SRC := $(wildcard cuda/*.cu)
CUDA_SRC_16 := $(wildcard cuda/*_tensor.cu cuda/*_hopper.cu)
ifeq ($(CUDA),1)
  NVCC ?= nvcc
  CUDA_ARCHS ?= 75 80 86 89 90a
  CUDA_HOME := $(patsubst %/bin/nvcc,%,$(realpath $(shell command -v $(NVCC))))
  # 90 has no wgmma, which 90a is
  CUDA_GEN := $(foreach a,$(patsubst 90,90a,$(CUDA_ARCHS)),-gencode arch=compute_$(a),code=sm_$(a)) -gencode arch=compute_80,code=compute_80
  CUDA_OBJ := $(CUDA_SRC:%.cu=$(B)/%.cu.o)
  LIBS += $(addprefix -L,$(wildcard $(CUDA_HOME)/lib64 $(CUDA_HOME)/targets/*/lib)) -lcudart_static -lstdc++ -ldl -lrt
  ALL_CFLAGS += -DSDC_CUDA
else ifneq ($(and $(shell command -v $(CXX) 2>/dev/null),$(filter x86_64 amd64 aarch64 arm64,$(ARCH))),)
  SHIM_OBJ := $(CUDA_SRC:%.cu=$(B)/%.cu.o) $(patsubst %.cc,$(B)/%.cc.o,$(wildcard cuda/shim/*.cc))
  # The stand-in's kernels use the processor's fma; without one there is no stand-in (cuda/shim/runtime.cc).
  $(filter-out $(patsubst %,$(B)/cuda/%.cu.o,check gpu memory table),$(filter %.cu.o,$(SHIM_OBJ))): SHIM_ISA := $(ISA_v3)
  SHIM_FLAGS := -x c++ -std=c++17 -Wall -Wextra -Wshadow -Wno-psabi -ffp-contract=off -fno-math-errno -fno-trapping-math -pthread \
    -MMD -MP -I. $(CFLAGS) $(if $(SANITIZE),$(SANITIZE),-O3)
  SHIM_PROGRAM := $(B)/sdc-shim
endif

OBJ := $(CUDA_OBJ) $(SRC:%.c=$(B)/%.o) $(foreach i,$(ISAS),$(KERNELS:%.c=$(B)/%.$(i).o))
TOOL_OBJ := $(TOOLS:%.c=$(B)/%.o)
TEST_OBJ := $(TESTS:%.c=$(B)/%.o) $(filter-out %/main.o,$(TOOL_OBJ)) $(B)/tools/server/bucket/sigv4.o

VERSION := $(shell sed -n 's/.*SDC_VERSION "\(.*\)"/\1/p' tools/cli/main.c)
# libsd.so, where the linker has version scripts: 0.2 may not serve programs built with 0.1.
ABI := $(basename $(VERSION))
SHARED := $(if $(findstring linux,$(MACHINE)),$(B)/libsd.so.$(ABI))
ifneq ($(OS),wasi)
$(filter-out %.cu.o,$(OBJ)): ALL_CFLAGS += -fPIC -fno-semantic-interposition
endif

.PHONY: all lib
all: sdc
lib: $(B)/libsd.a $(SHARED)

sdc: $(B)/sdc $(SERVER_PROGRAM)
	@cp -f $^ .

$(B)/libsd.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $(OBJ)

$(B)/libsd.so.$(ABI): $(OBJ) sd/libsd.map
	$(CC) $(ALL_CFLAGS) -shared -o $@ $(OBJ) -Wl,-soname,$(@F) -Wl,--version-script=sd/libsd.map $(LDFLAGS) $(LIBS)

$(B)/sdc: $(TOOL_OBJ) $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

$(SERVER_OBJ): ALL_CFLAGS += $(SERVER_CFLAGS)
# The page, in three parts; its program is these files one after the other.
PAGE := tools/server/page
PAGE_JS := $(sort $(filter-out %/main.js,$(wildcard $(PAGE)/*.js))) $(PAGE)/main.js
PAGE_INC := $(patsubst %,$(B)/$(PAGE)/page_%.inc,html css js)
$(B)/tools/server/api/page.o: $(PAGE_INC)
$(B)/tools/server/api/page.o: ALL_CFLAGS += -DSDC_PAGE_HTML='"$(abspath $(word 1,$(PAGE_INC)))"' \
  -DSDC_PAGE_CSS='"$(abspath $(word 2,$(PAGE_INC)))"' -DSDC_PAGE_JS='"$(abspath $(word 3,$(PAGE_INC)))"'
$(B)/$(PAGE)/page_html.inc: $(PAGE)/page.html
$(B)/$(PAGE)/page_css.inc: $(PAGE)/page.css
$(B)/$(PAGE)/page_js.inc: $(PAGE_JS)
$(PAGE_INC):
	@mkdir -p $(@D)
	cat $^ | od -An -v -td1 | sed 's/-*[0-9][0-9]*/&,/g' > $@
$(B)/sdc-serve: $(filter-out %/absent.o,$(TOOL_OBJ)) $(SERVER_OBJ) $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS) $(SERVER_LIBS)

# The tests fail calls on purpose: tests/harness/faults.c stands between the program and malloc, tests/weights/files_io.c
# between it and files without a name.
TEST_LDFLAGS := $(if $(SHIM_OBJ),-lstdc++) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=free,--wrap=os_create_unnamed,--wrap=os_name_at,--wrap=os_read_pages

# The guide's own implementation, which needs nothing of libsd.
$(B)/plain: sd/guide/plain.c sd/text/vocabulary.inc
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(LDFLAGS) -lm

$(B)/test: $(TEST_OBJ) $(SHIM_OBJ) $(B)/libsd.a | $(SHIM_PROGRAM) $(B)/sdc-torture $(SERVER_PROGRAM) $(B)/stage/done $(B)/plain
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(TEST_LDFLAGS) $(LDFLAGS) $(LIBS)

# The fuzzers' targets, all in one program (tests/fuzz/libfuzzer.c).
FUZZ_SRC := $(filter-out tests/fuzz/test_corpus.c,$(wildcard tests/fuzz/*.c)) \
  $(patsubst %,tests/harness/%.c,make_model make_model_json posix suites test)
$(B)/fuzz: $(FUZZ_SRC:%.c=$(B)/%.o) $(filter-out %/main.o,$(TOOL_OBJ)) $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDFLAGS) $(LIBS)

# The suites that other machines run (make port-test, make wasm-test), in one process.
PORT_SRC := tests/port/main.c $(patsubst %,tests/tensor/test_%.c,exact ops math conv_few winograd threads) tests/nn/test_blocks.c \
  $(patsubst %,tests/pipeline/%.c,test_exact_runs full_exact test_pipeline pipeline) \
  $(patsubst %,tests/load/%.c,made_network network_kinds) \
  $(patsubst %,tests/harness/%.c,golden ledger_checks make_model make_model_json on_gpu planned suites test)
ifeq ($(OS),wasi)
  PORT_SRC += tests/port/wasi.c
  PORT_TOOLS := $(filter tools/ledger/% tools/shapes/%,$(TOOLS))
else
  PORT_SRC += tests/harness/posix.c tests/harness/faults.c tests/tensor/test_gradients.c tests/tensor/test_tape.c \
    $(filter-out %/test_broken.c,$(wildcard tests/weights/*.c)) tests/cli/files_diff.c tests/convert/test_same_files.c
  PORT_TOOLS := $(filter-out %/main.c,$(TOOLS))
  PORT_LDFLAGS := $(filter-out -lstdc++,$(TEST_LDFLAGS))
endif
$(B)/port-test: $(PORT_SRC:%.c=$(B)/%.o) $(PORT_TOOLS:%.c=$(B)/%.o) $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(PORT_LDFLAGS) $(LDFLAGS) $(LIBS)

$(B)/sdc-shim: $(TOOL_OBJ) $(SHIM_OBJ) $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS) -lstdc++

# sdc whose Nth call fails (tests/torture/inject/inject.c).
TORTURE_WRAP := malloc calloc realloc aligned_alloc open openat mkstemp opendir readdir read pread write pwrite close fsync \
  fdatasync rename renameat linkat unlink unlinkat mkdir stat fstat fstatat faccessat realpath mmap pthread_create fopen \
  fdopen fileno flock access
$(B)/sdc-torture: $(TOOL_OBJ) $(B)/tests/torture/inject/inject.o $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(TORTURE_WRAP:%=-Wl,--wrap=%) $(LDFLAGS) $(LIBS)

ifeq ($(OS),wasi)
include tools/wasm/rules.mk
endif

ifeq ($(CUDA),1)
# f32 has the CPU's bits: nothing is fused but by fmaf. 16-bit products and attention promise none.
CUDA_EXACT := -ftz=false -prec-div=true -prec-sqrt=true -fmad=false
$(CUDA_SRC_16:%.cu=$(B)/%.cu.o): CUDA_EXACT :=
$(B)/%.cu.o: %.cu
	@mkdir -p $(@D)
	$(NVCC) -std=c++17 -O3 $(CUDA_EXACT) $(CUDA_GEN) --threads 2 -MMD -MP -I. -Xcompiler -Wall,-fPIC -c -o $@ $<
else
$(B)/%.cu.o: %.cu
	@mkdir -p $(@D)
	$(CXX) $(SHIM_FLAGS) $(SHIM_ISA) -c -o $@ $<
$(B)/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(SHIM_FLAGS) -c -o $@ $<
endif

# The built-in model.
BUILTIN ?= $(wildcard weights/builtin.safetensors)
EMBED ?= asm
$(B)/weights/builtin.o: $(B)/builtin.is
builtin_IS = $(BUILTIN) $(EMBED)
ifneq ($(BUILTIN),)
$(B)/weights/builtin.o: $(BUILTIN) $(if $(filter c,$(EMBED)),$(B)/weights/builtin.inc)
$(B)/weights/builtin.o: ALL_CFLAGS += -DSDC_BUILTIN_SHA256="\"$$( (sha256sum || shasum -a 256) 2>/dev/null < $(BUILTIN) | cut -c1-64)\"" \
  $(if $(filter c,$(EMBED)),-DSDC_BUILTIN_ARRAY='"$(abspath $(B)/weights/builtin.inc)"',-DSDC_BUILTIN='"$(abspath $(BUILTIN))"')
$(B)/weights/builtin.inc: $(BUILTIN)
	@mkdir -p $(@D)
	od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' > $@
endif

# The goldens that sdc verify compares with.
GOLDENS := ops blocks gradients micro_euler_64 micro_euler_h72_w104 micro_euler_a_64 micro_ddim_64 micro_img2img_euler \
  micro_encoder micro_samplers micro_sd2_euler_64 micro_sd2_v_euler_64 micro_sdxl_euler_64 micro_sdxl_euler_h72_w104 \
  micro_refiner_euler_64 micro_inpainting_euler micro_pix2pix_euler
goldens_IS = $(GOLDENS) $(EMBED)
$(B)/tools/ledger/goldens.o: $(B)/goldens.is $(GOLDENS:%=tests/golden/%.safetensors) $(if $(filter c,$(EMBED)),$(B)/tools/ledger/goldens.inc)
$(B)/tools/ledger/goldens.o: ALL_CFLAGS += -D'SDC_GOLDENS(X)=$(foreach g,$(GOLDENS),X($g))' \
  $(if $(filter c,$(EMBED)),-DSDC_GOLDENS_ARRAYS='"$(abspath $(B)/tools/ledger/goldens.inc)"')
$(B)/tools/ledger/goldens.inc: $(GOLDENS:%=tests/golden/%.safetensors)
	@mkdir -p $(@D)
	for g in $(GOLDENS); do echo "static const _Alignas(64) unsigned char embed_$$g[] = {"; \
	  od -An -v -tu1 tests/golden/$$g.safetensors | sed 's/[0-9][0-9]*/&,/g'; echo "};"; done > $@

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(BLAS_CFLAGS) -c -o $@ $<

# A build from before stb_image.h was installed reads JPEG once it is.
$(filter $(B)/sd/image/%,$(OBJ)): $(B)/stb.is
stb_IS = $(wildcard $(foreach d,/usr/include /usr/local/include /opt/homebrew/include,$d/stb/stb_image.h $d/stb_image.h))
# NAME.is holds NAME_IS, and is rewritten only when the value changes.
$(B)/%.is: FORCE
	@mkdir -p $(@D)
	@echo '$($*_IS)' | cmp -s - $@ || echo '$($*_IS)' > $@
FORCE:
# stb_image's integers may overflow on hostile files; -fwrapv gives that a meaning.
$(B)/sd/image/%: ALL_CFLAGS += -fwrapv

define ISA_RULE
$(B)/tensor/cpu/%.$(1).o: tensor/cpu/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(BLAS_CFLAGS) $$(KERNEL_FLAGS) $$(ISA_$(1)) -DSDC_ISA=$(1) -DSDC_ISA_NAME='"$(1)"' -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call ISA_RULE,$(i))))

# Targets for people. Those that need libraries run `deps` and then a make of their own, which sees what was installed.
PREFIX ?= /usr/local
MODEL ?= build/demo/micro.safetensors
FORMATTED := $(filter-out %cases.h,$(shell find tensor weights nn sd tools tests cuda -name '*.[ch]' -o -name '*.cu' -o \
  -name '*.cuh' -o -name '*.cc')) # but tables
VALGRIND_SUITES ?= files tokenizer noise png
# Suites that `make test` runs (all but the slow ones), or options of the tests (tests/harness/main.c).
SUITES ?=
# All cores, unless this make was told how many.
ALL_CORES = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2))

.PHONY: guide exercise guide-pictures guide-quotes fuzz generators help deps demo pictures run-demo test test-all run-test run-test-all test-page run-test-page test-clients run-test-clients test-schema run-test-schema test-builtin builtin-model test-gpu run-test-gpu asan torture run-torture tsan run-tsan valgrind mutants port-test wasm-deps wasm run-wasm wasm-test wasm-quick run-wasm-suites run-wasm-test same-bits golden bench format format-check \
  check-includes install uninstall load check-bucket clean run-valgrind
## all             builds ./sdc (the default)
## lib             builds libsd.a and libsd.so
## help            this list
help:
	@sed -n 's/^## /  make /p' Makefile
	@echo "variables: BLAS=openblas|none OS= SAN=1|thread CUDA=1 SERVER=1|0 BUILD=DIR CC= CFLAGS= PREFIX= SUITES= BASE= PORT="
## deps            installs a C compiler, and what else is useful, where it may; else says what to install
deps:
	@CC="$(CC)" sh tools/dev/deps.sh $(BLAS) $(SERVER)
## demo            builds everything and makes demo.png: a dozen prompts on one sheet
demo: deps
	@$(MAKE) --no-print-directory $(ALL_CORES) run-demo
run-demo: sdc $(if $(BUILTIN),,build/demo/micro.safetensors)
ifneq ($(BUILTIN),)
	./sdc sheet -o demo.png
	@echo "The sheet is $(CURDIR)/demo.png. For real pictures: ./sdc txt2img -m MODEL -p PROMPT, with a model of Stable"
	@echo "Diffusion 1.x, 2.x or SDXL."
else
	./sdc txt2img -m build/demo/micro.safetensors -p "a lovely cat" -W 256 -H 256 --seed 42 -o demo.png
	@echo "The picture is $(CURDIR)/demo.png: an abstract texture, not a cat, because this model's weights are generated"
	@echo "numbers. For real pictures: ./sdc txt2img -m MODEL -p PROMPT, with a model of Stable Diffusion 1.x, 2.x or SDXL."
endif
## pictures        draws README's pictures anew (tools/pictures), by the built-in model
pictures: $(B)/sdc $(B)/montage
	sh tools/pictures/pictures.sh $(B)/sdc $(B)/montage
$(B)/montage: tools/pictures/montage.c $(B)/libsd.a
	$(CC) -std=c11 -O1 -I. -o $@ $^ $(LIBS) -pthread
build/demo/micro.safetensors: $(B)/test
	@mkdir -p $(@D)
	$(B)/test --make-model micro single f32 $@
## test            builds and runs the tests; SUITES="prompt cli": only those (build/.../test --list names them)
test: deps
	@$(MAKE) --no-print-directory $(ALL_CORES) run-test
run-test: $(B)/test $(B)/sdc
	$(if $(SUITES)$(SANITIZE),SDC_BIN=$(B)/sdc $(B)/test $(SUITES),sh tools/dev/run_tests.sh $(B))
## test-page       the page in headless Chromium, which must be there (Debian: chromium, chromium-driver)
# Their packages are for tests alone: build/clients has them.
test-page: build/clients/done
	@$(MAKE) --no-print-directory $(ALL_CORES) run-test-page
run-test-page: $(B)/sdc $(SERVER_PROGRAM)
	sh tools/dev/test_page.sh $(B) must
## test-clients    programs of PyPI that draw by the webui's and OpenAI's interfaces, against sdc serve
test-clients: build/clients/done
	@$(MAKE) --no-print-directory $(ALL_CORES) run-test-clients
run-test-clients: $(B)/sdc $(SERVER_PROGRAM)
	SDC_BIN=$(abspath $(B)/sdc) build/clients/bin/python tests/clients
## test-schema     schemathesis: whatever /openapi.json allows, and some of what it does not, is answered without a 5xx
test-schema: build/schema/done
	@$(MAKE) --no-print-directory $(ALL_CORES) run-test-schema
run-test-schema: $(B)/sdc $(SERVER_PROGRAM)
	SDC_BIN=$(abspath $(B)/sdc) build/schema/bin/python tests/clients/schema.py
build/%/done: tests/clients/%.txt
	python3 -m venv build/$*
	build/$*/bin/pip install -q -r $<
	@touch $@
## test-all        with the slow ones: full-size models
test-all: deps
	@$(MAKE) --no-print-directory $(ALL_CORES) run-test-all
run-test-all: $(B)/test $(B)/sdc
	SDC_BIN=$(B)/sdc $(B)/test --slow
## test-builtin    a generated model built in both ways (EMBED), and what then happens without -m
test-builtin: $(B)/test build/demo/micro.safetensors
	@mkdir -p $(B)/embed
	od -An -v -tu1 build/demo/micro.safetensors | sed 's/[0-9][0-9]*/&,/g' > $(B)/embed/micro.inc
	for how in SDC_BUILTIN_ARRAY='"$(abspath $(B)/embed/micro.inc)"' SDC_BUILTIN='"$(abspath build/demo/micro.safetensors)"'; do \
	  $(CC) $(ALL_CFLAGS) -D"$$how" -c -o $(B)/embed/builtin.o weights/builtin.c && \
	  $(CC) $(ALL_CFLAGS) -o $(B)/embed/test $(TEST_OBJ) $(B)/embed/builtin.o $(B)/libsd.a $(TEST_LDFLAGS) $(LDFLAGS) $(LIBS) && \
	  $(B)/embed/test builtin || exit 1; done
## asan            the tests under AddressSanitizer and UndefinedBehaviorSanitizer
asan:
	@$(MAKE) --no-print-directory $(ALL_CORES) SAN=1 BLAS=none BUILD=$(addsuffix -asan,$(BUILD)) run-test
## tsan            the server under ThreadSanitizer: its suites, then the programs of test-clients; needs python3 and PyPI
# The suites are the usual test program's, which is thus no slower; sdc, sdc-serve and all that they link of ours are
# instrumented but for the kernels of tensor/cpu. Every race that was told ends as a failure.
tsan: build/clients/done
	@$(MAKE) --no-print-directory $(ALL_CORES) $(B)/test
	@$(MAKE) --no-print-directory $(ALL_CORES) SAN=thread BLAS=none BUILD=$(addsuffix -tsan,$(BUILD)) TESTS=$(abspath $(B)/test) run-tsan
run-tsan: $(B)/sdc $(SERVER_PROGRAM)
	rm -f $(B)/race.*
	export SDC_BIN=$(abspath $(B)/sdc) TSAN_OPTIONS=log_path=$(abspath $(B)/race); \
	  $(TESTS) server bucket queue && build/clients/bin/python tests/clients
	@! cat $(B)/race.* 2>/dev/null
## test-gpu        with an NVIDIA GPU: goldens, compute-sanitizer, speed on it; writes gpu-report.txt (QUICK=1: no full size)
test-gpu:
	@$(MAKE) --no-print-directory CUDA=1 run-test-gpu
run-test-gpu: $(B)/test $(B)/sdc
	sh tools/dev/test_gpu.sh $(B)
## valgrind        some of the tests, and a picture of the micro model, under valgrind
valgrind:
	@command -v valgrind >/dev/null || { echo "valgrind is missing: sudo apt-get install valgrind"; exit 1; }
	@$(MAKE) --no-print-directory BLAS=none BUILD=$(addsuffix -none,$(BUILD)) run-valgrind
run-valgrind: $(B)/test $(B)/sdc build/demo/micro.safetensors
	for s in $(VALGRIND_SUITES); do valgrind -q --error-exitcode=1 --leak-check=full $(B)/test $$s || exit 1; done
	valgrind -q --error-exitcode=1 --leak-check=full $(B)/sdc txt2img -q -m build/demo/micro.safetensors -p "a lovely cat" \
	  -n "blurry" -W 72 -H 64 --steps 2 --seed 42 -o $(B)/valgrind.png --taps $(B)/valgrind.safetensors
## fuzz            libFuzzer on every reader for FUZZ_SECONDS (600) each, or on some: FUZZ="png infotext"; needs clang
FUZZ_SECONDS ?= 600
FUZZ ?=
fuzz:
	@$(MAKE) --no-print-directory $(ALL_CORES) CC=clang BLAS=none SAN=1 FUZZER=1 BUILD=build/fuzz build/fuzz/fuzz
	FUZZ_SECONDS=$(FUZZ_SECONDS) sh tools/dev/fuzz.sh build/fuzz/fuzz $(FUZZ)
	$(if $(FUZZ),,@$(MAKE) --no-print-directory $(ALL_CORES) BLAS=none SAN=1 BUILD=$(addsuffix -asan,$(BUILD)) generators)
## generators      GEN_CONFIGS (10000) drawn models and GEN_REQUESTS (100000) drawn requests (tests/gen); fuzz does it, too
GEN_CONFIGS ?= 10000
GEN_REQUESTS ?= 100000
generators: $(B)/test
	GEN_TALLY=1 GEN_CONFIGS=$(GEN_CONFIGS) $(B)/test gen_config
	GEN_TALLY=1 GEN_REQUESTS=$(GEN_REQUESTS) $(B)/test gen_request
## guide           a picture by sd/guide/plain.c, all of Stable Diffusion in one file, held to sdc's activation by activation
GUIDE_PROMPT ?= a red circle above a blue square
guide: $(B)/plain $(B)/sdc
	@mkdir -p build/guide
	$(B)/plain weights/builtin.safetensors "$(GUIDE_PROMPT)" build/guide/plain.png --seed 7 --steps 10 --taps build/guide/plain.safetensors
	$(B)/sdc txt2img -q -p "$(GUIDE_PROMPT)" --seed 7 --steps 10 --sampler Euler --cfg 3 --precision f32 \
	  -o build/guide/sdc.png --taps build/guide/sdc.safetensors
	$(B)/sdc diff --bound 1e-5 build/guide/plain.safetensors build/guide/sdc.safetensors
	@echo "build/guide/plain.png and sdc.png are the same picture, twice."
## guide-pictures  the pictures of sd/guide anew (gnuplot); PICTURES="04 08": only those
PICTURES ?=
guide-pictures: $(B)/sdc $(B)/plain $(B)/montage
	@CC="$(CC)" sh tools/dev/deps.sh $(BLAS) $(SERVER) gnuplot
	sh tools/guide/pictures.sh $(B) $(PICTURES)
## guide-quotes    the quotations and outputs in sd/guide anew, from the tree; `make test SUITES=guide_pages` finds old ones
guide-quotes: $(B)/sdc $(B)/plain
	sh tools/guide/pages.sh $(B) write
## exercise        N=3: breaks a line of plain.c, shows what comes of it, and asks where; ANSWER=resblock: says whether that is it
N ?=
ANSWER ?=
exercise: $(B)/sdc $(B)/plain $(B)/montage
	@CC="$(CC)" sh tools/guide/exercise.sh $(B) "$(N)" "$(ANSWER)"
## builtin-model   trains the built-in model from nothing, in a few hours; stopped, it goes on (build/builtin)
builtin-model: $(B)/sdc
	sh tools/dev/train_builtin.sh $(B)/sdc build/builtin
	@echo "Build it in by: make BUILTIN=build/builtin/builtin.safetensors (weights/builtin.safetensors is the usual one)"
## torture         faults in every call of every command, signals, limits, full disks; TORTURE=convert, "convert malloc:17": only that
TORTURE ?=
torture:
	@$(MAKE) --no-print-directory $(ALL_CORES) run-torture
	$(if $(TORTURE),,@$(MAKE) --no-print-directory $(ALL_CORES) SAN=1 BLAS=none BUILD=$(addsuffix -asan,$(BUILD)) run-torture)
TORTURE_SUITES = torture_faults torture_calls_all $(if $(SANITIZE),,torture_kills torture_limits)
run-torture: $(B)/test $(B)/sdc
	SDC_BIN=$(B)/sdc SDC_TORTURE="$(TORTURE)" $(B)/test $(if $(word 2,$(TORTURE)),torture_faults,$(TORTURE_SUITES))
## mutants         breaks the sources on purpose and counts what the tests notice
mutants:
	sh tools/dev/mutants.sh
## port-test       other compilers and machines, emulated if need be: PORT="O1 O3 clang clang-O1 musl aarch64 riscv64 armhf i386 s390x" (all)
PORT ?= O1 O3 clang clang-O1 musl aarch64 riscv64 armhf i386 s390x
port-test:
	@sh tools/dev/port_test.sh $(PORT)
## wasm            sdc and its model as WebAssembly, and a page of one file that draws in a browser (build/wasm)
# clang-19 has relaxed SIMD, whose madd is fused on most machines; without it all is the same, and slower.
WASM_CC := $(or $(shell command -v clang-19 2>/dev/null),clang)
WASM_RELAXED = $(shell printf '\043include <wasm_simd128.h>\nv128_t f(v128_t a) { return wasm_f32x4_relaxed_madd(a, a, a); }\n' | \
  $(WASM_CC) --target=wasm32-wasi -msimd128 -mrelaxed-simd -x c -c -o /dev/null - 2>/dev/null && echo 1)
WASM_MAKE = @$(MAKE) --no-print-directory $(ALL_CORES) CC="$(WASM_CC) --target=wasm32-wasi" CFLAGS="-O2 -msimd128" CXX=none \
  BLAS=none CUDA=0 SAN=0 SERVER=0 OS=wasi RELAXED=$(WASM_RELAXED) BUILD=build/wasm
WASM_FILES := $(patsubst %,build/wasm/%,sdc.wasm sdc-plain.wasm sdc-threads.wasm sdc.html)
wasm-deps:
	@CC="$(WASM_CC)" sh tools/dev/deps.sh wasm
wasm: wasm-deps
	@$(MAKE) --no-print-directory run-wasm
run-wasm:
	$(WASM_MAKE) $(WASM_FILES)
	@ls -s --block-size=1 $(WASM_FILES)
## wasm-test       and whether it draws what sdc draws: in Node, with the suites, and in headless Chromium
wasm-test: run-wasm-suites build/clients/done
	@$(MAKE) --no-print-directory $(ALL_CORES) WASM_MUST=must run-wasm-test
## wasm-quick      the same with few suites, and with Chromium and selenium only if they are there
wasm-quick: run-wasm-suites
	@$(MAKE) --no-print-directory $(ALL_CORES) WASM_SUITES=exact WASM_THREAD_SUITES="threads exact blocks" run-wasm-test
run-wasm-suites: wasm
	$(WASM_MAKE) $(patsubst %,build/wasm/%.wasm,tests tests-plain tests-threads)
run-wasm-test: $(B)/sdc
	WASM_SUITES="$(WASM_SUITES)" WASM_THREAD_SUITES="$(WASM_THREAD_SUITES)" sh tests/wasm/run.sh build/wasm $(B)/sdc $(WASM_MUST)
## same-bits       whether this tree computes the same bits as BASE=COMMIT (default: the last whose bits were released)
same-bits:
	sh tools/dev/same_bits.sh $(BASE)
## golden          checks the goldens against PyTorch, in build/venv
golden: build/venv/done
	build/venv/bin/python tools/goldens --check
build/venv/done: tools/requirements.txt
	python3 -m venv build/venv
	build/venv/bin/pip install -q -r tools/requirements.txt
	build/venv/bin/pip install -q --no-deps k-diffusion==0.1.1.post1
	@touch $@
## bench           measures MODEL=FILE (the demo's model)
bench: sdc $(MODEL)
	./sdc bench -m $(MODEL)
## format          clang-format on every C file; format-check only looks
format:
	@clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run -Werror $(FORMATTED)
## check-includes  the house's rules: includes and calls one way, no backend in nn/ and sd/, short files
check-includes: $(B)/sdc
	@sh tools/dev/check_includes.sh $(B)
## install         sdc, libsd, its header and pkg-config file, the manual page and completion under PREFIX; uninstall removes them
LIBDIR ?= $(PREFIX)/lib
TO := $(DESTDIR)$(PREFIX)
TO_LIB := $(DESTDIR)$(LIBDIR)
INSTALLED := $(TO)/bin/sdc $(if $(SERVER_PROGRAM),$(TO)/bin/sdc-serve) $(TO)/include/libsd/sd/sd.h \
  $(TO)/include/libsd/tensor/error.h $(TO_LIB)/libsd.a $(if $(SHARED),$(TO_LIB)/libsd.so.$(ABI) $(TO_LIB)/libsd.so) \
  $(TO_LIB)/pkgconfig/sd.pc $(TO)/share/man/man1/sdc.1 $(TO)/share/bash-completion/completions/sdc \
  $(TO)/share/zsh/site-functions/_sdc $(TO)/share/fish/vendor_completions.d/sdc.fish
install: $(B)/sdc $(SERVER_PROGRAM) $(B)/libsd.a $(SHARED)
	install -d $(sort $(dir $(INSTALLED)))
	install $(B)/sdc $(SERVER_PROGRAM) $(TO)/bin
	install -m 644 sd/sd.h $(TO)/include/libsd/sd
	install -m 644 tensor/error.h $(TO)/include/libsd/tensor
	install -m 644 $(B)/libsd.a $(TO_LIB)
	$(if $(SHARED),install -m 644 $(SHARED) $(TO_LIB) && ln -sf libsd.so.$(ABI) $(TO_LIB)/libsd.so)
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(LIBS)|' sd/sd.pc.in > $(TO_LIB)/pkgconfig/sd.pc
	$(B)/sdc help --man > $(TO)/share/man/man1/sdc.1
	$(B)/sdc help --completion bash > $(TO)/share/bash-completion/completions/sdc
	$(B)/sdc help --completion zsh > $(TO)/share/zsh/site-functions/_sdc
	$(B)/sdc help --completion fish > $(TO)/share/fish/vendor_completions.d/sdc.fish
uninstall:
	rm -f $(INSTALLED)
	-rmdir $(TO)/include/libsd/sd $(TO)/include/libsd/tensor $(TO)/include/libsd
# For the tests, which look at what is installed.
$(B)/stage/done: $(B)/sdc $(SERVER_PROGRAM) $(B)/libsd.a $(SHARED) sd/sd.h tensor/error.h sd/sd.pc.in
	rm -rf $(@D)
	@$(MAKE) --no-print-directory -s install DESTDIR=$(abspath $(@D)) PREFIX=/usr/local
	@touch $@
## load            the server under load: 10,000 requests, throughput, kill -9; LOAD="requests kills": only those; needs python3
LOAD ?= requests throughput kills
load: $(B)/sdc $(SERVER_PROGRAM)
	for what in $(LOAD); do python3 tools/dev/load.py $(B)/sdc $$what || exit 1; done
## check-bucket    the server's bucket against moto's S3 with signatures checked; needs python3 and PyPI
check-bucket: $(B)/sdc $(SERVER_PROGRAM) build/venv-bucket/done
	build/venv-bucket/bin/python tools/dev/check_bucket.py $(B)/sdc
build/venv-bucket/done: tools/requirements-bucket.txt
	python3 -m venv build/venv-bucket
	build/venv-bucket/bin/pip install -q -r tools/requirements-bucket.txt
	@touch $@
## clean           removes what was built
clean:
	rm -rf build sdc sdc-serve $(BUILD)
include sd/core/core.mk

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
