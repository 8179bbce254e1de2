/**
 * sf: lightweight network functions of one NIC, each with a MAC of its own, that exchange frames through the parent's
 * switch (docs/drivers/sf.md). Loaded by `runtime.loadDriver(sfUrl)`. All callbacks but closing are synchronous.
 */
import { MediatedError, type MdevParent } from '@mediated/core';
import { type DeviceAttribute, defineDriver } from '@mediated/vfio';
import { withFaults } from '../faults/with-faults.js';
import { ringsBytes } from './layout.js';
import { NetworkFunction } from './network-function.js';
import { PORT_COUNTS, portTableBytes } from './port-table.js';
import { portBudget, ringsMemory, Switch, type SwitchOptions, TABLE_MEMORY } from './switch.js';

/** Load options, besides `faults`. */
export interface SfOptions {
  /** Functions of each parent, 1 to 256; default 32. */
  readonly functions?: number;
  /** Frames that each ring holds: a power of two from 2 to 1024; default 64. */
  readonly slots?: number;
}

const MAX_FUNCTIONS = 256;
const MAX_SLOTS = 1024;

function checkOptions(options: unknown, lanes: number): SwitchOptions {
  const given = (options ?? {}) as SfOptions;
  const { functions = 32, slots = 64, ...unknown } = given;
  const refuse = (text: string): never => {
    throw new MediatedError('EINVAL', text, { syscall: 'loadDriver' });
  };
  const [name] = Object.keys(unknown);
  if (name !== undefined) refuse(`there is no option ${name}; sf has functions, slots and faults`);
  if (!Number.isInteger(functions) || functions < 1 || functions > MAX_FUNCTIONS) {
    refuse(`functions is ${functions}; it is a whole number from 1 to ${MAX_FUNCTIONS}`);
  }
  if (!Number.isInteger(slots) || slots < 2 || slots > MAX_SLOTS || (slots & (slots - 1)) !== 0) {
    refuse(`slots is ${slots}; it is a power of two from 2 to ${MAX_SLOTS}`);
  }
  return { functions, slots, lanes };
}

const counters = PORT_COUNTS.map(
  (count): DeviceAttribute<{ readonly fabric: Switch; readonly nic: NetworkFunction }> => ({
    path: `statistics/${count}`,
    show: ({ data: { fabric, nic } }) => `${fabric.table.count(nic.port, count)}\n`,
  }),
);

export default withFaults(
  defineDriver({
    name: 'sf',
    deviceApi: 'vfio-pci',
    types: [{ sysfsName: 'nic', prettyName: 'Subfunction NIC' }],
    configure(options, threads) {
      const { functions, slots, lanes } = checkOptions(options, threads);
      const ports = Array.from({ length: functions }, (_, port) => port);
      return {
        options: { functions, slots, lanes } satisfies SwitchOptions,
        perParent: {
          budgets: Object.fromEntries(ports.map((port) => [portBudget(port), { budget: 1 }])),
          memory: {
            [TABLE_MEMORY]: portTableBytes(functions),
            ...Object.fromEntries(ports.map((port) => [ringsMemory(port), ringsBytes(slots, lanes)])),
          },
        },
      };
    },
    start({ options, shard }) {
      const switches = new WeakMap<MdevParent, Switch>();
      const switchOf = (parent: MdevParent): Switch => {
        const known = switches.get(parent);
        if (known !== undefined) return known;
        const made = new Switch(parent, options as SwitchOptions, shard);
        switches.set(parent, made);
        return made;
      };
      return {
        init(device) {
          const fabric = switchOf(device.type.parentDevice);
          return { fabric, nic: new NetworkFunction(device, fabric) };
        },
        release: ({ data }) => data.nic.release(),
        openDevice: ({ data }) => data.nic.open(),
        closeDevice: ({ data }) => data.nic.close(),
        read: ({ data }, position, into) => data.nic.pci.read(position, into),
        write: ({ data }, position, bytes) => data.nic.pci.write(position, bytes),
        mmap: ({ data }, position, length, access) => data.nic.pci.mmap(position, length, access),
        ioctl: ({ data }, command, argument, call) => data.nic.pci.ioctl(command, argument, call),
        getAvailable: ({ parentDevice }) => switchOf(parentDevice).available,
        showDescription: () => `a network function with a MAC of its own, ${(options as SwitchOptions).slots} frames\n`,
        attributes: [{ path: 'mac', show: ({ data }) => `${data.nic.address}\n` }, ...counters],
        parentAttributes: [
          { path: 'switch/ports', show: (parent) => switchOf(parent).describe() },
          { path: 'switch/unknown', show: (parent) => `${switchOf(parent).table.unknown}\n` },
        ],
      };
    },
  }),
);
