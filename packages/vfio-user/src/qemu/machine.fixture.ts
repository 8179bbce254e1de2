/**
 * QEMU with a Linux guest, or without any (qtest), from the folder that `scripts/qemu/fetch.sh` fills. The guest runs what it is
 * told over its console. No machine outlives its test: {@link Machine.killAll} after each, and QEMU ends with this process.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cache, initrd, unpacked } from './initrd.fixture.js';
import { Qmp } from './qmp.fixture.js';

/** What of QEMU's own steps is written down, see {@link Machine.trace}. */
type TraceEvent = 'vfio_region_write' | 'vfio_user_get_irq_info' | 'vfio_user_send_write';

const MEMORY = (megabytes: number) => [
  ...['-m', `${megabytes}M`, '-machine', 'memory-backend=ram'],
  ...['-object', `memory-backend-memfd,id=ram,size=${megabytes}M,share=on`],
];

/** A guest that measures nothing of an emulated processor boots in half the time. */
const QUICK = 'lpj=4000000 tsc=reliable no_timer_check vt.global_cursor_default=0 mitigations=off nokaslr';

const running = new Set<Machine>();

export class Machine {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #qmp: Qmp | undefined;
  #console = '';
  #errors = '';
  #listen = () => {};

  private constructor(folder: string, args: readonly string[]) {
    this.#folder = folder;
    const library = unpacked('usr/lib/x86_64-linux-gnu');
    const firmware = ['usr/share/qemu', 'usr/share/seabios'].flatMap((path) => ['-L', unpacked(path)]);
    const common = [
      ...[
        '-nodefaults',
        '-display',
        'none',
        '-run-with',
        'exit-with-parent=on',
        '-D',
        join(folder, 'log'),
        ...firmware,
      ],
      ...['-chardev', `socket,id=qmp,path=${join(folder, 'qmp')}`, '-mon', 'chardev=qmp,mode=control'],
    ];
    this.#process = spawn(
      join(library, 'ld-linux-x86-64.so.2'),
      ['--library-path', library, unpacked('usr/bin/qemu-system-x86_64'), ...common, ...args],
      { env: { ...process.env, QEMU_MODULE_DIR: join(library, 'qemu') }, stdio: 'pipe' },
    );
    // With all that it has said.
    this.#exited = once(this.#process, 'close');
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
      this.#listen();
    });
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#console += text.replaceAll('\r', '');
      this.#listen();
    });
    void this.#exited.then(() => this.#listen());
    running.add(this);
  }

  /** Boots a guest and waits for its shell. `devices`: arguments of `-device`, whose name is `id` if they have one. */
  static async boot(devices: readonly string[] = []): Promise<Machine> {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-qemu-'));
    writeFileSync(join(folder, 'initrd.gz'), initrd());
    const machine = await Machine.#start(folder, [
      ...['-accel', 'tcg', '-M', 'q35', '-no-reboot', ...MEMORY(256)],
      ...['-serial', 'stdio', '-kernel', join(cache, 'vmlinuz'), '-initrd', join(folder, 'initrd.gz')],
      ...['-append', `console=ttyS0 quiet panic=-1 ${QUICK}`],
      // Places into which devices are plugged while the guest runs.
      ...[1, 2].flatMap((slot) => [
        '-device',
        `pcie-root-port,id=port${slot},chassis=${slot},io-reserve=4K,pref32-reserve=32M`,
      ]),
      ...devices.flatMap((device) => ['-device', device]),
    ]);
    await machine.#printed(/^@ready\n/m);
    return machine;
  }

  /** A machine without processor and guest; `socket`: where a `Qtest` listens, if one does. */
  static async idle(socket: string | undefined, devices: readonly string[] = []): Promise<Machine> {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-qemu-'));
    return Machine.#start(folder, [
      ...['-accel', 'qtest', '-M', 'pc', ...MEMORY(64)],
      ...(socket === undefined ? [] : ['-qtest', `unix:${socket}`, '-qtest-log', '/dev/null']),
      ...devices.flatMap((device) => ['-device', device]),
    ]);
  }

  static async #start(folder: string, args: readonly string[]): Promise<Machine> {
    const connected = await Qmp.listen(join(folder, 'qmp'));
    const machine = new Machine(folder, args);
    const ended = machine.#exited.then(() => {
      throw new Error(`QEMU has ended:\n${machine.#errors}`);
    });
    machine.#qmp = await Promise.race([connected(), ended]);
    ended.catch(() => {});
    return machine;
  }

  /** Kills what runs still: after each test. */
  static async killAll(): Promise<void> {
    await Promise.all([...running].map((machine) => machine.kill()));
  }

  get qmp(): Qmp {
    if (this.#qmp === undefined) throw new Error('QEMU has no monitor yet');
    return this.#qmp;
  }

  /** Runs a script in the guest's shell; what it has printed. Throws when its status is not 0. */
  async run(script: string): Promise<string> {
    const begin = this.#console.length;
    this.#process.stdin.write(`${script}\n@run\n`);
    const done = await this.#printed(/\n@done (\d+)\n/, begin);
    const printed = this.#console.slice(begin, done.index).trim();
    if (done[1] !== '0') throw new Error(`the guest's script has ended with ${done[1]}:\n${printed}`);
    return printed;
  }

  /** Plugs a device into one of the two places for that. Resolves when QEMU has it; the guest hears of it. */
  async plug(device: string, port: 1 | 2): Promise<void> {
    await this.qmp.execute('device_add', { ...JSON.parse(device), id: `plugged${port}`, bus: `port${port}` });
  }

  /** Asks the guest for the device in a place. Resolves when the guest has let it go and QEMU has ended it. */
  async unplug(port: 1 | 2): Promise<void> {
    await this.qmp.execute('device_del', { id: `plugged${port}` });
    await this.qmp.event('DEVICE_DELETED', `plugged${port}`);
  }

  /** The machine's reset button. Resolves when the guest has booted again. */
  async reset(): Promise<void> {
    const begin = this.#console.length;
    await this.qmp.execute('set-action', { reboot: 'reset' });
    await this.qmp.execute('system_reset');
    await this.#printed(/^@ready\n/m, begin);
  }

  /** Lets QEMU write down certain steps of its own while something happens: a line each. */
  async trace(event: TraceEvent, during: () => Promise<unknown>): Promise<string[]> {
    const set = (enable: boolean) => this.qmp.execute('trace-event-set-state', { name: event, enable });
    const lines = () => readFileSync(join(this.#folder, 'log'), 'utf8').split('\n');
    const before = lines().length;
    await set(true);
    await during();
    await set(false);
    return lines()
      .slice(before - 1)
      .filter((line) => line.includes(event));
  }

  /** Resolves when QEMU has ended by itself; what it has said. */
  async ended(): Promise<string> {
    await this.#exited;
    return this.#errors;
  }

  /** Ends it, as a machine that dies. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
    this.#qmp?.close();
    running.delete(this);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Resolves when something stands in the console behind a position; rejects when QEMU has ended before. */
  #printed(pattern: RegExp, from = 0): Promise<{ readonly index: number; readonly [group: number]: string }> {
    return new Promise((resolve, reject) => {
      this.#listen = () => {
        const match = pattern.exec(this.#console.slice(from));
        if (match !== null) resolve(Object.assign(match, { index: match.index + from }));
        else if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
          reject(new Error(`the machine has ended:\n${this.#console}\n${this.#errors}`));
        }
      };
      this.#listen();
    });
  }
}
