#!/usr/bin/env bash
# The script under test: makes COUNT devices of a TYPE on a PARENT with mdevctl, all or none. Prints their UUIDs.
#
#   provision.sh PARENT TYPE COUNT
set -euo pipefail
parent=$1 type=$2 count=$3
made=()
undo() {
  for uuid in "${made[@]}"; do mdevctl stop --uuid "$uuid"; done
}
for ((i = 0; i < count; i++)); do
  uuid=$(cat /proc/sys/kernel/random/uuid)
  if ! mdevctl start --uuid "$uuid" --parent "$parent" --type "$type"; then
    echo "provision.sh: device $((i + 1)) of $count cannot be made on $parent; taking back the others" >&2
    undo
    exit 1
  fi
  made+=("$uuid")
done
printf '%s\n' "${made[@]}"
