# rules.mk: what `make wasm` links (its make has OS=wasi). Debian: clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32.
#
#   sdc.wasm            sdc for WASI, with kernels of relaxed SIMD beside the plain ones
#   sdc-plain.wasm      the same without: an engine that does not know an instruction refuses the whole module
#   sdc-threads.wasm    sdc.wasm with threads, for hosts of wasi-threads
#   page*.wasm          these for the page, with the commands that it runs

# The stack lies below everything else, so that overflowing it traps.
WASM_FLAGS := -Wl,-z,stack-size=4194304,--stack-first,-s
WASM_LINK = $(CC) $(ALL_CFLAGS) -o $@ $(filter %.o,$^) $(WASM_FLAGS) $(LDFLAGS) $(LIBS)
WASM_PAGE = $(filter-out %/cli/commands.o,$1) $(B)/tools/wasm/page_commands.o
WASM_PLAIN = $(filter-out %.relaxed.o,$1)

# Threads. Sources with atomic or thread-local variables are compiled once more, with atomic instructions; without these,
# clang makes plain variables of them, and says so in the object. That is right for errno alone, which is wasi-libc's plain
# one; it has no threads (tensor/os/os_wasi_threads.c), and the linker does not ask for its consent. Sizes of the
# memory, which hosts make, are in tools/wasm/sdc.mjs and page/wasi.js as well. crt1.o calls constructors in _start, and
# so once; with crt1-command.o each thread would call them.
WASM_ATOMIC := $(shell grep -lE 'stdatomic\.h|_Thread_local|__atomic_' $(SRC))
WASM_THREADS = $(filter-out $(WASM_ATOMIC:%.c=$(B)/%.o) %/os_no_threads.o,$1) \
  $(patsubst %.c,$(B)/%.threads.o,$(WASM_ATOMIC) tensor/os/os_wasi_threads.c)
WASM_LINK_THREADS = @lost=$$(grep -lzP -- '-\nshared-mem' $(filter %.o,$^) | xargs -r grep -L errno); \
  [ -z "$$lost" ] || { echo "atomic variables became plain ones in" $$lost; exit 1; }
comma := ,
WASM_SHARED := -Wl,--no-check-features,--shared-memory,--import-memory,--export-memory,--initial-memory=67108864,--max-memory=4294967296 \
  $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc free aligned_alloc posix_memalign)
$(B)/%.threads.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -matomics -mbulk-memory -c -o $@ $<
$(B)/sd/image/codecs/codec_stb.threads.o: $(B)/stb.is

$(B)/sdc.wasm: $(TOOL_OBJ) $(OBJ)
$(B)/page.wasm: $(call WASM_PAGE,$(TOOL_OBJ)) $(OBJ)
$(B)/sdc-plain.wasm: $(TOOL_OBJ) $(call WASM_PLAIN,$(OBJ))
$(B)/page-plain.wasm: $(call WASM_PAGE,$(TOOL_OBJ)) $(call WASM_PLAIN,$(OBJ))
$(B)/sdc-threads.wasm: $(TOOL_OBJ) $(call WASM_THREADS,$(OBJ))
$(B)/page-threads.wasm: $(call WASM_PAGE,$(TOOL_OBJ)) $(call WASM_THREADS,$(OBJ))
# The suites that other machines run (make port-test).
WASM_TESTS := $(PORT_SRC:%.c=$(B)/%.o) $(PORT_TOOLS:%.c=$(B)/%.o)
$(B)/tests.wasm: $(WASM_TESTS) $(OBJ)
$(B)/tests-plain.wasm: $(WASM_TESTS) $(call WASM_PLAIN,$(OBJ))
$(B)/tests-threads.wasm: $(WASM_TESTS) $(call WASM_THREADS,$(OBJ))
$(patsubst %,$(B)/%.wasm,sdc page sdc-plain page-plain tests tests-plain):
	$(WASM_LINK)
$(patsubst %,$(B)/%-threads.wasm,sdc page tests):
	$(WASM_LINK_THREADS)
	$(WASM_LINK) -nostartfiles $$($(CC) -print-file-name=crt1.o) $(WASM_SHARED)

# The page: one file, which needs no server.
$(B)/sdc.html: tools/wasm/pack.sh $(wildcard tools/wasm/page/*) $(patsubst %,$(B)/page%.wasm,-threads -plain) $(B)/page.wasm
	sh tools/wasm/pack.sh $(BUILTIN) $@ $(filter %.wasm,$^)
