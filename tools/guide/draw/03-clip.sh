# cosines of the text states of words that stand alone: token 1 of each prompt
words="red orange yellow green cyan blue purple pink brown white grey black circle square triangle star heart ring cross diamond"
rm -f "$data/words.csv"
for w in $words; do
    "$sdc" txt2img -q -p "$w" --steps 1 --seed 1 -o "$data/word.png" --taps "$data/word.safetensors" --tap 'text_model*'
    "$sdc" show "$data/word.safetensors" --values - | awk -F, -v w="$w" '
        NR > 1 && $2 >= 77 * 96 + 96 && $2 < 77 * 96 + 2 * 96 { print w "," $3 }' >> "$data/words.csv"
done
awk -F, '
    { if ($1 != name[n]) name[++n] = $1; v[n, ++d[n]] = $2 }
    END {
        for (k = 1; k <= d[1]; k++) {
            for (i = 1; i <= n; i++) mean[k] += v[i, k] / n
        }
        for (i = 1; i <= n; i++)
            for (k = 1; k <= d[i]; k++) { v[i, k] -= mean[k]; square[i] += v[i, k] * v[i, k] }
        for (i = 1; i <= n; i++)
            for (j = 1; j <= n; j++) {
                s = 0
                for (k = 1; k <= d[i]; k++) s += v[i, k] * v[j, k]
                printf "%s,%s,%d,%d,%.3f\n", name[i], name[j], i, j, s / sqrt(square[i] * square[j])
            }
    }' "$data/words.csv" > "$data/cosines.csv"
plot 03-clip 560 <<'END'
unset border; unset grid; unset key
set xrange [0.5:20.5]; set yrange [20.5:0.5]
set size ratio -1
set xtics rotate by 90 right scale 0; set ytics scale 0
set palette defined (-1 "#2166ac", 0 "#ffffff", 1 "#b2182b"); set cbrange [-1:1]
set cblabel "cosine (1: the same direction)"
plot "cosines.csv" using 3:4:5:xticlabels(1):yticlabels(2) with image
END
