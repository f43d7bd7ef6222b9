#!/bin/bash
# SPDX-License-Identifier: MIT
# The C library of programs: newlib, unmodified, from Debian's package newlib-source, built for them once.
#   newlib.sh FOLDER    makes FOLDER/include and FOLDER/lib if they are not there; fails, having changed nothing, if it cannot
#
# The package is taken from the system if it is installed, else downloaded; nothing is installed. Its own configure script is told of a
# machine without an operating system: what it wants of one is in userspace/libc.
set -euo pipefail

folder=$(realpath -m "$1")
[[ -e $folder/lib/libc.a ]] && exit 0
log=$folder.log
work=$folder.new
rm -rf "$work" && mkdir -p "$work/package" "$work/build"

give_up() {
    echo "newlib: $1 (see $log): programs that need a C library are left out." >&2
    rm -rf "$work"
    exit 1
}

# Position and floating point as in our own programs; errno and the like per thread (userspace/libc/reent.c).
flags="-O2 -g0 -w -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none -fno-omit-frame-pointer"
flags+=" -D__DYNAMIC_REENT__"

fetch() {
    cd "$work/package"
    if ! compgen -G "/usr/src/newlib/newlib-*.tar.*" >/dev/null; then
        apt-get -o APT::Sandbox::User=root download -qq newlib-source
        dpkg-deb -x newlib-source_*.deb .
    fi
    mkdir source
    tar -xf "$(compgen -G "$work/package/usr/src/newlib/newlib-*.tar.*" || compgen -G "/usr/src/newlib/newlib-*.tar.*")" \
        -C source --strip-components=1
}

build() {
    cd "$work/build"
    "$work/package/source/newlib/configure" --host=x86_64-elf --prefix="$work/installed" --disable-multilib --disable-shared \
        --disable-newlib-supplied-syscalls --enable-newlib-io-long-long --enable-newlib-io-c99-formats \
        --enable-newlib-retargetable-locking --enable-newlib-global-stdio-streams \
        CC=gcc AR=ar AS=as RANLIB=ranlib CFLAGS="$flags"
    make -j"$(nproc)" all
    make install
}

echo "Building newlib, once"
fetch >"$log" 2>&1 || give_up "Debian's package newlib-source cannot be had"
(build) >>"$log" 2>&1 || give_up "it cannot be built"
rm -rf "$folder" && mkdir -p "$folder"
mv "$work"/installed/x86_64-elf/{include,lib} "$folder"
rm -rf "$work"
