#!/usr/bin/env bash
# What decoding costs the publisher: walpack beside pgoutput in text and in binary.
#
#   SCALE=100 REPS=3 WORKLOADS='narrow tpcb wide toast delete full_identity spill filtered' decode.sh > RESULTS.tsv
#
# A workload runs once. Every method decodes the same WAL through a copy of the same slot, with
# pg_recvlogical into /dev/null. CPU is the walsender's user and system time, taken from the
# postmaster's account of ended children while no other backend comes or goes. Bytes are what
# pg_recvlogical writes, from a run of their own (payload, and one byte for each message).
# Columns: workload, method, repetition, wall s, CPU s, bytes. After tpcb also rows `sends`: workload,
# method, send calls of the walsender, transactions; from a short run of its own under strace.
set -euo pipefail
kind=decode
WORKLOADS=${WORKLOADS:-narrow tpcb wide toast delete full_identity spill filtered}
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/lib.sh"

start_cluster source
small_transactions=500   # of which the send calls are counted

methods_of() {
    case $1 in
    narrow) echo pgoutput_text pgoutput_binary walpack walpack_lz4 walpack_zstd ;;
    spill) echo pgoutput_text walpack walpack_streaming ;;
    *) echo pgoutput_text pgoutput_binary walpack ;;
    esac
}

# Everything else is decoded with the cluster's setting, in which nothing spills.
memory_of() { case $1 in spill) echo 64MB ;; *) echo 4GB ;; esac; }

plugin_of() { case $1 in pgoutput*) echo pgoutput ;; *) echo walpack ;; esac; }

# receive METHOD DATABASE: the whole stream to standard output. SESSION: more of the server's settings.
receive() {
    local options=(-o publication_names=bench)
    case $1 in
    pgoutput_text) options+=(-o proto_version=1) ;;
    pgoutput_binary) options+=(-o proto_version=1 -o binary=true) ;;
    walpack_lz4) options+=(-o compression=lz4) ;;
    walpack_zstd) options+=(-o compression=zstd) ;;
    walpack_streaming) options+=(-o streaming=on) ;;
    esac
    connect source
    PGOPTIONS="-c logical_decoding_work_mem=$(memory_of "$2") ${SESSION:-}" \
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

# count_sends METHOD DATABASE: calls of the walsender that sent something, start and end included.
# It waits a second before its first, so that strace is there in time.
count_sends() {
    local tracer pid=''
    SESSION='-c post_auth_delay=1' receive "$1" "$2" > /dev/null &
    until pid=$(pgrep -P "$(postmaster source)" -f '^postgres: walsender' | head -n 1) && [ -n "$pid" ]; do
        sleep 0.02
    done
    strace -qq -s 0 -e trace=sendto -o "$work/sends" -p "$pid" &
    tracer=$!
    wait
    until ! kill -0 "$tracer" 2>/dev/null; do sleep 0.02; done
    printf 'sends\t%s\t%s\t%s\t%s\n' "$2" "$1" "$(grep -c ' = [1-9]' "$work/sends")" "$small_transactions"
}

# Small transactions once more, through a slot that sees no others.
measure_sends() { # WORKLOAD
    local method
    command -v strace >/dev/null || return 0
    sql source postgres -c "SELECT pg_drop_replication_slot('base_$1')" >/dev/null
    sql source "$1" -c "SELECT pg_create_logical_replication_slot('base_$1', 'pgoutput')" >/dev/null
    "$bin/pgbench" -n -M prepared -c 1 -t "$small_transactions" "$1" >/dev/null 2>&1
    end=$(sql source "$1" -c 'SELECT pg_current_wal_insert_lsn()')
    sql source "$1" -c 'INSERT INTO finished VALUES (2)'
    for method in $methods; do
        with_slot "$method" "$1" count_sends "$method" "$1"
    done
}

declare -A bytes
for workload in $workloads; do
    printf 'title\t%s\t%s\n' "$workload" "$(title_of "$workload")"
    sql source postgres -c "CREATE DATABASE $workload"
    methods=$(methods_of "$workload")
    set_up "$workload" source "$workload"
    [ "$workload" = filtered ] || sql source "$workload" -c 'CREATE PUBLICATION bench FOR ALL TABLES'
    sql source "$workload" -c CHECKPOINT
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
    [ "$workload" != tpcb ] || measure_sends "$workload"
    sql source postgres -c "SELECT pg_drop_replication_slot('base_$workload')" >/dev/null
    sql source postgres -c "DROP DATABASE $workload WITH (FORCE)"
done
