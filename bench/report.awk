# Rows of decode.sh or apply.sh -> a table per workload: medians, and ratios to the best built-in method.
#
#   awk -f report.awk -v kind=decode|apply RESULTS.tsv
#
# For decode the ratios are to pgoutput in text. Each figure is the median over the repetitions,
# with the smallest and largest behind it.

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
        if (method[i] == "walpack" || (kind == "decode" && method[i] != "pgoutput_text")) continue
        m = median(figure[workload, method[i], column])
        if (least == "" || m < least) least = m
    }
    return least
}
function ratio(workload, name, column,   reference) {
    reference = best(workload, column)
    return reference > 0 ? sprintf("%.2f", median(figure[workload, name, column]) / reference) : "-"
}

BEGIN { FS = "\t" }
$1 == "title" { title[$2] = $3; next }
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
            print "| method | walsender CPU s | wall s | MB | CPU ratio | bytes ratio |"
            print "|---|---|---|---|---|---|"
        } else {
            print "| method | wall s | CPU s | walsender | target | consumer | wall ratio | CPU ratio | tables |"
            print "|---|---|---|---|---|---|---|---|---|"
        }
        for (i = 1; i <= methods; i++) {
            m = method[i]
            if (kind == "decode")
                printf "| %s | %s | %.2f | %.1f | %s | %s |\n", m, spread(figure[id, m, 5]),
                    median(figure[id, m, 4]), median(figure[id, m, 6]) / 1e6, ratio(id, m, 5), ratio(id, m, 6)
            else
                printf "| %s | %s | %.2f | %.2f | %.2f | %.2f | %s | %s | %s |\n", m, spread(figure[id, m, 4]),
                    median(figure[id, m, 5]), median(figure[id, m, 6]), median(figure[id, m, 7]),
                    median(figure[id, m, 8]), ratio(id, m, 4), ratio(id, m, 5),
                    (id, m) in bad ? "**" bad[id, m] "**" : "equal"
        }
    }
}
