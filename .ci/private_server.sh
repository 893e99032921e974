#!/usr/bin/env bash
# A private copy of the server that pg_config names, with the plugin of this tree installed in it.
#
#   private_server.sh DIR      makes DIR and prints the copy's program folder
#
# The server's programs look for their library and share folders relative to where they stand
# themselves. So copied programs beside links to the rest are a server of its own, and what is under
# test is this tree's build, whatever the machine has installed. Needs no root; a cluster on it is
# the caller's. Installs from the current folder, which must be built.
set -euo pipefail

dir=$1
pg_config=${PG_CONFIG:-pg_config}
bin=$("$pg_config" --bindir)
lib=$("$pg_config" --pkglibdir)
share=$("$pg_config" --sharedir)

# link FROM TO: TO becomes a folder of links to what is in FROM, without any walpack.
link() {
    mkdir -p "$2"
    find "$1" -mindepth 1 -maxdepth 1 ! -name 'walpack*' -exec ln -st "$2" {} +
}

mkdir -p "$dir$bin"
cp "$bin"/* "$dir$bin/"
link "$lib" "$dir$lib"
link "$share" "$dir$share"
rm "$dir$share/extension"
link "$share/extension" "$dir$share/extension"

make --no-print-directory -s install DESTDIR="$dir" PG_CONFIG="$pg_config" >&2
chmod -R a+rX "$dir"
echo "$dir$bin"
