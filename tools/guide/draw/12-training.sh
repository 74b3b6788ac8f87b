rm -rf "$data/ten" "$data"/ten.safetensors*
"$sdc" make-data -o "$data/ten" --count 10 --seed 3 > /dev/null
"$sdc" train -m weights/builtin.safetensors --data "$data/ten" --train unet+text --steps 150 --batch-size 10 --lr 1e-3 --warmup 10 --seed 1 \
    --out "$data/ten.safetensors" --overwrite --log "$data/ten.csv" --log-every 1000 > /dev/null
plot 12-training 300 <<'END'
set xlabel "step (ten pictures each)"; set ylabel "loss (mean squared error of v)"
set yrange [0:*]; unset key
plot "ten.csv" using 1:2 every ::1 with lines lc rgb "#b8d4e8", "" using 1:2 every ::1 smooth bezier lt 1 lw 2
END
