# measured on one machine, which the page names; sdc bench --ladder --json measures another
cp "$out/11-ladder.csv" "$data/ladder.csv"
plot 11-kernels 300 <<'END'
set logscale x; set xrange [2:1200]; set yrange [6.7:-0.7] ; unset key
set ytics scale 0; set grid noytics
set xlabel "GFLOP/s of one thread (logarithmic)"
set style fill solid noborder
set arrow from 269,-0.7 to 269,6.7 nohead dt 2 lc rgb "#b2182b"
set label "peak" at 260,-0.45 right textcolor rgb "#b2182b"
plot "ladder.csv" using ($2 / 2 + 1):0:(2):2:($0 - 0.35):($0 + 0.35):ytic(1) with boxxyerror lc rgb "#56b4e9", \
  "" using ($2 * 1.08):0:(sprintf("%.0f", $2)) with labels left
END
