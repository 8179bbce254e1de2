/**
 * Replays a recording of steps on sysfs files, modules and device files (02a to 02g): each step's result, and
 * `available_instances` and the devices on the bus after it.
 */
import type { AttributeFile } from '@mediated/core';
import { type Action, actionOf, type FileRef, SOME_UUID, topicOf, UUID, wordsOf } from './action.js';
import { DeviceFiles } from './device-files.js';
import { HeldFiles } from './held-files.js';
import { KERNEL_MESSAGES } from './reasons.js';
import { Machine, resultOf } from './machine.js';
import { Preparation } from './preparation.js';
import { type Fields, numbers, type Recording, text, texts } from './recording.js';
import { type Place, showResult, type Tally } from './tally.js';
import { Unclear } from './unclear.js';

/** What a step gave here; compared with the recorded fields of the same names. */
interface Outcome {
  readonly ret: unknown;
  readonly stage?: 'open' | 'write';
  readonly content?: string;
  /** Number of the group of the device at hand. */
  readonly group?: number | undefined;
}

/** Fields that nothing here corresponds to, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  dmesg: KERNEL_MESSAGES,
  writer_state: 'state and stack of blocked processes: writers here are no processes',
  writer_stack: 'state and stack of blocked processes: writers here are no processes',
};

/** `machine`: the one that answers; closed at the end. */
export async function replaySysfs(recording: Recording, tally: Tally, machine = new Machine()): Promise<void> {
  try {
    const replay = new SysfsReplay(machine, recording, tally);
    for (let at = 0; at < recording.lines.length; at++) await replay.step(at);
    await replay.end();
  } finally {
    await machine.close();
  }
}

class SysfsReplay {
  readonly #machine: Machine;
  readonly #recording: Recording;
  readonly #tally: Tally;
  readonly #held: HeldFiles;
  readonly #preparation: Preparation;
  readonly #files: DeviceFiles;
  #topic = '';
  /** The device that was named last. */
  #subject: string | undefined;

  constructor(machine: Machine, recording: Recording, tally: Tally) {
    this.#machine = machine;
    this.#recording = recording;
    this.#tally = tally;
    this.#held = new HeldFiles(machine);
    this.#files = new DeviceFiles(machine, this.#held);
    this.#preparation = new Preparation(machine, this.#held, recording.lines, () => this.#files.closeFiles());
  }

  async step(at: number): Promise<void> {
    const fields = this.#recording.lines[at];
    const action = actionOf(fields);
    if (topicOf(fields) !== this.#topic) {
      await this.end();
      this.#topic = topicOf(fields);
      // A topic is about one device, which may be named later.
      const lines = this.#recording.lines.slice(at).filter((line) => topicOf(line) === this.#topic);
      this.#subject = lines.map(namedIn).find((uuid) => uuid !== undefined) ?? this.#subject;
    }
    this.#subject = namedIn(fields) ?? this.#subject;
    this.#subject ??= texts(fields, 'devices')?.[0];
    const subject = this.#device;
    if (action.kind === 'skip') {
      this.#tally.skip(action.reason, this.#place(at), fields.ret);
      // What it left behind is where the next step begins.
      if (!this.#files.busy) await this.#preparation.before(at, action, subject);
      return;
    }
    // While a writer is blocked the recorder did nothing between steps.
    const problems = this.#files.busy ? [] : await this.#preparation.before(at, action, subject);
    const differences = problems.map((problem) => `set-up failed: ${problem}`);
    const outcome = await this.#perform(action, fields);
    if (outcome instanceof Unclear) {
      const reason = `the recording does not show what was open before: ${outcome.message}`;
      this.#tally.skip(reason, this.#place(at), fields.ret);
      return;
    }
    if (outcome.ret !== undefined && Number(fields.ret) > 0) this.#preparation.learn(fields);
    await this.#held.refresh();
    this.#compare(at, action, outcome, differences);
    await this.#compareState(fields, differences);
    this.#tally.step(`${this.#recording.label}:${at + 1} ${describe(fields)}`, differences);
  }

  #place(at: number): Place {
    const fields = this.#recording.lines[at];
    return { recording: this.#recording.name, line: at + 1, words: text(fields, 'case') ?? String(fields.op) };
  }

  /** The device at hand: the one that a writer waits for, or the one that was named last. */
  get #device(): string {
    return this.#files.uuid ?? this.#subject ?? SOME_UUID;
  }

  /** A topic is over: device files are closed, writers end. */
  async end(): Promise<void> {
    await this.#files.closeAll();
    await this.#held.refresh();
  }

  async #perform(action: Action, fields: Fields): Promise<Outcome | Unclear> {
    try {
      switch (action.kind) {
        case 'write':
          return await this.#write(action.file, action.bytes, fields);
        case 'read': {
          const content = (await (await this.#open(action.file, fields, 'read')).read()).toString();
          return { ret: content.length, content };
        }
        case 'open': {
          if (this.#machine.directory(action.path) === undefined) await this.#machine.open(action.path, action.access);
          return { ret: 0 };
        }
        case 'openInDead':
          return { ret: await this.#openInDead(action.name) };
        case 'readLink':
          return { ret: (this.#held.deviceDirectory(this.#device)?.readLink(action.name) ?? '').length };
        case 'insmod':
          return { ret: await this.#machine.insmod(action.module) };
        case 'rmmod':
          return { ret: await this.#rmmod(action) };
        case 'writer':
          return { ret: await this.#files.write(action, this.#device) };
        case 'writerResult':
          await this.#files.closeFiles();
          return { ret: await this.#files.result(action.writer) };
        case 'closeDevice':
          await this.#files.closeFiles();
          return {
            ret: typeof fields.ret === 'number' ? await this.#files.result('remove') : await this.#files.state(),
          };
        case 'closeOther':
          await this.#files.closeOther(action.which);
          return { ret: await this.#files.state() };
        case 'readDevice':
          return { ret: await this.#files.read() };
        case 'deviceInfo':
          return { ret: await this.#files.deviceInfo() };
        case 'command':
          return { ret: await this.#files.command(action.command, this.#device) };
        case 'openNode':
          return { ret: await this.#files.openNode() };
        case 'groupNumbers':
          return { ret: 0, group: this.#machine.mdev(this.#device)?.group };
        case 'signal':
          return { ret: await this.#files.signal() };
        case 'none':
        case 'skip':
          return { ret: fields.ret };
      }
    } catch (error) {
      if (error instanceof Unclear) return error;
      return { ret: resultOf(error) };
    }
  }

  async #write(ref: FileRef, bytes: Buffer, fields: Fields): Promise<Outcome> {
    if (/open through vfio/.test(wordsOf(fields))) await this.#files.open(this.#device);
    let file: AttributeFile;
    try {
      file = await this.#open(ref, fields, 'write');
    } catch (error) {
      return { ret: resultOf(error), stage: 'open' };
    }
    try {
      return { ret: await file.write(bytes), stage: 'write' };
    } catch (error) {
      return { ret: resultOf(error), stage: 'write' };
    }
  }

  async #open(ref: FileRef, fields: Fields, access: 'read' | 'write'): Promise<AttributeFile> {
    switch (ref.by) {
      case 'path':
        return this.#machine.open(ref.path, access);
      case 'kept':
        return this.#held.kept(ref.path, ref.which);
      case 'lost':
        return this.#machine.open(this.#held.lostPath(ref.name) ?? '/sys', access);
      case 'old': {
        const file = this.#held.old(
          ref.name,
          ref.name === 'create' ? await this.#preparation.inferType(fields) : undefined,
        );
        return file ?? this.#machine.open(`/sys/no ${ref.name} was open`, access);
      }
      case 'device': {
        const directory = this.#held.deviceDirectory(this.#device);
        const attributes = (await directory?.attributes()) ?? [];
        const vendor = ref.name === 'vendor' ? attributes.find(({ path }) => path.includes('/'))?.path : undefined;
        return directory === undefined
          ? this.#machine.open(`/sys/bus/mdev/devices/${this.#device}/${ref.name}`, access)
          : directory.open(vendor ?? ref.name, access);
      }
    }
  }

  async #openInDead(name: string): Promise<number> {
    const directory = this.#held.oldDirectory(name);
    if (directory === undefined) throw new Unclear(`nothing with a file ${name} has gone yet`);
    await directory.open(name, 'write');
    return 0;
  }

  async #rmmod(action: Extract<Action, { kind: 'rmmod' }>): Promise<number> {
    if (action.files === 'open') {
      const mdev = this.#machine.bus.mdevs().find((candidate) => candidate.parent.driver === action.module);
      if (mdev !== undefined) await this.#files.open(mdev.uuid);
    }
    if (action.files === 'closed') await this.#files.closeFiles();
    return this.#machine.rmmod(action.module);
  }

  #compare(at: number, action: Action, outcome: Outcome, differences: string[]): void {
    const fields = this.#recording.lines[at];
    if (outcome.ret !== fields.ret) {
      differences.push(`kernel ${showResult(fields.ret)}, here ${showResult(outcome.ret)}`);
    }
    if (action.kind === 'write' && action.file.by === 'path' && fields.stage !== outcome.stage) {
      differences.push(`kernel in ${String(fields.stage)}, here in ${outcome.stage}`);
    }
    if (fields.content !== undefined && fields.content !== outcome.content) {
      differences.push(`kernel ${JSON.stringify(fields.content)}, here ${JSON.stringify(outcome.content)}`);
    }
    if (fields.new_group !== undefined && fields.new_group !== outcome.group) {
      differences.push(`group: kernel ${String(fields.new_group)}, here ${outcome.group}`);
    }
    const exists = numbers(fields, 'exists');
    if (exists !== undefined) {
      const here = this.#files.exists(this.#device);
      for (const [name, there] of Object.entries(exists)) {
        if (here[name] !== there) differences.push(`${name} exists: kernel ${there}, here ${here[name]}`);
      }
    }
    for (const [field, reason] of Object.entries(NOT_COMPARED)) {
      if (fields[field] !== undefined) this.#tally.leave(reason, this.#place(at), field);
    }
  }

  async #compareState(fields: Fields, differences: string[]): Promise<void> {
    const devices = texts(fields, 'devices');
    const here = this.#machine.devices();
    if (devices !== undefined && [...devices].sort().join() !== here.join()) {
      differences.push(`devices: kernel ${JSON.stringify(devices)}, here ${JSON.stringify(here)}`);
    }
    const kernel = numbers(fields, 'avail');
    if (kernel === undefined) return;
    const available = await this.#machine.available();
    for (const type of new Set([...Object.keys(kernel), ...Object.keys(available)])) {
      if (kernel[type] === available[type]) continue;
      differences.push(
        `available_instances of ${type}: kernel ${kernel[type] ?? 'none'}, here ${available[type] ?? 'none'}`,
      );
    }
  }
}

/** The device that a step names by a path or by what it writes, unless that is no UUID. */
function namedIn(fields: Fields): string | undefined {
  if (fields.errno === 'EINVAL') return undefined;
  const named = UUID.exec(text(fields, 'path') ?? '') ?? UUID.exec(text(fields, 'data') ?? '');
  return named?.[0].toLowerCase();
}

function describe(fields: Fields): string {
  const data = text(fields, 'data');
  const words = text(fields, 'case') ?? String(fields.op);
  return data === undefined ? words : `${words} ${JSON.stringify(data.length > 48 ? `${data.slice(0, 48)}...` : data)}`;
}
