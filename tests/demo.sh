#!/usr/bin/env bash
# Shows walpack at work: two throw-away servers, pgbench writing to one, the consumer killed with
# kill -9 in the middle, and in the end every table compared.
#
#   tests/demo.sh        as `make demo` calls it; exit status 0 only when all tables are equal
#
# Installs missing packages, builds, and leaves nothing running; KEEP=1 leaves all of it running
# and prints how to look. WRITE_SECONDS, SCALE and CLIENTS change what pgbench does; FSYNC=off
# makes the servers forgetful and faster.
set -euo pipefail

cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}
write_seconds=${WRITE_SECONDS:-20}
scale=${SCALE:-10}
clients=${CLIENTS:-4}
export FSYNC=${FSYNC:-on}
tables='pgbench_accounts pgbench_branches pgbench_history pgbench_tellers'
consumer=

say() { printf '%s\n' "$*"; }
fail() { say "demo: $*" >&2; exit 1; }
now() { echo "${EPOCHREALTIME/,/.}"; }
since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }
rate() { awk -v count="$1" -v seconds="$2" 'BEGIN { printf "%d", count / (seconds > 0 ? seconds : 1) }'; }

clean_up() {
    local status=$?
    trap - EXIT INT TERM
    if [ $status != 0 ] && [ -s "$work/consumer.log" ]; then
        say "the consumer's log ends with:" >&2
        tail -n 15 "$work/consumer.log" >&2
    fi
    if [ -n "${KEEP:-}" ] && [ -n "$consumer" ]; then
        how_to_look
    else
        [ -z "$consumer" ] || end_consumer TERM
        bash .ci/server.sh destroy "$work/source"
        bash .ci/server.sh destroy "$work/target"
        rm -rf "$work"
    fi
    exit $status
}

how_to_look() {
    cat <<LOOK

Everything is left running:
  the source     $bin/psql '$source'
  the target     $bin/psql '$target'
  the pipeline   $build/walpack status --config $work/walpack.toml
  its log        tail -f $work/consumer.log
  write more     $bin/pgbench -n -T 10 -c $clients '$source'
To end it:
  kill $consumer; for side in source target; do bash .ci/server.sh destroy $work/\$side; done; rm -rf $work
LOOK
}

prepare() {
    say 'Packages and programs ...'
    bash .ci/install.sh build test
    make --no-print-directory -s build BUILD_DIR="$build" > "$work/build.log" 2>&1 ||
        { tail -n 40 "$work/build.log" >&2; fail 'the build failed'; }
    bin=$(bash .ci/private_server.sh "$work/server" 2> "$work/install.log") ||
        { cat "$work/install.log" >&2; fail 'the plugin could not be installed'; }
    export PG_CONFIG=$bin/pg_config
    unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS PGSERVICE
    say 'Two servers, pgbench tables ...'
    source="$(bash .ci/server.sh start "$work/source") dbname=demo"
    target="$(bash .ci/server.sh start "$work/target") dbname=demo"
    "$bin/psql" -Xqc 'CREATE DATABASE demo' "${source/dbname=demo/dbname=postgres}"
    "$bin/psql" -Xqc 'CREATE DATABASE demo' "${target/dbname=demo/dbname=postgres}"
    "$bin/pgbench" -q -i -s "$scale" "$source" >/dev/null 2>&1
    "$bin/pgbench" -q -i -I dtp -s "$scale" "$target" >/dev/null 2>&1
    on source -c 'CREATE TABLE demo_end (at timestamptz PRIMARY KEY)'
    on target -c 'CREATE TABLE demo_end (at timestamptz PRIMARY KEY)'
}

on() { "$bin/psql" -XAtq -v ON_ERROR_STOP=1 "${@:2}" "${!1}"; }

start_consumer() {
    setsid "$build/walpack" run --config "$work/walpack.toml" >> "$work/consumer.log" 2>&1 < /dev/null &
    consumer=$!
    disown "$consumer"   # so that the shell does not report its end
}

# end_consumer SIGNAL: and waits; one that takes too long is killed.
end_consumer() {
    local deadline=$((SECONDS + 10))
    kill -s "$1" "$consumer" 2>/dev/null || :
    while kill -0 "$consumer" 2>/dev/null; do
        [ $SECONDS -lt $deadline ] || kill -KILL "$consumer" 2>/dev/null || :
        sleep 0.02
    done
}

# The same text for equal contents, whatever the order of the rows.
checksum() {
    on "$1" -c "SELECT count(*) || ' rows, checksum ' || coalesce(sum(hashtextextended(t::text, 0)), 0)
                FROM $2 t"
}

# wait_for SECONDS WHAT COMMAND...: until the command prints t.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until [ "$("$@" 2>/dev/null)" = t ]; do
        kill -0 "$consumer" 2>/dev/null || fail "the consumer ended while waiting for $what"
        [ $SECONDS -lt $deadline ] || fail "no $what within time"
        sleep 0.05
    done
}

# Seconds between the last commit of the source and the last one that the target shows.
sample_lag() {
    on target -c "SELECT coalesce(extract(epoch FROM clock_timestamp() - max(mtime)), 0)::numeric(9,3)
                  FROM pgbench_history" 2>/dev/null || :
}

# Kills the consumer half way, starts it again, and notes the lag ten times a second.
write_and_watch() {
    local half=$((SECONDS + write_seconds / 2)) is_killed=0
    "$bin/pgbench" -n -T "$write_seconds" -c "$clients" -j 2 "$source" > "$work/pgbench.log" 2>&1 &
    local pgbench=$!
    while kill -0 $pgbench 2>/dev/null; do
        if [ $is_killed = 0 ] && [ $SECONDS -ge $half ]; then
            kill -0 "$consumer" 2>/dev/null || fail 'the consumer ended by itself'
            end_consumer KILL
            start_consumer
            is_killed=1
        fi
        sample_lag >> "$work/lag"
        sleep 0.1
    done
    wait $pgbench || { cat "$work/pgbench.log" >&2; fail 'pgbench failed'; }
}

compare() {
    local table here there status=0
    for table in $tables; do
        here=$(checksum source "$table")
        there=$(checksum target "$table")
        if [ "$here" = "$there" ]; then
            printf '  %-18s %s: equal\n' "$table" "$here"
        else
            printf '  %-18s DIFFERENT: source %s; target %s\n' "$table" "$here" "$there"
            status=1
        fi
    done
    return $status
}

work=$(mktemp -d "${TMPDIR:-/tmp}/walpack_demo.XXXXXX")
chmod 755 "$work"
trap clean_up EXIT
trap 'exit 130' INT TERM
prepare

(umask 077 && cat > "$work/walpack.toml" <<TOML
pipeline = "demo"
log_directory = "$work/log"
source = "$source"
target = "$target"
TOML
)
"$build/walpack" init --config "$work/walpack.toml" > "$work/init.log" 2>&1 ||
    { cat "$work/init.log" >&2; fail 'walpack init failed'; }

say 'Initial copy ...'
rows=$(on source -c 'SELECT count(*) FROM pgbench_accounts')
begin=$(now)
start_consumer
wait_for 300 'initial copy' on target -c 'SELECT EXISTS (SELECT FROM pgbench_accounts)'
copy_seconds=$(since "$begin")

say "pgbench writes for $write_seconds s; half way the consumer is killed and started again ..."
begin=$(now)
write_and_watch
ended=$(now)
on source -c 'INSERT INTO demo_end VALUES (now())'
wait_for 300 'end of the backlog' on target -c 'SELECT EXISTS (SELECT FROM demo_end)'
behind=$(since "$ended")
whole=$(since "$begin")

transactions=$(on source -c 'SELECT count(*) FROM pgbench_history')
read -r lag_median lag_max < <(sort -n "$work/lag" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], v[NR] }')
cat <<REPORT

  initial copy       $rows rows in $copy_seconds s: $(rate "$rows" "$copy_seconds") rows/s
  pgbench            $transactions transactions by $clients clients, $((transactions * 4)) row changes
  applied            $(rate $((transactions * 4)) "$whole") rows/s, while they were written
  lag                median $lag_median s, at most $lag_max s (with one kill -9 of the consumer)
  after the end      caught up in $behind s
REPORT
compare || fail 'source and target differ'
say 'All tables are equal.'
