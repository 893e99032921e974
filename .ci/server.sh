#!/usr/bin/env bash
# A throw-away cluster for tests, the demonstration and benchmarks.
#
#   server.sh start DIR [CONF-LINE ...]   makes the cluster unless DIR holds one, starts it, prints
#                                         its connection string; returns once it takes connections
#   server.sh standby DIR OF              the same for a physical standby of the cluster in OF
#   server.sh stop DIR [fast|immediate|smart]
#   server.sh crash DIR                   kill -9 of the server with all its processes
#   server.sh destroy DIR                 stops it, however it is, and removes DIR
#
# DIR holds everything: data, log, port and the unix socket, so keep its path below 90 bytes. The
# server listens on loopback too, at the same port, which it keeps over restarts. Superuser is
# `postgres`, everything local is trusted. Its programs are those of PG_CONFIG (default: pg_config);
# as root they run as user postgres. FSYNC=on makes it durable; ENCODING sets the databases'.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command=$1 dir=$2
shift 2
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
data=$dir/data

as_server() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}
bin() { "${PG_CONFIG:-pg_config}" --bindir; }

# Outside the range from which the kernel takes ports of outgoing connections.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

configure() {
    cat <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
fsync = ${FSYNC:-off}
wal_level = logical
max_wal_senders = 20
max_replication_slots = 40
max_prepared_transactions = 20
max_connections = 60
shared_buffers = 128MB
max_wal_size = 2GB
checkpoint_timeout = 1h
timezone = 'UTC'
lc_messages = 'C'
log_min_messages = warning
log_line_prefix = '%m [%p] %d %a '
CONF
    # Newer minor releases load only the output plugins that are listed; older ones refuse to start
    # with a setting that they do not know.
    if "$(bin)/postgres" --describe-config | grep '^output_plugin_libraries' >/dev/null; then
        echo "output_plugin_libraries = 'pgoutput, test_decoding, walpack'"
    fi
    [ $# = 0 ] || printf '%s\n' "$@"
}

make_cluster() {
    mkdir -p "$dir"
    chmod 755 "$dir"
    [ "$(id -u)" != 0 ] || chown postgres "$dir"
    as_server "$(bin)/initdb" -D "$data" -U postgres -A trust -N --no-locale \
        -E "${ENCODING:-UTF8}" >/dev/null
    configure "$@" | as_server tee -a "$data/postgresql.conf" >/dev/null
    free_port | as_server tee "$dir/port" >/dev/null
}

make_standby() {
    local of
    case $1 in /*) of=$1 ;; *) of=$PWD/$1 ;; esac
    mkdir -p "$dir"
    chmod 755 "$dir"
    [ "$(id -u)" != 0 ] || chown postgres "$dir"
    as_server "$(bin)/pg_basebackup" -d "host=$of port=$(cat "$of/port") user=postgres" -D "$data" \
        -R -X stream -c fast >/dev/null
    echo "unix_socket_directories = '$dir'" | as_server tee -a "$data/postgresql.conf" >/dev/null
    free_port | as_server tee "$dir/port" >/dev/null
}

# A server that was killed leaves its socket's lock file, and its last processes may take a moment
# to go; a port can be taken by someone else in the meantime, but only before the first start.
start() {
    local is_new=0 try
    [ -d "$data" ] || { is_new=1; make_cluster "$@"; }
    for try in 1 2 3 4 5; do
        if as_server "$(bin)/pg_ctl" -D "$data" -l "$dir/log" -o "-p $(cat "$dir/port")" -t 60 \
            -s -w start >/dev/null 2>&1 </dev/null; then
            echo "host=$dir port=$(cat "$dir/port") user=postgres"
            return
        fi
        [ $is_new = 0 ] || free_port | as_server tee "$dir/port" >/dev/null
        sleep "0.$try"
    done
    tail -n 30 "$dir/log" >&2
    return 1
}

postmaster() { head -n 1 "$data/postmaster.pid" 2>/dev/null || :; }

# SIGSTOP first, so that no process is started or logs anything while the others die. This and
# destroy need no program of the server, which may be gone already when tests are cleaned up.
crash() {
    local pid child children
    pid=$(postmaster)
    [ -n "$pid" ] || return 0
    kill -STOP "$pid" 2>/dev/null || return 0
    children=$(ps -o pid= --ppid "$pid" || :)
    # shellcheck disable=SC2086
    kill -KILL $pid $children 2>/dev/null || :
    for child in $pid $children; do wait_gone "$child"; done
    forget
}

# What a killed server leaves: lock files, and its shared memory segment, whose number is in one of
# them. A next server would respect the files for as long as process 1 has not collected the dead.
forget() {
    local segment
    segment=$(awk 'NR == 7 { print $2 }' "$data/postmaster.pid" 2>/dev/null || :)
    [ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null || :
    rm -f "$data/postmaster.pid" "$dir"/.s.PGSQL.*
}

# Ended, even when it is not collected yet.
wait_gone() {
    local deadline=$((SECONDS + 30))
    while [ -d "/proc/$1" ] && [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" != Z ]; do
        [ $SECONDS -lt $deadline ] || { echo "server.sh: process $1 does not end" >&2; return 1; }
        sleep 0.02
    done
}

# As gently as goes without clients being asked.
destroy() {
    local pid
    pid=$(postmaster)
    if [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null && ! wait_gone "$pid"; then crash; fi
    forget
    rm -rf "$dir"
}

case $command in
start) start "$@" ;;
standby)
    make_standby "$1"
    start
    ;;
stop) as_server "$(bin)/pg_ctl" -D "$data" -m "${1:-fast}" -t 60 -s -w stop >/dev/null ;;
crash) crash ;;
destroy) destroy ;;
*)
    echo "server.sh: unknown command \"$command\"" >&2
    exit 2
    ;;
esac
