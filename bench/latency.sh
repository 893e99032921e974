#!/usr/bin/env bash
# How long a committed row takes to be seen on the target: walpack beside a built-in subscription.
#
#   SAMPLES=500 ROUNDS=5 RATE=500 VARIANTS='idle busy' FSYNC=off latency.sh > RESULTS.tsv
#
# walpack_latency (latency.cpp) commits one row at a time and polls the target for it. The methods take
# turns, ROUNDS times, and only the one that is measured runs. In the variant `busy` pgbench runs TPC-B
# transactions at RATE a second beside it, in the same source database.
# METHODS may name `floor` too, a program that only hands rows on (latency_floor.cpp), for `idle` alone.
# Columns: variant, method, latency in microseconds, time of one question to the target.
set -euo pipefail
kind=latency
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/lib.sh"

SAMPLES=${SAMPLES:-500}
ROUNDS=${ROUNDS:-5}
RATE=${RATE:-500}
variants=${VARIANTS:-idle busy}
methods=${METHODS:-subscription_text subscription_binary walpack}
warm_up=10   # the first transactions of a round: catching up, plans and caches
build=$root/${BUILD_DIR:-build}
walpack=$(walpack_binary)
side_load=''

cmake -S "$root" -B "$build" >&2
flock "$build" cmake --build "$build" --target walpack_latency walpack_latency_floor >&2

start_cluster source
start_cluster target

set_up_database() { # CLUSTER DATABASE
    sql "$1" postgres -c "CREATE DATABASE $2"
    set_up tpcb "$1" "$2"
    sql "$1" "$2" -c 'CREATE TABLE latency (id bigint PRIMARY KEY, note text)'
}

# Each method has a target database and a slot of its own, which stay.
prepare() { # METHOD
    set_up_database target "$1"
    case $1 in
    walpack)
        configure bench walpack
        "$walpack" init --config "$work/bench.toml" > "$work/init.log" 2>&1 ||
            { cat "$work/init.log" >&2; exit 1; }
        ;;
    floor)
        sql source bench -c "SELECT pg_create_logical_replication_slot('$1', 'pgoutput')" >/dev/null
        ;;
    subscription_*)
        sql source bench -c "SELECT pg_create_logical_replication_slot('$1', 'pgoutput')" >/dev/null
        sql target "$1" -c "CREATE SUBSCRIPTION bench CONNECTION '$(conninfo source bench)' PUBLICATION bench
            WITH (create_slot = false, slot_name = $1, enabled = false, copy_data = false,
                  binary = $([[ $1 == *binary ]] && echo true || echo false))"
        ;;
    esac
}

start_method() {
    case $1 in
    walpack)
        "$walpack" run --config "$work/bench.toml" >&2 &
        consumer=$!
        ;;
    floor)
        "$build/walpack_latency_floor" "$(conninfo source bench)" floor \
            "$(conninfo target floor)" >&2 &
        consumer=$!
        ;;
    *) sql target "$1" -c 'ALTER SUBSCRIPTION bench ENABLE' ;;
    esac
}
stop_method() {
    case $1 in
    walpack)
        kill -TERM "$consumer"
        wait "$consumer"
        ;;
    floor)
        kill -TERM "$consumer"
        wait "$consumer" || :
        ;;
    *) sql target "$1" -c 'ALTER SUBSCRIPTION bench DISABLE' ;;
    esac
}

start_side_load() {
    connect source
    "$bin/pgbench" -n -M prepared -c 2 -j 1 -R "$RATE" -T 86400 bench >/dev/null 2>&1 &
    side_load=$!
}
stop_side_load() {
    kill -TERM "$side_load"   # a background process of a script ignores INT
    wait "$side_load" || :
}

measure() { # VARIANT METHOD ROUND
    start_method "$2"
    [ "$1" != busy ] || start_side_load
    "$build/walpack_latency" "$(conninfo source bench)" "$(conninfo target "$2")" \
        $(((SAMPLES + ROUNDS - 1) / ROUNDS)) $warm_up "$3" > "$work/samples"
    [ "$1" != busy ] || stop_side_load
    stop_method "$2"
    sed "s/^/$1\t$2\t/" "$work/samples"
}

set_up_database source bench
publish bench
for method in $methods; do prepare "$method"; done
for variant in $variants; do
    for ((round = 1; round <= ROUNDS; round++)); do
        for method in $methods; do measure "$variant" "$method" "$round"; done
    done
done
