/** What the soak's driver is called, for those who load it and for itself. */
export const SOAK_DRIVER = 'soak';
export const SOAK_TYPE = 'soak-unit';
/** Devices per parent. */
export const SOAK_DEVICES = 4096;
export const soakDriverUrl = new URL('./soak-driver.worker.js', import.meta.url);

/** What the parent's attribute `soak/thread` says of the parent's first thread, as JSON. */
export interface ThreadReading {
  /** Bytes of JavaScript's heap in use, after garbage was collected. */
  readonly heap: number;
  readonly devices: number;
}
