/**
 * Recordings leave out what their programs did between steps: removing the devices of the last case, creating those of
 * the next, loading modules. What was there before a step follows from what was there after it and from what the step
 * did; this brings the machine there. It cannot hide a difference: a state that a step leaves is compared before.
 */
import type { Action } from './action.js';
import { UUID } from './action.js';
import type { HeldFiles } from './held-files.js';
import { type Machine, resultOf } from './machine.js';
import { MODULES, moduleOfType } from './modules.js';
import { type Fields, text, texts } from './recording.js';
import { inferTypes, recordedUnits, unbindHint, unitsOf } from './type-inference.js';

/** What a step does to the devices when it succeeds. */
interface Effect {
  /** UUID that it creates, and its type if told. */
  readonly creates?: { readonly uuid: string; readonly type: string | undefined };
  readonly removes?: string | undefined;
  /** The units recorded after a step are those before it. */
  readonly unitsKept: boolean;
}

export class Preparation {
  readonly #machine: Machine;
  readonly #held: HeldFiles;
  readonly #lines: readonly Fields[];
  /** Types of devices that recorded steps created. */
  readonly #types = new Map<string, string>();

  constructor(machine: Machine, held: HeldFiles, lines: readonly Fields[]) {
    this.#machine = machine;
    this.#held = held;
    this.#lines = lines;
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
    await this.#createMissing(at, wanted, effect, problems);
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
    return inferTypes([{ uuid: '' }], needed, '')?.[0] ?? 'mtty-1';
  }

  #effect(fields: Fields, action: Action, subject: string): Effect {
    const succeeded = typeof fields.ret === 'number' && fields.ret > 0;
    if (action.kind === 'write') {
      const { file } = action;
      const name = file.by === 'path' || file.by === 'kept' ? (file.path.split('/').at(-1) as string) : file.name;
      const written = action.bytes.toString('latin1');
      if (name === 'create' && succeeded) {
        const uuid = UUID.exec(written)?.[0].toLowerCase();
        if (uuid !== undefined) return { creates: { uuid, type: typeInPath(fields) }, unitsKept: false };
      }
      const zero = /^\+?0+(x0+)?\n?(\0|$)/i.test(written);
      if (name === 'remove' && succeeded && !zero) {
        return { removes: UUID.exec(text(fields, 'path') ?? '')?.[0] ?? subject, unitsKept: false };
      }
    }
    if (action.kind === 'writer' && action.writer === 'remove' && (succeeded || fields.ret === 'blocked')) {
      return { removes: UUID.exec(text(fields, 'path') ?? '')?.[0] ?? subject, unitsKept: fields.ret === 'blocked' };
    }
    const unbinds = action.kind === 'write' && /unbind$/.test(text(fields, 'path') ?? '') && succeeded;
    return { unitsKept: !unbinds && action.kind !== 'rmmod' };
  }

  async #modules(fields: Fields, action: Action, problems: string[]): Promise<void> {
    const after = recordedUnits(fields);
    if (fields.avail === undefined) return;
    for (const { name } of MODULES.values()) {
      let wanted = after.has(name);
      if (action.kind === 'rmmod' && action.module === name && fields.ret === 0) wanted = true;
      if (action.kind === 'insmod' && action.module === name && fields.ret === 0) wanted = false;
      if (wanted === this.#machine.isLoaded(name)) continue;
      const result = await (wanted ? this.#machine.insmod(name) : this.#machine.rmmod(name));
      if (result !== 0) problems.push(`${wanted ? 'insmod' : 'rmmod'} ${name} gave ${result}`);
    }
    await this.#held.refresh();
  }

  async #removeOthers(wanted: ReadonlySet<string>, problems: string[]): Promise<void> {
    for (const mdev of this.#machine.bus.mdevs()) {
      if (wanted.has(mdev.uuid)) continue;
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

  async #createMissing(at: number, wanted: ReadonlySet<string>, effect: Effect, problems: string[]): Promise<void> {
    const fields = this.#lines[at];
    const present = this.#machine.devices();
    let missing = [...wanted].filter((uuid) => !present.includes(uuid)).sort();
    const words = text(fields, 'case') ?? '';
    const infer = async (typesKnown: boolean) => {
      const unknown = missing.map((uuid) => ({
        uuid,
        type: typesKnown ? this.#types.get(uuid) : undefined,
        module: unbindHint(this.#lines, at, uuid),
      }));
      return inferTypes(unknown, await this.#needed(fields, effect), words);
    };
    let types = (await infer(true)) ?? (await infer(false));
    if (types === undefined && present.length > 0) {
      // Some of those that are there have another type than then: the recorder had made them anew.
      await this.#removeOthers(new Set(), problems);
      missing = [...wanted].sort();
      types = await infer(false);
    }
    types ??= missing.map((uuid) => this.#types.get(uuid) ?? 'mtty-1');
    for (const [i, uuid] of missing.entries()) {
      const parent = this.#machine.bus
        .parents()
        .find((candidate) => candidate.types.some((type) => type.id === types[i]));
      if (parent === undefined) {
        problems.push(`no module for ${uuid} is loaded`);
        continue;
      }
      await parent.create(types[i], uuid).catch((error) => problems.push(`creating ${uuid} gave ${resultOf(error)}`));
      this.#types.set(uuid, types[i]);
    }
  }

  /** Units that the missing devices take together, for the modules of which it is known. */
  async #needed(fields: Fields, effect: Effect): Promise<Map<string, number>> {
    const now = unitsOf(await this.#machine.available());
    const needed = new Map<string, number>();
    const creates = effect.creates?.type;
    if (!effect.unitsKept && creates === undefined) return needed;
    for (const [module, after] of recordedUnits(fields)) {
      const own =
        creates !== undefined && moduleOfType(creates)?.name === module ? MODULES.get(module)?.units[creates] : 0;
      needed.set(module, after - (own ?? 0) - (now.get(module) ?? 0));
    }
    return needed;
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
