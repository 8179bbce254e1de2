/** Indexes of what channel subsystems and adjunct processors have (spec/vfio-core section 21). */

/** Region indexes of a ccw device; further ones are told by their type capability. */
export const CCW_REGIONS = { config: 0 } as const;
/** Interrupt indexes of a ccw device. */
export const CCW_IRQS = { io: 0, crw: 1, request: 2 } as const;
/** Interrupt indexes of an ap device. */
export const AP_IRQS = { request: 0 } as const;
