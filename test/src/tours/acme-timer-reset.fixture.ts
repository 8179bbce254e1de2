/** How the timer is reset. */
import { defineResetModule } from '@mediated/vfio/platform';

export default defineResetModule({
  resets: { 'acme,timer': ({ write32 }) => write32(0, 8, 1) },
});
