#!/bin/bash
# SPDX-License-Identifier: MIT
# Source code of others that is built into the kernel, unmodified, from Debian's archive.
#   third_party.sh FOLDER    fetches what is not there yet; fails, having changed nothing, if it cannot be had
#
# Zydis, the disassembler of kdebug: Debian packages the source (zydis) and the headers of its support library (libzycore-dev).
# apt looks the sources up in lists of its own under FOLDER, made of the system's, because the system's seldom name sources; /etc/apt
# is only read, and nothing is installed, so no rights are needed.
set -euo pipefail

folder=$(realpath -m "$1")
[[ -e $folder/zydis/include/Zydis/Zydis.h ]] && exit 0

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

give_up() {
    echo "$1: kdebug is built without its disassembler." >&2
    exit 1
}

echo "Fetching the sources of Zydis from Debian's archive"
copy_sources
apt-get "${options[@]}" update -qq >"$apt/log" 2>&1 || true # one source of several may be down; what counts is the next step
cd "$apt/packages"
if ! apt-get "${options[@]}" source -qq --download-only zydis >>"$apt/log" 2>&1 ||
    ! apt-get "${system[@]}" -o APT::Sandbox::User=root download -qq libzycore-dev >>"$apt/log" 2>&1; then
    tail -n 3 "$apt/log" >&2
    give_up "Debian's package zydis cannot be had"
fi
unpacked=$folder/zydis.new
rm -rf "$unpacked" && mkdir -p "$unpacked"
tar -xf zydis_*.orig.tar.* -C "$unpacked" --strip-components=1
dpkg-deb --fsys-tarfile libzycore-dev_*.deb | tar -x -C "$unpacked/include" --strip-components=3 ./usr/include
rm -rf "$apt" "$folder/zydis" && mv "$unpacked" "$folder/zydis"
