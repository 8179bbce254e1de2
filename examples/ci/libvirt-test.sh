#!/usr/bin/env bash
# The test under libvirt: makes a device of a TYPE on a PARENT (as libvirt names it) through a running libvirtd, looks at it, and
# destroys it. /sys has to be the tree.
#
#   libvirt-test.sh PARENT TYPE
set -euo pipefail
parent=$1 type=$2
uuid=$(cat /proc/sys/kernel/random/uuid)
description=$(mktemp)
trap 'rm -f "$description"' EXIT
cat >"$description" <<XML
<device>
  <parent>$parent</parent>
  <capability type='mdev'><type id='$type'/><uuid>$uuid</uuid></capability>
</device>
XML
ask() { virsh -q -c nodedev:///system "$@"; }

ask nodedev-create "$description"
[ -e "/sys/bus/mdev/devices/$uuid" ]
name=$(ask nodedev-list --cap mdev | grep "^mdev_${uuid//-/_}")
ask nodedev-dumpxml "$name" | grep -q "<uuid>$uuid</uuid>"
ask nodedev-destroy "$name"
[ ! -e "/sys/bus/mdev/devices/$uuid" ]
echo "libvirt has made and destroyed a $type on $parent"
