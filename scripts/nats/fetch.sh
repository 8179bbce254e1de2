#!/bin/bash
# Fetches nats-server 2.10 from Debian into a cache folder: about 4 MB to download, 15 MB unpacked. Changes nothing else on this
# machine (see scripts/debian/archive.sh). Prints the path of the program. Needs Debian or a relative (apt-get, dpkg-deb, Debian's
# keyring) on x86-64 or arm64; ends with 3, and says what is missing, where that is not so.
# Usage: scripts/nats/fetch.sh [folder]      default: ${XDG_CACHE_HOME:-~/.cache}/mediated/nats
# MEDIATED_NATS_SERVER, where it is set, is the path of a program that is taken as it is.
set -euo pipefail
. "$(dirname "$0")/../debian/archive.sh"

if [ -n "${MEDIATED_NATS_SERVER:-}" ]; then
  echo "$MEDIATED_NATS_SERVER"
  exit
fi
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/mediated/nats}
# What is in the folder: another version of this script makes it anew.
edition=1

if [ "$(cat "$cache/edition" 2>/dev/null)" = "$edition" ]; then
  echo "$cache/nats-server"
  exit
fi
architecture=$(debian_architecture amd64 arm64)

# Several may fetch at the same time; what one leaves undone is not kept.
mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
begin_apt "$work/apt" "$architecture" trixie
mkdir "$work/packages" "$work/root"

# stdout is the answer: the program.
{
  (cd "$work/packages" && apt-get download "nats-server:$architecture")
  for package in "$work"/packages/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
  mv "$work/root/usr/sbin/nats-server" "$work/nats-server"
  "$work/nats-server" --version
} >&2

rm -rf "$work/apt" "$work/packages" "$work/root"
echo "$edition" >"$work/edition"
chmod 755 "$work"
rm -rf "$cache"
mv "$work" "$cache"
echo "$cache/nats-server"
