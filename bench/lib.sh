# Shared by decode.sh and apply.sh: throw-away clusters, the workloads, CPU accounting.
#
# Sourced after `set -euo pipefail`. Everything lives in $work, which is removed at the end together
# with the servers; nothing is installed, since the servers are private copies (.ci/private_server.sh).
# shellcheck shell=bash disable=SC2034

shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCALE=${SCALE:-100}     # percent of the full size of each workload
REPS=${REPS:-3}         # repetitions; the methods take turns within one
FSYNC=${FSYNC:-off}
workloads=${WORKLOADS:-narrow tpcb wide}
hertz=$(getconf CLK_TCK)

unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS PGSERVICE
export PGUSER=postgres
work=$(mktemp -d "${TMPDIR:-/tmp}/walpack_bench.XXXXXX")
chmod 755 "$work"

clean_up() {
    local dir
    for dir in "$work"/*/; do
        [ ! -d "$dir/data" ] || bash "$root/.ci/server.sh" destroy "${dir%/}"
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

bin=$(cd "$root" && bash .ci/private_server.sh "$work/server")
export PG_CONFIG=$bin/pg_config FSYNC

# start_cluster NAME: a cluster in $work/NAME, big enough that nothing but the work is measured.
start_cluster() {
    bash "$root/.ci/server.sh" start "$work/$1" 'shared_buffers = 1GB' 'max_wal_size = 50GB' \
        'checkpoint_timeout = 1d' 'logical_decoding_work_mem = 4GB' 'autovacuum = off' 'jit = off' \
        'wal_retrieve_retry_interval = 10ms' >/dev/null
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

scaled() { echo $(($1 * SCALE / 100)); }

rows_of() {
    case $1 in
    narrow | spill) scaled 1000000 ;;
    wide) scaled 100000 ;;
    toast) scaled 10000 ;;
    delete | full_identity | filtered) scaled 300000 ;;
    tpcb) echo 0 ;;
    esac
}

# Two workloads differ only in the memory that they are decoded with.
files_of() { case $1 in spill) echo "$root/bench/workloads/narrow" ;; *) echo "$root/bench/workloads/$1" ;; esac; }

# set_up WORKLOAD CLUSTER DATABASE: the tables before the workload.
set_up() {
    if [ "$1" = tpcb ]; then
        connect "$2"
        "$bin/pgbench" -i -q -s 10 "$3" >/dev/null 2>&1
    fi
    sql "$2" "$3" -v rows="$(rows_of "$1")" -f "$(files_of "$1").setup.sql"
    sql "$2" "$3" -c 'CREATE TABLE finished (id integer PRIMARY KEY)' -c 'VACUUM ANALYZE'
}

# run_workload WORKLOAD CLUSTER DATABASE
run_workload() {
    connect "$2"
    case $1 in
    tpcb) "$bin/pgbench" -n -M prepared -c 2 -j 1 -t "$(scaled 15000)" "$3" >/dev/null 2>&1 ;;
    *) sql "$2" "$3" -v rows="$(rows_of "$1")" -f "$(files_of "$1").run.sql" ;;
    esac
}

title_of() {
    local rows
    rows=$(rows_of "$1")
    case $1 in
    narrow) echo "$rows narrow inserts, one transaction" ;;
    tpcb) echo "$(($(scaled 15000) * 2)) TPC-B transactions" ;;
    wide) echo "$rows wide rows (30 columns), transactions of 100" ;;
    toast) echo "$((rows * 10)) updates beside an unchanged value of 8 kB out of line" ;;
    delete) echo "$rows deletes, one transaction" ;;
    full_identity) echo "$rows updates with REPLICA IDENTITY FULL, one transaction" ;;
    spill) echo "$rows narrow inserts, one transaction, logical_decoding_work_mem 64MB" ;;
    filtered) echo "$rows inserts and updates through a row filter and a column list" ;;
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
    local title='^postgres: (postgres|walsender|logical replication (apply )?worker)|^postgres$'
    while [ "$(pgrep -c -P "$(postmaster "$1")" -f "$title")" -gt "$2" ]; do sleep 0.02; done
    sleep 0.02
}

seconds_between() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b - a }'; }
