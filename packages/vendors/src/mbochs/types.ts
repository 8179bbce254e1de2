/** The types of mbochs: video memory, and the largest picture that their EDID allows (mbochs section 1). */
import type { MdevType } from '@mediated/core';

export type MbochsTypeName = 'small' | 'medium' | 'large';

export interface MbochsType {
  readonly megabytes: number;
  /** Pixels; 0: no limit. */
  readonly maxWidth: number;
  readonly maxHeight: number;
}

/** By sysfs name, in the order of the module. */
export const TYPES: Readonly<Record<MbochsTypeName, MbochsType>> = {
  small: { megabytes: 4, maxWidth: 800, maxHeight: 600 },
  medium: { megabytes: 16, maxWidth: 1920, maxHeight: 1440 },
  large: { megabytes: 64, maxWidth: 0, maxHeight: 0 },
};

export function typeOf(type: MdevType): MbochsType {
  return TYPES[type.sysfsName as MbochsTypeName];
}
