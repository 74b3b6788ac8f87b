: > "$data/cfg.csv"
for cfg in 0 1 3 10 30 60; do
    "$sdc" txt2img -q -p "a yellow star to the left of a purple moon on a green background" --seed 5 --steps 20 --sampler Euler --cfg $cfg \
        -o "$data/cfg-$cfg.png" --taps "$data/cfg.safetensors" --tap image
    "$sdc" show "$data/cfg.safetensors" --histograms - |
        awk -F, -v cfg=$cfg 'NR > 1 { print cfg "," ($2 + $3) / 2 "," $4 / 12288 / ($3 - $2) }' >> "$data/cfg.csv"
    [ "$cfg" = 60 ] || echo >> "$data/cfg.csv"
done
"$montage" "$out/07-guidance.png" 1 6 "$data/cfg-0.png" "$data/cfg-1.png" "$data/cfg-3.png" "$data/cfg-10.png" "$data/cfg-30.png" \
    "$data/cfg-60.png"
plot 07-histogram 300 <<'END'
set xlabel "number in the picture (−1: none of a colour, 1: all of it)"
set ylabel "share of the numbers, per unit"
set xrange [-2:4]; set logscale y; set yrange [0.01:20]
set key outside right center title "CFG"
plot for [c in "1 3 30 60"] "cfg.csv" using ($1 == c ? $2 : NaN):($3 > 0 ? $3 : 0.001) with steps title c
END
