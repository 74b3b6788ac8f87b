# a box for each piece of a word before every merge; the two that become one are filled
"$sdc" tokens --merges -p lighthouse | awk '
    {
        rank = $1; first = 2
        if ($0 ~ /^       [ ]/) { rank = ""; first = 1 }
        y = -NR; x = 0
        for (i = first; i <= NF && $i != "="; i++) {
            printf "%d,%d,%d,%.2f,%.2f,%s\n", x, x, x + length($i), y - 0.4, y + 0.4, $i > boxes
            x += length($i)
        }
        printf "%d,%s\n", y, rank > ranks
    }' boxes="$data/boxes.csv" ranks="$data/ranks.csv"
plot 02-tokens 330 <<'END'
unset border; unset tics; unset grid; unset key
set xrange [-1.8:10]; set yrange [-10.5:0.3]; set margins 1,1,0,0
set label "rank of the next merge" at -1.8,0 left textcolor rgb "#606060"
set style fill solid 1.0 noborder
plot "boxes.csv" using (($2+$3)/2):(($4+$5)/2):($2+0.04):($3-0.04):4:5 with boxxyerror fillcolor rgb "#cfe4f3", \
  "boxes.csv" using (($2+$3)/2):(($4+$5)/2):6 with labels font "monospace,14", \
  "ranks.csv" using (-0.5):1:2 with labels textcolor rgb "#606060"
END
