#!/usr/bin/env bash
# What decoding costs the publisher: walpack beside pgoutput in text and in binary.
#
#   SCALE=100 REPS=3 WORKLOADS='narrow tpcb wide' decode.sh > RESULTS.tsv
#
# A workload runs once. Every method decodes the same WAL through a copy of the same slot, with
# pg_recvlogical into /dev/null. CPU is the walsender's user and system time, taken from the
# postmaster's account of ended children while no other backend comes or goes. Bytes are what
# pg_recvlogical writes, from a run of their own (payload, and one byte for each message).
# Columns: workload, method, repetition, wall s, CPU s, bytes.
set -euo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/lib.sh"

start_cluster source
methods='pgoutput_text pgoutput_binary walpack'

plugin_of() { case $1 in pgoutput*) echo pgoutput ;; *) echo walpack ;; esac; }

# receive METHOD DATABASE: the whole stream to standard output.
receive() {
    local options=()
    case $1 in
    pgoutput_text) options=(-o proto_version=1 -o publication_names=bench) ;;
    pgoutput_binary) options=(-o proto_version=1 -o publication_names=bench -o binary=true) ;;
    walpack) options=(-o publication_names=bench) ;;
    esac
    connect source
    "$bin/pg_recvlogical" -d "$2" -S bench --start --no-loop --endpos="$end" \
        "${options[@]}" -f -
}

with_slot() { # METHOD DATABASE COMMAND ...: through a copy of the base slot
    local method=$1 database=$2
    shift 2
    sql source "$database" -c "SELECT pg_copy_logical_replication_slot('base_$database', 'bench', false,
        '$(plugin_of "$method")')" >/dev/null
    until_backends source 0
    "$@"
    sql source "$database" -c "SELECT pg_drop_replication_slot('bench')" >/dev/null
}

measure() { # WORKLOAD METHOD REPETITION
    local before after started ended
    before=$(ticks_of_children source)
    started=$EPOCHREALTIME
    receive "$2" "$1" > /dev/null
    ended=$EPOCHREALTIME
    until_backends source 0
    after=$(ticks_of_children source)
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$(seconds_between "$started" "$ended")" \
        "$(awk -v t=$((after - before)) -v h="$hertz" 'BEGIN { printf "%.2f", t / h }')" "${bytes[$2]}"
}

count_bytes() { receive "$2" "$1" | wc -c; }

declare -A bytes
for workload in $workloads; do
    printf 'title\t%s\t%s\n' "$workload" "$(title_of "$workload")"
    sql source postgres -c "CREATE DATABASE $workload"
    set_up "$workload" source "$workload"
    sql source "$workload" -c 'CREATE PUBLICATION bench FOR ALL TABLES' -c CHECKPOINT
    sql source "$workload" -c "SELECT pg_create_logical_replication_slot('base_$workload', 'pgoutput')" >/dev/null
    run_workload "$workload" source "$workload"
    end=$(sql source "$workload" -c 'SELECT pg_current_wal_insert_lsn()')
    sql source "$workload" -c 'INSERT INTO finished VALUES (1)' -c CHECKPOINT
    for method in $methods; do   # also warms up
        bytes[$method]=$(with_slot "$method" "$workload" count_bytes "$workload" "$method")
    done
    for ((repetition = 1; repetition <= REPS; repetition++)); do
        for method in $methods; do
            with_slot "$method" "$workload" measure "$workload" "$method" "$repetition"
        done
    done
    sql source postgres -c "SELECT pg_drop_replication_slot('base_$workload')" >/dev/null
    sql source postgres -c "DROP DATABASE $workload WITH (FORCE)"
done
