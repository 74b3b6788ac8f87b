# rules.mk: what `make wasm` links (its make has OS=wasi). Debian: clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32.
#
#   sdc.wasm         sdc for WASI, with kernels of relaxed SIMD beside the plain ones
#   sdc-plain.wasm   the same without: an engine that does not know an instruction refuses the whole module
#   page*.wasm       both once more for the page, which does without the goldens of sdc verify

# The stack lies below everything else, so that overflowing it traps.
WASM_LINK = $(CC) $(ALL_CFLAGS) -o $@ $(filter %.o,$^) -Wl,-z,stack-size=4194304,--stack-first,-s $(LDFLAGS) $(LIBS)
WASM_MODULES := $(patsubst %,$(B)/%.wasm,sdc sdc-plain page page-plain)
WASM_PLAIN := $(filter-out %.relaxed.o,$(TOOL_OBJ) $(OBJ))

$(B)/tools/ledger/no_goldens.o: tools/ledger/goldens.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -D'SDC_GOLDENS(X)=' -c -o $@ $<
$(B)/sdc.wasm: $(TOOL_OBJ) $(OBJ)
$(B)/sdc-plain.wasm: $(WASM_PLAIN)
$(B)/page.wasm $(B)/page-plain.wasm: $(B)/tools/ledger/no_goldens.o
$(B)/page.wasm: $(filter-out %/goldens.o,$(TOOL_OBJ) $(OBJ))
$(B)/page-plain.wasm: $(filter-out %/goldens.o,$(WASM_PLAIN))
$(WASM_MODULES):
	$(WASM_LINK)
# The page: one file, which needs no server.
$(B)/sdc.html: tools/wasm/pack.sh $(wildcard tools/wasm/page/*) $(B)/page.wasm $(B)/page-plain.wasm
	sh tools/wasm/pack.sh $(BUILTIN) $@ $(filter %.wasm,$^)

# The suites that other machines run (make port-test).
$(B)/tests.wasm: $(PORT_SRC:%.c=$(B)/%.o) $(PORT_TOOLS:%.c=$(B)/%.o) $(OBJ)
	$(WASM_LINK)
$(B)/tests-plain.wasm: $(PORT_SRC:%.c=$(B)/%.o) $(PORT_TOOLS:%.c=$(B)/%.o) $(filter-out %.relaxed.o,$(OBJ))
	$(WASM_LINK)
