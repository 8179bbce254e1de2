/**
 * libvirt's nodedev driver of Debian 13 on the mounted tree. It learns of devices from udevd; `scripts/clients/udev-bridge.pl`
 * tells it what udevd would, in a network namespace of its own, where nobody else hears it.
 */
import { copyFileSync, createWriteStream } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { START_TIMEOUT, Stage, titled, whyNot } from '#dist/clients/stage.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const BRIDGE = fileURLToPath(new URL('../../../scripts/clients/udev-bridge.pl', import.meta.url));
const RECIPE = fileURLToPath(new URL('../../../examples/ci/libvirt-test.sh', import.meta.url));
const UUID = '8d312cf6-f92a-485c-8db8-ba9299848f46';
const NAME = `mdev_${UUID.replaceAll('-', '_')}_0000_41_00_0`;
const DEVICE = `<device>
  <parent>pci_0000_41_00_0</parent>
  <capability type='mdev'><type id='nvidia-468'/><uuid>${UUID}</uuid></capability>
</device>`;
const CONFIGURATION = 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n';

/**
 * Starts the daemon, which returns when it listens, and runs each line of /tmp/job/session as a command of virsh,
 * then the test of examples/ci/libvirt.yml.
 */
const SESSION = `mkdir -p /run/libvirt /var/lib/libvirt /var/log/libvirt
exec 3</tmp/job/events
libvirtd -d -f /tmp/job/libvirtd.conf -p /run/libvirtd.pid || exit 1
perl /tmp/job/udev-bridge.pl <&3 &
while read -r line; do
  echo "> $line"
  virsh -q -c nodedev:///system $line 2>&1
  echo "status $?"
done </tmp/job/session
echo "> recipe"
bash /tmp/job/libvirt-test.sh pci_0000_3b_00_0 nvidia-231 2>&1
echo "status $?"
kill $(cat /run/libvirtd.pid)
`;

const reason = whyNot('trixie');

describe.skipIf(reason !== undefined)(titled("libvirt's nodedev driver", reason), () => {
  let stage: Stage;
  const answers = new Map<string, { status: number; text: string }>();
  const ended = new AbortController();

  beforeAll(async () => {
    stage = await Stage.start();
    copyFileSync(BRIDGE, join(stage.work, 'udev-bridge.pl'));
    copyFileSync(RECIPE, join(stage.work, 'libvirt-test.sh'));
    execFileSync('mkfifo', [join(stage.work, 'events')]);
    stage.put('libvirtd.conf', CONFIGURATION);
    stage.put('device.xml', DEVICE);
    const commands = [
      'nodedev-list --cap mdev_types',
      'nodedev-dumpxml pci_0000_41_00_0',
      'nodedev-create /tmp/job/device.xml',
      'nodedev-list --cap mdev',
      `nodedev-dumpxml ${NAME}`,
      `nodedev-destroy ${NAME}`,
      'nodedev-define /tmp/job/device.xml',
      `nodedev-start ${NAME}`,
    ];
    stage.put('session', `${commands.join('\n')}\n`);
    const events = createWriteStream(join(stage.work, 'events'));
    events.on('error', () => {});
    await stage.follow(ended.signal, (line) => {
      const { variables = {} } = JSON.parse(line) as { variables?: Record<string, string> };
      const texts = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
      events.write(`${texts.join('\x1f')}\n`);
    });
    const { status, stdout, stderr } = await stage.run('trixie', ['bash', '-c', SESSION], { network: true });
    expect([status, stderr]).toEqual([0, '']);
    for (const part of stdout.split(/^> /m).slice(1)) {
      const [, command, text, code] = /^(.*)\n([\s\S]*?)status (\d+)\n$/.exec(part) ?? [];
      answers.set(command, { status: Number(code), text: text.trim() });
    }
    ended.abort();
    events.destroy();
  }, 2 * START_TIMEOUT);
  afterAll(async () => {
    expect(await stage.close()).toBe(0);
  }, START_TIMEOUT);
  const ok = (command: string) => {
    const answer = answers.get(command);
    expect(answer?.status, answer?.text).toBe(0);
    return answer?.text ?? '';
  };

  test('lists the parents that offer types', () => {
    const names = ok('nodedev-list --cap mdev_types').split('\n');
    expect(names).toEqual(expect.arrayContaining(['ap_matrix', 'mtty_mtty', 'pci_0000_00_02_0', 'pci_0000_41_00_0']));
  });

  test('describes a PCI parent with its types and their instances', () => {
    const xml = ok('nodedev-dumpxml pci_0000_41_00_0');
    expect(xml).toContain("<vendor id='0x10de'");
    expect(xml).toMatch(
      /<type id='nvidia-468'>\s*<name>GRID A100-4C<\/name>\s*<deviceAPI>vfio-pci<\/deviceAPI>\s*<availableInstances>10</,
    );
  });

  test('creates a device and describes it', () => {
    ok('nodedev-create /tmp/job/device.xml');
    expect(ok('nodedev-list --cap mdev')).toBe(NAME);
    const xml = ok(`nodedev-dumpxml ${NAME}`);
    expect(xml).toContain(`<uuid>${UUID}</uuid>`);
    expect(xml).toContain('<parent_addr>0000:41:00.0</parent_addr>');
    expect(xml).toMatch(/<iommuGroup number='\d+'\/>/);
  });

  test('passes the test of the recipe for workflows', () => {
    expect(ok('recipe')).toContain('libvirt has made and destroyed a nvidia-231 on pci_0000_3b_00_0');
  });

  test('destroys it, defines it and starts what is defined', async () => {
    ok(`nodedev-destroy ${NAME}`);
    ok('nodedev-define /tmp/job/device.xml');
    ok(`nodedev-start ${NAME}`);
    expect((await stage.bash('ls bus/mdev/devices')).stdout).toBe(`${UUID}\n`);
  });
});
