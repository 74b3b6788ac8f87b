/* hostile_requests.c: requests of which every value is in its range, and that still ask for what cannot be. */
#include "hostile.h"

#define T "txt2img -p x -o n.png "
#define UNLESS " --memory-limit 1"

/* a PNG of one pixel */
#define ONE_PIXEL                                                                                                      \
    "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01"                 \
    "\x08\x02\x00\x00\x00\x90\x77\x53\xde\x00\x00\x00\x0c\x49\x44\x41\x54\x78\x9c\x63\x60\x64\x62\x06"                 \
    "\x00\x00\x0e\x00\x07\xd7\x6f\xe4\x78\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82"

/* a PNG of one grey pixel of 16 bits, black in 8 */
#define BLACK_PIXEL                                                                                                    \
    "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01"                 \
    "\x10\x00\x00\x00\x00\x6a\xee\x47\x16\x00\x00\x00\x0b\x49\x44\x41\x54\x78\xda\x63\x60\x10\x00\x00"                 \
    "\x00\x13\x00\x11\xc6\xf0\x2e\xbb\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82"
#define M "img2img -p x -o n.png -i m.png -W 64 -H 64 "

static const HostileCase CASES[] = {
    /* products: refused before work, with what is needed and what there is */
    {"vast-batch", .args = T "-W 2048 -H 2048 --batch-size 1000 --memory-limit 8G", .code = 1,
     .words = "memory: 2048x2048, batch size 1000 needs|but the limit is 8192 MiB"},
    {"vast-everything", .args = T "-W 4096 -H 4096 --batch-size 1024 --steps 1000 --memory-limit 8G", .code = 1,
     .words = "memory: 4096x4096, batch size 1024 needs|make a smaller picture or batch"},
    {"vast-wide", .args = T "-W 16384 -H 1024 --batch-size 1024 --memory-limit 100G", .code = 1,
     .words = "memory: 16384x1024"},
    {"vast-narrow", .args = T "-W 8 -H 16384 --batch-size 1024 --memory-limit 300M", .code = 1,
     .words = "memory: 8x16384"},
    {"vast-small-pictures", .args = T "-W 64 -H 64 --batch-size 1024 --batch-count 100000 --memory-limit 50M",
     .code = 1, .words = "memory: 64x64, batch size 1024"},
    {"vast-preview", .args = T "-W 4096 -H 4096 --steps 2 --steps-sheet s.png --memory-limit 200M", .code = 1,
     .words = "memory: 4096x4096"},
    {"vast-texts", .args = "txt2img -p \"$(seq -s ' AND ' 1 9000)\" -o n.png --memory-limit 1G", .code = 2,
     .words = "9000 chunks of 75 tokens are too many for a picture"},
    {"vast-steps-sheet", .args = T "-W 4096 -H 4096 --steps 17 --steps-sheet s.png", .code = 2,
     .words = "a sheet of 17"},
    {"vast-sheet", .args = "sheet -W 16384 -H 1024 $(seq 1 17) -o n.png", .code = 2, .words = "a sheet of 17 pictures"},
    {"size-product", .args = T "-W 16384 -H 16384", .code = 2,
     .words = "size: 16384x16384 is more than 16777216 pixels"},
    {"size-product-by-one", .args = T "-W 4096 -H 4104", .code = 2, .words = "size: 4096x4104 is more than 16777216"},
    {"size-uneven", .args = T "-W 100", .code = 2, .words = "--width: 100 is not a multiple of 8"},
    {"size-uneven-height", .args = T "-H 9", .code = 2, .words = "--height: 9 is not a multiple of 8"},

    /* a second model */
    {"vae-gone", .args = T "--vae gone.safetensors", .code = 1, .words = "gone.safetensors: cannot be opened"},
    {"vae-of-no-weights", .args = T "--vae .", .code = 1, .words = ".: holds no weights"},
    {"vae-of-text", "v.safetensors", BYTES("a VAE\n"), T "--vae v.safetensors", 1, "v.safetensors: is a text file"},
    {"vae-no-name", .args = T "--vae ''", .code = 2, .words = "empty|help"},
    {"text-encoder-gone", .args = T "--text-encoder gone", .code = 1, .words = "gone: cannot be opened"},
    {"unet-of-pictures", "u", BYTES("\x89PNG\r\n\x1a\n"), T "--unet u", 1, "u: is a PNG picture"},
    {"taesd-gone", .args = T "--taesd gone", .code = 1, .words = "gone: cannot be opened"},
    {"taesd-of-a-model", .args = T "--taesd $B", .code = 1, .words = "holds no TAESD"},
    {"second-encoder-of-one", .args = T "--text-encoder-2 $B", .code = 1, .words = "holds no second text encoder"},
    {"taesd-with-nothing", .args = T "--vae-decoder taesd", .code = 2, .words = "--vae-decoder: no TAESD"},
    {"preview-nowhere", .args = T "--preview approx", .code = 2, .words = "--preview: needs --preview-out"},
    {"preview-over-the-vae", .args = T "--vae $B --preview-out $B", .code = 2, .words = "--preview-out: |is a"},
    {"control-of-nothing", .args = T "--control x", .code = 2, .words = "--control: 'x' must be FILE:IMAGE"},
    {"control-without-a-picture", .args = T "--control x:", .code = 2, .words = "must be FILE:IMAGE"},
    {"control-nan", .args = T "--control x:y:nan", .code = 2, .words = "weight: 'nan' is not a number in 0..2"},
    {"control-empty-value", .args = T "--control x:y:end=", .code = 2, .words = "end: '' is not a number in 0..1"},
    {"control-backwards", .args = T "--control x:y:1:0.6:0.5", .code = 2,
     .words = "its start, 0.6, is after its end, 0.5"},
    {"control-four-numbers", .args = T "--control x:y:1:0:1:1", .code = 2, .words = "'1' is one number too many"},
    {"control-no-such-hint", .args = T "--control x:y:hint=magic", .code = 2,
     .words = "hint: 'magic' must be one of none|"},
    {"control-no-such-key", .args = T "--control x:y:strength=1", .code = 2, .words = "'strength=1' must be weight"},
    {"control-gone", .args = T "--control gone.safetensors:gone.png", .code = 1, .words = "gone.png: cannot be opened"},
    {"refiner-gone", .args = T "--refiner gone.safetensors", .code = 1, .words = "gone.safetensors: cannot be opened"},
    {"refiner-of-no-weights", .args = T "--refiner .", .code = 1, .words = ".: "},
    {"refiner-beyond-the-end", .args = T "--refiner $B --refiner-switch 1.1", .code = 2,
     .words = "--refiner-switch: 1.1 is not in 0..1"},
    {"refiner-without-room", .args = T "--refiner $B" UNLESS, .code = 1, .words = "but the limit is 1 bytes"},

    /* seeds count up */
    {"seed-no-room", .args = T "--seed 9223372036854775807 --batch-size 2", .code = 2,
     .words = "--seed: 9223372036854775807 leaves no room"},
    {"seed-no-room-count", .args = T "--seed 9223372036854775807 --batch-count 2", .code = 2,
     .words = "--seed: 9223372036854775807 leaves no room"},
    {"seed-last", .args = T "--seed 9223372036854775807" UNLESS, .code = 1, .words = "memory: 64x64"},
    {"variation-no-room", .args = T "--variation-seed 9223372036854775807 --batch-size 2", .code = 2,
     .words = "--variation-seed: 9223372036854775807 leaves no room"},
    {"ensd-more-than-an-int", .args = T "--ensd 4294967296", .code = 2, .words = "--ensd: 4294967296 is not in"},
    {"seed-width-alone", .args = T "--seed-width 64", .code = 2, .words = "--seed-width: 64 needs a seed height"},
    /* a gigabyte of noise for a picture of 64 x 64 */
    {"seed-size-product", .args = T "--seed-width 16384 --seed-height 16384", .code = 2,
     .words = "--seed-width: 16384 with seed height 16384 is more than"},
    {"seed-size-memory", .args = T "--seed-width 4096 --seed-height 4096 --memory-limit 60M", .code = 1,
     .words = "memory: 64x64"},
    {"seed-height-alone", .args = T "--seed-height 64", .code = 2, .words = "--seed-height: 64 needs a seed width"},
    {"seed-height-zero", .args = T "--seed-width 64 --seed-height 0", .code = 2, .words = "--seed-width: 64 needs"},

    /* schedules */
    {"sigmas-crossed", .args = T "--scheduler Karras --sigma-min 5 --sigma-max 2", .code = 2,
     .words = "--sigma-min: 5 is not below sigma max, 2"},
    {"sigmas-equal", .args = T "--scheduler Beta --sigma-min 2 --sigma-max 2", .code = 2,
     .words = "--sigma-min: 2 is not below"},
    {"sigma-min-over-model", .args = T "--scheduler Exponential --sigma-min 100000", .code = 2,
     .words = "--sigma-min: 100000 is not below|(the model's)"},
    {"sigma-max-under-model", .args = T "--scheduler Normal --sigma-max 0.001", .code = 2,
     .words = "(the model's) is not below"},
    {"sigma-tiny", .args = T "--scheduler Polyexponential --sigma-min 1e-310", .code = 2,
     .words = "--sigma-min: 1e-310 is not in"},
    {"rho-too-small", .args = T "--scheduler Karras --rho 0.01", .code = 2, .words = "--rho: 0.01 gives Karras sigmas"},
    {"rho-negative", .args = T "--scheduler Karras --rho -7", .code = 2, .words = "--rho: -7 is not in"},
    {"eta-7", .args = T "--sampler 'DPM adaptive' --eta 7", .code = 2, .words = "--eta: 7 is not in"},
    {"churn-negative", .args = T "--sampler Euler --s-churn -5", .code = 2, .words = "--s-churn: -5 is not in 0..1000"},
    {"ddim-one-step", .args = T "--sampler DDIM --steps 1", .code = 2,
     .words = "--steps: DDIM makes no picture in 1 step"},
    {"plms-one-step", .args = T "--sampler PLMS --steps 1", .code = 2,
     .words = "--steps: PLMS makes no picture in 1 step"},
    {"clip-skip-beyond", .args = T "--clip-skip 32", .code = 2,
     .words = "--clip-skip: 32 is not in 1..|layers of this model"},

    /* files beside the request */
    {"noise-gone", .args = T "--noise gone.safetensors", .code = 1, .words = "gone.safetensors"},
    {"noise-before-work", .args = T "--noise gone.safetensors -W 2048 -H 2048", .code = 1, .words = "gone.safetensors"},
    {"noise-folder", .args = T "--noise .", .code = 1, .words = ".: is a directory"},
    {"noise-text", "n.txt", BYTES("hello"), T "--noise n.txt", 1, "n.txt"},
    {"noise-model", .args = T "--noise $B", .code = 1, .words = "no tensor 'noise'"},
    {"taps-no-folder", .args = T "--taps no/t.safetensors", .code = 1, .words = "no/t.safetensors"},
    {"taps-no-name", .args = T "-q --steps 1 --taps t.safetensors --tap 'nothing*'", .code = 2,
     .words = "no activation has a name like 'nothing*'"},
    {"tap-alone", .args = T "--tap '*'", .code = 2, .words = "--tap: needs --taps FILE"},
    {"taps-model", .args = T "-m $B --taps $B", .code = 2, .words = "--taps: |also an input file"},
    {"taps-picture", .args = T "--taps n.png", .code = 2, .words = "--taps: n.png is also that of --out"},
    {"taps-count", .args = T "--taps t.safetensors --batch-count 2", .code = 2, .words = "--taps: records one run"},
    {"out-model", .args = "txt2img -m $B -p x -o $B", .code = 2, .words = "--out: |model's name"},
    {"out-jpeg", .args = "txt2img -p x -o x.jpg", .code = 2, .words = "--out: x.jpg"},
    {"sheet-is-out", .args = T "--steps-sheet n.png", .code = 2, .words = "--steps-sheet: n.png is also that of"},
    {"model-empty", .args = T "-m ''", .code = 2, .words = "-m: its value is empty"},
    {"model-gone", .args = T "-m gone.safetensors", .code = 1, .words = "gone.safetensors"},
    {"precision-f16-cpu", .args = T "--precision f16 --device cpu", .code = 2, .words = "--precision: f16 is for GPUs"},
    {"exact", .args = T "--exact --precision mixed", .code = 2, .words = "exact: only f32 and f32-direct"},
    {"network", .args = "txt2img -p '<lora:x:1>' -o n.png", .code = 2, .words = "<lora:x:1>: no "},
    {"network-dyn", .args = "txt2img -p '<lora:x:1:1:0>' -o n.png", .code = 2, .words = "<lora:x:1:1:0>: dyn"},
    {"network-hyper", .args = "txt2img -p '<hypernet:x>' -o n.png", .code = 2, .words = "<hypernet:x>: hypernetworks"},
    {"network-folder", .args = "txt2img -p '<lora:x>' --lora-dir gone -o n.png", .code = 1,
     .words = "gone: cannot be opened"},
    {"embedding-folder", .args = "txt2img -p a --embedding-dir gone -o n.png", .code = 1,
     .words = "gone: cannot be opened"},
    {"network-unclosed", .args = "txt2img -p '<lora:x' -o n.png" UNLESS, .code = 1, .words = "memory: 64x64"},

    /* img2img */
    {"image-missing", .args = "img2img -p x -o n.png", .code = 2, .words = "no picture to start from"},
    {"image-one-pixel", "one.png", BYTES(ONE_PIXEL), "img2img -i one.png -p x -o n.png", 1,
     "one.png: is 1x1, too small to take its size from; say -W and -H"},
    {"image-one-pixel-wide", "one.png", BYTES(ONE_PIXEL), "img2img -i one.png -p x -W 64 -o n.png", 1,
     "one.png: is 1x1"},
    {"image-one-pixel-high", "one.png", BYTES(ONE_PIXEL), "img2img -i one.png -p x -H 64 -o n.png", 1,
     "one.png: is 1x1"},
    {"image-one-pixel-sized", "one.png", BYTES(ONE_PIXEL), "img2img -i one.png -p x -W 64 -H 64 -o n.png" UNLESS, 1,
     "memory: 64x64"},
    {"image-gone", .args = "img2img -i gone.png -p x -o n.png", .code = 1, .words = "gone.png"},
    {"image-to-txt2img", .args = "txt2img -i a.png -p x -o n.png", .code = 2, .words = "-i: no such option"},
    {"mask-gone", "m.png", BYTES(ONE_PIXEL), M "--mask gone.png", 1, "gone.png"},
    {"mask-text", "m.png", BYTES("hello"), M "--mask m.png", 1, "m.png: not a picture"},
    {"mask-black", "m.png", BYTES(BLACK_PIXEL), M "--mask m.png", 2, "mask: keeps the whole picture"},
    {"mask-black-part", "m.png", BYTES(BLACK_PIXEL), M "--mask m.png --only-masked", 2,
     "mask: keeps the whole picture"},
    {"mask-of-one-pixel", "m.png", BYTES(ONE_PIXEL), M "--mask m.png --only-masked" UNLESS, 1, "memory: 64x64"},
    {"mask-setting-alone", .args = M "--fill noise", .code = 2, .words = "--fill: needs --mask FILE"},
    {"mask-over", .args = M "--mask-blur 65", .code = 2, .words = "--mask-blur: 65 is not in"},
    {"mask-to-txt2img", .args = T "--mask m.png", .code = 2, .words = "--mask: no such option"},
    {"mask-is-out", "m.png", BYTES(ONE_PIXEL), "img2img -p x -i m.png --mask m.png -o m.png", 2, "also an input file"},
    {"strength-nan", .args = "img2img -i a.png -p x --strength nan", .code = 2,
     .words = "--strength: 'nan' is not a number"},
    {"strength-over", .args = "img2img -i a.png -p x --strength 1.0001", .code = 2,
     .words = "--strength: 1.0001 is not in 0..1"},
    {"strength-percent", .args = "img2img -i a.png -p x --strength 75", .code = 2,
     .words = "--strength: 75 is not in 0..1"},
};

HOSTILE(requests) { hostile_cases(CASES, sizeof CASES / sizeof *CASES); }
