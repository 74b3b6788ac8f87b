# style.gp: how every diagram of the guide looks. `out` is the SVG, `high` its height in pixels.
set encoding utf8
set terminal svg size 660,high dynamic font "sans-serif,13" linewidth 1.3 background rgb "#ffffff"
set output out
set border 3 linecolor rgb "#808080" linewidth 0.8
set tics nomirror out scale 0.5 textcolor rgb "#303030"
set grid linetype 1 linecolor rgb "#e4e4e4" linewidth 0.8
set key left top reverse Left noautotitle
set datafile separator ","
# colours that colour-blind readers tell apart (Okabe and Ito)
set linetype 1 linecolor rgb "#0072b2"
set linetype 2 linecolor rgb "#d55e00"
set linetype 3 linecolor rgb "#009e73"
set linetype 4 linecolor rgb "#cc79a7"
set linetype 5 linecolor rgb "#e69f00"
set linetype 6 linecolor rgb "#56b4e9"
set linetype 7 linecolor rgb "#555555"
set linetype 8 linecolor rgb "#000000"
set linetype cycle 8
