/** Sets the stage for PCI tests: a runtime with vfio-pci over a topology, and functions as programs use them. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { type DeviceFile, InterruptCounter, openDevice, type PassedFile } from '@mediated/vfio';
import {
  type EndpointSpec,
  type FunctionSpec,
  Topology,
  type TopologyNodeSpec,
  type TopologySpec,
  vfioPciUrl,
} from '@mediated/vfio/pci';
import { bind, type BindOptions, unbind } from '@mediated/vfio/physical';
import * as uapi from '@mediated/vfio/uapi';
import { WORDS } from './tester.fixture.js';

const TESTER = new URL('./tester.fixture.js', import.meta.url).href;

/** A function with a bit of everything. BAR0 are the tester's registers. */
export const TESTER_FUNCTION: FunctionSpec = {
  vendor: 0x1af4,
  device: 0x1234,
  classCode: 0x00ff00,
  bars: [{ size: 4096, registers: true }, { size: 8192 }, { size: 32, kind: 'io' }, { size: 4096 }],
  pm: {},
  msi: { vectors: 4 },
  msix: { vectors: 5, bar: 3, offset: 0 },
  express: { flr: true },
};

/** Such a function of a topology, with shared words that its model counts in. */
export function tester(at: string, words: Int32Array, more: Partial<EndpointSpec> = {}): EndpointSpec {
  return { ...TESTER_FUNCTION, at, model: TESTER, modelOptions: { words }, ...more };
}

export function newWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(WORDS * 4));
}

/** Functions that can be reset together only, behind a conventional bridge. */
export function behindBridge(devices: readonly TopologyNodeSpec[], bridge: object = {}): readonly TopologyNodeSpec[] {
  return [
    { at: '08', bridge: 'port', bus: 1, devices: [{ at: '00', bridge: 'conventional', bus: 2, devices, ...bridge }] },
  ];
}

export class PciStage {
  readonly runtime: Runtime;
  #parent: Parent | undefined;
  readonly topology: Topology;
  readonly #programs: PciProgram[] = [];

  private constructor(spec: TopologySpec) {
    this.topology = new Topology(spec);
    this.runtime = Runtime.start();
  }

  static async set(devices: readonly TopologyNodeSpec[], threads = 1, more: object = {}): Promise<PciStage> {
    const options = { devices, ...more };
    const stage = new PciStage(options);
    const parents = [{ name: 'pci0000:00', path: '/devices/pci0000:00', threads }];
    await stage.runtime.loadDriver(vfioPciUrl, { threads, parents, options });
    stage.#parent = stage.bus.parent('pci0000:00');
    return stage;
  }

  get bus() {
    return this.runtime.bus;
  }

  get parent(): Parent {
    return this.#parent as Parent;
  }

  bind(name: string, options?: BindOptions): Promise<Mdev> {
    return bind(this.parent, name, options);
  }

  unbind(name: string): Promise<void> {
    return unbind(this.bus, this.parent, name);
  }

  async open(mdev: Mdev): Promise<PciProgram> {
    const program = new PciProgram(await openDevice(this.bus, mdev));
    this.#programs.push(program);
    return program;
  }

  /** Binds and opens. */
  async use(name: string, options?: BindOptions): Promise<PciProgram> {
    return this.open(await this.bind(name, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Or the end of the runtime waits for them.
    for (const program of this.#programs) await program.close();
    await this.runtime.close();
  }
}

/** Lowest descriptor that tests give to files. */
const FIRST = 10;
const REGION = 2 ** 40;
const CONFIG = uapi.PCI_REGIONS.config * REGION;

/** An open function. */
export class PciProgram {
  readonly file: DeviceFile;

  constructor(file: DeviceFile) {
    this.file = file;
  }

  async read(region: number, offset: number, length: number): Promise<number> {
    const bytes = await this.file.read(region * REGION + offset, length);
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  write(region: number, offset: number, length: number, value: number): Promise<number> {
    const bytes = Uint8Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) & 0xff);
    return this.file.write(region * REGION + offset, bytes);
  }

  async config(offset: number, length: number): Promise<number> {
    const bytes = await this.file.read(CONFIG + offset, length);
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  setConfig(offset: number, length: number, value: number): Promise<number> {
    return this.write(uapi.PCI_REGIONS.config, offset, length, value);
  }

  async capability(id: number): Promise<number> {
    let at = await this.config(0x34, 1);
    while (at !== 0 && (await this.config(at, 1)) !== id) at = await this.config(at + 1, 1);
    return at;
  }

  async deviceFlags(): Promise<number> {
    const info = uapi.deviceInfo.bytes({ argsz: 24 });
    await this.file.ioctl(uapi.DEVICE_GET_INFO, info);
    return uapi.deviceInfo.decode(info).flags;
  }

  reset(): Promise<number> {
    return this.file.ioctl(uapi.DEVICE_RESET);
  }

  /** SET_IRQS; `data`: counters (null: descriptor -1, a number: that descriptor), or the bytes of BOOL, or nothing. */
  setIrqs(
    index: number,
    action: 'mask' | 'unmask' | 'trigger',
    { start = 0, count, data }: { start?: number; count?: number; data?: readonly Irq[] | Uint8Array } = {},
  ): Promise<number> {
    const files = new Map<number, PassedFile>();
    const isBool = data instanceof Uint8Array;
    const kind = data === undefined ? 'dataNone' : isBool ? 'dataBool' : 'dataEventfd';
    const bytes = data === undefined ? new Uint8Array(0) : isBool ? data : descriptors(data, files);
    const argument = uapi.irqSet.bytes(
      {
        argsz: uapi.IRQ_SET_BYTES + bytes.length,
        flags: uapi.IRQ_SET_FLAGS[kind] | uapi.IRQ_SET_FLAGS[action],
        index,
        start,
        count: count ?? data?.length ?? 0,
      },
      uapi.IRQ_SET_BYTES + bytes.length,
    );
    argument.set(bytes, uapi.IRQ_SET_BYTES);
    return this.file.ioctl(uapi.DEVICE_SET_IRQS, argument, files);
  }

  /** HOT_RESET_INFO with room for so many devices: groups and names. */
  async hotResetInfo(room: number): Promise<{ count: number; flags: number; devices: string[] }> {
    const argument = uapi.pciHotResetInfo.bytes({ argsz: 12 + 8 * room }, 12 + 8 * room);
    await this.file.ioctl(uapi.DEVICE_GET_PCI_HOT_RESET_INFO, argument);
    const { count, flags } = uapi.pciHotResetInfo.decode(argument);
    const devices = Array.from({ length: count }, (_, i) => {
      const { group_id, segment, bus, devfn } = uapi.pciDependentDevice.decode(argument.subarray(12 + 8 * i));
      const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
      return `${group_id | 0} ${hex(segment, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`;
    });
    return { count, flags, devices };
  }

  /** PCI_HOT_RESET with the files of groups, or other files. */
  hotReset(groups: readonly (number | PassedFile)[], more: { argsz?: number; flags?: number; count?: number } = {}) {
    const size = 12 + 4 * groups.length;
    const argument = uapi.pciHotReset.bytes({ argsz: size, count: groups.length, ...more }, size);
    const files = new Map<number, PassedFile>();
    const view = new DataView(argument.buffer);
    groups.forEach((group, i) => {
      view.setInt32(12 + 4 * i, FIRST + i, true);
      files.set(FIRST + i, typeof group === 'number' ? { kind: 'group', file: group, group } : group);
    });
    return this.file.ioctl(uapi.DEVICE_PCI_HOT_RESET, argument, files);
  }

  ioeventfd(region: number, offset: number, width: number, data: bigint, counter: InterruptCounter | null) {
    const fd = counter === null ? -1 : FIRST;
    const values = { argsz: 32, flags: width, offset: BigInt(region) * 2n ** 40n + BigInt(offset), data, fd };
    const files = new Map<number, PassedFile>(counter === null ? [] : [[FIRST, counter.passed]]);
    return this.file.ioctl(uapi.DEVICE_IOEVENTFD, uapi.ioeventfd.bytes(values), files);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** An interrupt's counter; null: none; a number: that descriptor, behind which there is no file. */
export type Irq = InterruptCounter | number | null;

function descriptors(data: readonly Irq[], files: Map<number, PassedFile>): Uint8Array {
  const bytes = new Uint8Array(4 * data.length);
  const view = new DataView(bytes.buffer);
  data.forEach((irq, i) => {
    const descriptor = irq === null ? -1 : typeof irq === 'number' ? irq : FIRST + i;
    view.setInt32(4 * i, descriptor, true);
    if (irq instanceof InterruptCounter) files.set(descriptor, irq.passed);
  });
  return bytes;
}
