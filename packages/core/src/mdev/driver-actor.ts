/**
 * The actor of a driver on one of its threads: loads the module, starts the driver, makes it known to the parents on
 * this thread. A module that does not load or is no driver fails the load with a reason.
 */
import { defineActor } from '../actor/actor.js';
import { Semaphore } from '../sync/semaphore.js';
import type { BudgetSpec, DriverModule, VendorAttribute } from './driver.js';
import { driverFailure } from './driver-call.js';
import type { AttributeInfo, DriverOptions } from './parent-protocol.js';
import { driverProtocol } from './parent-protocol.js';
import { checkDriver, loadDriverModule } from './driver-module.js';
import { MDEV_BUS } from './layout.js';
import { ThreadBus } from './thread-bus.js';

function attributeInfo({ path, show, store }: VendorAttribute): AttributeInfo {
  return { path, mode: (show === undefined ? 0 : 0o444) | (store === undefined ? 0 : 0o200) };
}

export const driverActor = defineActor({
  module: import.meta.url,
  name: 'driverActor',
  protocol: driverProtocol,
  async start(_context, options: DriverOptions) {
    const bus = ThreadBus.open(options.bus);
    const module: DriverModule = await loadDriverModule(options.module);
    const shared = Object.fromEntries(
      Object.entries(options.shared).map(([name, handle]) => [name, Semaphore.from(handle)]),
    ) as Record<keyof Record<string, BudgetSpec>, Semaphore>;
    const started = await Promise.resolve()
      .then(() =>
        module.start({
          name: module.name,
          shard: options.shard,
          shards: options.shards,
          shared,
          pins: Semaphore.from(options.pins),
          options: options.options,
          supervised: options.supervised,
          bus,
        }),
      )
      .catch((error: unknown) => {
        throw driverFailure(module.name, 'start', error);
      });
    const driver = checkDriver(module.name, started);
    bus.drivers.set(module.name, { module, driver });
    return {
      handlers: {
        ping: () => {},
        info: () => ({
          name: module.name,
          deviceApi: module.deviceApi,
          bus: module.bus ?? MDEV_BUS,
          types: module.types.map(({ sysfsName, prettyName }) => ({ sysfsName, prettyName })),
          maxInstances: module.maxInstances ?? 0,
          hasGetAvailable: driver.getAvailable !== undefined,
          hasDescription: driver.showDescription !== undefined,
          attributes: (driver.attributes ?? []).map(attributeInfo),
          framework: driver.framework,
        }),
      },
      async stop() {
        bus.drivers.delete(module.name);
        await driver.stop?.();
      },
    };
  },
});
