# plane.awk: latents of several runs in the plane of their two principal directions.
#
#     awk -f plane.awk -v schedule=NAME schedules.csv values.csv > plane.csv
#
# schedules.csv: `sdc schedulers --csv`; values.csv: run,tap,value, a line for each element of latents.step000 and so on.
# Written: run,step,x,y. A point is the latents divided by sqrt(sigma^2 + 1), so that noise at any sigma has about size 1.
# With N points the directions follow from the N x N products of points (their mean subtracted), by power iteration.
BEGIN { FS = "," }
FILENAME == ARGV[ARGC - 2] { if ($1 == schedule) sigma[$2] = $3; next }
$1 != run || $2 != tap {
    if ($1 != run) step = 0
    run = $1
    tap = $2
    n++
    name[n] = run
    at[n] = ++step
    k = 0
    scale = 1 / sqrt(sigma[step] * sigma[step] + 1)
}
{ v[n, ++k] = $3 * scale; mean[k] += $3 * scale }
END {
    for (i = 1; i <= n; i++) for (j = 1; j <= k; j++) v[i, j] -= mean[j] / n
    for (i = 1; i <= n; i++)
        for (j = 1; j <= i; j++) {
            s = 0
            for (c = 1; c <= k; c++) s += v[i, c] * v[j, c]
            g[i, j] = g[j, i] = s
        }
    for (d = 1; d <= 2; d++) {
        for (i = 1; i <= n; i++) u[i] = (i * 7919 % 101) - 50
        for (turn = 0; turn < 200; turn++) {
            length2 = 0
            for (i = 1; i <= n; i++) {
                w[i] = 0
                for (j = 1; j <= n; j++) w[i] += g[i, j] * u[j]
                length2 += w[i] * w[i]
            }
            for (i = 1; i <= n; i++) u[i] = w[i] / sqrt(length2)
        }
        value = sqrt(length2)
        sign = u[1] < 0 ? -1 : 1
        for (i = 1; i <= n; i++) place[i, d] = sign * u[i] * sqrt(value)
        for (i = 1; i <= n; i++) for (j = 1; j <= n; j++) g[i, j] -= value * u[i] * u[j]
    }
    for (i = 1; i <= n; i++) {
        if (i > 1 && name[i] != name[i - 1]) print ""
        printf "%s,%d,%.4f,%.4f\n", name[i], at[i], place[i, 1], place[i, 2]
    }
}
