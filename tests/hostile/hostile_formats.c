/* hostile_formats.c: what people give for a model, under a model's name: each line says what it is and what helps. */
#include "hostile.h"

#define M "model.safetensors"
#define INFO "info model.safetensors"
#define LOCAL(length, name) "PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" length "\0\0\0" name
#define DIRECTORY "PK\5\6\0\0\0\0\1\0\1\0\0\0\0\0\0\0\0\0\0\0"

#define ENTRY(method, length, name)                                                                                    \
    "PK\1\2\x14\0\x14\0\0\0" method "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" length                                        \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" name

#define OLD "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."

static const HostileCase CASES[] = {
    {"not-a-zip", "model.ckpt", BYTES("PK\3\4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
     "info model.ckpt", 1, "model.ckpt: is a zip archive|cut short or damaged|download it again"},
    {"pytorch", "model.ckpt", BYTES(LOCAL("\x10", "archive/data.pkl") DIRECTORY), "txt2img -m model.ckpt -p x", 1,
     "model.ckpt: a damaged zip archive|download it again"},
    {"torchscript", "model.ckpt",
     BYTES(LOCAL("\n", "s/data.pkl") ENTRY("\0", "\n", "s/data.pkl")
               ENTRY("\x08", "\x13", "s/code/__torch__.py") "PK\5\6\0\0\0\0\2\0\2\0\x79\0\0\0\x28\0\0\0\0\0"),
     "info model.ckpt", 1, "model.ckpt: is TorchScript|state_dict()"},
    {"zip-of-a-model", M, BYTES(LOCAL("\x11", "model.safetensors") DIRECTORY), INFO, 1, "zip archive|unpack it"},
    {"numpy-archive", M, BYTES(LOCAL("\5", "a.npy") DIRECTORY), INFO, 1, "NumPy"},
    {"web-page", M, BYTES("<!DOCTYPE html>\n<html><title>Sign in</title>"), INFO, 1,
     "web page|download the model file itself"},
    {"saved-page", M, BYTES("<!-- saved from url --><html>"), INFO, 1, "web page"},
    {"not-found", M, BYTES("Entry not found"), INFO, 1, "a text file, not a model"},
    {"api-error", M, BYTES("{\"error\":\"Unauthorized\"}"), INFO, 1, "JSON text, not a model"},
    {"lfs-pointer", M, BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 2\n"), INFO, 1,
     "git lfs pull"},
    {"gguf", M, BYTES("GGUF\3\0\0\0\0\0\0\0"), INFO, 1, "GGUF: truncated|download it again"},
    {"pickle", "m.ckpt", BYTES("\x80\2}q\0."), "info m.ckpt", 1, "pickle|torch.save"},
    {"old-torch-cut", "old.ckpt", BYTES(OLD), "info old.ckpt", 1, "old.ckpt: its pickle breaks off"},
    {"old-torch-calls", "old.ckpt",
     BYTES(OLD "\x80\2M\xe9\3.\x80\2}.\x80\2}X\1\0\0\0xcposix\nsystem\nX\5\0\0\0touch\x85Rs."), "info old.ckpt", 1,
     "uses 'posix system'|nothing was run|as safetensors"},
    {"onnx", M, BYTES("\x08\x07\x12\x07pytorch\x1a\5"), INFO, 1, "ONNX"},
    {"tensorrt", M, BYTES("ftrt\0\0\0\0\1\0\0\0\0\0"), INFO, 1, "TensorRT"},
    {"gzip", M, BYTES("\x1f\x8b\x08\0\0\0\0\0\0\3\0"), INFO, 1, "gzip|unpack"},
    {"zstandard", M, BYTES("\x28\xb5\x2f\xfd\4\0\1"), INFO, 1, "Zstandard"},
    {"jpeg", M, BYTES("\xff\xd8\xff\xe0\0\x10JFIF"), INFO, 1, "JPEG picture|name a model file"},
    {"webp", M, BYTES("RIFF\x24\0\0\0WEBPVP8L"), INFO, 1, "WebP"},
    {"windows-program", M, BYTES("MZ\x90\0\3\0\0\0\4\0"), INFO, 1, "program for Windows"},
    {"appledouble", "._m.safetensors", BYTES("\0\5\26\7\0\2\0\0Mac OS X        "), "info ._m.safetensors", 1,
     "without ._"},
    {"utf16-text", M, BYTES("\xff\xfeN\0o\0"), INFO, 1, "UTF-16"},
    {"empty", M, "", 0, INFO, 1, "is empty; download it again"},
    {"truncated-header", M, BYTES("\xc0\1\0\0\0\0\0\0{\"model.diffusion_model.in"), INFO, 1,
     "truncated|inside its header"},
    {"truncated-data", M,
     BYTES("\72\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[100],\"data_offsets\":[0,400]}}xxxx"), INFO, 1,
     "truncated|download"},
};

HOSTILE(formats) { hostile_cases(CASES, sizeof CASES / sizeof *CASES); }
