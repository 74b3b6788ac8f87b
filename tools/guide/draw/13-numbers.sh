# the latents after each step, of four ways to compute the same run, beside those of f32
compute() { "$sdc" txt2img -q -p "$prompt" --seed 7 --steps 20 --sampler Euler --precision "$1" -o "$data/n.png" --taps "$data/$1.safetensors" --tap 'latents*'; }
compute f32
compute f32-direct
compute mixed
"$plain" weights/builtin.safetensors "$prompt" "$data/n.png" --seed 7 --steps 20 --taps "$data/plain.safetensors" 2> /dev/null
: > "$data/numbers.csv"
for other in f32-direct plain mixed; do
    "$sdc" diff "$data/$other.safetensors" "$data/f32.safetensors" --json --bound 1 | grep -o '"name":"latents[^}]*' |
        sed "s/\"name\":\"latents.step0*\([0-9]*[0-9]\)\",\"relative_rms\":\([^,]*\),.*/$other,\1,\2/" >> "$data/numbers.csv"
done
plot 13-numbers 330 <<'END'
set logscale y; set yrange [1e-8:1e-1]; set format y "10^{%T}"
set xlabel "step"; set ylabel "difference of the latents (relative RMS)"
set key outside right center
plot "numbers.csv" using (strcol(1) eq "mixed" ? $2 + 1 : NaN):3 with lines title "bf16 products", \
  "" using (strcol(1) eq "plain" ? $2 + 1 : NaN):3 with lines title "plain.c", \
  "" using (strcol(1) eq "f32-direct" ? $2 + 1 : NaN):3 with lines title "without Winograd"
END
