/**
 * The configuration of `mediated up` as the rest of the program gets it: checked, and with all paths absolute. What each
 * field means stands in `schema/configuration.schema.json`.
 */
import type { ParentSpec, RuntimeOptions } from '@mediated/core';

/** One driver to load. */
export interface DriverEntry {
  /** Name of a driver of `@mediated/vendors`, or a module's URL. */
  readonly driver: string;
  readonly threads?: number;
  readonly profile?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly faults?: Readonly<Record<string, string | number>> | boolean;
  readonly parents?: readonly Omit<ParentSpec, 'driver'>[];
  /** Where it was named, for what is told of it. Default: its place in the file. */
  readonly place?: string;
}

/** A PCI function that the tree describes. Numbers are hexadecimal texts. */
export interface PciEntry {
  readonly name: string;
  readonly path?: string;
  readonly vendor: string;
  readonly device: string;
  readonly subsystemVendor?: string;
  readonly subsystemDevice?: string;
  readonly class?: string;
  readonly revision?: string;
  readonly irq?: number;
  readonly driver?: string;
  readonly iommuGroup?: number;
}

export interface Configuration {
  readonly runtime?: RuntimeOptions;
  readonly drivers: readonly DriverEntry[];
  readonly pci?: readonly PciEntry[];
  /** A folder; false: nowhere; absent, or true: a fresh folder. */
  readonly mount?: string | boolean;
  /** A folder. */
  readonly definitions?: string;
  /** A folder; absent: no sockets for virtual machines. */
  readonly sockets?: string;
}
