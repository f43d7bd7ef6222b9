#!/bin/bash
# SPDX-License-Identifier: MIT
# Source code of others that is built into the system, unmodified, from Debian's archive.
#   third_party.sh FOLDER    fetches what is not there yet; fails if something cannot be had, and leaves that out
#
# Zydis, the disassembler of kdebug: Debian packages the source (zydis) and the headers of its support library (libzycore-dev).
# Lua, a program of ours: the source package lua5.4.
# apt looks the sources up in lists of its own under FOLDER, made of the system's, because the system's seldom name sources; /etc/apt
# is only read, and nothing is installed, so no rights are needed.
set -euo pipefail

folder=$(realpath -m "$1")
has_zydis() { [[ -e $folder/zydis/include/Zydis/Zydis.h ]]; }
has_lua() { [[ -e $folder/lua/src/lua.h ]]; }
has_zydis && has_lua && exit 0

apt=$folder/apt
mkdir -p "$apt/parts" "$apt/lists/partial" "$apt/archives/partial" "$apt/packages"
options=(-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/parts" -o Dir::State::Lists="$apt/lists"
         -o Dir::Cache="$apt" -o Acquire::Languages=none -o APT::Sandbox::User=root)

# The lists of binary packages, too, only if the system has none: they are as long as those of the sources.
types="deb-src" system=()
apt-cache show libzycore-dev >/dev/null 2>&1 || { types="deb deb-src" system=("${options[@]}"); }

copy_sources() {
    local file
    for file in /etc/apt/sources.list.d/*.sources; do
        if [[ -e $file ]]; then
            sed "s/^Types:.*/Types: $types/" "$file" >"$apt/parts/$(basename "$file")"
        fi
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [[ -e $file ]]; then
            sed -n 's/^deb \(.*\)/deb \1\ndeb-src \1/p' "$file" >"$apt/parts/$(basename "${file%.list}").list"
        fi
    done
}

fetch() { # PACKAGE [BINARY PACKAGE], into the present folder
    if ! apt-get "${options[@]}" source -qq --download-only "$1" >>"$apt/log" 2>&1 ||
        { [[ -n ${2-} ]] && ! apt-get "${system[@]}" -o APT::Sandbox::User=root download -qq "$2" >>"$apt/log" 2>&1; }; then
        tail -n 3 "$apt/log" >&2
        echo "Debian's package $1 cannot be had." >&2
        return 1
    fi
}

unpack() { # PACKAGE FOLDER, from the present folder; not the packager's own files
    rm -rf "$2" && mkdir -p "$2"
    tar -xf "$(compgen -G "$1_*.orig.tar.*")" -C "$2" --strip-components=1
}

add_zydis() {
    local new=$folder/zydis.new
    fetch zydis libzycore-dev || return 1
    unpack zydis "$new"
    dpkg-deb --fsys-tarfile libzycore-dev_*.deb | tar -x -C "$new/include" --strip-components=3 ./usr/include
    rm -rf "$folder/zydis" && mv "$new" "$folder/zydis"
}

add_lua() {
    fetch lua5.4 || return 1
    unpack lua5.4 "$folder/lua.new"
    rm -rf "$folder/lua" && mv "$folder/lua.new" "$folder/lua"
}

echo "Fetching sources from Debian's archive"
copy_sources
apt-get "${options[@]}" update -qq >"$apt/log" 2>&1 || true # one source of several may be down; what counts is the next step
cd "$apt/packages"
missing=0
has_zydis || add_zydis || { missing=1; echo "kdebug is built without its disassembler." >&2; }
has_lua || add_lua || { missing=1; echo "There is no program lua." >&2; }
rm -rf "$apt"
exit $missing
