/**
 * Does again what the program of the recordings 08-hotreset-* did, step by step as the names of its cases say, through
 * descriptors and bytes as linux/vfio.h has them. Answers each step as the recording does: result, what was written out,
 * and how many functions were reset alone and how many buses.
 */
import type { Mdev } from '@mediated/core';
import { Descriptors } from '@mediated/vfio';
import { physicalUuid } from '@mediated/vfio/physical';
import * as uapi from '@mediated/vfio/uapi';
import type { PciStage } from './stage.fixture.js';

export interface RecordedStep {
  readonly case: string;
  readonly args?: Readonly<Record<string, never>> & { readonly [name: string]: unknown };
  readonly ret: number;
  readonly out?: Readonly<Record<string, unknown>>;
  readonly kernel_reset_calls?: readonly string[];
}

export interface Answer {
  /** 0 or a negative errno; a descriptor is 0. */
  readonly ret: number;
  readonly out: Readonly<Record<string, unknown>> | undefined;
  readonly resets: { readonly functions: number; readonly buses: number };
}

/** Resets of the recording, by the kernel's functions that were called. */
export function recordedResets({ kernel_reset_calls = [] }: RecordedStep): Answer['resets'] {
  const count = (...names: string[]) => kernel_reset_calls.filter((name) => names.includes(name)).length;
  return { functions: count('pci_pm_reset', 'pcie_flr'), buses: count('__pci_reset_bus') };
}

type Out = Record<string, unknown>;

export class RecordedProgram {
  readonly #stage: PciStage;
  readonly #program: Descriptors;
  readonly #other: Descriptors;
  /** Bound functions by name, the program's in their order; group files by number; devices by name. */
  readonly #bound = new Map<string, Mdev>();
  readonly #groups = new Map<number, number>();
  readonly #devices = new Map<string, number>();
  #container = -1;
  #unrelated: number | undefined;

  constructor(stage: PciStage) {
    this.#stage = stage;
    this.#program = new Descriptors(stage.bus);
    this.#other = new Descriptors(stage.bus);
  }

  async run(step: RecordedStep): Promise<Answer> {
    const before = await this.#resets();
    const out: Out = {};
    let ret: number;
    try {
      ret = await this.#do(step, out);
    } catch (error) {
      ret = (error as { errno: number }).errno;
    }
    const after = await this.#resets();
    const resets = {
      functions: after.functions - before.functions,
      // Counted by each function that a bus reset has reached.
      buses: Math.ceil((after.buses - before.buses) / Math.max(1, this.#bound.size - (this.#unrelated ? 1 : 0))),
    };
    return { ret, out: step.out === undefined ? undefined : out, resets };
  }

  async close(): Promise<void> {
    await this.#program.closeAll();
    await this.#other.closeAll();
  }

  async #resets() {
    const totals = { functions: 0, buses: 0 };
    for (const mdev of this.#bound.values()) {
      const [, alone, together] = /function (\d+)\nbus (\d+)/.exec(await mdev.showAttribute('pci/resets')) ?? [];
      totals.functions += Number(alone);
      totals.buses += Number(together);
    }
    return totals;
  }

  async #do({ case: name, args = {} }: RecordedStep, out: Out): Promise<number> {
    const [first] = this.#devices.values();
    const groups = [...this.#groups.values()];
    const unrelated = this.#unrelated as number;
    if (name.startsWith('====')) return 0;
    if (name === 'GET_DEVICE_FD') return this.#openDevice(String(args.name));
    if (name.startsWith('open group')) return this.#openGroup(Number(args.group));
    if (name.startsWith('GROUP_GET_STATUS')) return this.#status(groups[groups.length - 1], out);
    if (name.startsWith('HOT_RESET_INFO')) return this.#hotResetInfo(name, args, first, out);
    switch (name) {
      case 'bind to vfio-pci':
        return this.#bind(String(args.bdf), out);
      case 'SET_CONTAINER':
        if (this.#container < 0) this.#container = await this.#program.open('/dev/vfio/vfio');
        return this.#setContainer(this.#program, groups[groups.length - 1], this.#container);
      case 'SET_IOMMU':
        return this.#program.ioctl(this.#container, uapi.SET_IOMMU, 1);
      case 'DEVICE_GET_INFO':
        return this.#info(first, out);
      case 'REGION_INFO':
        return this.#regionInfo(first, Number(args.index), out);
      case 'IRQ_INFO':
        return this.#irqInfo(first, Number(args.index), out);
      case 'DEVICE_RESET':
        return this.#program.ioctl(first, uapi.DEVICE_RESET);
      case 'DEVICE_RESET (flag 1 = supported)':
        return this.#program.ioctl(this.#devices.get(String(args.bdf)) as number, uapi.DEVICE_RESET);
      case 'all closed':
        return this.#closeAll();
      case 'close of the last device fd':
        for (const device of this.#devices.values()) await this.#program.close(device);
        this.#devices.clear();
        return 0;
      case 'unrelated device':
        this.#unrelated = await this.#program.open(`/dev/vfio/${args.group}`);
        return 0;
      case 'HOT_RESET, one group missing':
        return this.#hotReset(
          first,
          groups.filter((file) => file !== this.#groups.get(Number(args.missing))),
        );
      case 'HOT_RESET count 0':
        return this.#hotReset(first, []);
      case 'HOT_RESET flags 1':
        return this.#hotReset(first, groups, { flags: 1 });
      case 'HOT_RESET argsz too small':
        return this.#hotReset(first, groups, { argsz: 12 });
      case 'HOT_RESET argsz 8':
        return this.#hotReset(first, groups, { argsz: 8 });
      case 'HOT_RESET group given twice':
        return this.#hotReset(first, [groups[0], groups[0]]);
      case 'HOT_RESET fd 9999':
        return this.#hotReset(first, [9999]);
      case 'HOT_RESET fd -1':
        return this.#hotReset(first, [-1]);
      case 'HOT_RESET container fd':
        return this.#hotReset(first, [this.#container]);
      case 'HOT_RESET device fd':
        return this.#hotReset(first, [first]);
      case 'HOT_RESET all groups + an unrelated one':
        return this.#hotReset(first, [...groups, unrelated]);
      case 'HOT_RESET only the unrelated group':
        return this.#hotReset(first, [unrelated]);
      case 'HOT_RESET count N (same fd repeated)':
        return this.#hotReset(first, Array<number>(Number(args.count)).fill(groups[0]));
      case 'HOT_RESET count 100000':
        return this.#hotReset(first, groups, { count: 100000 });
      case 'HOT_RESET NULL':
        return this.#program.ioctl(first, uapi.DEVICE_PCI_HOT_RESET, null);
      case 'HOT_RESET through another device':
        return this.#hotReset(this.#devices.get(String(args.bdf)) as number, groups);
      case 'another process opens the second group (not the device)':
        return this.#openElsewhere(13, out);
      default:
        if (name.startsWith('HOT_RESET')) return this.#hotReset(first, groups);
        throw new Error(`nobody knows what ${name} was`);
    }
  }

  async #bind(name: string, out: Out): Promise<number> {
    if (!this.#bound.has(name)) this.#bound.set(name, await this.#stage.bind(name));
    const mdev = this.#bound.get(name) as Mdev;
    if (this.#stage.topology.node(name).sriov !== undefined) await mdev.storeAttribute('sriov_numvfs', '2');
    Object.assign(out, { driver: 'vfio-pci', group: mdev.group });
    // The number of bytes that were written to the file.
    return name.length;
  }

  async #openGroup(group: number): Promise<number> {
    this.#groups.set(group, await this.#program.open(`/dev/vfio/${group}`));
    return 0;
  }

  async #setContainer(program: Descriptors, group: number, container: number): Promise<number> {
    return program.ioctl(group, uapi.GROUP_SET_CONTAINER, new Uint8Array(Int32Array.of(container).buffer));
  }

  /** Opened anew, by who has closed everything before: then its own group is all that it has. */
  async #openDevice(name: string): Promise<number> {
    const bdf = name.split(' ')[0];
    const mdev = this.#stage.bus.mdev(physicalUuid('pci', bdf)) as Mdev;
    if (this.#devices.has(bdf)) {
      await this.#closeAll();
      await this.#openGroup(mdev.group as number);
      this.#container = await this.#program.open('/dev/vfio/vfio');
      const [group] = this.#groups.values();
      await this.#setContainer(this.#program, group, this.#container);
      await this.#program.ioctl(this.#container, uapi.SET_IOMMU, 1);
    }
    const argument = new TextEncoder().encode(`${name}\0`);
    const group = this.#groups.get(mdev.group as number) as number;
    this.#devices.set(bdf, await this.#program.ioctl(group, uapi.GROUP_GET_DEVICE_FD, argument));
    return 0;
  }

  async #closeAll(): Promise<number> {
    await this.#program.closeAll();
    this.#devices.clear();
    this.#groups.clear();
    this.#container = -1;
    this.#unrelated = undefined;
    return 0;
  }

  async #openElsewhere(number: number, out: Out): Promise<number> {
    const group = await this.#other.open(`/dev/vfio/${number}`);
    const container = await this.#other.open('/dev/vfio/vfio');
    out.set_container = await this.#setContainer(this.#other, group, container);
    out.set_iommu = await this.#other.ioctl(container, uapi.SET_IOMMU, 1);
    return 0;
  }

  async #status(group: number, out: Out): Promise<number> {
    const argument = uapi.groupStatus.bytes({ argsz: 8 });
    const ret = await this.#program.ioctl(group, uapi.GROUP_GET_STATUS, argument);
    out.flags = uapi.groupStatus.decode(argument).flags;
    return ret;
  }

  async #info(device: number, out: Out): Promise<number> {
    const argument = uapi.deviceInfo.bytes({ argsz: 24 });
    const ret = await this.#program.ioctl(device, uapi.DEVICE_GET_INFO, argument);
    const { flags, num_regions: regions, num_irqs: irqs } = uapi.deviceInfo.decode(argument);
    Object.assign(out, { flags, regions, irqs });
    return ret;
  }

  async #regionInfo(device: number, index: number, out: Out): Promise<number> {
    const argument = uapi.regionInfo.bytes({ argsz: 32, index });
    try {
      return await this.#program.ioctl(device, uapi.DEVICE_GET_REGION_INFO, argument);
    } finally {
      const { flags, size, offset, argsz, cap_offset } = uapi.regionInfo.decode(argument);
      Object.assign(out, { flags, size: Number(size), offset: Number(offset), argsz, cap_offset });
    }
  }

  async #irqInfo(device: number, index: number, out: Out): Promise<number> {
    const argument = uapi.irqInfo.bytes({ argsz: 16, index });
    try {
      return await this.#program.ioctl(device, uapi.DEVICE_GET_IRQ_INFO, argument);
    } finally {
      const { flags, count } = uapi.irqInfo.decode(argument);
      Object.assign(out, { flags, count });
    }
  }

  async #hotResetInfo(name: string, args: RecordedStep['args'], first: number, out: Out): Promise<number> {
    const command = uapi.DEVICE_GET_PCI_HOT_RESET_INFO;
    if (name.endsWith('NULL')) return this.#program.ioctl(first, command, null);
    const [, through] = /through (.*)/.exec(name) ?? [];
    const device = through === undefined ? first : (this.#devices.get(through) as number);
    const room = name.endsWith('argsz 4') ? -1 : Number(args?.argsz_for_devices);
    const argsz = 12 + 8 * room;
    const argument = new Uint8Array(12 + 8 * 16);
    uapi.pciHotResetInfo.encode(argument, { argsz, flags: 0x55, count: 0x77 });
    let ret = 0;
    try {
      ret = await this.#program.ioctl(device, command, argument);
      return ret;
    } catch (error) {
      ret = -1;
      throw error;
    } finally {
      const { flags, count } = uapi.pciHotResetInfo.decode(argument);
      const devices = Array.from({ length: ret === 0 ? count : 0 }, (_, i) => {
        const { group_id, segment, bus, devfn } = uapi.pciDependentDevice.decode(argument.subarray(12 + 8 * i));
        const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
        return { group: group_id, bdf: `${hex(segment, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}` };
      });
      // The program had it written down how large it had said that the argument was.
      Object.assign(out, { argsz: argsz === 4 ? 4 : argsz, flags, count, devices });
    }
  }

  #hotReset(device: number, files: readonly number[], more: object = {}): Promise<number> {
    const size = 12 + 4 * files.length;
    const argument = uapi.pciHotReset.bytes({ argsz: size, count: files.length, ...more }, size);
    argument.set(new Uint8Array(Int32Array.from(files).buffer), 12);
    return this.#program.ioctl(device, uapi.DEVICE_PCI_HOT_RESET, argument);
  }
}
