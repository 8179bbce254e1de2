/**
 * The mounted tree of `mediated up`: on a fresh folder, or where it was asked for, on a folder that is made if need be. Main
 * thread; opened and closed by `up.ts`.
 */
import { mkdirSync, rmdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { isMediatedError, type Runtime } from '@mediated/core';
import { mountSysfs, type PciFunctionDescription, type SysfsMount } from '@mediated/sysfs';
import type { PciEntry } from './configuration.js';

/** Why there is no tree: what is missing, in one sentence. */
export class NoTree extends Error {
  /** The errno's name. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class Tree {
  readonly #mount: SysfsMount;
  /** Takes away the folder that was made for it; undefined: none was. */
  readonly #takeAway: (() => void) | undefined;

  private constructor(mount: SysfsMount, takeAway: (() => void) | undefined) {
    this.#mount = mount;
    this.#takeAway = takeAway;
  }

  /** `place`: a folder; a fresh one where it is absent. Rejects with a {@link NoTree}. */
  static async open(runtime: Runtime, place: string | undefined, pci: readonly PciEntry[]): Promise<Tree> {
    const at = place === undefined ? undefined : resolve(place);
    const takeAway = at !== undefined && make(at) ? () => remove(at) : undefined;
    // For a program that ends without closing.
    if (takeAway !== undefined) process.once('exit', takeAway);
    try {
      const mount = await mountSysfs(runtime, { pci: pci.map(describe), ...(at === undefined ? {} : { at }) });
      if (takeAway !== undefined) {
        // Behind what the mount itself does then.
        process.off('exit', takeAway);
        process.once('exit', takeAway);
      }
      return new Tree(mount, takeAway);
    } catch (error) {
      if (takeAway !== undefined) {
        process.off('exit', takeAway);
        takeAway();
      }
      if (!isMediatedError(error)) throw error;
      const [missing] = error.message.replace(`${error.code}: `, '').split('; without a mount');
      throw new NoTree(error.code, missing);
    }
  }

  get path(): string {
    return this.#mount.path;
  }

  async close(): Promise<void> {
    await this.#mount.unmount();
    if (this.#takeAway === undefined) return;
    process.off('exit', this.#takeAway);
    this.#takeAway();
  }
}

/** Makes a folder; false: something is there. */
function make(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    const why = code === 'ENOENT' ? 'the folder above it does not exist' : message;
    throw new NoTree(code, `${path} cannot be made: ${why}`);
  }
}

function remove(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else has put something into it.
  }
}

/** A function's numbers out of their texts. */
function describe(entry: PciEntry): PciFunctionDescription {
  const { vendor, device, subsystemVendor, subsystemDevice, class: kind, revision, ...others } = entry;
  return {
    ...others,
    vendor: Number(vendor),
    device: Number(device),
    ...(subsystemVendor === undefined ? {} : { subsystemVendor: Number(subsystemVendor) }),
    ...(subsystemDevice === undefined ? {} : { subsystemDevice: Number(subsystemDevice) }),
    ...(kind === undefined ? {} : { class: Number(kind) }),
    ...(revision === undefined ? {} : { revision: Number(revision) }),
  };
}
