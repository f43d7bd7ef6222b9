#!/bin/bash
# SPDX-License-Identifier: MIT
# What Spoor needs from Debian.
#   deps.sh check [build|run|test|browser]...   says what is missing (default: build, run, test) and fails
#   deps.sh install [...]                       installs it with apt-get, as root or through sudo
set -euo pipefail

list=$(dirname "$0")/deps.txt
action=${1:-check}
shift || true
wanted="${*:-build run test}"
missing=()

while IFS='|' read -r package probe need why; do
    package=${package// /} probe=${probe// /} need=${need// /}
    [[ -z $package || $package == \#* ]] && continue
    [[ " $wanted " == *" $need "* ]] || continue
    if [[ $probe == /* ]]; then
        compgen -G "$probe" >/dev/null && continue # a path, perhaps with *
    else
        command -v "$probe" >/dev/null && continue
    fi
    printf '  missing: %-18s%s\n' "$package" "$why"
    missing+=("$package")
done <"$list"

[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $action == check ]]; then
    echo "Some Debian packages are missing: run 'make deps'." >&2
    exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "Neither root nor sudo: install these packages yourself: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
