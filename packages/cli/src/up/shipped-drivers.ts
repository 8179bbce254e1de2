/**
 * The drivers of `@mediated/vendors` by the names that a configuration has for them, and what each is loaded with. Used by
 * `start-runtime.ts` and by the check of configurations.
 */
import type { Runtime } from '@mediated/core';
import { apUrl, ccwUrl, gvtUrl, mbochsUrl, mdpyUrl, mttyUrl, sfUrl, vgpuUrl } from '@mediated/vendors';
import { ApBus, type ApBusOptions } from '@mediated/vendors/ap';
import type { DriverEntry } from './configuration.js';

const MODULES = {
  ap: apUrl,
  ccw: ccwUrl,
  gvt: gvtUrl,
  mbochs: mbochsUrl,
  mdpy: mdpyUrl,
  mtty: mttyUrl,
  sf: sfUrl,
  vgpu: vgpuUrl,
} as const;

type ShippedName = keyof typeof MODULES;

/** Every name. */
export const SHIPPED_NAMES = Object.keys(MODULES);

export function isShipped(name: string): name is ShippedName {
  return Object.hasOwn(MODULES, name);
}

/** The module of a driver: of a shipped one, or the URL itself. */
export function moduleOf(driver: string): string | URL {
  return isShipped(driver) ? MODULES[driver] : driver;
}

/** What the driver of an entry is loaded with. `ap` gets the AP bus of a machine that is plugged as its options say. */
export async function loadOptionsOf(runtime: Runtime, entry: DriverEntry): Promise<unknown> {
  const { driver, profile, options, faults } = entry;
  const machine =
    driver === 'ap'
      ? { apBus: (await ApBus.create(runtime.bus, { adapters: {}, domains: [], ...options } as ApBusOptions)).handle }
      : options;
  if (profile === undefined && (faults === undefined || faults === true)) return machine;
  return {
    ...machine,
    ...(profile === undefined ? {} : { profile }),
    ...(faults === undefined || faults === true ? {} : { faults }),
  };
}
