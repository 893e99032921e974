#!/usr/bin/env bash
# The consumer between the installed server's version and a newer one, as for an upgrade: there, and
# the way back.
#
#   upgrade.sh VERSION ROOT      ROOT has that server, and in /work this tree with the plugin built
#
# For each way a database of upgrade_schema.sql is copied to an empty one while upgrade_changes.sql
# goes on, and structure and rows are compared; then the consumer is stopped, more is changed, it goes
# on, and the rows are compared again. The way back publishes partitions as their root. Both servers
# are throw-away ones, the newer one runs inside ROOT (inside.sh), and the consumer is BUILD_DIR's.
# Prints one line; on failure the reason and what the logs end with.
set -euo pipefail

[ $# = 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
version=$1 root=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."
walpack=$(realpath -m "${BUILD_DIR:-build}/walpack")
[ -x "$walpack" ] || { echo "upgrade.sh: \"$walpack\" is not built" >&2; exit 1; }
unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS PGSERVICE

started=$SECONDS
newer=$root/work/upgrade   # folder of the server inside
inside='' consumer='' writer='' way=start table_count=''

fail() { echo "upgrade.sh: $way: $*" >&2; exit 1; }

clean_up() {
    local status=$?
    set +e   # whatever fails, all of it is tried
    trap - EXIT
    trap '' INT TERM PIPE
    end "$consumer"
    end "$writer"
    [ $status = 0 ] || show_logs >&2
    end_inside
    bash .ci/server.sh destroy "$work/older"
    rm -rf "$work" "$newer" "$root/work/private"
    exit $status
}

end() { [ -z "$1" ] || { kill -KILL "$1"; wait "$1"; } 2>/dev/null; }

# Its first process takes all others with it, and is gone when they are.
end_inside() {
    local first
    [ -n "$inside" ] || return
    first=$(ps -o pid= --ppid "$inside")
    # shellcheck disable=SC2086
    { kill -KILL ${first:-"$inside"}; wait "$inside"; } 2>/dev/null
}

show_logs() {
    local log
    for log in "$work"/*.log "$work/older/log" "$newer/log"; do
        [ -s "$log" ] || continue
        echo "--- $(basename "$(dirname "$log")")/$(basename "$log") ends with:"
        tail -n 25 "$log" | cut -c 1-1000
    done
}

# wait_for SECONDS WHAT COMMAND ...: until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ -z "$consumer" ] || kill -0 "$consumer" 2>/dev/null || fail "the consumer ended while waiting for $what"
        [ $SECONDS -lt $deadline ] || fail "no $what within time"
        sleep 0.1
    done
}

# The server inside keeps its process until it is killed. Both are reached by loopback.
start_servers() {
    local bin
    bin=$(bash .ci/private_server.sh "$work/server" 2> "$work/install.log") || fail 'the plugin could not be installed'
    export PG_CONFIG=$bin/pg_config
    bash .ci/inside.sh "$root" "$version" 'PG_CONFIG=$(bash .ci/private_server.sh /work/private)/pg_config &&
        export PG_CONFIG && bash .ci/server.sh start /work/upgrade && touch /work/upgrade/ready && sleep infinity' \
        > "$work/inside.log" 2>&1 < /dev/null &
    inside=$!
    bash .ci/server.sh start "$work/older" > /dev/null
    wait_for 60 'server inside' is_ready_inside
    older_server="host=127.0.0.1 port=$(cat "$work/older/port") user=postgres"
    newer_server="host=127.0.0.1 port=$(cat "$newer/port") user=postgres"
    newer_programs
    export PATH="$work/programs:$bin:$PATH"
}

is_ready_inside() {
    kill -0 "$inside" 2>/dev/null || fail 'the server inside does not start'
    [ -e "$newer/ready" ]
}

# The newer version's pg_dump and pg_restore as programs of this machine, by their own libraries.
# pg_dump reads no server that is newer than itself.
newer_programs() {
    local program loader libraries
    loader=$(find "$root/usr/lib" "$root/usr/lib64" -name 'ld-linux*.so.*' -print -quit)
    libraries=$(dirname "$(find "$root/usr/lib" -name 'libpq.so.5' -print -quit)")
    mkdir "$work/programs"
    for program in pg_dump pg_restore; do
        printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
            "$loader" "$libraries" "$root/usr/lib/postgresql/$version/bin/$program" > "$work/programs/$program"
    done
    chmod 755 "$work"/programs/*
}

on() { timeout 60 psql -XAtq -v ON_ERROR_STOP=1 -d "$@"; }   # on CONNINFO OPTION ...

# Changes the source for COUNT rounds.
change() { timeout 60 pgbench -n -c 2 -t "$1" --max-tries=10 -f .ci/upgrade_changes.sql "$source" > "$work/pgbench.log" 2>&1; }

# Changes it until told to stop, and counts.
write_on() {
    until [ -e "$work/enough" ]; do
        change 3 || return 1
        echo x >> "$work/rounds"
    done
}

rounds() { wc -l < "$work/rounds"; }

# expect COMMAND ...: a command of the consumer succeeds. What it prints is in command.log.
expect() {
    timeout 60 "$walpack" "$1" --config "$work/walpack.toml" "${@:2}" > "$work/command.log" 2>&1 ||
        fail "walpack $1 ended with exit status $?"
}

start_consumer() {
    "$walpack" run --config "$work/walpack.toml" >> "$work/consumer.log" 2>&1 < /dev/null &
    consumer=$!
}

stop_consumer() {
    local pid=$consumer status=0 deadline=$((SECONDS + 15))
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do
        [ $SECONDS -lt $deadline ] || kill -KILL "$pid" 2>/dev/null || :
        sleep 0.02
    done
    wait "$pid" || status=$?
    consumer=
    [ $status = 0 ] || fail "the consumer was asked to stop and ended with $status"
}

# Of `walpack status --json`, a member and its value.
status_says() {
    timeout 60 "$walpack" status --json --config "$work/walpack.toml" > "$work/command.log" 2>&1 || return
    grep -q "\"$1\": *\"$2\"" "$work/command.log"
}

has_marker() { [ "$(on "$target" -c "SELECT count(*) FROM shop.marker WHERE id = $1")" = 1 ]; }

# A line for each table: rows, and a checksum of them as sorted text.
tables() {
    on "$1" <<'SQL'
SELECT format('SELECT %1$L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %1$s t',
    c.oid::regclass) FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'shop'::regnamespace ORDER BY relname
\gexec
SQL
}

# Waits until the target has all, and compares.
compare() {
    on "$source" -c "INSERT INTO shop.marker VALUES ($1)"
    wait_for 60 'end of the backlog' has_marker "$1"
    tables "$source" > "$work/source.rows"
    tables "$target" > "$work/target.rows"
    diff "$work/source.rows" "$work/target.rows" > "$work/rows.log" || fail 'source and target differ'
    table_count=$(wc -l < "$work/source.rows")
    [ "$table_count" -ge 13 ] || fail "only $table_count tables"
    status_says state streaming || fail 'walpack status does not say streaming'
}

# replicate WAY SOURCE TARGET [OPTIONS]: the servers' connection strings, and what is said of the publication.
replicate() {
    local server
    way=$1
    source="$2 dbname=$1" target="$3 dbname=$1"
    for server in "$2" "$3"; do on "$server" -c "CREATE DATABASE $1"; done
    on "$source" -f .ci/upgrade_schema.sql -c "CREATE PUBLICATION walpack_$1 FOR ALL TABLES ${4:-}"
    cat > "$work/walpack.toml" <<TOML
pipeline = "$1"
source = "$source"
target = "$target"
log_directory = "$work/log"
streaming = true
apply_workers = 2
copy_chunk_bytes = "64kB"
copy_rate_limit = "2MB"
stopped_retry_delay = "0ms"
TOML
    : > "$work/rounds"
    rm -f "$work/enough"
    expect check
    expect init
    write_on &
    writer=$!
    start_consumer
    wait_for 60 'end of the copy' status_says copy complete
    [ "$(rounds)" -ge 1 ] || fail 'next to nothing was changed while the copy went on'
    touch "$work/enough"
    wait "$writer" || fail 'pgbench failed'
    writer=
    compare 1
    expect diff --comments
    stop_consumer
    change 50 || fail 'pgbench failed'
    start_consumer
    compare 2
    stop_consumer
    expect drop
}

work=$(mktemp -d "${TMPDIR:-/tmp}/walpack_upgrade.XXXXXX")
chmod 755 "$work"
export PGHOST=$work   # no server is there: nothing by mistake to the machine's own
trap clean_up EXIT
trap 'exit 130' INT TERM
rm -rf "$newer" "$root/work/private"
start_servers
replicate upgrade "$older_server" "$newer_server"
replicate back "$newer_server" "$older_server" 'WITH (publish_via_partition_root = true)'
echo "consumer both ways, $table_count tables, $((SECONDS - started)) s"
