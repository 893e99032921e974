#!/usr/bin/env bash
# Runs test suites and adds up their results.
#
#   check.sh [SUITE ...]    regress, isolation, unit, differential, e2e and lint when none is named;
#                           matrix as well when WITH_MATRIX is set: it takes minutes and fetches packages
#
# Each suite's output goes to BUILD_DIR/check/SUITE.log; of a suite that fails is shown what its
# failed tests said, or all where no test is named. The last line is `N passed, N failed, N skipped`,
# kept in BUILD_DIR/check/summary too. A suite that ends badly without naming a failed test, or
# without any result at all, counts as one failure.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
export BUILD_DIR=${BUILD_DIR:-build}
logs=$BUILD_DIR/check
mkdir -p "$logs"
rm -f "$logs/summary"
[ $# -gt 0 ] || set -- regress isolation unit differential e2e lint ${WITH_MATRIX:+matrix}

run_regress() { LOGS=$logs/regress timeout 900 bash .ci/regress.sh plain; }
run_isolation() { LOGS=$logs/isolation timeout 900 bash .ci/regress.sh isolation plain; }
run_unit() { timeout 600 "$BUILD_DIR/walpack_unit_tests"; }
run_differential() { timeout --kill-after=30 600 bash .ci/differential.sh; }
# Most of its time the end-to-end suite waits, so two halves run side by side, with servers of their
# own. Deadlines are twice as long then, as the machine may do other work beside it.
run_e2e() {
    local half pids=() status=0
    export WALPACK_PATIENCE=${WALPACK_PATIENCE:-2}
    for half in 0 1; do
        GTEST_TOTAL_SHARDS=2 GTEST_SHARD_INDEX=$half timeout --kill-after=30 3600 bash .ci/e2e.sh \
            > "$logs/e2e.$half" 2>&1 &
        pids+=($!)
    done
    for half in 0 1; do
        local ended=0
        wait "${pids[half]}" || ended=$?
        cat "$logs/e2e.$half"
        [ $ended = 0 ] || status=$ended
        # One that ended before its tests did counts too, with the test that it ended in.
        [ $ended = 0 ] || grep -qE '^ *[0-9]+ FAILED TEST' "$logs/e2e.$half" ||
            echo "[  FAILED  ] half $half of the suite, which ended with status $ended (0 ms)"
    done
    return $status
}
run_matrix() { timeout 2400 bash .ci/matrix.sh; }
run_lint() { timeout 900 bash .ci/lint.sh; }

# count SUITE passed|failed|skipped: from the suite's log.
count() {
    local pattern
    case $1-$2 in
    regress-passed | isolation-passed) pattern='^(test .* \.\.\. ok|ok [0-9]+ )' ;;   # PostgreSQL 15, 16 and later
    regress-failed | isolation-failed) pattern='^(test .* \.\.\. FAILED|not ok [0-9]+ )' ;;
    regress-skipped | isolation-skipped) pattern='^ok [0-9]+ .*# SKIP' ;;
    lint-passed | matrix-passed) pattern='^ok ' ;;
    lint-failed | matrix-failed) pattern='^FAILED ' ;;
    lint-skipped | matrix-skipped) pattern='^skipped ' ;;
    *-passed) pattern='^\[       OK \] ' ;;
    *-failed) pattern='^\[  FAILED  \] .* \([0-9]+ ms\)$' ;;
    *-skipped) pattern='^\[  SKIPPED \] .* \([0-9]+ ms\)$' ;;
    esac
    grep -cE "$pattern" "$logs/$1.log"
}

# show_failures LOG: what the failed tests of a GoogleTest log said, first and last lines of each;
# false when it names none.
show_failures() {
    awk -v most=60 '
        /^\[ RUN      \] / { lines = 0 }
        { text[lines++] = $0 }
        /^\[  FAILED  \] .* \([0-9]+ ms\)$/ {
            for (i = 0; i < lines; ++i) {
                if (i == most && lines > 2 * most) { print "[...]"; i = lines - most }
                print text[i]
            }
            found = 1
        }
        END { exit !found }' "$1"
}

total_passed=0 total_failed=0 total_skipped=0
for suite in "$@"; do
    started=$SECONDS
    status=0
    "run_$suite" > "$logs/$suite.log" 2>&1 < /dev/null || status=$?
    passed=$(count "$suite" passed)
    failed=$(count "$suite" failed)
    skipped=$(count "$suite" skipped)
    if [ "$failed" = 0 ] && { [ $status != 0 ] || [ $((passed + skipped)) = 0 ]; }; then failed=1; fi
    [ "$failed" = 0 ] || show_failures "$logs/$suite.log" || cat "$logs/$suite.log"
    grep '^skipped ' "$logs/$suite.log"   # with the reason
    printf '%-12s %4d passed, %d failed, %d skipped in %d s\n' \
        "$suite" "$passed" "$failed" "$skipped" $((SECONDS - started))
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
done

echo "$total_passed passed, $total_failed failed, $total_skipped skipped" | tee "$logs/summary"
[ $total_failed = 0 ]
