/** Old code of vfio-ccw: before its life cycle was that of the mdev (spec/ccw section 2). */
import type { Edit } from './old-code.fixture.js';

export const OLD_CCW: Readonly<Record<string, readonly Edit[]>> = {};
