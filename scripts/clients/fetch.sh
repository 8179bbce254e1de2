#!/bin/bash
# Fetches the programs that `pnpm test:clients` runs against the tree, from Debian into a cache folder: two folders with what
# Debian 12 and Debian 13 install for them, unpacked and not installed; about 200 MB. Changes nothing else on this machine (see
# scripts/debian/archive.sh), and needs no root. Prints the folder. Needs Debian or a relative (apt-get, dpkg-deb, Debian's keyring)
# on x86-64 or arm64; ends with 3, and says what is missing, where that is not so.
# Usage: scripts/clients/fetch.sh [folder]      default: $MEDIATED_CLIENTS, else ${XDG_CACHE_HOME:-~/.cache}/mediated/clients
set -euo pipefail
. "$(dirname "$0")/../debian/archive.sh"

cache=${1:-${MEDIATED_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/mediated/clients}}
# What is in the folder: another version of this script makes it anew.
edition=1
# mdevctl 1.2 is Debian 12's, 1.4 Debian 13's.
bookworm=(bash coreutils grep sed mdevctl pciutils driverctl udev util-linux)
trixie=(bash coreutils grep sed perl-base mdevctl libvirt-daemon libvirt-daemon-driver-nodedev libvirt-clients)

if [ "$(cat "$cache/edition" 2>/dev/null)" = "$edition" ]; then
  echo "$cache"
  exit
fi
architecture=$(debian_architecture amd64 arm64)

# Several may fetch at the same time; what one leaves undone is not kept.
mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT

# unpack RELEASE PACKAGE...: what those packages and all that they depend on hold, in $work/RELEASE.
unpack() {
  local release=$1 name package
  local root=$work/$release apt=$work/apt-$release
  shift
  begin_apt "$apt" "$architecture" "$release"
  apt-get --download-only --yes install "$@" >&2
  mkdir -p "$root"/{usr/{bin,sbin,lib,lib64},run,var}
  # Where a merged /usr has links, packages may still have folders.
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  ln -s ../run "$root/var/run"
  for package in "$apt"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
      tar -C "$root" -x --keep-directory-symlink --no-same-owner --exclude='./usr/share/doc' --exclude='./usr/share/man' \
        --exclude='./usr/share/locale'
  done
  # What the packages' scripts would write; they are not run.
  echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  # Entries that the tests mount the tree and the machine's own on.
  mkdir -p "$root"/{root,sys,proc,dev,run,tmp,etc/mdevctl.d,env}
  rm -rf "$apt"
}

unpack bookworm "${bookworm[@]}"
unpack trixie "${trixie[@]}"
echo "$edition" >"$work/edition"
chmod 755 "$work"
rm -rf "$cache"
mv "$work" "$cache"
echo "$cache"
