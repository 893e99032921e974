# Shared by decode.sh, apply.sh, latency.sh and copy.sh: throw-away clusters, the workloads, CPU accounting.
#
# $kind names the caller: decode, apply, latency or copy. A workload of the same name may have another size or
# shape for applying than for decoding; its files in workloads/$kind then come before those in workloads.
# Sourced after `set -euo pipefail`. Everything lives in $work, which is removed at the end together
# with the servers; nothing is installed, since the servers are private copies (.ci/private_server.sh).
# shellcheck shell=bash disable=SC2034

shopt -s inherit_errexit
: "${kind:?is the name of the caller}"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCALE=${SCALE:-100}     # percent of the full size of each workload
REPS=${REPS:-3}         # repetitions; the methods take turns within one
FSYNC=${FSYNC:-off}
SYNCHRONOUS=${SYNCHRONOUS:-off}   # on: each commit on the target waits for its disk
workloads=${WORKLOADS:-narrow}
hertz=$(getconf CLK_TCK)

unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS PGSERVICE
export PGUSER=postgres
work=$(mktemp -d "${TMPDIR:-/tmp}/walpack_bench.XXXXXX")
chmod 755 "$work"

clean_up() {
    local dir job
    for job in $(jobs -p); do kill "$job" 2>/dev/null || :; done   # a consumer would try again for ever
    for dir in "$work"/*/; do
        [ ! -d "$dir/data" ] || bash "$root/.ci/server.sh" destroy "${dir%/}"
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

bin=$(cd "$root" && bash .ci/private_server.sh "$work/server")
export PG_CONFIG=$bin/pg_config FSYNC

# start_cluster NAME [CONF-LINE ...]: a cluster in $work/NAME, big enough that nothing but the work is measured.
start_cluster() {
    local name=$1
    shift
    bash "$root/.ci/server.sh" start "$work/$name" 'shared_buffers = 1GB' 'max_wal_size = 50GB' \
        'checkpoint_timeout = 1d' 'logical_decoding_work_mem = 4GB' 'autovacuum = off' 'jit = off' \
        'wal_retrieve_retry_interval = 10ms' "$@" >/dev/null
}

# connect CLUSTER: so that clients reach it.
connect() {
    PGHOST=$work/$1
    PGPORT=$(< "$work/$1/port")
    export PGHOST PGPORT
}

# sql CLUSTER DATABASE PSQL-ARGUMENT ...
sql() {
    local database=$2
    connect "$1"
    shift 2
    "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "$database" "$@"
}

conninfo() { echo "host=$work/$1 port=$(< "$work/$1/port") user=postgres dbname=$2"; }

# walpack_binary: the consumer to be measured.
walpack_binary() {
    local binary=${WALPACK:-${BUILD_DIR:-build}/walpack}
    case $binary in /*) ;; *) binary=$root/$binary ;; esac
    [ -x "$binary" ] || { echo "$kind.sh: \"$binary\" is not built" >&2; return 1; }
    echo "$binary"
}

# configure SOURCE-DATABASE TARGET-DATABASE [COPY]: walpack's file; the slot and the publication are named bench.
configure() {
    cat > "$work/bench.toml" <<TOML
pipeline = "bench"
log_directory = "$work/log"
slot = "bench"
publications = ["bench"]
copy = ${3:-false}
log_level = "warning"
source = "$(conninfo source "$1")"
target = "$(conninfo target "$2")"
$([ "$SYNCHRONOUS" = off ] || echo 'durable_interval = "0ms"')
${WALPACK_EXTRA:-}
TOML
    chmod 600 "$work/bench.toml"
}

# table_of WORKLOAD: the one table of workloads that fill one, whose ids are 1 to the number of rows.
table_of() {
    case $1 in
    *narrow | narrow10) echo narrow ;;
    *mixed) echo wide ;;
    *)
        echo "$kind.sh: this method is for workloads that fill one table" >&2
        return 1
        ;;
    esac
}

# publish DATABASE: the tables of the workload, and not those of an extension.
publish() {
    sql source "$1" <<'SQL'
SELECT format('CREATE PUBLICATION bench FOR TABLE %s', string_agg(oid::regclass::text, ', '))
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \gexec
SQL
}

slot_is_free() {
    local query="SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$1' AND active"
    [ "$(sql source postgres -c "$query")" = 0 ]
}
drop_slot() {
    eventually 60 slot_is_free "$1"
    sql source postgres -c "SELECT pg_drop_replication_slot('$1')" >/dev/null
}

# nap SECONDS, without a process, which would be noise of its own.
nap() { read -rt "$1" -u "$silence" _ || :; }
exec {silence}<> <(:)

# eventually SECONDS COMMAND ...
eventually() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        nap 0.1
    done
}

scaled() { echo $(($1 * SCALE / 100)); }

# The rows that the workload's files are told; what they make of them is theirs.
rows_of() {
    case $kind/$1 in
    copy/narrow | copy/two | copy/many) scaled 5000000 ;;
    copy/mixed) scaled 500000 ;;
    copy/million_*) scaled 1000000 ;;
    copy/tiny) scaled 300 ;;
    */narrow | */narrow10 | */spill | */update) scaled 1000000 ;;
    */wide | */mixed) scaled 100000 ;;
    apply/keyless*) scaled 200000 ;;
    apply/toast) scaled 20000 ;;
    decode/toast) scaled 10000 ;;
    apply/delete) scaled 1000000 ;;
    decode/delete | */full_identity | */filtered) scaled 300000 ;;
    */tpcb) echo 0 ;;
    *)
        echo "$kind.sh: unknown workload \"$1\"" >&2
        return 1
        ;;
    esac
}

# table_count_of WORKLOAD: into how many tables the rows go.
table_count_of() { case $1 in two) echo 2 ;; many) echo 20 ;; *) echo 1 ;; esac; }

# TPC-B transactions of each of two clients.
client_transactions() { case $kind in apply) scaled 25000 ;; *) scaled 15000 ;; esac; }

# file_of WORKLOAD setup|run: the SQL that makes the tables or that is the workload.
file_of() {
    local name=$1 folder
    case $1/$2 in
    spill/*) name=narrow ;;   # differs only in the memory that it is decoded with
    mixed/* | million_mixed/*) name=wide ;;
    million_narrow/*) name=narrow ;;
    two/*) name=many ;;
    narrow10/setup) name=narrow ;;
    keyless_index/run) name=keyless ;;
    delete/setup) [ "$kind" != apply ] || name=update ;;
    esac
    for folder in "$root/bench/workloads/$kind" "$root/bench/workloads"; do
        [ ! -f "$folder/$name.$2.sql" ] || { echo "$folder/$name.$2.sql"; return; }
    done
    echo "$kind.sh: no file \"$name.$2.sql\"" >&2
    return 1
}

# run_file WORKLOAD setup|run CLUSTER DATABASE
run_file() { sql "$3" "$4" -v rows="$(rows_of "$1")" -v tables="$(table_count_of "$1")" -f "$(file_of "$1" "$2")"; }

# set_up WORKLOAD CLUSTER DATABASE: the tables before the workload.
set_up() {
    if [ "$1" = tpcb ]; then
        connect "$2"
        "$bin/pgbench" -i -q -s 10 "$3" >/dev/null 2>&1
    fi
    run_file "$1" setup "$2" "$3"
    sql "$2" "$3" -c 'CREATE TABLE finished (id integer PRIMARY KEY)' -c 'VACUUM ANALYZE'
}

# run_workload WORKLOAD CLUSTER DATABASE
run_workload() {
    connect "$2"
    case $1 in
    tpcb) "$bin/pgbench" -n -M prepared -c 2 -j 1 -t "$(client_transactions)" "$3" >/dev/null 2>&1 ;;
    *) run_file "$1" run "$2" "$3" ;;
    esac
}

title_of() {
    local rows
    rows=$(rows_of "$1")
    case $kind/$1 in
    copy/narrow | copy/million_narrow) echo "$rows narrow rows in one table" ;;
    copy/mixed | copy/million_mixed) echo "$rows rows of 30 mixed columns in one table" ;;
    copy/two | copy/many) echo "$rows narrow rows in $(table_count_of "$1") tables" ;;
    copy/tiny) echo "$rows tables of ten rows or none" ;;
    */narrow) echo "$rows narrow inserts, one transaction" ;;
    */narrow10) echo "$rows narrow inserts, transactions of 10" ;;
    */tpcb) echo "$(($(client_transactions) * 2)) TPC-B transactions" ;;
    */wide | */mixed) echo "$rows rows of 30 mixed columns, transactions of 100" ;;
    apply/update) echo "$((rows * 3 / 10)) updates by key in random order, one transaction" ;;
    apply/delete) echo "$((rows * 3 / 10)) deletes by key in random order, one transaction" ;;
    apply/keyless) echo "$((rows / 100)) updates of $rows rows without a key, transactions of 10" ;;
    apply/keyless_index) echo "$((rows / 100)) updates of $rows rows without a key, beside a plain index" ;;
    apply/toast) echo "$((rows * 10)) updates beside an unchanged value of 8 kB out of line, transactions of 5" ;;
    */toast) echo "$((rows * 10)) updates beside an unchanged value of 8 kB out of line" ;;
    */delete) echo "$rows deletes, one transaction" ;;
    */full_identity) echo "$rows updates with REPLICA IDENTITY FULL, one transaction" ;;
    */spill) echo "$rows narrow inserts, one transaction, logical_decoding_work_mem 64MB" ;;
    */filtered) echo "$rows inserts and updates through a row filter and a column list" ;;
    esac
}

postmaster() { head -n 1 "$work/$1/data/postmaster.pid"; }

# ticks_of_children CLUSTER: CPU of the cluster's processes that have ended.
ticks_of_children() {
    local stat
    stat=$(< "/proc/$(postmaster "$1")/stat")
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    echo $((${14} + ${15}))
}

# ticks_of PID: its own CPU so far.
ticks_of() {
    local stat
    stat=$(< "/proc/$1/stat")
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    echo $((${12} + ${13}))
}

# until_backends CLUSTER N: waits until no more than N sessions and workers are left; those that are
# gone then were reaped and counted. A process on its way out has lost its title.
until_backends() {
    local title='^postgres: (postgres|walsender|pglogical apply|logical replication (apply )?worker)|^postgres$'
    while [ "$(pgrep -c -P "$(postmaster "$1")" -f "$title")" -gt "$2" ]; do sleep 0.02; done
    sleep 0.02
}

seconds_between() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b - a }'; }
