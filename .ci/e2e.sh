#!/usr/bin/env bash
# The end-to-end tests, against private servers that hold this tree's plugin.
#
#   e2e.sh [GTEST-ARGUMENT ...]       the tests
#   e2e.sh soak SECONDS [SEED]        only the random ones, for that long
#
# BUILD_DIR names the build whose `walpack` and test program run. The tests find the server through
# the first pg_config in PATH and start clusters of their own.
set -euo pipefail

cd "$(dirname "$0")/.."
tests=$PWD/${BUILD_DIR:-build}/walpack_e2e_tests
[ -x "$tests" ] || { echo "e2e.sh: \"$tests\" is not built" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/walpack_e2e.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
bin=$(bash .ci/private_server.sh "$work/server")
export PATH="$bin:$PATH" PG_CONFIG="$bin/pg_config"
unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS PGSERVICE

if [ "${1:-}" = soak ]; then
    export WALPACK_SOAK_SECONDS=$2 WALPACK_SEED=${3:-$(date +%s)}
    echo "soak: SECONDS=$WALPACK_SOAK_SECONDS SEED=$WALPACK_SEED"
    set -- --gtest_filter='Random*'
fi
"$tests" "$@"
