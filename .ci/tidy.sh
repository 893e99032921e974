#!/usr/bin/env bash
# clang-tidy over the consumer's sources, by .clang-tidy; arguments name some of them only.
set -euo pipefail

cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}
command -v clang-tidy >/dev/null || { echo 'tidy.sh: clang-tidy is not installed' >&2; exit 1; }
[ $# -gt 0 ] || { mapfile -t sources < <(find consumer -name '*.cpp' | sort); set -- "${sources[@]}"; }
printf '%s\n' "$@" | xargs -P "${JOBS:-2}" -n 1 clang-tidy --quiet -p "$build" 2>/dev/null
