"$sdc" schedulers --csv "$data/schedules.csv" --steps 20
plot 04-noise 470 <<'END'
set multiplot layout 3,4 margins 0.12,0.99,0.1,0.95 spacing 0.025,0.07
set logscale y; set yrange [0.02:8000]; set xrange [0:19]
set ytics (0.1, 1, 10, 100, 1000) format "%g"; set xtics 0,5,15
types = "Uniform Karras Exponential Polyexponential \"SGM Uniform\" \"KL Optimal\" \"Align Your Steps\" Simple Normal DDIM Beta Trailing"
set label 1 "step (of 20)" at screen 0.53,0.025 center
set label 2 "noise before the step, σ (the clean latents have about 1)" at screen 0.02,0.52 center rotate
do for [i=1:words(types)] {
  if (i > 1) { unset label 1; unset label 2 }
  set title word(types,i) offset 0,-0.7
  if ((i-1) % 4) { set format y "" } else { set format y "%g" }
  if (i < 9) { set format x "" } else { set format x "%g" }
  plot "schedules.csv" using 2:((strcol(1) eq "Uniform" && $3 > 0) ? $3 : NaN) with lines lc rgb "#c8c8c8", \
    "" using 2:((strcol(1) eq word(types,i) && $3 > 0) ? $3 : NaN) with lines lt 1 lw 1.4
}
unset multiplot
END
