#!/usr/bin/env bash
# How fast a target catches up: walpack beside a built-in subscription in text and in binary, and beside
# pglogical when it is installed.
#
#   SCALE=100 REPS=3 WORKLOADS='narrow narrow10 tpcb update delete mixed toast' FSYNC=off apply.sh > RESULTS.tsv
#
# FSYNC=on makes the target durable; with SYNCHRONOUS=on as well each of its commits waits for the disk,
# which a subscription and walpack both leave out otherwise. WALPACK names another consumer than BUILD_DIR/walpack, and
# WALPACK_EXTRA holds lines for its configuration file.
#
# A workload runs once, while nobody follows. Every repetition starts from a copy of the same empty or
# initial target database and of the same slot, and ends when the workload's last row is visible on
# the target; then the tables are compared. CPU is that of the walsender, plus the apply worker, or
# the consumer with its backends on the target: from the postmasters' accounts of ended children.
# METHODS may name `reading` as well: what the source's server alone takes to decode the same WAL for a
# publication without tables. No method that reads a slot takes less. And `floor` and `floor_two`, for workloads that
# insert into one table: pg_recvlogical reads the changes and drops them, while one psql, or two with a half each,
# has the target COPY the same rows from files that were made before. So nothing is handed on, nothing is noted, the
# last rows need not wait for the first, and no client's CPU is counted.
# Columns: workload, method, repetition, wall s, CPU s (total), walsender s, target s, consumer s,
# outcome.
set -euo pipefail
kind=apply
WORKLOADS=${WORKLOADS:-narrow narrow10 tpcb update delete mixed toast}
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=bench/pglogical.sh
. "$(dirname "$0")/pglogical.sh"

walpack=$(walpack_binary)
patience=${TIMEOUT:-900}   # seconds for one catch-up
methods=${METHODS:-subscription_text subscription_binary pglogical walpack}
source_settings=()
if [[ " $methods " == *' pglogical '* ]]; then
    if pglogical_is_installed; then
        source_settings=("${pglogical_settings[@]}")
        start_cluster target_pglogical "${pglogical_settings[@]}"
    else
        methods=${methods/pglogical/}
        echo 'apply.sh: pglogical is not installed and is left out' >&2
    fi
fi
with_pglogical() { [ ${#source_settings[@]} -gt 0 ]; }

# The source is read only while the clock runs, so its disk does not matter.
FSYNC=off start_cluster source "${source_settings[@]}"
start_cluster target

# The slot's position and walpack's progress row, both before the workload. Every repetition of
# every method starts from copies of them.
take_position() { # WORKLOAD
    publish "$1"
    sql source "$1" -c 'CREATE PUBLICATION nothing'
    if [[ $methods != *walpack* && $methods != *reading* ]]; then
        sql source "$1" -c "SELECT pg_create_logical_replication_slot('base', 'pgoutput')" >/dev/null
        return
    fi
    configure "$1" "initial_$1"
    "$walpack" init --config "$work/bench.toml" > "$work/init.log" 2>&1 || { cat "$work/init.log" >&2; exit 1; }
    sql source "$1" -c "SELECT pg_copy_logical_replication_slot('bench', 'base')" >/dev/null
    drop_slot bench
}

tables_of() { # CLUSTER DATABASE
    sql "$1" "$2" -c "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        ORDER BY relname"
}

digest() { # CLUSTER DATABASE: of all rows
    local table
    for table in $(tables_of "$1" "$2"); do
        sql "$1" "$2" -c "SET timezone = UTC" \
            -c "SELECT '$table', count(*), sum(hashtextextended(t::text, 0)) FROM $table t"
    done
}

# The session that starts a subscription and watches for the last row. It stays open over the
# measured time, so that it is not among the ended children.
open_watch() { # CLUSTER DATABASE
    connect "$1"
    coproc WATCH { "$bin/psql" -XAtq -d "$2" 2>&1; }
    watch_in=${WATCH[1]} watch_out=${WATCH[0]} watch_pid=$WATCH_PID
    ask 'SELECT 1;' >/dev/null
}
ask() { # SQL: its one line of answer
    local line
    echo "$1" >&"$watch_in"
    read -r line <&"$watch_out"
    echo "$line"
}

wait_for_end() {
    local deadline=$((SECONDS + patience))
    until [ "$(ask 'SELECT count(*) FROM finished;')" = 1 ]; do
        [ $SECONDS -lt $deadline ] || return 1
        if [ -n "$consumer" ] && ! kill -0 "$consumer" 2>/dev/null; then
            [ "$(ask 'SELECT count(*) FROM finished;')" = 1 ]  # with which a floor ends
            return
        fi
        nap 0.02
    done
}

# prepare_method WORKLOAD METHOD: all but the start, on a new database $run. Sets $slot.
prepare_method() {
    local plugin=pgoutput
    sql "$target" postgres -c "CREATE DATABASE $run TEMPLATE initial_$1"
    slot=bench
    case $2 in
    pglogical)
        subscribe "$1" "$run"
        return
        ;;
    walpack)
        plugin=walpack
        configure "$1" "$run"
        ;;
    floor*)
        plugin=walpack
        make_files "$1" "$([[ $2 == floor_two ]] && echo 2 || echo 1)"
        ;;
    subscription_*)
        sql target "$run" -c "CREATE SUBSCRIPTION bench CONNECTION '$(conninfo source "$1")' PUBLICATION bench
            WITH (create_slot = false, slot_name = bench, enabled = false, copy_data = false,
                  synchronous_commit = $SYNCHRONOUS,
                  binary = $([[ $2 == *binary ]] && echo true || echo false))"
        ;;
    esac
    sql source "$1" -c "SELECT pg_copy_logical_replication_slot('base', 'bench', false, '$plugin')" >/dev/null
}

make_files() { # WORKLOAD NUMBER
    local table part
    table=$(table_of "$1")
    rm -f "$work"/rows.*
    for ((part = 0; part < $2; part++)); do
        sql source "$1" -c "COPY (SELECT * FROM $table WHERE id % $2 = $part ORDER BY id) TO STDOUT (FORMAT binary)" \
            > "$work/rows.$part"
    done
}
copy_files() { # TABLE SOURCE TARGET
    local rows pid pids=()
    "$bin/pg_recvlogical" -d "$2" -S bench --start --no-loop --endpos="$end" -o publication_names=bench -f /dev/null &
    pids+=($!)
    for rows in "$work"/rows.*; do
        "$bin/psql" -Xq -d "$3" -c "COPY $1 FROM STDIN (FORMAT binary)" < "$rows" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || return 1; done
    "$bin/psql" -Xq -d "$3" -c 'INSERT INTO finished VALUES (1)'
}

start_method() { # METHOD WORKLOAD
    case $1 in
    floor*)
        copy_files "$(table_of "$2")" "$(conninfo source "$2")" "$(conninfo target "$run")" >&2 &
        consumer=$!
        ;;
    walpack)
        "$walpack" run --config "$work/bench.toml" >&2 &
        consumer=$!
        ;;
    pglogical) ask "SELECT pglogical.alter_subscription_enable('bench', true);" >/dev/null ;;
    *) echo 'ALTER SUBSCRIPTION bench ENABLE;' >&"$watch_in" ;;
    esac
}

# Fails when the consumer does.
stop_method() {
    case $1 in
    floor*) wait "$consumer" ;;
    walpack)
        consumer_ticks=$(ticks_of "$consumer" 2>/dev/null || echo 0)
        kill -TERM "$consumer" 2>/dev/null || :
        wait "$consumer"
        ;;
    pglogical) ask "SELECT pglogical.alter_subscription_disable('bench', true);" >/dev/null ;;
    *)
        echo 'ALTER SUBSCRIPTION bench DISABLE;' >&"$watch_in"
        ask 'SELECT 1;' >/dev/null
        ;;
    esac
}

discard_method() {
    case $1 in
    pglogical)
        unsubscribe "$run"
        return
        ;;
    subscription_*)
        sql target "$run" -c 'ALTER SUBSCRIPTION bench SET (slot_name = NONE)' -c 'DROP SUBSCRIPTION bench'
        ;;
    esac
    drop_slot bench
    sql target postgres -c "DROP DATABASE $run WITH (FORCE)"
}

until_quiet() {
    until_backends source 0
    until_backends "$target" 1
}

measure() { # WORKLOAD METHOD REPETITION
    local source_before target_before source_after target_after started ended consumer='' consumer_ticks=0
    local outcome=equal target=target run=run_$1_$3 slot
    [ "$2" != pglogical ] || target=target_pglogical
    prepare_method "$1" "$2"
    sql "$target" "$run" -c CHECKPOINT
    open_watch "$target" "$run"
    until_quiet
    source_before=$(ticks_of_children source)
    target_before=$(ticks_of_children "$target")
    started=$EPOCHREALTIME
    start_method "$2" "$1"
    wait_for_end || outcome=STUCK
    ended=$EPOCHREALTIME
    stop_method "$2" || outcome=STUCK
    until_quiet
    source_after=$(ticks_of_children source)
    target_after=$(ticks_of_children "$target")
    exec {watch_in}>&-
    wait "$watch_pid" 2>/dev/null || :
    [ $outcome != equal ] || [ "$(digest "$target" "$run")" = "$digest_of_source" ] || outcome=DIFFERENT
    awk -v head="$1	$2	$3	$(seconds_between "$started" "$ended")" -v h="$hertz" -v outcome=$outcome \
        -v s=$((source_after - source_before)) -v t=$((target_after - target_before)) -v c="$consumer_ticks" \
        'BEGIN { printf "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", head, (s + t + c) / h, s / h, t / h, c / h, outcome }'
    discard_method "$2"
}

measure_reading() { # WORKLOAD REPETITION
    local before started ended
    sql source "$1" -c "SELECT pg_copy_logical_replication_slot('base', 'bench', false, 'walpack')" >/dev/null
    until_backends source 0
    before=$(ticks_of_children source)
    connect source
    started=$EPOCHREALTIME
    "$bin/pg_recvlogical" -d "$1" -S bench --start --no-loop --endpos="$end" -o publication_names=nothing -f /dev/null
    ended=$EPOCHREALTIME
    until_backends source 0
    awk -v head="$1	reading	$2	$(seconds_between "$started" "$ended")" -v h="$hertz" \
        -v s=$(($(ticks_of_children source) - before)) \
        'BEGIN { printf "%s\t%.2f\t%.2f\t0\t0\tequal\n", head, s / h, s / h }'
    drop_slot bench
}

for workload in $workloads; do
    printf 'title\t%s\t%s\n' "$workload" "$(title_of "$workload")"
    sql source postgres -c "CREATE DATABASE $workload"
    sql target postgres -c "CREATE DATABASE initial_$workload"
    set_up "$workload" source "$workload"
    set_up "$workload" target "initial_$workload"
    if with_pglogical; then
        sql target_pglogical postgres -c "CREATE DATABASE initial_$workload"
        set_up "$workload" target_pglogical "initial_$workload"
        provide "$workload"
    fi
    take_position "$workload"
    run_workload "$workload" source "$workload"
    sql source "$workload" -c 'INSERT INTO finished VALUES (1)' -c CHECKPOINT
    end=$(sql source "$workload" -c 'SELECT pg_current_wal_lsn()')
    digest_of_source=$(digest source "$workload")
    for ((repetition = 1; repetition <= REPS; repetition++)); do
        for method in $methods; do
            case $method in
            reading) measure_reading "$workload" "$repetition" ;;
            *) measure "$workload" "$method" "$repetition" ;;
            esac
        done
    done
    drop_slot base
    with_pglogical || sql source postgres -c "DROP DATABASE $workload WITH (FORCE)"
    sql target postgres -c "DROP DATABASE initial_$workload WITH (FORCE)"
done
