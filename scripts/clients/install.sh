#!/usr/bin/env bash
# Fetches the programs that `pnpm test:clients` runs against the tree, from Debian: two folders with what Debian 12 and
# Debian 13 install for them, unpacked and not installed. Nothing of the machine is changed but the cache folder, and no
# root is needed. What was fetched before is kept; `--again` fetches anew. Prints the cache folder as its last line.
#
#   scripts/clients/install.sh [--again]
#
# MEDIATED_CLIENTS   the cache folder (default: $XDG_CACHE_HOME/mediated-clients, or that in ~/.cache)
# MEDIATED_MIRROR    a Debian mirror (default: http://deb.debian.org/debian)
#
# Needs apt-get, dpkg-deb and the keys of Debian's archive (package debian-archive-keyring). Packages are checked by apt
# against those keys. About 200 MB.
set -euo pipefail

cache=${MEDIATED_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/mediated-clients}
mirror=${MEDIATED_MIRROR:-http://deb.debian.org/debian}
keys=/usr/share/keyrings/debian-archive-keyring.gpg

# mdevctl 1.2 is Debian 12's, 1.4 Debian 13's.
bookworm=(bash coreutils grep sed mdevctl pciutils driverctl udev util-linux)
trixie=(bash coreutils grep sed perl-base mdevctl libvirt-daemon libvirt-daemon-driver-nodedev libvirt-clients)

for program in apt-get dpkg-deb tar; do
  if ! command -v "$program" >/dev/null; then
    echo "install.sh: $program is missing: the clients come from Debian, and are unpacked by its tools" >&2
    exit 1
  fi
done
if [ ! -r "$keys" ]; then
  echo "install.sh: $keys is missing (package debian-archive-keyring)" >&2
  exit 1
fi

# unpack RELEASE PACKAGE...: what those packages and all that they depend on hold, in $cache/RELEASE.
unpack() {
  local release=$1
  shift
  local root=$cache/$release apt=$cache/apt-$release
  if [ -e "$root/.complete" ]; then return; fi
  echo "install.sh: $release: $*" >&2
  rm -rf "$root" "$root.part" "$apt"
  mkdir -p "$apt"/{lists/partial,archives/partial,parts} "$root.part"/{usr/{bin,sbin,lib,lib64},run,var}
  : >"$apt/status"
  echo "deb [signed-by=$keys] $mirror $release main" >"$apt/sources.list"
  # An empty list of installed packages: everything that is needed comes along, so the machine's own does not matter.
  local options=(
    -qq
    -o "Dir::State::status=$apt/status"
    -o "Dir::State::lists=$apt/lists"
    -o "Dir::Cache=$apt"
    -o "Dir::Cache::archives=$apt/archives"
    -o "Dir::Etc::sourcelist=$apt/sources.list"
    -o "Dir::Etc::sourceparts=$apt/parts"
    -o Debug::NoLocking=true
    -o APT::Sandbox::User=
    -o APT::Install-Recommends=false
    -o Acquire::Languages=none
    -o Acquire::Retries=3
  )
  apt-get "${options[@]}" update >&2
  apt-get "${options[@]}" --download-only --yes install "$@" >&2
  # Where a merged /usr has links, packages may still have folders.
  local name
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root.part/$name"; done
  ln -s ../run "$root.part/var/run"
  local package
  for package in "$apt"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
      tar -C "$root.part" -x --keep-directory-symlink --no-same-owner --exclude='./usr/share/doc' --exclude='./usr/share/man' \
        --exclude='./usr/share/locale'
  done
  # Entries that the tests mount the tree and the machine's own on.
  # What the packages' scripts would write; they are not run.
  echo 'root:x:0:0:root:/root:/bin/bash' >"$root.part/etc/passwd"
  echo 'root:x:0:' >"$root.part/etc/group"
  mkdir -p "$root.part"/{root,sys,proc,dev,run,tmp,etc/mdevctl.d,env}
  rm -rf "$apt"
  touch "$root.part/.complete"
  mv "$root.part" "$root"
}

if [ "${1:-}" = --again ]; then rm -rf "$cache/bookworm" "$cache/trixie"; fi
mkdir -p "$cache"
unpack bookworm "${bookworm[@]}"
unpack trixie "${trixie[@]}"
echo "$cache"
