STEPS=4 WORK="$data" sh tools/guide/exercise.sh "$built" 6 > /dev/null
"$sdc" diff --json "$data/exercise-6/broken.safetensors" "$data/exercise-6/right.safetensors" | grep -o '"name":"[^}]*' |
    sed 's/"name":"\([^"]*\)","relative_rms":\([^,]*\),.*/\1,\2/' > "$data/compare.csv" || true
plot 15-compare 260 <<'END'
set logscale y; set yrange [1e-10:50]; set format y "10^{%T}"; unset key
set xlabel "tensors, in the order of the computation"; set ylabel "relative RMS"
set arrow from graph 0, first 1e-4 to graph 1, first 1e-4 nohead dt 2 lc rgb "#b2182b"
plot "compare.csv" using 0:($2 > 1e-4 ? $2 : NaN) with points pt 7 ps 0.4 lc rgb "#b2182b", "" using 0:($2 <= 1e-4 ? ($2 > 1e-9 ? $2 : 1.1e-9) : NaN) with points pt 7 ps 0.4 lt 1
END
