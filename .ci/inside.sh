#!/usr/bin/env bash
# Runs a command in a root that matrix.sh unpacked: in its folder /work, as the owner of that.
#
#   inside.sh ROOT VERSION COMMAND     with the programs of that server version in PATH
#
# Mounts, processes and shared memory are the command's own and end with it, also when this is
# killed; the network is the machine's. Process 1 is a shell that stays root, as the kernel forgets
# about the death of its parent when a process changes its user.
set -euo pipefail

exec unshare --mount --pid --ipc --fork --kill-child --propagation private sh -c '
    root=$1 version=$2 command=$3
    user=$(stat -c %u:%g "$root/work") || exit 70
    mount -t proc proc "$root/proc" && mount -t tmpfs -o mode=1777 shm "$root/dev/shm" || exit 70
    for device in null zero full random urandom; do
        : > "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device" || exit 70
    done
    ln -sfn /proc/self/fd "$root/dev/fd"
    chroot --userspec="$user" "$root" /usr/bin/env -i HOME=/tmp LC_ALL=C.UTF-8 \
        PATH="/usr/lib/postgresql/$version/bin:/usr/bin:/usr/sbin" \
        PG_CONFIG="/usr/lib/postgresql/$version/bin/pg_config" bash -c "cd /work && { $command; exit; }"
    exit $?' \
    sh "$1" "$2" "$3"
