"$sdc" bench --arena "$data/arena.csv"
plot 10-memory 330 <<'END'
set xlabel "op, in the order of the computation"; set ylabel "memory in use (MB)"
set xrange [0:*]; set yrange [0:*]; unset key
set label "text" at 14,1.72 center; set label "one step of the U-Net" at 140,1.72 center; set label "decoder" at 277,1.72 center
set yrange [0:1.85]
plot for [s in "text step decode"] "arena.csv" using (strcol(2) eq s ? $1 : NaN):($3 / 1e6) with steps
END
