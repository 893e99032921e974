#!/usr/bin/env bash
# The regression tests of the plugin, or those of concurrent sessions in specs/, on a throw-away
# cluster of a private server.
#
#   regress.sh [isolation] [plain|valgrind|asan] [TEST ...]
#
# valgrind and asan run the server's processes under that tool; any report of it fails the run. As
# root, servers and tests run as user postgres, on a copy. On failure the differences are printed.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
suite=regress
if [ "${1:-}" = isolation ]; then suite=isolation; shift; fi
mode=${1:-plain}
shift || :
tests=("$@")
[ ${#tests[@]} -gt 0 ] || read -ra tests < <(make --no-print-directory -s $suite-list)
[ ${#tests[@]} -gt 0 ] || { echo "no regression test is listed" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/walpack_regress.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/run" "$work/reports"

# run_real COMMAND: makes the private server's postgres a script that runs the real one by COMMAND,
# except in the short runs that initdb makes.
run_real() {
    mv "$bin/postgres" "$bin/postgres.real"
    cat > "$bin/postgres" <<SCRIPT
#!/bin/sh
case \$1 in
    --boot | --single | --check | --describe-config | -V | --version) exec "$bin/postgres.real" "\$@" ;;
esac
exec $1 "$bin/postgres.real" "\$@"
SCRIPT
    chmod 755 "$bin/postgres"
}

# A build of its own, so that the tree's objects stay as they are.
copy_tree() {
    mkdir "$work/tree"
    cp -R Makefile dev.mk plugin protocol walpack.control "$work/tree/"
    rm -f "$work"/tree/plugin/*.[od]
}

case $mode in
plain)
    bin=$(bash .ci/private_server.sh "$work/server")
    ;;
valgrind)
    bin=$(bash .ci/private_server.sh "$work/server")
    install -m 644 .ci/valgrind.supp "$work/valgrind.supp"   # where the server can read it
    run_real "valgrind --quiet --undef-value-errors=no --leak-check=no \
        --suppressions=$work/valgrind.supp --log-file=$work/reports/%p"
    ;;
asan)
    copy_tree
    flags='-fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=undefined'
    (cd "$work/tree" && make --no-print-directory -s -j2 all CC="gcc $flags" CXX="g++ $flags") >&2
    bin=$(cd "$work/tree" && bash "$root/.ci/private_server.sh" "$work/server")
    # The sanitizer must start before any other constructor calls malloc: one of those would wait
    # for ever for a lock that the sanitizer's own start needs again.
    echo '#include <stdlib.h>
        __attribute__((constructor)) static void first(void) { volatile char* p = malloc(1); free((void*)p); }' |
        gcc -xc -shared -fPIC -O0 -Wl,-z,initfirst - -o "$work/first.so"
    # A small quarantine: some tests watch how the memory of a session grows.
    asan="quarantine_size_mb=1:thread_local_quarantine_size_kb=64:detect_leaks=0"
    asan+=":detect_stack_use_after_return=0:abort_on_error=1:log_path=$work/reports/asan"
    run_real "env LD_PRELOAD='$(readlink -f "$(gcc -print-file-name=libasan.so)") $work/first.so' \
        ASAN_OPTIONS=$asan UBSAN_OPTIONS=print_stacktrace=1:log_path=$work/reports/ubsan"
    ;;
*)
    echo "regress.sh: unknown mode \"$mode\"" >&2
    exit 2
    ;;
esac

cp -R sql specs expected "$work/run/"
cp regress.conf "$work/run/server.conf"
if "$bin/postgres" --describe-config | grep '^output_plugin_libraries' >/dev/null; then
    echo "output_plugin_libraries = 'walpack, pgoutput, test_decoding'" >> "$work/run/server.conf"
fi

as_server=()
if [ "$(id -u)" = 0 ]; then
    chown -R postgres "$work/run" "$work/reports"
    as_server=(runuser -u postgres --)
fi

pgxs=$("${PG_CONFIG:-pg_config}" --pgxs)
program=regress/pg_regress database=contrib_regression
if [ $suite = isolation ]; then program=isolation/pg_isolation_regress database=isolation_regression; fi
status=0
(cd "$work/run" && "${as_server[@]}" env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE \
    PGCTLTIMEOUT=180 "${pgxs%/makefiles/pgxs.mk}/test/$program" --bindir="$bin" \
    --inputdir=. --outputdir=. --temp-instance=./instance --temp-config=./server.conf \
    --encoding=UTF8 --dbname=$database --load-extension=walpack "${tests[@]}" 2>&1) ||
    status=$?

if [ -n "${LOGS:-}" ]; then   # a folder that keeps what the tests printed
    mkdir -p "$LOGS"
    cp -R "$work/run/results" "$work/run/log" "$work"/run/regression.* "$LOGS/" 2>/dev/null || :
fi
if [ $status != 0 ]; then
    head -n 400 "$work/run/regression.diffs" 2>/dev/null || :
    grep -hE "PANIC|FATAL|TRAP|signal|runtime error" "$work/run/log/postmaster.log" || :
fi
for report in "$work"/reports/*; do
    [ -s "$report" ] || continue
    echo "report of $mode:"
    head -n 100 "$report"
    status=1
done
exit $status
