#!/usr/bin/env bash
# What a machine can check of the project's rules without running a test.
#
#   lint.sh [CHECK ...]      all checks when none is named
#
# Prints per check one line, `ok NAME`, `FAILED NAME` or `skipped NAME (why)`, and what is wrong on
# indented lines below; ends with the total. BUILD_DIR names the build to compare documents with.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
build=${BUILD_DIR:-build}
only=" $* "
passed=0 failed=0 skipped=0

# The project's own files: those git knows and new ones, without what is ignored.
files() { git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r f; do
    [ ! -f "$f" ] || echo "$f"
done; }
mapfile -t cxx < <(files 'consumer/*.h' 'consumer/*.cpp' 'plugin/*.h' 'plugin/*.cpp' 'protocol/*.h' \
    'tests/*.h' 'tests/*.cpp')
mapfile -t headers < <(files 'consumer/*.h' 'plugin/*.h' 'protocol/*.h' 'tests/*.h')
mapfile -t scripts < <(files '*.sh' .ci/run)

# check NAME FUNCTION: the function prints what is wrong; 77 says that it cannot be checked here.
check() {
    local output status=0
    [ "$only" = '  ' ] || [[ $only == *" $1 "* ]] || return 0
    output=$("$2" 2>&1) || status=$?
    if [ $status = 77 ]; then
        echo "skipped $1 ($output)"
        skipped=$((skipped + 1))
    elif [ $status = 0 ] && [ -z "$output" ]; then
        echo "ok $1"
        passed=$((passed + 1))
    else
        echo "FAILED $1"
        sed 's/^/    /' <<< "$output" | head -n 60
        failed=$((failed + 1))
    fi
}

check_include_directions() { bash .ci/check_includes.sh; }

# A header that needs something included before it is not the documentation of its module. Where a
# source of the same name includes the header first, the build has shown it already.
check_headers_alone() {
    local server h unproven=()
    for h in "${headers[@]}"; do
        grep -m 1 -E '^#include' "${h%.h}.cpp" 2>/dev/null | grep -q "[\"/]$(basename "$h")\"" || unproven+=("$h")
    done
    server=$("${PG_CONFIG:-pg_config}" --includedir-server)
    printf '%s\n' "${unproven[@]}" | xargs -P 2 -I{} sh -c '
        case $1 in
            plugin/*) flags="-fno-exceptions -fno-rtti -w -I. -isystem $2" ;;
            *) flags="-Iconsumer -I. -Itests -isystem $3 -DMSGPACK_NO_BOOST -DWALPACK_SOURCE_DIR=\"\"" ;;
        esac
        g++ -std=c++20 -fsyntax-only -DWALPACK_VERSION=\"0\" $flags -x c++ -include "$PWD/$1" /dev/null 2>&1 |
            head -n 5' \
        sh {} "$server" "$("${PG_CONFIG:-pg_config}" --includedir)"
}

check_limits() {
    local f wide
    for f in "${cxx[@]}" "${scripts[@]}" Makefile dev.mk CMakeLists.txt; do
        [[ $f == *.cpp || $f == *.h ]] && wide=100 || wide=130
        LC_ALL=C.UTF-8 grep -HnE "^.{$((wide + 1)),}" "$f" | grep -v 'https\?:' |
            sed "s/^\([^:]*:[0-9]*\):.*/\1: longer than $wide characters/"
        [ "$(wc -l < "$f")" -le 400 ] || echo "$f: more than 400 lines"
    done
    # Functions of a source start and end in the first column; a control statement at 16 spaces or
    # more stands four deep.
    for f in "${cxx[@]}"; do
        [[ $f == *.cpp && $f != tests/* ]] || continue
        awk -v file="$f" '
            /^[A-Za-z].*\(/ && !/^(namespace|struct|class|enum|union|using|typedef|extern|static_assert)/ {
                start = NR
            }
            start && /^ {16,}(if|for|while|switch|do) ?[({]/ {
                print file ":" NR ": control statements nested more than 3 deep"
            }
            /^}/ && start {
                if (NR - start + 1 > 70) print file ":" start ": function of " NR - start + 1 " lines"
                start = 0
            }' "$f"
    done
    return 0
}

check_format() {
    command -v clang-format >/dev/null || { echo 'clang-format is not installed'; return 77; }
    clang-format --dry-run -Werror "${cxx[@]}" 2>&1 | sed -nE 's/^([^:]+):.* error: .*/\1/p' |
        sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)/\2: clang-format would change \1 places/'
}

check_shell() {
    command -v shellcheck >/dev/null || { echo 'shellcheck is not installed'; return 77; }
    shellcheck -x -S warning "${scripts[@]}"
}

# Words that say nothing, in the names of files, types and functions.
check_names() {
    local noun='manager|handler|helpers?|utils?|common|misc' type='Manager|Handler|Helpers?|Utils?|Common|Misc'
    printf '%s\n' "${cxx[@]}" | grep -E "(^|[/_])($noun)[._/]" | sed 's/$/: file name/'
    grep -nHE "^ *(class|struct|enum class|union) +[A-Za-z]*($type|Info|Process)\\b" "${cxx[@]}" | grep -vE ';$'
    grep -nHE "^[^/\"]*\\b((do|process|handle)_[a-z_]+|[a-z_]*_($noun))\\(" "${cxx[@]}"
    grep -nHE '\b(TODO|FIXME|XXX)\b' "${cxx[@]}" "${scripts[@]}" | grep -v '^\.ci/lint\.sh'
    return 0
}

check_versions() {
    local version of
    version=$(sed -nE 's/^WALPACK_VERSION *= *(.*)/\1/p' Makefile)
    agree() { [ "$2" = "$version" ] || echo "$1 says \"$2\", the Makefile \"$version\""; }
    agree CMakeLists.txt "$(sed -nE 's/^project\(walpack VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)"
    for of in $(sed -nE 's/^(   |         )"version": *"(.*)".*/\2/p' META.json); do
        agree META.json "$of"   # of the distribution and of the extension, not of the specification
    done
    agree CHANGELOG.md "$(sed -nE 's/^## ([0-9.]+).*/\1/p' CHANGELOG.md | head -1)"
    agree walpack.control "$(sed -nE "s/^default_version *= *'(.*)'/\1/p" walpack.control).${version##*.}"
    local script
    script=plugin/walpack--$(sed -nE "s/^default_version *= *'(.*)'/\1/p" walpack.control).sql
    [ -f "$script" ] || echo "$script is missing"
    grep -q "\"$script\"" META.json || echo "META.json does not name $script"
    ! grep -nE '"[0-9]+\.[0-9]+\.[0-9]+"' plugin/*.cpp plugin/*.h || echo 'a version is spelled out'
}

# Every file of sql/ runs: it is listed, or another one includes it.
check_regress_list() {
    local f name listed
    listed=" $(make --no-print-directory -s regress-list) "
    for f in sql/*.sql; do
        name=$(basename "$f" .sql)
        if [[ $listed == *" $name "* ]]; then
            [ -f "expected/$name.out" ] || echo "expected/$name.out is missing"
            continue
        fi
        grep -qE "^\\\\ir? .*$name(\.sql)?" sql/*.sql || echo "$f is not in the Makefile's list"
    done
    listed=" $(make --no-print-directory -s isolation-list) "
    for f in specs/*.spec; do
        name=$(basename "$f" .spec)
        [[ $listed == *" $name "* ]] || echo "$f is not in the Makefile's list"
        [ -f "expected/$name.out" ] || echo "expected/$name.out is missing"
    done
    for f in expected/*.out; do
        name=$(basename "$f" .out)
        [ -f "sql/${name%_[0-9]}.sql" ] || [ -f "sql/$name.sql" ] || [ -f "specs/${name%_[0-9]}.spec" ] ||
            [ -f "specs/$name.spec" ] || echo "$f has no test"
    done
}

check_configuration_document() {
    [ -x "$build/walpack" ] || { echo 'the consumer is not built'; return 77; }
    local key
    for key in $("$build/walpack" run --help | grep -oE -- '--[a-z][a-z-]+' | sort -u | sed 's/^--//; s/-/_/g'); do
        case $key in help | help_all | version | config) continue ;; esac
        grep -q "\`$key\`" docs/configuration.md || echo "docs/configuration.md does not describe \"$key\""
    done
}

check_option_document() {
    local option
    for option in $(sed -nE '/kSpecs\[\]/,/^};/s/^ *\{"([a-z_]+)".*/\1/p' plugin/options.cpp); do
        grep -q "^| \`$option\`" docs/protocol.md || echo "docs/protocol.md does not describe \"$option\""
    done
}

# The numbers of the wire format stand in the header and in the document.
check_record_document() {
    local name number
    while read -r name number; do
        grep -E "\b$number\b" docs/protocol.md | grep -qi "$name" ||
            echo "docs/protocol.md lacks $name, $number"
    done < <(sed -nE 's/^\s+WALPACK_([A-Z_0-9]+) = ([0-9]+).*/\1 \2/p' protocol/format.h |
        sed 's/^KIND_//' | tr -d '_')
}

check_cli_document() {
    [ -x "$build/walpack" ] || { echo 'the consumer is not built'; return 77; }
    local fresh
    fresh=$(mktemp -d)
    bash .ci/cli_pages.sh "$fresh"
    diff -ru docs/cli "$fresh" > "$fresh.diff" || { echo 'run "make cli-pages"'; head -n 40 "$fresh.diff"; }
    rm -rf "$fresh" "$fresh.diff"
}

check_links() {
    local f link
    for f in $(files '*.md'); do
        while read -r link; do
            [ -e "$(dirname "$f")/$link" ] || echo "$f: link to \"$link\" leads nowhere"
        done < <(grep -oE '\]\([^)#: ]+' "$f" | sed 's/^](//')
    done
}

check_plugin_symbols() { { make --no-print-directory -s check-symbols >/dev/null; } 2>&1; }

check include-directions check_include_directions
check headers-compile-alone check_headers_alone
check limits check_limits
check format check_format
check shell check_shell
check names check_names
check versions-agree check_versions
check regress-files-listed check_regress_list
check configuration-documented check_configuration_document
check plugin-options-documented check_option_document
check record-numbers-documented check_record_document
check cli-pages-current check_cli_document
check links check_links
check no-cxx-runtime-in-plugin check_plugin_symbols

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
