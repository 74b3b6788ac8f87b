# curve.awk: an SVG of a training's loss against the pictures seen; each point is the mean of a 200th of the run.
#
#     awk -f tools/dev/curve.awk batch=8 easy.csv all.csv > curve.svg
#
# The files are logs of `sdc train --log`, one stage after another.
BEGIN { FS = "," }
FNR > 1 {
    pictures += batch
    loss[++n] = $2
    at[n] = pictures
    stage[n] = FILENAME
}
END {
    width = 720; height = 300; left = 48; bottom = 36; low = 0.1; high = 0.9
    part = int(n / 200) + 1
    for (i = 1; i + part - 1 <= n; i += part) {
        sum = 0
        for (k = i; k < i + part; k++) sum += loss[k]
        y = sum / part
        y = y > high ? high : y < low ? low : y
        points = points sprintf("%.1f,%.1f ", left + (width - left - 8) * at[i + part - 1] / pictures,
            8 + (height - bottom - 8) * (high - y) / (high - low))
    }
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n", width, height
    printf "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", width, height
    for (y = low; y < high + 0.01; y += 0.1)
        printf "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n", left,
            8 + (height - bottom - 8) * (high - y) / (high - low), width - 8, left - 6,
            12 + (height - bottom - 8) * (high - y) / (high - low), y
    step = pictures > 500000 ? 100000 : pictures > 200000 ? 50000 : 20000
    for (x = 0; x <= pictures; x += step)
        printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d,000</text>\n", left + (width - left - 8) * x / pictures,
            height - bottom + 16, x / 1000
    for (i = 2; i <= n; i++)
        if (stage[i] != stage[i - 1]) {
            x = left + (width - left - 8) * at[i] / pictures
            printf "<path d=\"M%.1f 8V%d\" stroke=\"#888\" stroke-dasharray=\"4\"/>\n", x, height - bottom
        }
    printf "<polyline points=\"%s\" fill=\"none\" stroke=\"#2658d6\" stroke-width=\"1.5\"/>\n", points
    printf "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">pictures</text>\n</svg>\n", width / 2, height - 4
}
