#!/usr/bin/env bash
# Compares the #include lines of consumer/, plugin/ and protocol/ with include_rules.txt.
# Prints one line per breach and fails if there is one.
set -euo pipefail

cd "$(dirname "$0")/.."
{
    grep -E '^[a-z]' .ci/include_rules.txt
    find consumer plugin protocol -name '*.h' -o -name '*.cpp' | sort |
        xargs grep -HE '^ *# *include' |
        sed -nE 's/^([^:]+): *# *include *(["<])([^">]+)[">].*/include \1 \2 \3/p'
} | awk '
function list(from,   i, text) {
    for (i = from; i <= NF; i++) text = text " " $i
    return text " "
}
function breach(text) { print file ": " text; breaches++ }
function stem(path) { sub(/.*\//, "", path); sub(/\.(h|cpp)$/, "", path); return path }

$1 == "folder" { sub(/:$/, "", $2); allowed[$2] = list(3); next }
$1 == "header" { sub(/:$/, "", $2); owner[$2] = list(3); next }
$1 == "plugin:" || $1 == "plugin-sql:" {
    for (i = 2; i <= NF; i++) { place[$i] = i; library[$i] = $1 }
    next
}
$1 == "plugin-source" { sub(/:$/, "", $2); stands_with[$2] = $3; next }

$1 == "include" {
    file = $2; is_own = $3 == "\""; name = $4
    split(file, part, "/")
    if (part[1] == "protocol") {
        if (is_own && name !~ /^protocol\//) breach("protocol includes nothing of walpack outside of it, but \"" name "\"")
        next
    }
    if (part[1] == "plugin") {
        if (!is_own || name ~ /^protocol\//) next
        own = stem(file); slack = file ~ /\.cpp$/
        if (slack && own in stands_with) own = stands_with[own]
        if (own == "server" || own == "sql_server") next   # the wall: all headers of the server
        other = stem(name)
        if (!(own in place)) { breach("not in the order of include_rules.txt"); next }
        if (!(other in place)) breach("\"" name "\" is not in the order of include_rules.txt")
        else if (library[own] != library[other]) breach("\"" name "\" belongs to the other library")
        else if (place[other] >= place[own] + slack) breach("\"" name "\" stands later in the order")
        next
    }
    folder = part[2] == "main.cpp" ? "main" : part[2]
    if (!(folder in allowed)) { breach("folder " folder " has no rule"); next }
    for (header in owner)
        if (index(name, header) == 1 && index(owner[header], " " folder " ") == 0)
            breach("<" name "> is only for" owner[header])
    if (is_own) {
        split(name, target, "/")
        if (target[1] != folder && index(allowed[folder], " " target[1] " ") == 0)
            breach(folder " must not include \"" name "\"")
    }
}
END { exit breaches > 0 }'
