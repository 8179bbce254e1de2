/** The tree as other processes see it through system calls; what a kernel answered is in test/oracle (02, 03). */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Stage, whyNotMountable } from '../../dist-fixtures/mount/stage.fixture.js';

const reason = await whyNotMountable();
if (reason !== undefined) console.log(`tests of the mounted tree are skipped: ${reason}`);

const uuid = (number: number) => `83b8f4f2-509f-382f-3c1e-e6bfe0fa${number.toString(16).padStart(4, '0')}`;
const A = uuid(1);
const B = uuid(2);

describe.skipIf(reason !== undefined)('the mounted tree', () => {
  let stage: Stage;
  let calls: Stage['calls'];
  /** Processes that a test started and that may still be blocked. */
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]): ChildProcessWithoutNullStreams => {
    const child = spawn(program, args);
    children.push(child);
    return child;
  };

  beforeEach(async () => {
    stage = await Stage.start();
    calls = stage.calls;
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await stage.close();
  });

  const create = (name = A, type = 'patient-quick') => calls.write(`${stage.type(type)}/create`, name);
  const device = (name = A) => stage.at(`bus/mdev/devices/${name}`);

  test('create: bytes as the kernel takes them, duplicates in any case, quota', async () => {
    expect(await create(`${A}\n`)).toBe(37);
    expect(await create(A)).toBe('EEXIST');
    expect(await create(A.toUpperCase())).toBe('EEXIST');
    expect(await create(`${B}x`)).toBe(37);
    for (const text of ['1234', `${uuid(3)}\n\n`, `{${uuid(3)}`, uuid(3).replaceAll('-', ''), '\0'.repeat(36)]) {
      expect(await create(text)).toBe('EINVAL');
    }
    expect(await create('')).toBe(0);
    expect(await calls.read(`${stage.type()}/available_instances`)).toBe('4094\n');
    expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toEqual([A, B]);
  });

  test('create: a write of several pages is one create of the first page, which is none', async () => {
    expect(await create(`${A}\n`.padEnd(8192, ' '))).toBe('EINVAL');
    expect(await calls.write(stage.at('bus/mdev/drivers/patient/unbind'), `${A}\n`.padEnd(200_000, ' '))).toBe(
      'ENODEV',
    );
    await create();
    const long = `1${'\0'.repeat(200_000)}`;
    expect(await calls.write(`${device()}/remove`, long)).toBe(4096);
  });

  test('remove: values as the kernel takes them, and the dead file', async () => {
    await create();
    const descriptor = await calls.call('open', `${device()}/remove`, 'w');
    for (const text of ['abc', '-1', ' 1', '1 ', '0x'])
      expect(await calls.write(`${device()}/remove`, text)).toBe('EINVAL');
    expect(await calls.write(`${device()}/remove`, '0')).toBe(1);
    expect(await calls.write(`${device()}/remove`, '0x1\n')).toBe(4);
    expect(await calls.call('write', descriptor, '1')).toBe('ENODEV');
    expect(await calls.write(`${device()}/remove`, '1')).toBe('open: ENOENT');
    await create();
    expect(await calls.call('write', descriptor, '1')).toBe('ENODEV');
    expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toEqual([A]);
  });

  test('unbind and bind: unbound once, never bound again', async () => {
    await create();
    const driver = stage.at('bus/mdev/drivers/patient');
    expect(await calls.call('readlink', `${driver}/${A}`)).toBe(`../../../../devices/virtual/patient/p/${A}`);
    expect(await calls.write(`${driver}/bind`, A)).toBe('ENODEV');
    expect(await calls.write(`${driver}/unbind`, `${A}\n`)).toBe(37);
    expect(await calls.write(`${driver}/unbind`, A)).toBe('ENODEV');
    expect(await calls.write(`${driver}/bind`, A)).toBe('ENODEV');
    expect(await calls.call('readlink', `${device()}/driver`)).toBe('ENOENT');
    expect(await calls.call('readlink', `${device()}/mdev_type`)).toBe('../mdev_supported_types/patient-quick');
    expect(await calls.read(`${device()}/patience/label`)).toBe('open: ENOENT');
    expect(await calls.write(stage.at('bus/mdev/drivers_probe'), A)).toBe(36);
  });

  test('modes bind root too; nothing can be made, renamed or removed', async () => {
    await create();
    const type = stage.type();
    expect(await calls.call('open', `${type}/create`, 'r')).toBe('EACCES');
    expect(await calls.call('open', `${type}/create`, 'r+')).toBe('EACCES');
    expect(await calls.call('open', `${type}/name`, 'r+')).toBe('EACCES');
    expect(await calls.call('open', `${device()}/remove`, 'r')).toBe('EACCES');
    expect(await calls.call('open', type, 'w')).toBe('EISDIR');
    expect(await calls.call('open', `${type}/new`, 'w')).toBe('EACCES');
    expect(await calls.call('open', `${type}/create`, 'wx')).toBe('EEXIST');
    expect(await calls.call('mkdir', `${type}/new`)).toBe('EPERM');
    expect(await calls.call('rmdir', `${type}/devices`)).toBe('EPERM');
    expect(await calls.call('unlink', `${type}/name`)).toBe('EPERM');
    expect(await calls.call('rename', `${type}/name`, `${type}/other`)).toBe('EPERM');
    expect(await calls.call('symlink', 'x', `${type}/x`)).toBe('EPERM');
    expect(await calls.call('chmod', `${type}/name`, 0o777)).toBe('EPERM');
    expect(await calls.call('lstat', `${type}/create`)).toMatchObject({
      mode: 0o100200,
      size: 4096,
      uid: process.getuid?.(),
    });
    expect(await calls.call('lstat', device())).toMatchObject({ mode: 0o120777, link: true });
  });

  test.skipIf(!existsSync('/usr/bin/perl'))(
    'positions, ioctls and readiness of a file that is only written',
    async () => {
      const script = `sysopen(F, $ARGV[0], 1) or die; print sysseek(F, 5, 0) + 0, " ";
      print ioctl(F, 0x5401, my $b = "") // $!, " ";
      my ($r, $w, $e) = ("", "", ""); vec($_, fileno(F), 1) = 1 for $r, $w, $e;
      print select($r, $w, $e, 0) + 0, " ";
      print syswrite(F, "${A}") // $!;`;
      const file = `${stage.type()}/create`;
      // A file that was not read since it was opened is readable, writable and has changed.
      expect(await stage.bash(`/usr/bin/perl -e '${script}' ${file}`)).toBe('5 Inappropriate ioctl for device 3 36');
    },
  );

  test('an ordinary user may read what everybody may, and write nothing', async () => {
    if (process.getuid?.() !== 0) return;
    await stage.bash('chmod 755 "$(dirname "$T")"');
    const out = await stage.bash(
      `setpriv --reuid 65534 --clear-groups bash -c 'cat ${stage.type()}/name; echo ${A} > ${stage.type()}/create' 2>&1`,
    );
    expect(out).toMatch(/^quick\n.*create: Permission denied/);
  });

  test('attributes of a driver appear by themselves; their refusals are errnos', async () => {
    await create();
    expect(await calls.call('readdir', device())).toEqual([
      'driver',
      'mdev_type',
      'patience',
      'power',
      'remove',
      'subsystem',
      'uevent',
    ]);
    expect(await calls.write(`${device()}/patience/label`, 'blue\n')).toBe(5);
    expect(await calls.read(`${device()}/patience/label`)).toBe('blue\n');
    expect(await calls.write(`${device()}/patience/label`, 'bad')).toBe('EOVERFLOW');
    expect(await calls.call('readdir', stage.at('class/mdev_bus/p/patience'))).toEqual(['die', 'let-go', 'waiting']);
    expect(await calls.read(`${stage.type('patient-slow')}/description`)).toBe('type number 1\n');
    expect(await calls.read(`${device()}/uevent`)).toBe('DRIVER=patient\n');
    expect(await calls.read(`${device()}/power/control`)).toBe('auto\n');
    expect(await calls.read(`${device()}/power/autosuspend_delay_ms`)).toBe('EIO');
  });

  test('a text is made anew at its beginning and read on from anywhere', async () => {
    await create();
    await calls.write(`${device()}/patience/label`, 'first');
    const descriptor = await calls.call('open', `${device()}/patience/label`, 'r');
    expect(await calls.call('read', descriptor, 3, null)).toBe('fir');
    await calls.write(`${device()}/patience/label`, 'other');
    expect(await calls.call('read', descriptor, 10, null)).toBe('st\n');
    expect(await calls.call('read', descriptor, 10, null)).toBe('');
    expect(await calls.call('read', descriptor, 10, 0)).toBe('other\n');
    await calls.write(`${device()}/remove`, '1');
    expect(await calls.call('read', descriptor, 10, 0)).toBe('ENODEV');
    expect(await calls.call('read', descriptor, 10, 3)).toBe('ENODEV');
  });

  test('a write to uevent is an event that listeners get', async () => {
    const events: string[] = [];
    stage.runtime.bus.events.on('change', ({ variables }) => events.push(variables.map((v) => v.join('=')).join(' ')));
    expect(
      await calls.write(stage.at('class/mdev_bus/p/uevent'), 'change 11111111-1111-1111-1111-111111111111 A=1'),
    ).toBe(47);
    expect(await calls.write(stage.at('class/mdev_bus/p/uevent'), 'nonsense')).toBe('EINVAL');
    stage.runtime.bus.drainEvents();
    expect(events).toHaveLength(1);
    expect(events[0]).toContain('SYNTH_ARG_A=1');
  });

  test('inodes are stable, and another device of the same name is another file', async () => {
    await create();
    const inode = async () => ((await calls.call('stat', device())) as { ino: number }).ino;
    const listed = () => stage.bash(`ls -i ${stage.at('devices/virtual/patient/p')} | grep ${A}`);
    const first = await inode();
    expect(await inode()).toBe(first);
    expect((await listed()).trim()).toBe(`${first} ${A}`);
    await calls.write(`${device()}/remove`, '1');
    await create();
    expect(await inode()).not.toBe(first);
  });

  test('names of every kind lead to nothing, a path or a shell least of all', async () => {
    const folder = stage.at('bus/mdev/devices');
    const names = [
      '$(touch x)',
      '`id`',
      '..;ls',
      'a\nb',
      '\\',
      '"',
      "'",
      '*',
      'é',
      '\u{1f600}',
      A.toUpperCase(),
      `${A} `,
    ];
    for (const name of names) {
      expect(await calls.call('lstat', `${folder}/${name}`)).toBe('ENOENT');
      expect(await calls.call('mkdir', `${folder}/${name}`)).toBe('EPERM');
    }
    expect(await calls.call('lstat', `${folder}/${'x'.repeat(255)}`)).toBe('ENOENT');
    expect(await calls.call('lstat', `${folder}/${'x'.repeat(300)}`)).toBe('ENAMETOOLONG');
    expect(await calls.call('lstat', `${folder}/../../../../../..`)).toMatchObject({ directory: true });
    for (const name of names.slice(0, -2)) expect(await create(name.padEnd(36, '0').slice(0, 36))).toBe('EINVAL');
    expect(await calls.write(stage.at('bus/mdev/drivers/patient/unbind'), '../../../etc/passwd')).toBe('ENODEV');
  });

  test('four slow clients at once stop nobody else', async () => {
    await create();
    const slow = Array.from({ length: 4 }, () => stage.bash(`cat ${device()}/patience/slow`));
    await stage.waiting(4);
    expect(await create(B)).toBe(36);
    expect(await calls.read(`${device(B)}/patience/label`)).toBe('\n');
    expect(await calls.write(`${device(B)}/remove`, '1')).toBe(1);
    const ended = stage.bash(`echo ${uuid(3)} > ${stage.type('patient-slow')}/create; echo $?`);
    await stage.waiting(5);
    expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toContain(uuid(3));
    await stage.letGo();
    expect(await Promise.all(slow)).toEqual(['at last\n', 'at last\n', 'at last\n', 'at last\n']);
    expect(await ended).toBe('0\n');
  });

  test('a blocked `echo 1 > remove` can be interrupted; the removal goes on', async () => {
    await create();
    await calls.write(`${device()}/patience/label`, 'sticky');
    const writer = start('bash', ['-c', `echo 1 > ${device()}/remove`]);
    await stage.waiting(1);
    const ended = once(writer, 'exit');
    writer.kill('SIGINT');
    expect(await ended).toEqual([null, 'SIGINT']);
    expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toEqual([]);
    expect(await calls.call('readdir', stage.at(`devices/virtual/patient/p/${A}`))).toEqual(['power']);
    expect(await create()).toBe('EEXIST');
    const gone = new Promise((resolve) => stage.runtime.bus.events.once('remove', resolve));
    await stage.letGo();
    await gone;
    expect(await calls.call('lstat', stage.at(`devices/virtual/patient/p/${A}`))).toBe('ENOENT');
  });

  test('clients that are killed while they wait harm nobody', async () => {
    await create();
    const readers = Array.from({ length: 4 }, () => start('cat', [`${device()}/patience/slow`]));
    await stage.waiting(4);
    const ended = readers.map((reader) => once(reader, 'exit'));
    for (const reader of readers) reader.kill('SIGKILL');
    await Promise.all(ended);
    expect(await create(B)).toBe(36);
    await stage.letGo();
    expect(await calls.read(`${device()}/patience/label`)).toBe('\n');
  });

  test('a driver that dies: who asked it gets EIO, its devices are gone, it comes again', async () => {
    await create();
    const reader = stage.bash(`cat ${device()}/patience/slow`);
    await stage.waiting(1);
    const restarted = new Promise<void>((resolve) =>
      stage.runtime.system.events.once('threadRestart', () => resolve()),
    );
    expect(await calls.write(stage.at('class/mdev_bus/p/patience/die'), '1')).toBe('EIO');
    expect(await reader).toMatch(/No such device/);
    expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toEqual([]);
    await restarted;
    expect(await create()).toBe(36);
  });

  test('the runtime closes under the mount: what is left can be read, and the mount goes', async () => {
    await create();
    await stage.runtime.close();
    expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toEqual([]);
    expect(await calls.call('lstat', stage.type())).toBe('ENOENT');
  });

  test.skipIf(!existsSync('/usr/bin/perl'))(
    'poll: a reader is told of a change, and that the file is gone',
    async () => {
      await create();
      const script = `open(F, "<", $ARGV[0]) or die; $| = 1;
      for (;;) {
        sysseek(F, 0, 0);
        sysread(F, my $text, 4096) or last;
        print $text;
        my $e = ""; vec($e, fileno(F), 1) = 1; select(undef, undef, $e, undef);
      }
      print "gone: $!\\n";`;
      const poller = start('/usr/bin/perl', ['-e', script, `${stage.type()}/available_instances`]);
      const lines: string[] = [];
      poller.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
      await once(poller.stdout, 'data');
      const second = once(poller.stdout, 'data');
      await create(B);
      await second;
      const closed = once(poller, 'close');
      await stage.runtime.unregisterParent('p');
      await closed;
      // How many of its devices' removals it sees is a matter of chance.
      expect(lines.slice(0, 2)).toEqual(['4095', '4094']);
      expect(lines.at(-1)).toBe('gone: No such device');
    },
  );

  test('a parent that goes and comes again: never a stale name', async () => {
    await create();
    const descriptor = await calls.call('open', `${stage.type()}/create`, 'w');
    for (let round = 0; round < 10; round++) {
      await stage.runtime.unregisterParent('p');
      expect(await calls.call('open', `${stage.type()}/create`, 'w')).toBe('ENOENT');
      expect(await calls.call('write', descriptor, A)).toBe('ENODEV');
      await stage.runtime.registerParent({ name: 'p', driver: 'patient' });
      expect(await create()).toBe(36);
    }
  });

  test('ls -R while devices come and go', async () => {
    const churn = (async () => {
      for (let round = 0; round < 40; round++) {
        const made = await Promise.all(
          Array.from({ length: 8 }, (_, i) => stage.parent.create('patient-quick', uuid(16 + i))),
        );
        await Promise.all(made.map((mdev) => mdev.remove()));
      }
    })();
    for (let round = 0; round < 3; round++) {
      const out = await stage.bash('ls -R $T');
      // What vanishes between its listing and its visit is ENOENT, as on the real thing.
      expect(out.split('\n').filter((line) => line.startsWith('ls:') && !/No such file/.test(line))).toEqual([]);
    }
    await churn;
  });

  test('a large directory is listed whole, entries that stay exactly once', async () => {
    const names = Array.from({ length: 600 }, (_, i) => uuid(i)).sort();
    for (const name of names) await stage.parent.create('patient-quick', name);
    expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toEqual(names);
    expect(await calls.call('readdir', `${stage.type()}/devices`)).toEqual(names);
  });
});

describe.skipIf(reason !== undefined)('parents that are PCI functions', () => {
  test('are below their path, on the PCI bus, and read as lspci and libvirt do', async () => {
    const description = {
      name: '0000:00:02.0',
      vendor: 0x8086,
      device: 0x3e92,
      class: 0x030000,
      revision: 2,
      iommuGroup: 7,
    };
    const other = { name: '0000:01:00.0', vendor: 0x10de, device: 0x1eb8, driver: 'nvidia', irq: 16 };
    const path = '/devices/pci0000:00/0000:00:02.0';
    const stage = await Stage.start({ pci: [description, other] }, [{ name: '0000:00:02.0', path, subsystem: 'pci' }]);
    const { calls } = stage;
    const at = stage.at('bus/pci/devices/0000:00:02.0');
    expect(await calls.call('readdir', stage.at('bus/pci/devices'))).toEqual(['0000:00:02.0', '0000:01:00.0']);
    expect(await calls.call('readlink', at)).toBe('../../../devices/pci0000:00/0000:00:02.0');
    expect(await calls.call('readlink', `${at}/subsystem`)).toBe('../../../bus/pci');
    expect(await calls.call('readlink', `${at}/iommu_group`)).toBe('../../../kernel/iommu_groups/7');
    expect(await calls.read(`${at}/vendor`)).toBe('0x8086\n');
    expect(await calls.read(`${at}/class`)).toBe('0x030000\n');
    expect(await calls.read(`${at}/uevent`)).toMatch(/^DRIVER=patient\nPCI_CLASS=30000\nPCI_ID=8086:3E92\n/);
    const config = (await calls.read(`${at}/config`)) as string;
    expect(config).toHaveLength(256);
    expect(Buffer.from(config, 'latin1').readUInt16LE(0)).toBe(0x8086);
    expect(await calls.call('stat', `${at}/config`)).toMatchObject({ size: 256, mode: 0o100644 });
    expect(await calls.write(`${at}/mdev_supported_types/patient-quick/create`, A)).toBe(36);
    expect(await calls.call('readlink', stage.at(`bus/mdev/devices/${A}`))).toBe(`../../..${path}/${A}`);
    const nvidia = stage.at('bus/pci/devices/0000:01:00.0');
    expect(await calls.write(`${nvidia}/driver_override`, 'vfio-pci\n')).toBe(9);
    expect(await calls.read(`${nvidia}/driver_override`)).toBe('vfio-pci\n');
    expect(await calls.write(`${nvidia}/driver/unbind`, '0000:01:00.0')).toBe(12);
    expect(await calls.call('readlink', `${nvidia}/driver`)).toBe('ENOENT');
    expect(await calls.write(stage.at('bus/pci/drivers_probe'), '0000:01:00.0')).toBe(12);
    expect(await calls.write(`${nvidia}/driver_override`, '\n')).toBe(1);
    expect(await calls.read(`${nvidia}/driver_override`)).toBe('(null)\n');
    expect(await calls.write(stage.at('bus/pci/drivers/nvidia/bind'), '0000:01:00.0')).toBe(12);
    expect(await calls.call('readlink', `${nvidia}/driver`)).toBe('../../../bus/pci/drivers/nvidia');
    await stage.close();
  });
});
