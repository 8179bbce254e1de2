#!/bin/bash
# Fetches QEMU 11 (with its firmware), Debian's Linux kernel, lspci and busybox into a cache folder: about 150 MB to download,
# most of it the kernel's modules, of which the few that guests need are kept; 200 MB unpacked. Changes nothing else on this
# machine (see scripts/debian/archive.sh). Prints the folder. Needs Debian or a relative (apt-get, dpkg-deb, Debian's keyring) and
# x86-64; ends with 3, and says what is missing, where that is not so.
# Usage: scripts/qemu/fetch.sh [folder]      default: $MEDIATED_QEMU, else ${XDG_CACHE_HOME:-~/.cache}/mediated/qemu
# In the folder: root/ (QEMU and programs), vmlinuz, modules/NN-name.ko in the order in which they are loaded.
set -euo pipefail
. "$(dirname "$0")/../debian/archive.sh"

cache=${1:-${MEDIATED_QEMU:-${XDG_CACHE_HOME:-$HOME/.cache}/mediated/qemu}}
# What is in the folder: another version of this script makes it anew.
edition=3
# Drivers that guests load; what they need comes along.
modules='bochs virtio-rng'

if [ "$(cat "$cache/edition" 2>/dev/null)" = "$edition" ]; then
  echo "$cache"
  exit
fi
architecture=$(debian_architecture amd64)

# Several may fetch at the same time; what one leaves undone is not kept.
mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
# The firmware has to be as new as QEMU: everything but the kernel from the backports.
begin_apt "$work/apt" "$architecture" trixie trixie-backports
mkdir "$work/packages" "$work/root"

# stdout is the answer: the folder.
{
  apt-get --yes --download-only -t trixie-backports install qemu-system-x86 pciutils
  mv "$work"/apt/archives/*.deb "$work/packages/"
  (cd "$work/packages" && apt-get download -t trixie-backports busybox-static)
  for package in "$work"/packages/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
  # The stable suite's kernel. A mirror may list one that it has not got yet, or not any more.
  mkdir "$work/kernel"
  for kernel in $(apt-cache search --names-only '^linux-image-[0-9.]+[+]deb13-amd64$' | cut -d' ' -f1 | sort -rV); do
    [[ $(apt-cache policy "$kernel") == *trixie/main* ]] || continue
    (cd "$work/kernel" && apt-get download -t trixie "$kernel") && break
  done
  dpkg-deb --extract "$work"/kernel/linux-image-*.deb "$work/kernel/root"
  mv "$work"/kernel/root/boot/vmlinuz-* "$work/vmlinuz"
} >&2

busybox=$work/root/usr/bin/busybox
mkdir "$work/modules"
# Puts a module behind those that it needs.
keep() {
  local name=${1//-/_} file needed
  [ -z "$(find "$work/modules" -name "*-$name.ko")" ] || return 0
  file=$(find "$work/kernel/root" -name '*.ko.xz' | grep -E "/${name//_/[-_]}\.ko\.xz$") || return 0
  "$busybox" xzcat "$file" >"$work/kernel/$name.ko"
  for needed in $("$busybox" strings "$work/kernel/$name.ko" | sed -n 's/^depends=//p' | tr , ' '); do keep "$needed"; done
  mv "$work/kernel/$name.ko" "$work/modules/$(printf %02d "$(find "$work/modules" -type f | wc -l)")-$name.ko"
}
for module in $modules; do keep "$module"; done
rm -rf "$work/apt" "$work/packages" "$work/kernel"
echo "$edition" >"$work/edition"
chmod 755 "$work"
rm -rf "$cache"
mv "$work" "$cache"
echo "$cache"
