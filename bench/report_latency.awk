# Rows of latency.sh -> a table: percentiles of each method in each variant.
#
#   awk -f report_latency.awk RESULTS.tsv
#
# The ratio is to the first built-in method. "Question" is the median time of a round trip while
# polling, which is the grain of the measurement.

function sort_of(values, id,   i, j, v) {
    for (i = 2; i <= samples[id]; i++) {
        v = values[id, i]
        for (j = i - 1; j > 0 && values[id, j] > v; j--) values[id, j + 1] = values[id, j]
        values[id, j + 1] = v
    }
}
function percentile(values, id, share,   rank) {
    rank = int(share * samples[id])
    if (rank < share * samples[id]) rank++
    return values[id, rank]
}
function ratio(value, reference) { return reference > 0 ? sprintf("%.2f", value / reference) : "-" }

BEGIN { FS = "\t" }
{
    if (!($1 in seen_variant)) { seen_variant[$1] = 1; variant[++variants] = $1 }
    if (!($2 in seen_method)) { seen_method[$2] = 1; method[++methods] = $2 }
    id = $1 FS $2
    latency[id, ++samples[id]] = $3 + 0
    question[id, samples[id]] = $4 + 0
}
END {
    print ""
    print "| variant | method | samples | p50 us | p99 us | max us | p50 ratio | p99 ratio | question us |"
    print "|---|---|---|---|---|---|---|---|---|"
    for (v = 1; v <= variants; v++) {
        reference = ""
        for (m = methods; m > 0; m--) {
            id = variant[v] FS method[m]
            if (!(id in samples)) continue
            sort_of(latency, id)
            sort_of(question, id)
            if (method[m] ~ /^subscription/) reference = id
        }
        for (m = 1; m <= methods; m++) {
            id = variant[v] FS method[m]
            if (!(id in samples)) continue
            printf "| %s | %s | %d | %d | %d | %d | %s | %s | %d |\n", variant[v], method[m], samples[id],
                percentile(latency, id, 0.5), percentile(latency, id, 0.99), latency[id, samples[id]],
                ratio(percentile(latency, id, 0.5), percentile(latency, reference, 0.5)),
                ratio(percentile(latency, id, 0.99), percentile(latency, reference, 0.99)),
                percentile(question, id, 0.5)
        }
    }
}
