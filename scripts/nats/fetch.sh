#!/bin/bash
# Fetches nats-server 2.10 from Debian into a cache folder: about 4 MB to download, 15 MB unpacked. Changes nothing else on this
# machine: apt works in folders of the cache, the package is unpacked and not installed. Prints the path of the program.
# Needs Debian or a relative (apt-get, dpkg-deb, Debian's keyring) on x86-64 or arm64.
# Usage: scripts/nats/fetch.sh [folder]      default: ${XDG_CACHE_HOME:-~/.cache}/mediated/nats
set -euo pipefail

cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/mediated/nats}
mirror=${MEDIATED_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=${MEDIATED_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
# What is in the folder: another version of this script makes it anew.
edition=1

if [ "$(cat "$cache/edition" 2>/dev/null)" = "$edition" ]; then
  echo "$cache/nats-server"
  exit
fi
for program in apt-get dpkg-deb; do
  command -v "$program" >/dev/null || { echo "there is no $program on this machine" >&2; exit 3; }
done
case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "the package is for x86-64 and arm64, this machine is $(uname -m)" >&2; exit 3 ;;
esac
[ -r "$keyring" ] || { echo "there is no keyring of Debian at $keyring" >&2; exit 3; }

mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/apt/{lists/partial,archives/partial,etc/apt.conf.d,etc/preferences.d} "$work"/packages "$work"/root
: >"$work/apt/status"
echo "deb [arch=$architecture signed-by=$keyring] $mirror trixie main" >"$work/apt/sources.list"
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
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
CONF
export APT_CONFIG=$work/apt/apt.conf

# stdout is the answer: the program.
{
  apt-get update
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
