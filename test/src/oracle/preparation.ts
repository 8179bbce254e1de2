/**
 * Recordings leave out what their programs did between steps: removing the devices of the last case, creating those of
 * the next, loading modules. What was there before a step follows from what was there after it and from what the step
 * did; this brings the machine there. It cannot hide a difference: a state that a step leaves is compared before.
 */
import type { Action } from './action.js';
import { UUID } from './action.js';
import type { HeldFiles } from './held-files.js';
import { type Machine, resultOf } from './machine.js';
import { MODULES } from './modules.js';
import { type Fields, text, texts } from './recording.js';
import { countedUnits, type Guess, inferTypes, recordedUnits, unbindHint, unitsOf } from './type-inference.js';

/** What a step does to the devices when it succeeds. */
interface Effect {
  /** UUID that it creates, and its type if told. */
  readonly creates?: { readonly uuid: string; readonly type: string | undefined };
  readonly removes?: string;
  /** The device whose units it gives back. */
  readonly frees?: { readonly uuid: string; readonly by: 'remove' | 'unbind' };
}

export class Preparation {
  readonly #machine: Machine;
  readonly #held: HeldFiles;
  readonly #lines: readonly Fields[];
  readonly #closeFiles: () => Promise<void>;
  /** Types of devices that recorded steps created. */
  readonly #types = new Map<string, string>();

  /** `closeFiles` closes device files: a device that has to go is open no more. */
  constructor(machine: Machine, held: HeldFiles, lines: readonly Fields[], closeFiles: () => Promise<void>) {
    this.#machine = machine;
    this.#held = held;
    this.#lines = lines;
    this.#closeFiles = closeFiles;
  }

  /**
   * Brings the machine to where line `at` began. `subject`: the device that a step without a name is about. Returns
   * what could not be done, in words.
   */
  async before(at: number, action: Action, subject: string): Promise<string[]> {
    const fields = this.#lines[at];
    const effect = this.#effect(fields, action, subject);
    const problems: string[] = [];
    await this.#modules(fields, action, problems);
    const wanted = new Set(texts(fields, 'devices') ?? this.#machine.devices());
    if (effect.creates !== undefined) wanted.delete(effect.creates.uuid);
    if (effect.removes !== undefined) wanted.add(effect.removes);
    if (action.kind === 'rmmod' && fields.ret === 0) {
      for (const mdev of this.#machine.bus.mdevs()) if (mdev.parent.driver === action.module) wanted.add(mdev.uuid);
    }
    await this.#removeOthers(wanted, problems);
    await this.#createMissing(at, wanted, effect, subject, problems);
    if (action.kind === 'rmmod' && action.unbound) await this.#addUnbound(action.module);
    await this.#held.refresh();
    return problems;
  }

  /** Notes the type of a device that a step created. */
  learn(fields: Fields): void {
    const type = typeInPath(fields);
    const uuid = UUID.exec(text(fields, 'data') ?? '')?.[0].toLowerCase();
    if (type !== undefined && uuid !== undefined) this.#types.set(uuid, type);
  }

  /** The type that a create without a path had, by what it took. */
  async inferType(fields: Fields): Promise<string> {
    const now = unitsOf(await this.#machine.available());
    const needed = new Map(
      [...recordedUnits(fields)].map(([module, units]) => [module, units - (now.get(module) ?? 0)]),
    );
    return inferTypes([{ uuid: '' }], needed, '')?.[0].type ?? 'mtty-1';
  }

  #effect(fields: Fields, action: Action, subject: string): Effect {
    const succeeded = typeof fields.ret === 'number' && fields.ret > 0;
    const removed = (): Effect => {
      const uuid = UUID.exec(text(fields, 'path') ?? '')?.[0] ?? subject;
      return { removes: uuid, ...(succeeded ? { frees: { uuid, by: 'remove' } } : {}) };
    };
    if (action.kind === 'writer') {
      if (action.writer === 'remove') return succeeded || fields.ret === 'blocked' ? removed() : {};
      return succeeded ? { frees: { uuid: subject, by: 'unbind' } } : {};
    }
    if (action.kind !== 'write' || !succeeded) return {};
    const { file } = action;
    const name = file.by === 'path' || file.by === 'kept' ? (file.path.split('/').at(-1) as string) : file.name;
    const written = action.bytes.toString('latin1');
    const uuid = UUID.exec(written)?.[0].toLowerCase();
    if (name === 'create' && uuid !== undefined) return { creates: { uuid, type: typeInPath(fields) } };
    if (name === 'unbind' && uuid !== undefined) return { frees: { uuid, by: 'unbind' } };
    const zero = /^\+?0+(x0+)?\n?(\0|$)/i.test(written);
    return name === 'remove' && !zero ? removed() : {};
  }

  async #modules(fields: Fields, action: Action, problems: string[]): Promise<void> {
    const after = recordedUnits(fields);
    if (fields.avail === undefined) return;
    for (const { name } of MODULES.values()) {
      let wanted = after.has(name);
      if (action.kind === 'rmmod' && action.module === name && fields.ret === 0) wanted = true;
      if (action.kind === 'insmod' && action.module === name && fields.ret === 0) wanted = false;
      if (wanted === this.#machine.isLoaded(name)) continue;
      await this.#closeFiles();
      const result = await (wanted ? this.#machine.insmod(name) : this.#machine.rmmod(name));
      if (result !== 0) problems.push(`${wanted ? 'insmod' : 'rmmod'} ${name} gave ${result}`);
    }
    await this.#held.refresh();
  }

  async #removeOthers(wanted: ReadonlySet<string>, problems: string[]): Promise<void> {
    for (const mdev of this.#machine.bus.mdevs()) {
      if (wanted.has(mdev.uuid)) continue;
      await this.#closeFiles();
      if (!mdev.presence.remove) {
        // Wedged: only its module's unloading heals it.
        await this.#machine.rmmod(mdev.parent.driver);
        await this.#machine.insmod(mdev.parent.driver);
        continue;
      }
      await mdev.storeRemove().catch((error) => problems.push(`removing ${mdev.uuid} gave ${resultOf(error)}`));
    }
    await this.#held.refresh();
  }

  async #createMissing(
    at: number,
    wanted: ReadonlySet<string>,
    effect: Effect,
    subject: string,
    problems: string[],
  ): Promise<void> {
    const present = this.#machine.devices();
    let missing = [...wanted].filter((uuid) => !present.includes(uuid)).sort();
    const infer = async (typesKnown: boolean, unbound: boolean) => {
      const unknown = missing.map((uuid) => ({
        uuid,
        type: typesKnown ? this.#types.get(uuid) : undefined,
        module: unbindHint(this.#lines, at, uuid),
        suspect: uuid === subject,
        freed: effect.frees?.uuid === uuid ? effect.frees.by : undefined,
      }));
      const words = text(this.#lines[at], 'case') ?? '';
      return inferTypes(unknown, await this.#needed(this.#lines[at], effect), words, unbound);
    };
    let guesses = (await infer(true, false)) ?? (await infer(false, false));
    if (guesses === undefined) {
      // Some of those that are there have another type than then, or were unbound: the recorder had made them anew.
      await this.#removeOthers(new Set(), problems);
      missing = [...wanted].sort();
      guesses = (await infer(false, false)) ?? (await infer(false, true));
    }
    guesses ??= missing.map((uuid) => ({ type: this.#types.get(uuid) ?? 'mtty-1', bound: true }));
    for (const [i, uuid] of missing.entries()) await this.#create(uuid, guesses[i], problems);
  }

  async #create(uuid: string, { type, bound }: Guess, problems: string[]): Promise<void> {
    const { bus } = this.#machine;
    const parent = bus.parents().find((candidate) => candidate.types.some(({ id }) => id === type));
    if (parent === undefined) {
      problems.push(`no module for ${uuid} is loaded`);
      return;
    }
    await parent.create(type, uuid).catch((error) => problems.push(`creating ${uuid} gave ${resultOf(error)}`));
    this.#types.set(uuid, type);
    if (!bound) await bus.unbind(parent.driver, uuid);
  }

  /** Units that the missing devices take together, for the modules of which it is known. */
  async #needed(fields: Fields, effect: Effect): Promise<Map<string, number>> {
    const now = unitsOf(await this.#machine.available());
    const needed = new Map<string, number>();
    // What a create without a path took is what is to be found out.
    if (effect.creates !== undefined && effect.creates.type === undefined) return needed;
    const created = effect.creates?.type;
    const freed = this.#freedHere(effect);
    for (const [name, after] of recordedUnits(fields)) {
      const own = created === undefined ? undefined : MODULES.get(name)?.units[created];
      needed.set(name, after - (own ?? 0) - (now.get(name) ?? 0) + (freed.get(name) ?? 0));
    }
    return needed;
  }

  /** Units that the device which the step frees has in use now, if it is there. */
  #freedHere({ frees }: Effect): Map<string, number> {
    const mdev = frees === undefined ? undefined : this.#machine.mdev(frees.uuid);
    const module = mdev === undefined ? undefined : MODULES.get(mdev.parent.driver);
    if (mdev === undefined || module === undefined) return new Map();
    const { type } = mdev;
    const { driver } = mdev.presence;
    const units = countedUnits(module, type, driver) - countedUnits(module, type, driver, frees?.by);
    return new Map([[module.name, units]]);
  }

  async #addUnbound(module: string): Promise<void> {
    const parent = this.#machine.bus.parents().find((candidate) => candidate.driver === module);
    if (parent === undefined) return;
    const mdev = await parent.create(parent.types[0].id);
    await this.#machine.bus.unbind(module, mdev.uuid);
  }
}

function typeInPath(fields: Fields): string | undefined {
  return /mdev_supported_types\/([^/]+)\/create$/.exec(text(fields, 'path') ?? '')?.[1];
}
