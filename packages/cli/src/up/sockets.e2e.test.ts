/** `mediated up --socket-dir`, and devices of one's own: programs as users run them, with a client that plays the machine. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@mediated/vfio-user';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ended, MAIN, Programs } from '../../dist-fixtures/up/programs.fixture.js';
import { NO_STRANGER, STRANGER } from '../../dist-fixtures/up/stranger.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
const OTHER = 'a297db4a-f4c2-11e6-90f6-d3b88d6c9525';
const ADDER = fileURLToPath(new URL('../../../../examples/adder/dist/adder.js', import.meta.url));

// Each test starts several programs, which takes a while on a machine that has other things to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let programs: Programs;
let vm = '';

beforeEach(() => {
  programs = new Programs();
  vm = join(programs.folder, 'vm');
});
afterEach(() => programs.close());

const socketOf = (uuid: string) => join(vm, `${uuid}.sock`);
const qemuOf = (uuid: string) =>
  `{"driver":"vfio-user-pci","socket":{"type":"unix","path":"${socketOf(uuid)}"},"x-msg-timeout":60000}`;
const sockets = () => readdirSync(vm).filter((name) => !name.startsWith('.'));

/** Resolves when a file is gone. */
async function gone(path: string): Promise<void> {
  const changes = watch(vm);
  while (existsSync(path)) await once(changes, 'change');
  changes.close();
}

describe('sockets', () => {
  test('appear with a device, tell QEMU how to attach, serve it, and go with it', async () => {
    const up = await programs.ready('--socket-dir', vm);
    expect(await up.until('ready')).toMatchObject({ sockets: vm });
    const created = await programs.mediated('create', 'mtty', 'mtty-2', UUID);
    expect(created).toEqual({ status: 0, stdout: `${UUID}\n`, stderr: `-device '${qemuOf(UUID)}'\n` });
    expect(await up.until('served')).toEqual({
      ...{ event: 'served', uuid: UUID, socket: socketOf(UUID), qemu: qemuOf(UUID) },
    });
    const machine = await connect(socketOf(UUID));
    expect((await machine.regionInfo(1)).size).toBe(8);
    await machine.close();

    expect((await programs.mediated('list')).stdout).toContain(`mtty-2\n    -device '${qemuOf(UUID)}'\n`);
    const listed = JSON.parse((await programs.mediated('list', '--json')).stdout) as unknown[];
    expect(listed).toEqual([expect.objectContaining({ uuid: UUID, socket: socketOf(UUID), qemu: qemuOf(UUID) })]);

    await programs.mediated('remove', UUID);
    await gone(socketOf(UUID));
    expect(await up.end()).toBe(0);
    expect(existsSync(vm)).toBe(false);
  });

  test('mediated qemu: a whole command line, of all devices or of one, as a shell and as JSON takes it', async () => {
    programs.define('mtty', UUID, { mdev_type: 'mtty-1', start: 'auto' });
    programs.define('mdpy', OTHER, { mdev_type: 'mdpy-vga', start: 'auto' });
    vm = join(programs.folder, "it's here");
    const up = await programs.ready('--definitions', join(programs.folder, 'd'), '--socket-dir', vm);
    const { stdout } = await programs.mediated('qemu', '--memory', '1G', '--program', 'my-qemu');
    const words = [
      ...['my-qemu', '-M', 'q35,memory-backend=ram', '-m', '1G'],
      ...['-object', 'memory-backend-memfd,id=ram,size=1G,share=on'],
      ...['-device', qemuOf(OTHER), '-device', qemuOf(UUID)],
    ];
    const printed = spawnSync('bash', ['-c', `my-qemu() { printf '%s\\n' my-qemu "$@"; }; ${stdout}`], {
      encoding: 'utf8',
    });
    expect(printed.stdout.trimEnd().split('\n')).toEqual(words);
    const one = await programs.mediated('qemu', UUID, '--json');
    expect(JSON.parse(one.stdout)).toEqual([
      ...['qemu-system-x86_64', '-M', 'q35,memory-backend=ram', '-m', '256M'],
      ...['-object', 'memory-backend-memfd,id=ram,size=256M,share=on', '-device', qemuOf(UUID)],
    ]);
    expect(await programs.mediated('qemu', 'x')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/there is no device "x"/),
    });
    expect(await up.end()).toBe(0);
  });

  test('are told of in sentences where no program reads, before everything is said to be ready', async () => {
    programs.define('mtty', UUID, { mdev_type: 'mtty-1', start: 'auto' });
    const { stdout } = await programs.mediated(
      ...['up', '--no-mount', '--for', '1', '--config', join(programs.folder, 'm.json'), '--socket-dir', vm],
      ...['--definitions', join(programs.folder, 'd')],
    );
    const line = `${UUID}: -device '${qemuOf(UUID)}'\n`;
    expect(stdout).toContain(line);
    expect(stdout.indexOf('\nready')).toBeGreaterThan(stdout.indexOf(line));
    expect(stdout).toContain('    mediated qemu\n');
  });

  test('a folder in the configuration does the same, relative to the file', async () => {
    programs.configure({ drivers: [{ driver: 'mtty', parents: [{ name: 'mtty' }] }], sockets: 'vm' });
    const up = await programs.ready();
    expect(await up.until('ready')).toMatchObject({ sockets: vm });
    expect(await up.end()).toBe(0);
  });

  test('a machine that has a device when all ends is asked, waited for, and then loses it', async () => {
    programs.configure({
      runtime: { closeDeadline: 100 },
      drivers: [{ driver: 'mtty', parents: [{ name: 'mtty' }] }],
    });
    const up = await programs.ready('--socket-dir', vm);
    await programs.mediated('create', 'mtty', 'mtty-1', UUID);
    const machine = await connect(socketOf(UUID));
    await machine.regionInfo(0);
    expect(await up.end()).toBe(0);
    expect(await up.until('removed')).toMatchObject({ removed: 1, left: 0 });
    expect(existsSync(vm)).toBe(false);
    await machine.close();
  });

  test('a second signal takes them away too', async () => {
    const up = await programs.ready('--socket-dir', vm);
    await programs.mediated('create', 'mtty', 'mtty-1', UUID);
    const machine = await connect(socketOf(UUID));
    const closed = once(up.child, 'close');
    up.child.kill('SIGINT');
    await up.until('ending');
    up.child.kill('SIGINT');
    expect((await closed)[0]).toBe(130);
    expect(readdirSync(vm)).toEqual([]);
    await machine.close();
  });

  test('what a killed instance left behind is cleared away, other files stay', async () => {
    mkdirSync(vm);
    writeFileSync(join(vm, 'notes'), '');
    const up = await programs.ready('--socket-dir', vm);
    await programs.mediated('create', 'mtty', 'mtty-1', UUID);
    await programs.mediated('create', 'mtty', 'mtty-1', OTHER);
    await up.end('SIGKILL');
    expect(sockets()).toEqual([`${UUID}.sock`, `${OTHER}.sock`, 'notes']);
    const next = await programs.ready('--socket-dir', vm);
    expect(sockets()).toEqual(['notes']);
    await programs.mediated('create', 'mtty', 'mtty-1', UUID);
    const machine = await connect(socketOf(UUID));
    await machine.close();
    expect(await next.end()).toBe(0);
    expect(readdirSync(vm)).toEqual(['notes']);
  });

  test('a device whose socket cannot be made is there all the same, and it is told why', async () => {
    const up = await programs.ready('--socket-dir', vm);
    mkdirSync(socketOf(UUID));
    const created = await programs.mediated('create', 'mtty', 'mtty-1', UUID);
    expect(created).toMatchObject({
      status: 0,
      stdout: `${UUID}\n`,
      stderr: expect.stringMatching(/^mediated: it has no socket: /),
    });
    expect(await up.until('notServed')).toMatchObject({ uuid: UUID });
    expect(await programs.mediated('qemu', UUID)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/has no socket/),
    });
    expect(await up.end()).toBe(0);
  });
});

describe('a folder that cannot be used ends with 1 and says what to do', () => {
  const refused = (...words: string[]) => programs.mediated('up', '--no-mount', '--for', '1', ...words);

  test('its path is too long for sockets', async () => {
    const long = join(programs.folder, 'x'.repeat(66));
    expect(await refused('--socket-dir', long)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^mediated: --socket-dir .* is too long: .* at most 107 bytes, .* 65; choose a shorter one\n$/,
      ),
    });
    expect(existsSync(long)).toBe(false);
  });

  test('there is no folder above it; it is a file', async () => {
    expect(await refused('--socket-dir', join(vm, 'b'))).toMatchObject({
      ...{
        status: 1,
        stderr: expect.stringMatching(/cannot be made: the folder above it does not exist; make that first\n$/),
      },
    });
    writeFileSync(vm, '');
    expect(await refused('--socket-dir', vm)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/vm is no folder\n$/),
    });
  });

  test('another instance has it', async () => {
    const up = await programs.ready('--socket-dir', vm);
    const second = await refused('--socket-dir', vm, '--instance', 'second');
    expect(second).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/another instance has its sockets in .*; choose another/),
    });
    expect(await up.end()).toBe(0);
  });

  test('it may not be written to', ({ skip }) => {
    skip(NO_STRANGER !== undefined, NO_STRANGER);
    mkdirSync(vm, { mode: 0o755 });
    chmodSync(programs.folder, 0o755);
    const words = [MAIN, 'up', '--no-mount', '--for', '1', '--instance', 'stranger', '--socket-dir'];
    const run = (folder: string) =>
      spawnSync(process.execPath, [...words, folder], {
        ...{ uid: STRANGER, encoding: 'utf8', env: { ...programs.environment, XDG_RUNTIME_DIR: '' } },
      });
    expect(run(vm)).toMatchObject({ status: 1, stderr: expect.stringMatching(/may not be written to: EACCES/) });
    expect(run(join(vm, 'x'))).toMatchObject({ status: 1, stderr: expect.stringMatching(/cannot be made: EACCES/) });
  });
});

describe('where the native library is missing', () => {
  beforeEach(() => {
    const hooks = `export async function resolve(name, context, next) {
      if (name === 'koffi') throw new Error('Cannot find the native Koffi module');
      return next(name, context);
    }`;
    writeFileSync(join(programs.folder, 'hooks.mjs'), hooks);
    const register = `import { register } from 'node:module'; register(${JSON.stringify(`file://${programs.folder}/hooks.mjs`)});`;
    writeFileSync(join(programs.folder, 'register.mjs'), register);
    programs.nodeOptions = `--import ${join(programs.folder, 'register.mjs')}`;
  });

  test('--socket-dir says so and what to do, and nothing is left', async () => {
    const { status, stderr } = await programs.mediated('up', '--no-mount', '--for', '1', '--socket-dir', vm);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/needs koffi's native library, .* \(linux on \w+\): /)]);
    expect(stderr).toContain('Cannot find the native Koffi module; install again');
    expect(existsSync(vm)).toBe(false);
  });

  test('everything else works; mediated qemu says how to get sockets', async () => {
    const up = await programs.ready();
    expect(await programs.mediated('create', 'mtty', 'mtty-1', UUID)).toMatchObject({ status: 0, stderr: '' });
    expect((await programs.mediated('list')).stdout).not.toContain('-device');
    expect(await programs.mediated('qemu')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/mediated up --socket-dir DIR\n$/),
    });
    expect(await up.end()).toBe(0);
  });
});

describe("a driver of one's own", () => {
  test('is there alone, with a parent of its name; its device adds and interrupts', async () => {
    const starting = programs.start('up', '--no-mount', '--json', '--driver', ADDER, '--socket-dir', vm);
    const heard = ended(starting);
    await once(starting.stdout!, 'data');
    while (!existsSync(join(vm, '.in-use'))) await once(starting.stdout!, 'data');
    const types = JSON.parse((await programs.mediated('types', '--json')).stdout) as unknown[];
    expect(types).toEqual([expect.objectContaining({ parent: 'adder', type: 'adder-card' })]);
    await programs.mediated('create', 'adder', 'adder-card', UUID);
    const machine = await connect(socketOf(UUID));
    const interrupt = machine.eventDescriptor();
    await machine.bindInterrupts(1, [interrupt]);
    await machine.write(0, 0, Uint8Array.of(40, 0, 0, 0));
    await machine.write(0, 4, Uint8Array.of(2, 0, 0, 0));
    expect(await interrupt.wait()).toBe(1n);
    expect([...(await machine.read(0, 8, 4))]).toEqual([42, 0, 0, 0]);
    interrupt.close();
    await machine.close();
    starting.kill('SIGINT');
    expect(await heard).toMatchObject({ status: 0 });
  });

  test('stands behind those of a configuration', async () => {
    const up = await programs.ready('--driver', ADDER);
    const drivers = up.events.filter(({ event }) => event === 'driver').map(({ driver }) => driver);
    expect(drivers).toEqual(['mtty', 'mdpy', 'adder']);
    expect(await up.end()).toBe(0);
  });

  test('that does not load is told of with the option and the reason', async () => {
    const run = (file: string) => programs.mediated('up', '--no-mount', '--for', '1', '--driver', file);
    expect(await run('no.js')).toMatchObject({
      status: 1,
      stderr: 'mediated: --driver no.js: it does not exist\n',
    });
    const typed = join(programs.folder, 'd.ts');
    writeFileSync(typed, 'export default 1 as number;');
    expect(await run(typed)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^mediated: --driver .*d\.ts: EINVAL: /),
    });
  });
});
