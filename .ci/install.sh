#!/usr/bin/env bash
# Installs the Debian packages that are missing. As root, or through sudo.
#
#   install.sh [GROUP ...]     groups of packages.txt; build, test and lint when none is named
#
# Leaves apt alone when everything is there, so it costs nothing to call it first. The server's
# package would create and start a cluster of its own on a bare machine; that is switched off for
# the time of the installation.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=${PG_MAJOR:-15}
[ $# -gt 0 ] || set -- build test lint

missing=()
while read -r group package; do
    [[ " $* " == *" $group "* ]] || continue
    package=${package//@PG@/$version}
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=none
    [ "$status" = installed ] || missing+=("$package")
done < <(grep -E '^[a-z]' "$here/packages.txt")
[ ${#missing[@]} -gt 0 ] || exit 0

as_root() { "$@"; }
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install.sh: not root and no sudo; install as root: ${missing[*]}" >&2
        exit 1
    fi
    as_root() { sudo "$@"; }
fi

no_cluster=/etc/postgresql-common/createcluster.d/walpack-install.conf
if [[ " ${missing[*]} " == *" postgresql-$version "* ]]; then
    as_root mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
    trap 'as_root rm -f "$no_cluster"' EXIT
fi

echo "installing: ${missing[*]}"
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)
as_root "${apt[@]}" update
as_root "${apt[@]}" install --no-install-recommends "${missing[@]}"
