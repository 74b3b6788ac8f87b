/* The model, where the linker script has room for it. */
    .section .model, "a"
    .balign 64
    .global model_begin, model_end
model_begin:
    .incbin SDC_BARE_MODEL
model_end:
