#!/usr/bin/env bash
# Writes the help of every command of the built consumer as a page.
#
#   cli_pages.sh DIR       DIR/walpack.md and DIR/walpack-COMMAND.md, from BUILD_DIR/walpack
set -euo pipefail

walpack=${BUILD_DIR:-build}/walpack
page() { # FILE TITLE ARGUMENT ...
    local file=$1 title=$2
    shift 2
    {
        printf '# %s\n\n```\n' "$title"
        COLUMNS=80 "$walpack" help "$@"
        printf '```\n'
    } > "$file"
}

mkdir -p "$1"
page "$1/walpack.md" walpack
while read -r command; do
    page "$1/walpack-$command.md" "walpack $command" "$command"
done < <("$walpack" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -vx help)
