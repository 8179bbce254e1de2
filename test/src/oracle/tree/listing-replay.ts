/**
 * Replays recording 01: the whole tree at several stages (modules loaded, devices created, removed again), every directory with
 * its entries, every file with mode, size and content, every link with its target.
 */
import { dirname } from 'node:path';
import { isMediatedError } from '@mediated/core';
import { UUID } from '../action.js';
import { MODULES } from '../modules.js';
import { type Fields, type Recording, text } from '../recording.js';
import type { Tally } from '../tally.js';
import type { TreeMachine } from './tree-machine.js';

const NOT_LOADED = 'stages without mdev and vfio: both are always there';
const NODES = 'nodes below /dev: a file tree has none';
const MODULE_BUILD = 'builds of kernel modules: sizes, versions, sections, parameters, counts of users';
const FAULTS = "the directory faults of a parent: it is not the kernel's, faults are injected through it";
const MODULE_TYPE1 = 'the module vfio_iommu_type1';

/** What `/sys/module` shows here of a module. */
const SHOWN_OF_MODULES =
  /^\/sys\/module\/(mdev|vfio|mtty|mdpy|mbochs)(\/(holders|drivers|initstate|uevent)(\/(?!vfio_iommu_type1)[^/]+)?)?$/;

export async function replayListing(machine: TreeMachine, recording: Recording, tally: Tally): Promise<void> {
  const stages = new Map<string, { fields: Fields; line: number }[]>();
  for (const [at, fields] of recording.lines.entries()) {
    const label = text(fields, 'label') ?? '';
    const stage = stages.get(label) ?? [];
    stages.set(label, stage);
    stage.push({ fields, line: at + 1 });
  }
  for (const [label, lines] of stages) {
    const replay = new ListingReplay(machine, recording, tally, label, lines);
    await replay.run();
  }
}

class ListingReplay {
  readonly #machine: TreeMachine;
  readonly #recording: Recording;
  readonly #tally: Tally;
  readonly #label: string;
  readonly #lines: readonly { readonly fields: Fields; readonly line: number }[];

  constructor(
    machine: TreeMachine,
    recording: Recording,
    tally: Tally,
    label: string,
    lines: readonly { readonly fields: Fields; readonly line: number }[],
  ) {
    this.#machine = machine;
    this.#recording = recording;
    this.#tally = tally;
    this.#label = label;
    this.#lines = lines;
  }

  async run(): Promise<void> {
    const reachable = !this.#lines.some(
      ({ fields }) => text(fields, 'path') === '/sys/bus/mdev' && fields.type === 'absent',
    );
    if (reachable) await this.#prepare();
    for (const { fields, line } of this.#lines) {
      const path = text(fields, 'path') ?? '';
      const reason = reachable ? whyNot(path) : NOT_LOADED;
      if (reason !== undefined) this.#tally.skip(reason, { recording: this.#recording.name, line, words: path });
      else
        this.#tally.step(
          `${this.#recording.label}:${line} ${path} (${this.#label})`,
          await this.#differences(fields, path),
        );
    }
  }

  /** Loads the modules and creates the devices that the listing shows, in the order of their groups. */
  async #prepare(): Promise<void> {
    const machine = this.#machine;
    const shown = new Set(
      this.#lines.filter(({ fields }) => fields.type !== 'absent').map(({ fields }) => fields.path),
    );
    for (const { name } of MODULES.values()) {
      const wanted = shown.has(`/sys/bus/mdev/drivers/${name}`) || shown.has(`/sys/class/mdev_bus/${name}`);
      const count = this.#parameter(name);
      if (machine.isLoaded(name) && (!wanted || count !== undefined)) await machine.rmmod(name);
      if (!wanted || machine.isLoaded(name)) continue;
      if (count === undefined) await machine.insmod(name);
      else await this.#load(name, count);
    }
    const wanted = this.#devices();
    for (const mdev of machine.bus.mdevs()) if (!wanted.some(({ uuid }) => uuid === mdev.uuid)) await mdev.remove();
    for (const { uuid, type, parent } of wanted) {
      if (machine.mdev(uuid) === undefined) await machine.bus.parent(parent).create(type, uuid);
    }
  }

  /** A module's parameter `count`, where the stage is about parameters. */
  #parameter(module: string): number | undefined {
    const given = new RegExp(`${module}-count(\\d+)`).exec(this.#label)?.[1];
    return given === undefined ? undefined : Number(given);
  }

  async #load(name: string, count: number): Promise<void> {
    const module = MODULES.get(name);
    if (module === undefined) return;
    await this.#machine.runtime.loadDriver(module.url, { options: { count }, parents: [{ name: module.parent }] });
  }

  #devices(): { uuid: string; type: string; parent: string; group: number }[] {
    const devices: { uuid: string; type: string; parent: string; group: number }[] = [];
    for (const { fields } of this.#lines) {
      const path = text(fields, 'path') ?? '';
      if (!/^\/sys\/devices\/.*\/mdev_type$/.test(path)) continue;
      const uuid = UUID.exec(path)?.[0] ?? '';
      const type = text(fields, 'target')?.split('/').at(-1) ?? '';
      const group = this.#lines.find((line) => line.fields.path === `${dirname(path)}/iommu_group`);
      const number = Number(
        text(group?.fields ?? {}, 'target')
          ?.split('/')
          .at(-1) ?? 0,
      );
      devices.push({ uuid, type, parent: dirname(dirname(path)).split('/').at(-1) ?? '', group: number });
    }
    return devices.sort((a, b) => a.group - b.group);
  }

  async #differences(fields: Fields, path: string): Promise<string[]> {
    const { calls } = this.#machine;
    const at = this.#machine.at(path);
    const differences: string[] = [];
    const compare = (what: string, kernel: unknown, here: unknown) => {
      if (kernel !== here) differences.push(`${what}: kernel ${JSON.stringify(kernel)}, here ${JSON.stringify(here)}`);
    };
    const stat = (await calls.call('lstat', at).catch(errno)) as { mode: number; size: number } | string;
    if (typeof stat === 'string') {
      compare('lstat', fields.type === 'absent' ? fields.errno : fields.type, stat);
      return differences;
    }
    compare('type', fields.type, typeOf(stat.mode));
    if (fields.type === 'absent') return differences;
    compare('mode', fields.mode, (stat.mode & 0o7777).toString(8).padStart(4, '0'));
    if (fields.type === 'link') compare('target', fields.target, await calls.call('readlink', at).catch(errno));
    if (fields.type === 'dir') {
      const names = (await calls.call('readdir', at).catch(errno)) as string[] | string;
      compare('entries', this.#names(path).join(' '), typeof names === 'string' ? names : ours(path, names).join(' '));
    }
    if (fields.type === 'file') {
      compare('size', fields.size, stat.size);
      if (fields.content !== undefined || fields.read_errno !== undefined) {
        compare('content', fields.read_errno ?? fields.content, await this.#read(path));
      }
    }
    return differences;
  }

  async #read(path: string): Promise<string> {
    try {
      return (await (await this.#machine.open(path, 'read')).read()).toString('latin1');
    } catch (error) {
      return errno(error);
    }
  }

  /** Names of what was recorded in a directory. */
  #names(path: string): string[] {
    return ours(
      path,
      this.#lines
        .map(({ fields }) => text(fields, 'path') ?? '')
        .filter((other) => dirname(other) === path)
        .map((other) => other.slice(path.length + 1)),
    );
  }
}

/** Of the names in a directory those that are compared, sorted as the recorder sorted them. */
function ours(path: string, names: readonly string[]): string[] {
  return names.filter((name) => whyNot(`${path}/${name}`) === undefined).sort();
}

/** Why a path is not compared. */
function whyNot(path: string): string | undefined {
  if (path.startsWith('/dev/') || path === '/dev') return NODES;
  if (/^\/sys\/devices\/virtual\/[^/]+\/[^/]+\/faults$/.test(path)) return FAULTS;
  if (!path.startsWith('/sys/module/')) return undefined;
  if (path.includes('vfio_iommu_type1')) return MODULE_TYPE1;
  return SHOWN_OF_MODULES.test(path) ? undefined : MODULE_BUILD;
}

const TYPES = new Map([
  [0o040000, 'dir'],
  [0o100000, 'file'],
  [0o120000, 'link'],
]);

function typeOf(mode: number): string {
  return TYPES.get(mode & 0o170000) ?? 'other';
}

function errno(error: unknown): string {
  if (isMediatedError(error)) return error.code;
  throw error;
}
