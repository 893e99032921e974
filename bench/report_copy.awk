# Rows of copy.sh -> a table per workload: medians, and walpack's share of each other method's.
#
#   awk -f report_copy.awk [-v limits=FILE] RESULTS.tsv
#
# Each figure is the median over the repetitions; of the wall time the smallest and largest stand
# behind it. The last table compares the shares with the limits.

function sort_into(text, values,   n, i, j, v) {
    n = split(text, values, " ")
    for (i = 2; i <= n; i++) {
        v = values[i] + 0
        for (j = i - 1; j > 0 && values[j] + 0 > v; j--) values[j + 1] = values[j]
        values[j + 1] = v
    }
    return n
}
function median(text,   values, n) {
    n = sort_into(text, values)
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}
function spread(text,   values, n) {
    n = sort_into(text, values)
    return sprintf("%.2f (%.2f-%.2f)", median(text), values[1], values[n])
}
function share(workload, other, column,   of_other) {
    if (!((workload, "walpack", column) in figure) || !((workload, other, column) in figure)) return "-"
    of_other = median(figure[workload, other, column])
    return of_other > 0 ? sprintf("%.2f", median(figure[workload, "walpack", column]) / of_other) : "-"
}
function within(value, limit) { return value + 0 <= limit + 0 }
function compare_with_limits(   line, field, wall, cpu, memory, ok) {
    print "\n### Limits\n"
    print "| workload | beside | wall share (limit) | CPU share (limit) | consumer's memory MB (limit) | within? |"
    print "|---|---|---|---|---|---|"
    while ((getline line < limits) > 0) {
        if (line ~ /^#/ || split(line, field, "\t") < 5) continue
        wall = share(field[1], field[2], 4)
        cpu = share(field[1], field[2], 5)
        if (wall == "-" || cpu == "-") continue
        memory = median(figure[field[1], "walpack", 9])
        ok = within(wall, field[3]) && within(cpu, field[4]) && within(memory, field[5])
        printf "| %s | %s | %s (%s) | %s (%s) | %.0f (%s) | %s |\n", field[1], field[2], wall, field[3], cpu,
            field[4], memory, field[5], ok ? "yes" : "**no**"
    }
}

BEGIN { FS = "\t" }
$1 == "title" { title[$2] = $3; next }
{
    if (!($1 in known)) { known[$1] = 1; workload[++workloads] = $1 }
    if (!($2 in seen)) { seen[$2] = 1; method[++methods] = $2 }
    for (c = 4; c <= 10; c++) figure[$1, $2, c] = figure[$1, $2, c] " " $c
    if ($11 != "equal") bad[$1, $2] = bad[$1, $2] " " $11
}
END {
    for (w = 1; w <= workloads; w++) {
        id = workload[w]
        printf "\n### %s\n\n", title[id]
        print "| method | wall s | CPU s | source | target | clients | memory MB | preparation s | walpack's wall | walpack's CPU | tables |"
        print "|---|---|---|---|---|---|---|---|---|---|---|"
        for (i = 1; i <= methods; i++) {
            m = method[i]
            if (!((id, m, 5) in figure)) continue
            printf "| %s | %s | %.2f | %.2f | %.2f | %.2f | %s | %.2f | %s | %s | %s |\n", m,
                spread(figure[id, m, 4]), median(figure[id, m, 5]), median(figure[id, m, 6]),
                median(figure[id, m, 7]), median(figure[id, m, 8]),
                m == "walpack" ? sprintf("%.0f", median(figure[id, m, 9])) : "",
                median(figure[id, m, 10]), share(id, m, 4), share(id, m, 5),
                (id, m) in bad ? "**" bad[id, m] "**" : "equal"
        }
    }
    if (limits != "") compare_with_limits()
}
