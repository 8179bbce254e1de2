/** A timer for the page of vfio-platform: it interrupts when it is started, until that is acknowledged. */
import { definePlatformModel } from '@mediated/vfio/platform';

export default definePlatformModel((timer) => ({
  write(_region, offset, bytes) {
    if (offset === 0) timer.line(0, true); // START
    if (offset === 4) timer.line(0, false); // ACKNOWLEDGE
    if (offset === 8) console.log('stopped by', bytes.length, 'bytes'); // STOP
  },
}));
