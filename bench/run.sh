#!/usr/bin/env bash
# `make bench`: all measurements, as tables side by side.
#
#   SCALE=100 REPS=3 WORKLOADS='narrow tpcb' FSYNC=off run.sh [decode] [apply] [latency] [copy]
#
# Each has its own list of workloads when WORKLOADS is not given. What is above a limit of limits.tsv,
# limits_apply.tsv or limits_copy.tsv is said so.
#
# The rows stay in BUILD_DIR/bench. Fails when a target did not catch up or its tables differ.
set -euo pipefail

cd "$(dirname "$0")/.."
results=${BUILD_DIR:-build}/bench
mkdir -p "$results"
[ $# -gt 0 ] || set -- decode apply latency copy

limits_of() {
    case $1-${FSYNC:-off} in
    apply-on) echo bench/limits_apply_durable.tsv ;;
    apply-* | copy-*) echo "bench/limits_$1.tsv" ;;
    *) echo bench/limits.tsv ;;
    esac
}

heading() {
    case $1 in
    decode) echo 'Decoding: ratios are to pgoutput in text' ;;
    apply) echo 'Catching up: ratios are to the better of the two built-in modes, for each figure' ;;
    copy) echo "Initial copy: walpack's share of what each other method takes" ;;
    latency) echo 'Latency: one transaction at a time, from its commit until the target shows it' ;;
    esac
}
report() {
    case $1 in
    latency) awk -f bench/report_latency.awk "$results/$1.tsv" ;;
    copy) awk -f bench/report_copy.awk -v limits="$(limits_of "$1")" "$results/$1.tsv" ;;
    *) awk -f bench/report.awk -v kind="$1" -v limits="$(limits_of "$1")" "$results/$1.tsv" ;;
    esac
}

echo "# SCALE=${SCALE:-100} percent, REPS=${REPS:-3}, FSYNC=${FSYNC:-off}, $(nproc) cores," \
    "$("${PG_CONFIG:-pg_config}" --version), load $(cut -d' ' -f1 /proc/loadavg) at the start"
for kind in "$@"; do
    bash "bench/$kind.sh" > "$results/$kind.tsv"
    printf '\n## %s\n' "$(heading "$kind")"
    report "$kind"
done
for kind in "$@"; do
    case $kind in
    apply | copy) ! grep -HE '(STUCK|DIFFERENT)$' "$results/$kind.tsv" >&2 || exit 1 ;;
    esac
done
