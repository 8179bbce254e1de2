/**
 * A module of functions that reset platform devices, as the kernel's `vfio-platform-<device>` reset modules. Written by
 * whoever knows a device's registers; found through `reset-registry.ts`, run on the device's thread.
 */
import { MediatedError } from '@mediated/core';
import { loadDefault } from './load-default.js';

/** The device as such a function sees it: its registers. */
export interface ResetTarget {
  readonly name: string;
  readonly compat: string;
  /** Reads 4 bytes, as a little-endian number, from byte `offset` of a memory region. EINVAL: there is no such place. */
  read32(region: number, offset: number): Promise<number>;
  write32(region: number, offset: number, value: number): Promise<void>;
}

/** Resets a device; throws a `MediatedError` when that fails. */
export type ResetFunction = (target: ResetTarget) => void | Promise<void>;

/** The default export of such a module. */
export interface ResetModule {
  /** Functions by the compatible string of their devices. */
  readonly resets: Readonly<Record<string, ResetFunction>>;
}

/** Declares a module of reset functions; gives them their types. */
export function defineResetModule(module: ResetModule): ResetModule {
  return module;
}

/** Loads such a module. EINVAL: it does not load, or is none. */
export async function loadResetModule(url: string): Promise<ResetModule> {
  const module = (await loadDefault(url, 'a reset module')) as Partial<ResetModule> | undefined;
  const functions = Object.values(module?.resets ?? {});
  if (functions.length > 0 && functions.every((reset) => typeof reset === 'function')) return module as ResetModule;
  throw new MediatedError('EINVAL', `${url} exports no reset functions; use defineResetModule`, {
    syscall: 'register',
  });
}
