#!/bin/bash
# Boots a Linux guest with the devices of a QEMU command line that it reads from its input, as `mediated qemu` prints it:
#   mediated qemu | scripts/qemu/boot.sh              a shell in the guest; `exit` ends it
#   mediated qemu | scripts/qemu/boot.sh 'lspci -nn'  runs one command, and ends
# The guest is Debian's kernel with busybox and lspci, and has no disk. QEMU, the kernel and the programs are those that fetch.sh
# fetches into a cache folder; QEMU=/path/to/qemu-system-x86_64 (10.1 or later) names another.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
command=$*
line=$([ -t 0 ] || cat)
[ -n "$line" ] || { echo 'no QEMU command line on stdin: mediated qemu | scripts/qemu/boot.sh' >&2; exit 2; }
eval "set -- $line"
shift # The program: see above.

cache=$(./fetch.sh)
files=$cache/root
library=$files/usr/lib/x86_64-linux-gnu
loader=$library/ld-linux-x86-64.so.2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The guest's files.
guest=$work/guest
mkdir -p "$guest"/{bin,dev,lib64,proc,sys,tmp,usr/bin,usr/lib/x86_64-linux-gnu,usr/share/misc}
cp "$files/usr/bin/busybox" "$guest/bin/"
cp "$files/usr/bin/lspci" "$guest/usr/bin/"
cp -L "$files/usr/share/misc/pci.ids" "$guest/usr/share/misc/"
cp -L "$loader" "$guest/lib64/"
"$loader" --library-path "$library" --list "$files/usr/bin/lspci" | sed -n 's/.* => \(.*\) (.*/\1/p' |
  xargs -r -d '\n' cp -L -t "$guest/usr/lib/x86_64-linux-gnu"
cat >"$guest/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
dmesg -n 1
if [ -e /command ]; then stty -F /dev/ttyS0 -onlcr; sh /command; else setsid cttyhack sh -l; fi
# Quietly; QEMU ends with it.
echo b >/proc/sysrq-trigger
INIT
chmod +x "$guest/init"
[ -z "$command" ] || printf '%s\n' "$command" >"$guest/command"
(cd "$guest" && "$files/usr/bin/busybox" find . | "$files/usr/bin/busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$work/initrd"

if [ -n "${QEMU:-}" ]; then
  qemu=("$QEMU")
else
  export QEMU_MODULE_DIR=$library/qemu
  qemu=("$loader" --library-path "$library" "$files/usr/bin/qemu-system-x86_64"
    -L "$files/usr/share/qemu" -L "$files/usr/share/seabios")
fi
# QEMU takes this process's place, so that it gets its signals; what it reads is open by then.
exec 9<"$work/initrd"
rm -rf "$work"
# The shell is at this terminal; a command has nothing to read.
if [ -z "$command" ]; then exec </dev/tty; else exec </dev/null; fi
exec "${qemu[@]}" "$@" -nodefaults -no-user-config -display none -no-reboot \
  -chardev stdio,id=console,signal=off -serial chardev:console \
  -kernel "$cache/vmlinuz" -initrd /dev/fd/9 -append 'console=ttyS0 quiet panic=-1'
