#!/bin/bash
# Fetches QEMU 11 (with its firmware), a Linux kernel and busybox from Debian into a cache folder: about 55 MB to download,
# 250 MB unpacked. Changes nothing else on this machine: apt works in folders of the cache, packages are unpacked and not
# installed. Prints the folder. Needs Debian or a relative (apt-get, dpkg-deb, Debian's keyring) and x86-64.
# Usage: scripts/qemu/fetch.sh [folder]      default: ${XDG_CACHE_HOME:-~/.cache}/mediated/qemu
set -euo pipefail

cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/mediated/qemu}
mirror=${MEDIATED_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=${MEDIATED_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
# What is in the folder: another version of this script makes it anew.
edition=1

if [ "$(cat "$cache/edition" 2>/dev/null)" = "$edition" ]; then
  echo "$cache"
  exit
fi
for program in apt-get dpkg-deb; do
  command -v "$program" >/dev/null || { echo "there is no $program on this machine" >&2; exit 3; }
done
[ "$(uname -m)" = x86_64 ] || { echo "the packages are for x86-64, this machine is $(uname -m)" >&2; exit 3; }
[ -r "$keyring" ] || { echo "there is no keyring of Debian at $keyring" >&2; exit 3; }

work=$cache.new
rm -rf "$work"
mkdir -p "$work"/apt/{lists/partial,archives/partial,etc/apt.conf.d,etc/preferences.d} "$work"/packages "$work"/root
: >"$work/apt/status"
for suite in trixie trixie-backports; do
  echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite main"
done >"$work/apt/sources.list"
cat >"$work/apt/apt.conf" <<CONF
Dir "$work/apt";
Dir::State "$work/apt";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Cache::archives "$work/apt/archives";
Dir::Etc "$work/apt/etc";
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::Log "$work/apt";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
CONF
export APT_CONFIG=$work/apt/apt.conf

# stdout is the answer: the folder.
{
  apt-get update
  # The firmware has to be as new as QEMU: everything from the backports.
  apt-get --yes --download-only -t trixie-backports install qemu-system-x86
  mv "$work"/apt/archives/*.deb "$work/packages/"
  kernel=$(apt-cache search --names-only '^linux-binary-[0-9].*deb13-amd64$' | cut -d' ' -f1 | sort -V | tail -1)
  (cd "$work/packages" && apt-get download -t trixie-backports "$kernel" busybox-static)
  for package in "$work"/packages/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
} >&2

kernel_image=$(cd "$work" && find root -name "vmlinuz*" -type f | head -1)
ln -sfn "$kernel_image" "$work/vmlinuz"
rm -rf "$work/apt" "$work/packages"
echo "$edition" >"$work/edition"
rm -rf "$cache"
mkdir -p "$(dirname "$cache")"
mv "$work" "$cache"
echo "$cache"
