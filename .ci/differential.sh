#!/usr/bin/env bash
# The differential tests: what walpack decodes beside what pgoutput decodes.
#
#   differential.sh [GTEST-ARGUMENT ...]      the tests
#   differential.sh soak SECONDS [SEED]       only the random ones, for that long
#
# BUILD_DIR names the build. They run on a private server that holds this tree's plugin, or on the
# running one that WALPACK_TEST_CONNINFO names (superuser, no database in it; wal_level = logical).
set -euo pipefail

cd "$(dirname "$0")/.."
tests=$PWD/${BUILD_DIR:-build}/walpack_differential_tests
[[ ${BUILD_DIR:-} != /* ]] || tests=$BUILD_DIR/walpack_differential_tests
[ -x "$tests" ] || { echo "differential.sh: \"$tests\" is not built" >&2; exit 1; }

unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS PGSERVICE
if [ -z "${WALPACK_TEST_CONNINFO:-}" ]; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/walpack_differential.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    bin=$(bash .ci/private_server.sh "$work/server")
    export PATH="$bin:$PATH" PG_CONFIG="$bin/pg_config"
fi

if [ "${1:-}" = soak ]; then
    export WALPACK_SOAK_SECONDS=$2 WALPACK_SEED=${3:-$(date +%s)}
    echo "soak: SECONDS=$WALPACK_SOAK_SECONDS SEED=$WALPACK_SEED"
    set -- --gtest_filter='Random*'
fi
"$tests" "$@"
