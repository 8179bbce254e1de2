/** Reset functions for tests. */
import { MediatedError } from '@mediated/core';
import { defineResetModule } from '@mediated/vfio/platform';

/** Registers of the card (`nic-model.fixture.ts`). */
const RESET = 0;

export default defineResetModule({
  resets: {
    'acme,nic': ({ write32 }) => write32(0, RESET, 1),
    'acme,memory': async ({ read32, write32 }) => write32(0, 8, (await read32(0, 4)) + 1),
    'acme,broken': () => {
      throw new MediatedError('EIO', 'the card does not come back');
    },
  },
});
