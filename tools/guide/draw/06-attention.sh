rm -rf "$data/words"
"$sdc" txt2img -q -p "$prompt" --seed 7 --steps 20 --sampler Euler -o "$data/words.png" --attention-maps "$data/words"
"$montage" "$out/06-attention.png" 1 5 "$data/words.png" "$data"/words/words-02-red.png "$data"/words/words-03-circle.png \
    "$data"/words/words-06-blue.png "$data"/words/words-07-square.png
