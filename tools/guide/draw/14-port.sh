"$sdc" bench --arena - | awk -F'[,"]' 'NR > 1 && $2 == "step" {
    k = $5; sub(/ [0-9].*| up .*| 3x3.*| 1x1.*/, "", k); sub(/ on.*/, "", k); n[k]++ }
    END { for (k in n) print k "," n[k] }' | sort -t, -k2,2nr > "$data/ops.csv"
plot 14-port 230 <<'END'
set xlabel "calls in one step of the built-in model"; unset key; set xrange [0:*]
set ytics scale 0; set grid noytics; set yrange [5.7:-0.7]
set style fill solid noborder
plot "ops.csv" using ($2 / 2):0:(0):2:($0 - 0.35):($0 + 0.35):ytic(1) with boxxyerror lc rgb "#56b4e9", "" using ($2 + 1):0:2 with labels left
END
