/* hostile_grid.c: axes, files of prompts, folders of pictures and loops that cannot be drawn. */
#include "hostile.h"
#include "tests/harness/cli.h"

#include <sys/stat.h>

#define G "grid -m $B -p cat "

/* clang-format off */
static const HostileCase CASES[] = {
    {"no-axis", .args = G, .code = 2, .words = "no axis: say --x NAME=VALUES, or --matrix"},
    {"unknown-axis", .args = G "--x stepz=1", .code = 2, .words = "--x: 'stepz' is no axis; did you mean steps?"},
    {"empty-axis", .args = G "--x =1", .code = 2, .words = "--x: '' is no axis"},
    {"output-axis", .args = G "--x out=a.png", .code = 2, .words = "--x: 'out' is no axis"},
    {"no-values", .args = G "--y steps", .code = 2, .words = "--y: needs values: steps=VALUE"},
    {"empty-value", .args = G "--y steps=1,,2", .code = 2, .words = "--y: steps: its value is empty"},
    {"bad-number", .args = G "--x steps=1,abc", .code = 2, .words = "--x: steps: 'abc' is not a whole number"},
    {"out-of-range", .args = G "--x cfg=4..2000/500", .code = 2, .words = "--x: cfg: 1004 is not in 0..1000"},
    {"endless-range", .args = G "--x 'steps=1-9 (-1)'", .code = 2, .words = "--x: '1-9 (-1)' has no values"},
    {"many-values", .args = G "--x cfg=1..9/0.001", .code = 2, .words = "--x: '1..9/0.001' has more than 1000 values"},
    {"huge-range", .args = G "--x seed=1..999999999999999999", .code = 2, .words = "has more than 1000 values"},
    {"open-quote", .args = G "--x 'sampler=\"Euler'", .code = 2, .words = "--x: has a quote that is not closed"},
    {"many-pictures", .args = G "--x seed=1..100 --y steps=1..100 --z cfg=1..2", .code = 2, .words = "a grid of 20000 pictures has more than 10000"},
    {"bad-sampler", .args = G "--x 'sampler=Euler,Eulr'", .code = 2, .words = "--sampler: no 'Eulr'"},
    {"bad-flag", .args = G "--x discard-next-to-last=maybe", .code = 2, .words = "'maybe' is neither true nor false"},
    {"bad-size", .args = G "--x size=64", .code = 2, .words = "--x: '64' is no size; write 512x768"},
    {"odd-size", .args = G "--x size=64x65", .code = 2, .words = "--height: 65 is not a multiple of 8"},
    {"not-found", .args = G "--x prompt-sr=dog,cat", .code = 2, .words = "--x: prompt-sr: 'dog' is neither in the prompt nor"},
    {"nothing-to-find", .args = G "--x prompt-sr=,cat", .code = 2, .words = "--x: prompt-sr: its first value, which is looked for, is empty"},
    {"order-not-found", .args = G "--x prompt-order=cat,dog", .code = 2, .words = "--x: prompt-order: 'dog' is not in the prompt"},
    {"order-overlaps", .args = G "--x prompt-order=cat,at", .code = 2, .words = "overlaps another word"},
    {"order-many", .args = G "--x prompt-order=a,b,c,d,e,f,g", .code = 2, .words = "has more than 6 words"},
    {"weight-of-none", .args = G "--x lora-weight=0,1", .code = 2, .words = "--x: lora-weight needs --lora FILE"},
    {"strength-of-none", .args = G "--x strength=0.1,1", .code = 2, .words = "--strength: needs the picture to start from"},
    {"mask-of-none", .args = G "--x steps=1,2 --mask m.png", .code = 2, .words = "--mask: needs the picture to start from"},
    {"no-prompt", .args = "grid -m $B --x steps=1", .code = 2, .words = "no prompt"},
    {"no-model", .args = "grid -p x --x model=gone.safetensors", .code = 1, .words = "gone.safetensors"},
    {"second-model", .args = G "--x precision=f32,f99", .code = 2, .words = "'f99' must be one of"},
    {"large", .args = G "--x seed=1..100 --y steps=1..100 -W 512 -H 512", .code = 2, .words = "a grid of 100 x 100 pictures of 512 x 512 is too large"},
    {"no-room", .args = G "--x seed=1..100 --y steps=1..10 -W 256 -H 256 --memory-limit 100M", .code = 1, .words = "memory: the grid alone takes"},
    {"matrix-and-x", .args = G "--matrix --x steps=1", .code = 2, .words = "--matrix: takes the place of --x and --y"},
    {"matrix-option", .args = G "--x steps=1 --matrix-start", .code = 2, .words = "counts only with --matrix"},
    {"matrix-negative", .args = G "--matrix --matrix-negative", .code = 2, .words = "--matrix: needs --negative"},
    {"matrix-parts", .args = "grid -m $B -p 'a|b|c|d|e|f|g|h|i|j|k|l|m|n' --matrix", .code = 2, .words = "--prompt: has more than 13 parts"},
    {"stdout", .args = G "--x steps=1 -o -", .code = 2, .words = "--out: name a file"},
    {"model-as-out", .args = G "--x steps=1 -o a.safetensors", .code = 2, .words = "is a model's name"},
    {"pictures-in-a-file", "f", BYTES("x"), G "--x steps=1 --pictures f", 1, "f: cannot be listed"},
    {"stray", .args = "grid -m $B cat --x steps=1", .code = 2, .words = "unexpected argument 'cat'"},
    {"lines-empty", "p.txt", BYTES("\n \r\n"), "txt2img -m $B --prompts-from p.txt", 1, "p.txt: has no prompt"},
    {"lines-gone", .args = "txt2img -m $B --prompts-from gone.txt", .code = 1, .words = "gone.txt"},
    {"lines-quote", "p.txt", BYTES("a\n--prompt \"b"), "txt2img -m $B --prompts-from p.txt", 1, "p.txt: line 2: a quote is not closed"},
    {"lines-option", "p.txt", BYTES("--prompt b --restore_faces true"), "txt2img -m $B --prompts-from p.txt", 2, "p.txt: line 1: --restore_faces: no such option for a line"},
    {"lines-value", "p.txt", BYTES("--prompt b --steps"), "txt2img -m $B --prompts-from p.txt", 2, "p.txt: line 1: --steps: needs a value"},
    {"lines-number", "p.txt", BYTES("a\n--prompt b --steps many"), "txt2img -m $B --prompts-from p.txt", 2, "p.txt: line 2: steps: 'many' is not a whole number"},
    {"lines-stray", "p.txt", BYTES("--steps 3 b"), "txt2img -m $B --prompts-from p.txt", 2, "p.txt: line 1: b: is no option"},
    {"lines-no-prompt", "p.txt", BYTES("--steps 3"), "txt2img -m $B --prompts-from p.txt", 2, "no prompt"},
    {"lines-bytes", "p.txt", BYTES("a\n\351"), "txt2img -m $B --prompts-from p.txt", 1, "p.txt: not UTF-8"},
    {"lines-and-taps", "p.txt", BYTES("a"), "txt2img -m $B --prompts-from p.txt --taps t", 2, "are of one picture"},
    {"next-seeds", .args = "txt2img -m $B -p x --next-seeds", .code = 2, .words = "--next-seeds: needs --prompts-from"},
    {"encode-prompt", .args = "img2img -m $B -i p.png -p x --only-encode z.safetensors", .code = 2, .words = "--prompt: does not count with --only-encode"},
    {"encode-out", .args = "img2img -m $B -i p.png --only-encode z.safetensors -o o.png", .code = 2, .words = "--out: does not count with --only-encode"},
    {"encode-loops", .args = "img2img -m $B -i p.png --only-encode z.safetensors --loops 2", .code = 2, .words = "--only-encode: leave out what draws"},
    {"decode-steps", .args = "txt2img -m $B --only-decode z.safetensors --steps 3", .code = 2, .words = "--steps: does not count with --only-decode"},
    {"decode-gone", .args = "txt2img -m $B --only-decode z.safetensors", .code = 1, .words = "z.safetensors"},
    {"decode-model", .args = "txt2img -m $B --only-decode $B", .code = 1, .words = "holds no tensor 'latents'"},
    {"decode-shape", "z.safetensors", BYTES("\110\000\000\000\000\000\000\000{\"latents\":{\"dtype\":\"F32\",\"shape\":[1,3,1,1],\"data_offsets\":[0,12]}}     " "\0\0\0\0\0\0\0\0\0\0\0\0"), "txt2img -m $B --only-decode z.safetensors", 1, "z.safetensors: its latents are not [pictures,4,height,width]"},
    {"loops-strength", .args = "img2img -m $B -i p.png -p x --final-strength 0.5", .code = 2, .words = "count with --loops N"},
    {"loops-both", .args = "img2img -m $B -i p.png -p x --loops 2 --loop-factor 0.9 --final-strength 0.5", .code = 2, .words = "--loop-factor: does not count beside"},
    {"loops-batch", .args = "img2img -m $B -i p.png -p x --loops 2 --batch-size 2", .code = 2, .words = "--loops: not with --batch-size"},
    {"loops-stdout", .args = "img2img -m $B -i p.png -p x --loops 2 -o -", .code = 2, .words = "standard output takes one picture, not 2"},
};

/* In a folder d, which is empty. */
static const HostileCase FOLDERS[] = {
    {"folder-no-out", .args = "img2img -m $B -i d -p x", .code = 2, .words = "needs -o DIR"},
    {"folder-to-file", .args = "img2img -m $B -i d -p x -o a.png", .code = 2, .words = "a.png is none"},
    {"folder-empty", .args = "img2img -m $B -i d -p x -o d", .code = 1, .words = "d: has no pictures"},
    {"folder-batch", .args = "img2img -m $B -i d -p x -o d --batch-size 2", .code = 2, .words = "of a folder each picture becomes one"},
    {"folder-sheet", .args = "img2img -m $B -i d -p x -o d --steps-sheet s.png", .code = 2, .words = "are of one picture"},
    {"folder-itself", "d/a.png", BYTES("x"), "img2img -m $B -i d -p x -o d", 2, "d/a.png is also an input file"},
    {"folder-no-mask", "d/a.png", BYTES("x"), "img2img -m $B -i d -p x -o e --mask e", 1, "e: has 0 masks for a.png"},
    {"folder-no-picture", "d/a.png", BYTES("x"), "img2img -m $B -i d -p x -o e", 1, "d/a.png: not a picture"},
};
/* clang-format on */

HOSTILE(grid) {
    hostile_cases(CASES, sizeof CASES / sizeof *CASES);
    mkdir(cli_path("d"), 0777);
    mkdir(cli_path("e"), 0777);
    hostile_cases(FOLDERS, sizeof FOLDERS / sizeof *FOLDERS);
}
