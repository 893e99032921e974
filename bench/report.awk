# Rows of decode.sh or apply.sh -> a table per workload: medians, and ratios to the best built-in method.
#
#   awk -f report.awk -v kind=decode|apply [-v limits=FILE] RESULTS.tsv
#
# For decode the ratios are to pgoutput in text; for apply to the smaller median of the built-in modes, for
# each figure on its own. The last table compares them with the limits. Each figure is the median over
# the repetitions, with the smallest and largest behind it.

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
function best(workload, column,   i, m, least) {
    for (i = 1; i <= methods; i++) {
        if (kind == "decode" ? method[i] != "pgoutput_text" : method[i] !~ /^subscription/) continue
        if (!((workload, method[i], column) in figure)) continue
        m = median(figure[workload, method[i], column])
        if (least == "" || m < least) least = m
    }
    return least
}
# What a limit is about; empty when this run has no such figure.
function measured(workload, name, what) {
    if (what == "sends") return (workload, name) in sends ? sprintf("%.2f", sends[workload, name]) : ""
    if (!((workload, name, 5) in figure)) return ""
    return ratio(workload, name, what == "cpu" ? 5 : 6)
}
function compare_with_limits(   line, field, value, unit) {
    print "\n### Limits\n"
    print "| workload | method | figure | measured | limit | |"
    print "|---|---|---|---|---|---|"
    unit["cpu"] = "CPU ratio"; unit["bytes"] = "bytes ratio"; unit["sends"] = "send calls a transaction"
    while ((getline line < limits) > 0) {
        if (line ~ /^#/ || split(line, field, "\t") < 4) continue
        value = measured(field[1], field[2], field[3])
        if (value == "" || value == "-") continue
        printf "| %s | %s | %s | %s | %s | %s |\n", field[1], field[2], unit[field[3]], value, field[4],
            value + 0 <= field[4] + 0 ? "OK" : "**over**"
    }
}
function within(value, limit) { return value + 0 <= limit + 0 }
function compare_with_apply_limits(   line, field, wall, cpu) {
    print "\n### Limits\n"
    print "| workload | wall ratio (limit) | CPU ratio (limit) | within? |"
    print "|---|---|---|---|"
    while ((getline line < limits) > 0) {
        if (line ~ /^#/ || split(line, field, "\t") < 3) continue
        if (!((field[1], "walpack", 4) in figure)) continue
        wall = ratio(field[1], "walpack", 4)
        cpu = ratio(field[1], "walpack", 5)
        if (wall == "-" || cpu == "-") continue
        printf "| %s | %s (%s) | %s (%s) | %s |\n", field[1], wall, field[2], cpu, field[3],
            within(wall, field[2]) && within(cpu, field[3]) ? "yes" : "**no**"
    }
}
function ratio(workload, name, column,   reference) {
    reference = best(workload, column)
    return reference > 0 ? sprintf("%.2f", median(figure[workload, name, column]) / reference) : "-"
}

BEGIN { FS = "\t" }
$1 == "title" { title[$2] = $3; next }
$1 == "sends" { sends[$2, $3] = $4 / $5; next }
{
    if (!($1 in known)) { known[$1] = 1; workload[++workloads] = $1 }
    if (!($2 in seen)) { seen[$2] = 1; method[++methods] = $2 }
    for (c = 4; c <= NF; c++) figure[$1, $2, c] = figure[$1, $2, c] " " $c
    if (kind == "apply" && $9 != "equal") bad[$1, $2] = bad[$1, $2] " " $9
}
END {
    for (w = 1; w <= workloads; w++) {
        id = workload[w]
        printf "\n### %s\n\n", title[id]
        if (kind == "decode") {
            print "| method | walsender CPU s | wall s | MB | CPU ratio | bytes ratio | sends a transaction |"
            print "|---|---|---|---|---|---|---|"
        } else {
            print "| method | wall s | CPU s | walsender | target | consumer | wall ratio | CPU ratio | tables |"
            print "|---|---|---|---|---|---|---|---|---|"
        }
        for (i = 1; i <= methods; i++) {
            m = method[i]
            if (!((id, m, 5) in figure)) continue
            if (kind == "decode")
                printf "| %s | %s | %.2f | %.1f | %s | %s | %s |\n", m, spread(figure[id, m, 5]),
                    median(figure[id, m, 4]), median(figure[id, m, 6]) / 1e6, ratio(id, m, 5), ratio(id, m, 6),
                    (id, m) in sends ? sprintf("%.2f", sends[id, m]) : ""
            else
                printf "| %s | %s | %.2f | %.2f | %.2f | %.2f | %s | %s | %s |\n", m, spread(figure[id, m, 4]),
                    median(figure[id, m, 5]), median(figure[id, m, 6]), median(figure[id, m, 7]),
                    median(figure[id, m, 8]), ratio(id, m, 4), ratio(id, m, 5),
                    (id, m) in bad ? "**" bad[id, m] "**" : "equal"
        }
    }
    if (limits != "" && kind == "decode") compare_with_limits()
    if (limits != "" && kind == "apply") compare_with_apply_limits()
}
