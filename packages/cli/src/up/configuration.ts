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
}

export interface Configuration {
  readonly runtime?: RuntimeOptions;
  readonly drivers: readonly DriverEntry[];
  /** A folder; false: nowhere; absent, or true: a fresh folder. */
  readonly mount?: string | boolean;
  /** A folder. */
  readonly definitions?: string;
}
