/** What the storm's own driver is called, for those who load it and for the driver itself. */

/** Its name on the bus. */
export const STORM_DRIVER = 'storm';
/** Its types, without the driver's name. */
export const STORM_TYPES = ['plain', 'late', 'faulty'] as const;
/** Its devices per parent: few, so that creates meet the limit. */
export const STORM_MAXIMUM = 6;
export const stormDriverUrl = new URL('./driver.worker.js', import.meta.url);
