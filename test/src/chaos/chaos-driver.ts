/** What the driver of a chaos run is called and what its devices cost, for those who load and check it and for itself. */

/** Its name on the bus. */
export const CHAOS_DRIVER = 'chaos';

/** Units that a device takes of the budget that all parents share, by type. */
export const UNITS: Readonly<Record<string, number>> = { plain: 1, late: 2, together: 1 };
export const ALL_UNITS = 12;
/** Devices per parent: the core's own limit. */
export const MOST_DEVICES = 4;
/** Slots of each parent's own budget, of which every device takes one. */
export const PARENT_SLOTS = 3;
/** Keys of the device sets of the type `together`. */
export const SET_KEYS = ['chaos one', 'chaos two'];

export const chaosDriverUrl = new URL('./chaos-driver.worker.js', import.meta.url);

/** What the driver's threads get as options. */
export interface ChaosDriverOptions {
  /** Orders of the driver's threads, one behind the other (`order.ts`). */
  readonly orders: SharedArrayBuffer;
  /** What is broken on purpose, if anything. */
  readonly breakage: string | undefined;
}

/** What the parent's attribute `chaos/budgets` says, as JSON. */
export interface BudgetReading {
  readonly units: number;
  readonly slots: number;
}

/** What a device's attribute `chaos/device` says, as JSON. */
export interface DeviceReading {
  readonly open: number;
  readonly pins: number;
  readonly setOpen: number;
  readonly members: readonly number[];
  readonly key: string | undefined;
}
