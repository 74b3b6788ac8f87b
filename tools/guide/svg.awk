# svg.awk: gnuplot's SVG with less of it: no markers that are not drawn, no filters, titles, comments or empty groups;
# the font once; colours as #rrggbb; coordinates to a tenth of a pixel; neighbours of one kind as one.
function hex(s,   part) {
    split(s, part, /[^0-9]+/)
    return sprintf("#%02x%02x%02x", part[2], part[3], part[4])
}

# Takes what lines of the file say, an element or less each.
function add(text,   at, before) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    if (text == "" || text ~ /^<text>(<tspan>)?(<\/tspan>)?<\/text>$/ || text ~ /^<path [^L]*\/>$/) return
    if (text ~ /^<text><tspan>[^<]*<\/tspan><\/text>$/) gsub(/<\/?tspan>/, "", text)
    if (text ~ /^<g[ >]/) {
        # the same group again: go on with the one that has just ended
        if (kept[k] == "</g>" && closed == text) k--
        else kept[++k] = text
        open[++depth] = text
        return
    }
    if (text == "</g>") {
        closed = open[depth--]
        if (kept[k] == closed) { k--; closed = "" } # nothing in it
        else kept[++k] = text
        return
    }
    if (text ~ /^<path stroke=.* d='/) {
        at = index(text, " d='")
        before = substr(text, 1, at + 3)
        if (substr(kept[k], 1, at + 3) == before && kept[k] ~ /'\/>$/) {
            kept[k] = substr(kept[k], 1, length(kept[k]) - 3) " " substr(text, at + 4)
            return
        }
    }
    kept[++k] = text
}

{
    text = $0
    # a path that goes over several lines
    if (joined != "") { text = joined " " text; joined = "" }
    if (text ~ /<path [^>]*$/) { joined = text; next }
    line[++n] = text
    if (text !~ /id='gp/) rest = rest text
}

END {
    for (i = 1; i <= n; i++) {
        text = line[i]
        if (text ~ /<filter/) skipping = 1
        if (text ~ /<\/filter>/) { skipping = 0; continue }
        if (skipping) continue
        if (match(text, /id='gp(Pt[0-9]+|Dot)'/)) {
            id = substr(text, RSTART + 4, RLENGTH - 5)
            if (!index(rest, "#" id "'") && !index(rest, "#" id "\"")) continue
        }
        gsub(/<(title|desc)>[^<]*<\/(title|desc)>/, "", text)
        gsub(/<!--[^>]*-->/, "", text)
        gsub(/ *font-family="sans-serif" *( font-size="13.00")?/, " ", text)
        gsub(/<tspan *>/, "<tspan>", text)
        while (match(text, /rgb\( *[0-9]+, *[0-9]+, *[0-9]+\)/))
            text = substr(text, 1, RSTART - 1) hex(substr(text, RSTART, RLENGTH)) substr(text, RSTART + RLENGTH)
        gsub(/ id="gnuplot_plot_[0-9a-z]*" */, "", text)
        gsub(/ stroke-linecap="butt" stroke-linejoin="miter"| class="gridline"/, "", text)
        gsub(/fill = /, "fill=", text)
        gsub(/points = /, "points=", text)
        sub(/<image /, "<image style='image-rendering:pixelated' ", text)
        if (text !~ /base64|<text>/) {
            while (match(text, /\.[0-9][0-9]/))
                text = substr(text, 1, RSTART) substr(text, RSTART + 1, 1) "~" substr(text, RSTART + 3)
            gsub(/\.0~/, "", text)
            gsub(/~/, "", text)
        }
        gsub(/ +'/, "'", text)
        gsub(/[ \t]+/, " ", text)
        if (text ~ /<g id="gnuplot_canvas">/) text = "<g font-family=\"sans-serif\" font-size=\"13\">"
        gsub(/<\/g>/, "\n&\n", text)
        gsub(/\/> *<g /, "/>\n<g ", text)
        count = split(text, piece, "\n")
        for (p = 1; p <= count; p++) add(piece[p])
    }
    for (i = 1; i <= k; i++) print kept[i]
}
