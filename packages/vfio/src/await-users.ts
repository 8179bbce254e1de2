/**
 * The wait of unregistration for a device's users (spec/vfio-core section 4, steps 5 and 6). Runs on the device's
 * thread; what it waits for is the registration count, a shared word that any thread may bring to zero.
 */
import type { Clock } from './clock.js';
import type { VfioDevice } from './device.js';
import { reportDriverError } from './driver-report.js';
import type { DeviceOperations } from './operations.js';

/** Milliseconds between two requests. */
const REQUEST_INTERVAL = 10_000;

/** Asks the driver again and again to have the device let go, until the last reference is put. */
export async function awaitUsers<Data>(
  device: VfioDevice<Data>,
  operations: DeviceOperations<Data>,
  clock: Clock,
): Promise<void> {
  let cancel = () => {};
  const ask = (count: number): void => {
    request(device, operations, count);
    cancel = clock.after(REQUEST_INTERVAL, () => ask(count + 1));
  };
  ask(0);
  await device.references.zero();
  cancel();
}

function request<Data>(device: VfioDevice<Data>, operations: DeviceOperations<Data>, count: number): void {
  const report = (error: unknown) => reportDriverError(device, 'request', error);
  try {
    const result = operations.request?.(device, count);
    if (result instanceof Promise) result.catch(report);
  } catch (error) {
    report(error);
  }
}
