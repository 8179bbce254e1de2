/**
 * The driver of a chaos run: takes of every budget, shares device sets, pins guest memory, and ends its own thread in any
 * callback when it was ordered to. Devices of the type `late` let other messages pass in every callback.
 */
import { Endpoint } from '@mediated/core/actor';
import { type MdevType, MediatedError } from '@mediated/core';
import { defineDriver, type VfioDevice } from '@mediated/vfio';
import {
  ALL_UNITS,
  type BudgetReading,
  CHAOS_DRIVER,
  type ChaosDriverOptions,
  type DeviceReading,
  MOST_DEVICES,
  PARENT_SLOTS,
  SET_KEYS,
  UNITS,
} from './chaos-driver.js';
import { danger, ORDER_WORDS } from './order.js';

/** Turns of the event loop that a `late` device lets pass. */
const LATE_TURNS = 2;
const PAGE = 4096;

interface Data {
  readonly pinned: bigint[];
  text: string;
}

// biome-ignore lint/style/noDefaultExport: a driver module's default export is the driver.
export default defineDriver({
  name: CHAOS_DRIVER,
  deviceApi: 'vfio-pci',
  types: Object.keys(UNITS).map((sysfsName) => ({ sysfsName })),
  maxInstances: MOST_DEVICES,
  shared: { units: { budget: ALL_UNITS } },
  perParent: { budgets: { slots: { budget: PARENT_SLOTS } } },
  start({ shared: { units }, shard, options }) {
    const { orders: buffer, breakage } = options as ChaosDriverOptions;
    const orders = new Int32Array(buffer);
    // Nobody on this thread hears of dead clients: what they had open stays open.
    if (breakage === 'files') Endpoint.prototype.onDeath = () => () => {};
    const risk = () => danger(orders, shard * ORDER_WORDS);

    /** Runs a callback at once or, for a `late` device, some turns of the event loop later. */
    function run<R>(type: MdevType, body: () => R): R | Promise<R> {
      risk();
      if (type.sysfsName !== 'late') return body();
      return (async () => {
        for (let turn = 0; turn < LATE_TURNS; turn++) {
          await new Promise((resolve) => setImmediate(resolve));
          risk();
        }
        return body();
      })();
    }

    function unpin({ data, dma }: VfioDevice<Data>, within: (iova: bigint) => boolean): void {
      for (let place = data.pinned.length - 1; place >= 0; place--) {
        const iova = data.pinned[place] as bigint;
        if (!within(iova)) continue;
        data.pinned.splice(place, 1);
        risk();
        dma.unpin(iova, 1);
      }
    }

    return {
      init(device): Data | Promise<Data> {
        return run(device.type, () => {
          const { sysfsName, parentDevice } = device.type;
          const { slots } = parentDevice.budgets;
          const wanted = UNITS[sysfsName] as number;
          if (!units.tryAcquire(wanted)) throw new MediatedError('ENOSPC', 'no units are free');
          risk();
          if (!slots?.tryAcquire()) {
            units.release(wanted);
            throw new MediatedError('ENOSPC', 'no slot of the parent is free');
          }
          risk();
          return { pinned: [], text: '' };
        });
      },
      deviceSet: ({ type, uuid }) =>
        type.sysfsName === 'together' ? SET_KEYS[uuid.charCodeAt(0) % SET_KEYS.length] : undefined,
      release(device) {
        return run(device.type, () => {
          units.release(UNITS[device.type.sysfsName]);
          risk();
          device.type.parentDevice.budgets.slots?.release();
        });
      },
      openDevice: (device) => run(device.type, risk),
      closeDevice(device) {
        return run(device.type, () => unpin(device, () => true));
      },
      dmaUnmap(device, iova, size) {
        return run(device.type, () => unpin(device, (pinned) => pinned >= iova && pinned < iova + size));
      },
      read: (device, _position, into) => run(device.type, () => into.fill(device.index & 0xff).length),
      /** Pins the page that the program names and writes a byte there. */
      write(device, _position, bytes) {
        return run(device.type, () => {
          if (bytes.length !== 8) return bytes.length;
          const iova = Buffer.from(bytes).readBigUInt64LE() & ~BigInt(PAGE - 1);
          device.dma.pin(iova, 1, 'read-write');
          device.data.pinned.push(iova);
          risk();
          device.dma.write(iova, Uint8Array.of(1));
          return bytes.length;
        });
      },
      ioctl: (device, command) => run(device.type, () => command & 0xff),
      attributes: [
        {
          path: 'chaos/device',
          show(device) {
            const reading: DeviceReading = {
              open: device.openCount,
              pins: device.data.pinned.length,
              setOpen: device.set.openCount(),
              members: device.set.members(),
              key: device.set.key,
            };
            return JSON.stringify(reading);
          },
        },
        {
          path: 'chaos/text',
          show: (device) => run(device.type, () => device.data.text),
          store(device, text) {
            return run(device.type, () => {
              device.data.text = text;
            });
          },
        },
      ],
      parentAttributes: [
        {
          path: 'chaos/budgets',
          show(parent) {
            const reading: BudgetReading = { units: units.value, slots: parent.budgets.slots?.value ?? -1 };
            return JSON.stringify(reading);
          },
        },
      ],
    };
  },
});
