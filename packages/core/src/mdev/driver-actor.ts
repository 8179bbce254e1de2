/**
 * The actor of a driver on one of its threads: loads the module, starts the driver, makes it known to the parents on
 * this thread. A module that does not load or is no driver fails the load with a reason.
 */
import { defineActor } from '../actor/actor.js';
import { Semaphore } from '../sync/semaphore.js';
import type { BudgetSpec, DriverModule, ParentAttribute, VendorAttribute } from './driver.js';
import { driverFailure } from './driver-call.js';
import { resolveDriver } from './driver-configuration.js';
import type { AttributeInfo, DriverOptions } from './parent-protocol.js';
import { driverProtocol } from './parent-protocol.js';
import { checkDriver, loadDriverModule } from './driver-module.js';
import { ThreadBus } from './thread-bus.js';

function attributeInfo({ path, show, store }: VendorAttribute | ParentAttribute): AttributeInfo {
  return { path, mode: (show === undefined ? 0 : 0o444) | (store === undefined ? 0 : 0o200) };
}

export const driverActor = defineActor({
  module: import.meta.url,
  name: 'driverActor',
  protocol: driverProtocol,
  async start(_context, options: DriverOptions) {
    const bus = ThreadBus.open(options.bus);
    const module: DriverModule = await loadDriverModule(options.module);
    const resolved = resolveDriver(module, options.configuration);
    const { name, deviceApi, bus: deviceBus, types, maxInstances } = resolved;
    const shared = Object.fromEntries(
      Object.entries(options.shared).map(([budget, handle]) => [budget, Semaphore.from(handle)]),
    ) as Record<keyof Record<string, BudgetSpec>, Semaphore>;
    const started = await Promise.resolve()
      .then(() =>
        module.start({
          name,
          shard: options.shard,
          shards: options.shards,
          shared,
          pins: Semaphore.from(options.pins),
          options: resolved.options,
          supervised: options.supervised,
          bus,
        }),
      )
      .catch((error: unknown) => {
        throw driverFailure(name, 'start', error);
      });
    const driver = checkDriver(name, started);
    bus.drivers.set(name, { name, bus: deviceBus, driver });
    return {
      handlers: {
        ping: () => {},
        info: () => ({
          name,
          deviceApi,
          bus: deviceBus,
          types: types.map(({ sysfsName, prettyName }) => ({ sysfsName, prettyName })),
          maxInstances,
          hasGetAvailable: driver.getAvailable !== undefined,
          hasDescription: driver.showDescription !== undefined,
          attributes: (driver.attributes ?? []).map(attributeInfo),
          parentAttributes: (driver.parentAttributes ?? []).map(attributeInfo),
          framework: driver.framework,
        }),
      },
      async stop() {
        bus.drivers.delete(name);
        await driver.stop?.();
      },
    };
  },
});
