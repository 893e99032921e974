#!/usr/bin/env bash
# How long the initial copy takes: walpack beside a built-in subscription, pgcopydb when it is installed, and
# pg_dump with pg_restore.
#
#   SCALE=100 REPS=3 WORKLOADS='narrow mixed two many tiny million_narrow million_mixed' FSYNC=off copy.sh > RESULTS.tsv
#
# METHODS, WALPACK, WALPACK_EXTRA: as for apply.sh. FSYNC=on makes the target durable. Method
# subscription_binary needs a target of version 16.
#
# METHODS may name `pipe` and `pipes` as well, for workloads of one table: one psql hands the table, or two hand
# its halves, to as many psql, in binary form, then the key is made: what so many sessions take that note and
# check nothing.
#
# Every repetition starts with an empty target database, and ends when the rows are there with all
# their indexes; then tables and indexes are compared. The tables of a subscription are made before the
# clock runs, those of walpack by `walpack init`, whose time has a column of its own.
# Columns: workload, method, repetition, wall s, CPU s (total), source s, target s, clients s, peak memory of
# the consumer in MB, preparation s, outcome.
set -euo pipefail
kind=copy
WORKLOADS=${WORKLOADS:-narrow mixed two many tiny million_narrow million_mixed}
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/lib.sh"

walpack=$(walpack_binary)
patience=${TIMEOUT:-900}   # seconds for one copy
methods=${METHODS:-subscription_text pgcopydb pg_dump pg_dump_j2 walpack}
if [[ " $methods " == *' pgcopydb '* ]] && ! command -v pgcopydb >/dev/null; then
    methods=${methods/pgcopydb/}
    echo 'copy.sh: pgcopydb is not installed and is left out' >&2
fi
jobs_of_others=2   # for programs that can be told

# The source is only read, so its disk does not matter.
FSYNC=off start_cluster source
start_cluster target

digest() { # CLUSTER DATABASE: of all rows, and of the definitions of the indexes
    local tables
    tables=$(sql "$1" "$2" -c "SELECT format('SELECT %L, count(*), sum(hashtextextended(t::text, 0)) FROM %I t;',
            relname, relname)
        FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname")
    sql "$1" "$2" -c 'SET timezone = UTC' -f <(echo "$tables")
    sql "$1" "$2" -c "SELECT indexdef, indisvalid FROM pg_indexes i
        JOIN pg_index x ON x.indexrelid = format('%I.%I', i.schemaname, i.indexname)::regclass
        WHERE i.schemaname = 'public' ORDER BY 1"
}

# The session that starts a subscription and watches for the end. It stays open over the measured
# time, so that it is not among the ended children.
open_watch() { # DATABASE
    connect target
    coproc WATCH { "$bin/psql" -XAtq -d "$1" 2>&1; }
    watch_in=${WATCH[1]} watch_out=${WATCH[0]} watch_pid=$WATCH_PID
    ask 'SELECT 1;'
}
# Sets $answer, without a process, which would be counted among the clients.
ask() { # SQL: its one line of answer
    echo "$1" >&"$watch_in"
    read -r answer <&"$watch_out"
}

is_complete() { # METHOD
    case $1 in
    walpack) ask "SELECT CASE WHEN copy_complete THEN 'complete' ELSE 'not yet' END FROM walpack.progress;" ;;
    subscription_*)
        ask "SELECT CASE count(*) WHEN 0 THEN 'complete' ELSE 'not yet' END
            FROM pg_subscription_rel WHERE srsubstate <> 'r';"
        ;;
    *)
        ! kill -0 "$client" 2>/dev/null
        return
        ;;
    esac
    [ "$answer" = complete ]
}
wait_for_end() { # METHOD
    local deadline=$((SECONDS + patience))
    until is_complete "$1"; do
        [ $SECONDS -lt $deadline ] || return 1
        [[ $1 != walpack ]] || kill -0 "$client" 2>/dev/null || return 1
        nap 0.02
    done
}

prepare_method() { # WORKLOAD METHOD
    sql target postgres -c "CREATE DATABASE $run"
    case $2 in
    walpack)
        configure "$1" "$run" true
        "$walpack" init --config "$work/bench.toml" > "$work/init.log" 2>&1 || { cat "$work/init.log" >&2; exit 1; }
        ;;
    subscription_* | pipe | pipes) run_file "$1" setup target "$run" ;;
    esac
    [[ $2 != pipe* ]] || sql target "$run" -c "ALTER TABLE $(table_of "$1") DROP CONSTRAINT $(table_of "$1")_pkey"
}

copy_by_pipes() { # TABLE SOURCE TARGET WHAT-IS-COPIED ...
    local table=$1 from=$2 to=$3 copied pid pids=()
    shift 3
    for copied; do
        "$bin/psql" -Xq -d "$from" -c "COPY $copied TO STDOUT (FORMAT binary)" |
            "$bin/psql" -Xq -d "$to" -c "COPY $table FROM STDIN (FORMAT binary)" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    "$bin/psql" -Xq -d "$to" -c "ALTER TABLE $table ADD PRIMARY KEY (id)"
}

# In a shell of its own, whose children's CPU is known when it has ended. Both servers are reached by
# connection strings.
start_method() { # WORKLOAD METHOD
    local from to table half copied
    from=$(conninfo source "$1") to=$(conninfo target "$run") client=''
    case $2 in
    subscription_*)
        ask "CREATE SUBSCRIPTION bench CONNECTION '$from' PUBLICATION bench
            WITH (binary = $([[ $2 == *binary ]] && echo true || echo false));"
        return
        ;;
    walpack) "$walpack" run --config "$work/bench.toml" >&2 & ;;
    pgcopydb)
        HOME=$work PATH=$bin:$PATH pgcopydb clone --dir "$work/pgcopydb" --restart --no-acl --no-owner \
            --table-jobs $jobs_of_others --index-jobs $jobs_of_others \
            --source "$from" --target "$to" > "$work/client.log" 2>&1 &
        ;;
    pipe | pipes)
        table=$(table_of "$1") half=$(($(rows_of "$1") / 2))
        copied=("$table")
        [ "$2" = pipe ] ||
            copied=("(SELECT * FROM $table WHERE id <= $half)" "(SELECT * FROM $table WHERE id > $half)")
        copy_by_pipes "$table" "$from" "$to" "${copied[@]}" > "$work/client.log" 2>&1 &
        ;;
    pg_dump)
        ("$bin/pg_dump" -Fc -Z0 --no-publications -d "$from" | "$bin/pg_restore" -d "$to") > "$work/client.log" 2>&1 &
        ;;
    pg_dump_j2)
        ("$bin/pg_dump" -Fd -Z0 -j $jobs_of_others --no-publications -f "$work/dump" -d "$from" &&
            "$bin/pg_restore" -j $jobs_of_others -d "$to" "$work/dump") > "$work/client.log" 2>&1 &
        ;;
    esac
    client=$!
}

# The statistics that walpack collects behind the copy cost CPU too.
has_statistics() {
    ask "SELECT CASE count(*) WHEN 0 THEN 'all' ELSE 'not yet' END FROM pg_stat_user_tables
        WHERE schemaname = 'public' AND last_analyze IS NULL;"
    [ "$answer" = all ]
}

# Fails when the method did. Sets the consumer's memory.
stop_method() { # METHOD
    case $1 in
    walpack)
        eventually 60 has_statistics || return 1
        memory=$(awk '/^VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$client/status" 2>/dev/null) || memory=-
        kill -TERM "$client" 2>/dev/null || :
        wait "$client"
        ;;
    subscription_*)
        echo 'ALTER SUBSCRIPTION bench DISABLE;' >&"$watch_in"
        ask 'SELECT 1;'
        ;;
    *) wait "$client" || { cat "$work/client.log" >&2; return 1; } ;;
    esac
}

discard_method() { # METHOD
    case $1 in
    subscription_*) sql target "$run" -c 'ALTER SUBSCRIPTION bench SET (slot_name = NONE)' -c 'DROP SUBSCRIPTION bench' ;;
    esac
    case $1 in walpack | subscription_*) drop_slot bench ;; esac
    rm -rf "$work/dump" "$work/pgcopydb"
    sql target postgres -c "DROP DATABASE $run WITH (FORCE)"
}

until_quiet() {
    until_backends source 0
    until_backends target 1
}

ticks_of_ended() { # of this shell's own children
    local stat
    stat=$(< "/proc/$$/stat")
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    echo $((${14} + ${15}))
}

measure() { # WORKLOAD METHOD REPETITION
    local source_before target_before clients_before source_after target_after clients started ended prepared
    local outcome=equal run=run_$1_$3 client memory=- answer
    started=$EPOCHREALTIME
    prepare_method "$1" "$2"
    prepared=$(seconds_between "$started" "$EPOCHREALTIME")
    sql target "$run" -c CHECKPOINT
    open_watch "$run"
    until_quiet
    source_before=$(ticks_of_children source)
    target_before=$(ticks_of_children target)
    clients_before=$(ticks_of_ended)
    started=$EPOCHREALTIME
    start_method "$1" "$2"
    wait_for_end "$2" || outcome=STUCK
    ended=$EPOCHREALTIME
    stop_method "$2" || outcome=STUCK
    clients=$(($(ticks_of_ended) - clients_before))
    until_quiet
    source_after=$(ticks_of_children source)
    target_after=$(ticks_of_children target)
    exec {watch_in}>&-
    wait "$watch_pid" 2>/dev/null || :
    [ $outcome != equal ] || [ "$(digest target "$run")" = "$digest_of_source" ] || outcome=DIFFERENT
    awk -v head="$1	$2	$3	$(seconds_between "$started" "$ended")" -v h="$hertz" -v memory="$memory" \
        -v prepared="$prepared" -v outcome=$outcome \
        -v s=$((source_after - source_before)) -v t=$((target_after - target_before)) -v c="$clients" \
        'BEGIN { printf "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%.2f\t%s\n", head, (s + t + c) / h, s / h, t / h, c / h,
            memory, prepared, outcome }'
    discard_method "$2"
}

for workload in $workloads; do
    printf 'title\t%s\t%s\n' "$workload" "$(title_of "$workload")"
    sql source postgres -c "CREATE DATABASE $workload"
    run_file "$workload" setup source "$workload"
    run_workload "$workload" source "$workload"
    sql source "$workload" -c 'VACUUM ANALYZE' -c CHECKPOINT
    publish "$workload"
    digest_of_source=$(digest source "$workload")
    for ((repetition = 1; repetition <= REPS; repetition++)); do
        for method in $methods; do
            measure "$workload" "$method" "$repetition"
        done
    done
    sql source postgres -c "DROP DATABASE $workload WITH (FORCE)"
done
