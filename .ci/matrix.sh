#!/usr/bin/env bash
# Builds the plugin against newer servers with the compilers of their distributions, runs the
# regression and isolation tests there, and has the consumer of BUILD_DIR, which must be built, copy
# and apply between this machine's server version and the newer one, both ways (upgrade.sh).
#
#   matrix.sh [17] [18] [19]     all of them when none is named
#
# A version is one test: `ok`, `FAILED`, or `skipped` with the reason, when its packages cannot be
# had or this machine does not let us unpack them. The last line is the total. Each version gets a
# root folder of its own, with packages of a newer Debian unpacked into it; nothing of them is
# installed here, and no script of theirs runs. MATRIX_DIR keeps the roots for the next run
# (default: a temporary folder). Logs go to BUILD_DIR/check/matrix/.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
logs=${BUILD_DIR:-build}/check/matrix
mkdir -p "$logs"
logs=$(cd "$logs" && pwd)
[ $# -gt 0 ] || set -- 17 18 19

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
tester=5432   # user and group of the servers in the roots; nobody here

# What is compiled and tested; the rest is what these need, without the packages below, which are
# large and for other languages, or for the installation itself.
packages='g++ make bash dash coreutils diffutils findutils grep sed mawk libc-bin libmsgpack-c-dev liblz4-dev
    libzstd-dev libxxhash-dev'
left_out='clang llvm libclang libllvm libz3 libboost python3 libpython3 perl libperl debconf ucf adduser passwd
    login init-system-helpers sensible-utils ssl-cert netbase locales libc-l10n libsanitizer libasan libtsan
    libubsan libhwasan liblsan'

# suites VERSION: the Debian suites that have that server, the last one decides.
suites() {
    case $1 in
    17) echo trixie ;;
    18) echo forky ;;
    19) echo sid experimental ;;
    *) return 1 ;;
    esac
}

# The mirror that this machine takes its own packages from.
mirror() {
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" 2>/dev/null |
        grep -m 1 . || echo http://deb.debian.org/debian
}

# apt_folder FOLDER SUITE ...: an apt that knows nothing of this machine. Suites that are still moving
# may be served with a date that has passed.
apt_folder() {
    local folder=$1 suite from
    shift
    from=$(mirror)
    mkdir -p "$folder"/{etc/preferences.d,etc/apt.conf.d,etc/trusted.gpg.d,state/lists/partial,cache/archives/partial,debs}
    : > "$folder/state/status"
    for suite in "$@"; do
        echo "deb [check-valid-until=no signed-by=$keyring] $from $suite main"
    done > "$folder/etc/sources.list"
    # Only the server comes from experimental, which is never taken by itself.
    printf 'Package: src:postgresql-*\nPin: release a=experimental\nPin-Priority: 900\n' > "$folder/etc/preferences"
    cat > "$folder/apt.conf" <<CONF
Dir::Etc "$folder/etc";
Dir::State "$folder/state";
Dir::State::status "$folder/state/status";
Dir::Cache "$folder/cache";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
CONF
}

# The names that apt would install, without those left out.
resolve() {
    local pattern
    pattern="^($(tr -s ' \n' '|' <<< "$left_out" | sed 's/|$//'))"
    apt-get -qq install --simulate "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep -vE "$pattern"
}

# unpack VERSION ROOT: the root with server and compiler. Fails where something cannot be had.
unpack() {
    local version=$1 root=$2 apt=$2.apt names
    rm -rf "$root" "$apt"
    suites "$version" >/dev/null || { echo "E: no suite is known to have it"; return 1; }
    # shellcheck disable=SC2046
    apt_folder "$apt" $(suites "$version")
    local -x APT_CONFIG=$apt/apt.conf
    apt-get -qq update || return 1
    # shellcheck disable=SC2086
    names=$(resolve "postgresql-$version" "postgresql-server-dev-$version" $packages) || return 1
    # shellcheck disable=SC2086
    (cd "$apt/debs" && apt-get -qq download $names) || return 1
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{dev/shm,proc,tmp,etc,root,run/postgresql}
    ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
    chmod 1777 "$root/tmp" "$root/run/postgresql"
    find "$apt/debs" -name '*.deb' -print0 | xargs -0 -P 2 -n 1 sh -c \
        'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$0" --keep-directory-symlink --no-same-owner \
            --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale' "$root" || return 1
    rm -rf "$apt"
    printf '%s\n' root:x:0:0::/root:/bin/sh "postgres:x:$tester:$tester::/tmp:/bin/sh" > "$root/etc/passwd"
    printf '%s\n' root:x:0: "postgres:x:$tester:" > "$root/etc/group"
    [ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
    # The compiler of the JIT was left out; the server does without when its library is not there.
    rm -f "$root"/usr/lib/postgresql/*/lib/llvmjit*.so
    touch "$root/complete"
}

inside() { bash .ci/inside.sh "$@"; }

# What the version's root needs of this tree, and no object of another compiler.
copy_tree() {
    rm -rf "$1/work"
    mkdir "$1/work"
    cp -R Makefile dev.mk plugin protocol sql specs expected regress.conf walpack.control .ci "$1/work/" &&
        rm -f "$1"/work/plugin/*.[od] && chown -R $tester:$tester "$1/work"
}

passed=0 failed=0 skipped=0

# conclude ok|FAILED|skipped TEXT ...
conclude() {
    echo "$*"
    case $1 in
    ok) passed=$((passed + 1)) ;;
    FAILED) failed=$((failed + 1)) ;;
    *) skipped=$((skipped + 1)) ;;
    esac
}

# What the tests in LOG counted, in both forms that pg_regress has.
count_tests() { grep -cE '^(test .* \.\.\. ok|ok [0-9]+ )' "$1"; }

# run_step STEP VERSION ROOT
run_step() {
    case $1 in
    build) inside "$3" "$2" "timeout 600 make -s -j 2 all CXX='g++ -Werror'" ;;
    regress) inside "$3" "$2" 'timeout 600 bash .ci/regress.sh plain' ;;
    isolation) inside "$3" "$2" 'timeout 600 bash .ci/regress.sh isolation plain' ;;
    consumer) timeout --kill-after=60 300 bash .ci/upgrade.sh "$2" "$3" ;;
    esac
}

test_version() {
    local version=$1 root=$2 log=$logs/$1 started=$SECONDS step
    copy_tree "$root" || { conclude FAILED "PostgreSQL $version: no copy of the tree"; return; }
    for step in build regress isolation consumer; do
        if ! run_step $step "$version" "$root" > "$log.$step.log" 2>&1 < /dev/null; then
            conclude FAILED "PostgreSQL $version: $step"
            sed 's/^/    /' "$log.$step.log" | head -n 400
            return
        fi
    done
    conclude ok "$(inside "$root" "$version" 'pg_config --version; g++ --version' | sed -n '1N; s/\n/, /p'):" \
        "regress $(count_tests "$log.regress.log"), isolation $(count_tests "$log.isolation.log")," \
        "consumer both ways, $((SECONDS - started)) s"
}

# Prints why no root can be used on this machine.
obstacle() {
    if [ "$(id -u)" != 0 ]; then
        echo 'not root'
    elif ! command -v apt-get dpkg-deb unshare >/dev/null || [ ! -f "$keyring" ]; then
        echo 'no Debian tools here'
    elif ! unshare --mount --pid --ipc --fork --propagation private sh -c 'mount -t tmpfs none /mnt' 2>/dev/null; then
        echo 'this machine lets us mount nothing'
    fi
}

folder=${MATRIX_DIR:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d "${TMPDIR:-/tmp}/walpack_matrix.XXXXXX")
    trap '[ -z "${unpacker:-}" ] || kill "$unpacker" 2>/dev/null; wait; rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# One root after the other, while those that are there are being tested.
unpack_all() {
    local version
    for version in "$@"; do
        [ -e "$folder/$version/complete" ] || unpack "$version" "$folder/$version" > "$logs/$version.unpack.log" 2>&1 ||
            touch "$folder/$version.failed"
    done
}

# Waits for a root, and fails when there will be none.
await() {
    until [ -e "$folder/$1/complete" ]; do
        if [ -e "$folder/$1.failed" ] || ! kill -0 "$unpacker" 2>/dev/null; then
            [ -e "$folder/$1/complete" ]
            return
        fi
        sleep 0.2
    done
}

reason=$(obstacle)
unpacker=
if [ -z "$reason" ]; then
    rm -f "$folder"/*.failed
    unpack_all "$@" &
    unpacker=$!
fi
for version in "$@"; do
    if [ -n "$reason" ]; then
        conclude skipped "PostgreSQL $version: $reason"
    elif ! await "$version"; then
        conclude skipped "PostgreSQL $version: packages cannot be had: $(grep -m 1 '^E:' "$logs/$version.unpack.log")"
    else
        test_version "$version" "$folder/$version"
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
