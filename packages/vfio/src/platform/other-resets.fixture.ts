/** Other reset functions for tests, of which one is for the same device as in `resets.fixture.ts`. */
import { defineResetModule } from '@mediated/vfio/platform';

export default defineResetModule({ resets: { 'acme,nic': () => {}, 'acme,other': () => {} } });
