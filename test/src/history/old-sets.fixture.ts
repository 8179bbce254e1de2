/** Old code of vfio: before device sets (spec/vfio-core section 22). */
import type { Edit } from './old-code.fixture.js';

export const OLD_SETS: Readonly<Record<string, readonly Edit[]>> = {};
