# sd.c. `make help` lists the targets.
#
#   BLAS=openblas|none   matrix products by OpenBLAS, or by plain C with nothing but libc
#   BUILD=DIR            where objects go (each configuration has its own folder)
#   SAN=1                AddressSanitizer and UndefinedBehaviorSanitizer
#   CC, CFLAGS           as usual

BLAS ?= openblas
SAN ?= 0
CFLAGS ?= -O2 -g
ARCH := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)

B := $(or $(BUILD),build/$(notdir $(CC))-$(BLAS)$(if $(filter 1,$(SAN)),-asan))

WARN := -Wall -Wextra -Wshadow -Wpedantic
ALL_CFLAGS := -std=c11 $(WARN) -ffp-contract=off -fno-math-errno -fno-trapping-math -MMD -MP $(CFLAGS)
LIBS := -lm
ifeq ($(SAN),1)
  ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
# Debian 12's clang has no libomp of its own: it builds without OpenMP (one thread, the same results).
OPENMP := $(shell echo 'int main(void){return 0;}' | $(CC) -fopenmp -x c - -o /dev/null 2>/dev/null && echo -fopenmp)

ifeq ($(BLAS),openblas)
  BLAS_DIR := $(firstword $(wildcard /usr/include/openblas /usr/include/$(ARCH)-linux-gnu/openblas-pthread \
    /usr/include/$(ARCH)-linux-gnu/openblas-openmp /opt/homebrew/opt/openblas/include /usr/local/opt/openblas/include))
  BLAS_CFLAGS := -DSDC_OPENBLAS $(addprefix -I,$(BLAS_DIR))
  LIBS += $(if $(filter %/opt/openblas/include,$(BLAS_DIR)),-L$(patsubst %/include,%/lib,$(BLAS_DIR))) -lopenblas
else ifneq ($(BLAS),none)
  $(error BLAS=$(BLAS): use openblas or none)
endif

# The CPU backend's files are compiled once per instruction set (tensor/cpu/isa.h).
ifneq ($(filter x86_64 amd64,$(ARCH)),)
  ISAS := base v3 v4
  ALL_CFLAGS += -DSDC_X86
  ISA_base := -march=x86-64
  ISA_v3 := -march=x86-64-v3
  ISA_v4 := -march=x86-64-v4 -mprefer-vector-width=512
else
  ISAS := base
endif
KERNEL_FLAGS := -O3 -ffp-contract=fast -Wno-psabi

SRC := $(wildcard tensor/*.c weights/*.c nn/*.c sd/*.c)
KERNELS := $(wildcard tensor/cpu/*.c)
TOOLS := $(wildcard tools/*.c)
TESTS := $(wildcard tests/*.c)
OBJ := $(SRC:%.c=$(B)/%.o) $(foreach i,$(ISAS),$(KERNELS:%.c=$(B)/%.$(i).o))
TOOL_OBJ := $(TOOLS:%.c=$(B)/%.o)
TEST_OBJ := $(TESTS:%.c=$(B)/%.o) $(filter-out $(B)/tools/main.o,$(TOOL_OBJ))

.PHONY: all lib
all: sdc
lib: $(B)/libsd.a

sdc: $(B)/sdc
	@cp -f $< $@

$(B)/libsd.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $(OBJ)

$(B)/sdc: $(TOOL_OBJ) $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) $(OPENMP) -o $@ $^ $(LDFLAGS) $(LIBS)

$(B)/test: $(TEST_OBJ) $(B)/libsd.a
	$(CC) $(ALL_CFLAGS) $(OPENMP) -o $@ $^ $(TEST_LDFLAGS) $(LDFLAGS) $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(BLAS_CFLAGS) -c -o $@ $<

$(B)/tensor/pool.o: ALL_CFLAGS += $(OPENMP)
# Tables of data: nothing to optimise, and slow to try.
define ISA_RULE
$(B)/tensor/cpu/%.$(1).o: tensor/cpu/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(BLAS_CFLAGS) $$(KERNEL_FLAGS) $$(ISA_$(1)) -DSDC_ISA=$(1) -DSDC_ISA_NAME='"$(1)"' -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call ISA_RULE,$(i))))

-include $(shell find $(B) -name '*.d' 2>/dev/null)
