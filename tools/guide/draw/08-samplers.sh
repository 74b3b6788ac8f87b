# The last latents after so many steps, beside those of very small steps that begin as they do: at a noise of 15 by Karras'
# schedule, or where all is noise, which those in time space do, and the DPM-Solvers of this model.
draw() { # SAMPLER STEPS FILE GLOB [OPTION...]
    sampler=$1 steps=$2 file=$3 glob=$4
    shift 4
    "$sdc" txt2img -q -p "$prompt" --seed 7 --sampler "$sampler" --steps "$steps" -o "$data/sampler.png" --taps "$data/$file" \
        --tap "$glob" "$@"
}
karras="--scheduler Karras --sigma-max 15"
draw Heun 200 exact.safetensors latents.step199 $karras
draw DDIM 999 exact-all.safetensors latents.step998 # every time once
: > "$data/errors.csv"
measure() { # SAMPLER KIND STEPS EXACT [OPTION...]
    name=$1 kind=$2 steps=$3 exact=$4
    shift 4
    draw "$name" "$steps" sampler.safetensors 'latents*' "$@"
    last=$("$sdc" show "$data/sampler.safetensors" | sed -n '$s/ .*//p')
    count=$((1${last#latents.step} - 999))
    echo "$last $("$sdc" show "$data/$exact" | sed -n '$s/ .*//p')" > "$data/names.txt"
    [ "$name" != "DPM adaptive" ] || steps=$count # which it has chosen
    "$sdc" diff "$data/sampler.safetensors" "$data/$exact" --names "$data/names.txt" --json |
        sed -n "s/.*\"name\":\"$last\",\"relative_rms\":\([^,]*\),.*/$name,$kind,$steps,\1/p" >> "$data/errors.csv"
}
"$sdc" samplers --json | sed 's/{"name":"\([^"]*\)".*"space":"\([^"]*\)".*/\1,\2/' > "$data/samplers.txt"
while IFS=, read -r name space; do
    for steps in 5 10 20 40 80; do
        case $name in
        *CFG++) ;; # has no limit
        "DPM fast") measure "$name" all $steps exact-all.safetensors --eta 0 ;;
        "DPM adaptive") [ $steps != 20 ] || measure "$name" all $steps exact-all.safetensors --eta 0 ;;
        DDIM | PLMS | UniPC) measure "$name" all $steps exact-all.safetensors ;;
        DDPM | LCM | TCD) measure "$name" noise $steps exact-all.safetensors ;;
        Restart | *SDE* | *" a") measure "$name" noise $steps exact.safetensors $karras ;;
        *) measure "$name" exact $steps exact.safetensors $karras ;;
        esac
    done
done < "$data/samplers.txt"
awk -F, '$2 == "noise" { if (name && $1 != name) print "\n"; name = $1; print }' "$data/errors.csv" > "$data/errors-noise.csv"
plot 08-samplers 430 <<'END'
set logscale xy; set xrange [4.5:90]; set yrange [0.0002:2]
set xtics (5, 10, 20, 40, 80)
set xlabel "steps"; set ylabel "error of the last latents (relative RMS)"
set key outside right center samplen 1.5
names = "Euler Heun DPM2 \"DPM++ 2M\" LMS"
others = "DDIM PLMS UniPC \"DPM fast\" \"DPM adaptive\""
plot "errors-noise.csv" using 3:4 with lines lc rgb "#cccccc" title "with fresh noise", \
  for [i=1:words(names)] "errors.csv" using (strcol(1) eq word(names,i) ? $3 : NaN):4 with linespoints lt i pt 7 ps 0.4 title word(names,i), \
  for [i=1:words(others)] "errors.csv" using (strcol(1) eq word(others,i) ? $3 : NaN):4 with linespoints lt i dt 2 pt 6 ps 0.5 title word(others,i)
END

# where the latents go, in the plane in which they move most: x / sqrt(sigma^2 + 1) after each step
: > "$data/paths.csv"
for name in Euler "DPM++ 2M" "Euler a"; do
    draw "$name" 20 path.safetensors 'latents*' $karras
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
