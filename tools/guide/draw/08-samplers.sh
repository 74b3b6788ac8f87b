# the last latents of the samplers that work in sigma, after so many steps, beside those of a run in very small steps
draw() { # SAMPLER STEPS FILE GLOB
    "$sdc" txt2img -q -p "$prompt" --seed 7 --sampler "$1" --scheduler Karras --sigma-max 15 --steps "$2" -o "$data/sampler.png" \
        --taps "$data/$3" --tap "$4"
}
draw Heun 200 exact.safetensors latents.step199
: > "$data/errors.csv"
"$sdc" samplers --json | grep '"space":"sigma"' | grep -v chooses_steps | sed 's/{"name":"\([^"]*\)".*/\1/' > "$data/samplers.txt"
while read -r name; do
    case $name in "DPM fast" | Restart | LCM | TCD | *CFG++) continue ;; esac # of other steps, or for other models
    case $name in *SDE* | *" a" | DDPM) kind=noise ;; *) kind=exact ;; esac
    for steps in 5 10 20 40 80; do
        last=$(printf 'latents.step%03d' $((steps - 1)))
        draw "$name" $steps sampler.safetensors "$last"
        echo "$last latents.step199" > "$data/names.txt"
        "$sdc" diff "$data/sampler.safetensors" "$data/exact.safetensors" --names "$data/names.txt" --json |
            sed -n "s/.*\"relative_rms\":\([^,]*\),.*/$name,$kind,$steps,\1/p" >> "$data/errors.csv"
    done
done < "$data/samplers.txt"
for k in exact noise; do
    awk -F, -v k=$k '$2 == k { if (name && $1 != name) print ""; if ($1 != name) print ""; name = $1; print }' "$data/errors.csv" > "$data/errors-$k.csv"
done
plot 08-samplers 430 <<'END'
set logscale xy; set xrange [4.5:90]; set yrange [0.0003:1]
set xtics (5, 10, 20, 40, 80)
set xlabel "steps"; set ylabel "error of the last latents (relative RMS)"
set key outside right center samplen 1.5
names = "Euler Heun DPM2 \"DPM++ 2M\" LMS"
plot "errors-noise.csv" using 3:4 with lines lc rgb "#cccccc" title "with fresh noise", \
  for [i=1:words(names)] "errors.csv" using (strcol(1) eq word(names,i) ? $3 : NaN):4 with linespoints lt i pt 7 ps 0.4 title word(names,i)
END

# where the latents go, in the plane in which they move most: x / sqrt(sigma^2 + 1) after each step
: > "$data/paths.csv"
for name in Euler "DPM++ 2M" "Euler a"; do
    draw "$name" 20 path.safetensors 'latents*'
    "$sdc" show "$data/path.safetensors" --values - | awk -F, -v name="$name" 'NR > 1 { print name "," $1 "," $3 }' >> "$data/paths.csv"
done
# Karras et al. 2022, equation 5, from 15 to the model's least
least=$("$sdc" schedulers --csv - --steps 20 | sed -n 's/^Karras,19,\([^,]*\),.*/\1/p')
awk -v least="$least" 'BEGIN {
    for (i = 0; i < 20; i++) printf "Karras,%d,%.9g,\n", i, (15 ^ (1 / 7) + i / 19 * (least ^ (1 / 7) - 15 ^ (1 / 7))) ^ 7
    print "Karras,20,0,"
}' > "$data/sigmas.csv"
awk -f tools/guide/plane.awk -v schedule=Karras "$data/sigmas.csv" "$data/paths.csv" > "$data/plane.csv"
plot 08-paths 400 <<'END'
set xlabel "first principal direction"; set ylabel "second principal direction"
set key outside right center samplen 1.5
set size ratio -1
plot for [n in "Euler \"DPM++ 2M\" \"Euler a\""] "plane.csv" using (strcol(1) eq n ? $3 : NaN):4 with linespoints pt 7 ps 0.4 title n, \
  "plane.csv" using 3:($2 == 20 ? $4 : NaN) with points pt 6 ps 1.2 lc rgb "#000000" title "the end"
END
