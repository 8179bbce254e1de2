/** A virtual machine as tests have it: guest memory in a container, and subchannels passed through to it. */
import type { Mdev, Parent, Runtime } from '@mediated/core';
import {
  type ContainerFile,
  type DeviceFile,
  type GroupFile,
  InterruptCounter,
  openContainer,
  openGroup,
} from '@mediated/vfio';
import { DEVICE_SET_IRQS, EXTENSIONS, IRQ_SET_FLAGS, irqSet } from '@mediated/vfio/uapi';
import { SCSW } from '#dist/ccw/architected.js';
import { CC, type CcwValues, Guest, orb } from './guest.fixture.js';

/** Where programs lie; a program's data lie from {@link DATA} on. */
export const PROGRAM = 0x10000;
export const DATA = 0x100000;

/** What a program's last interrupt said; its address counts CCWs. */
export interface Ending {
  readonly device: number;
  readonly channel: number;
  readonly functions: number;
  readonly ccws: number;
}

export class Machine {
  readonly container: ContainerFile;
  /** Builds programs in the guest's memory. */
  readonly guest = new Guest(2 ** 22);

  constructor(container: ContainerFile) {
    this.container = container;
  }

  get memory(): SharedArrayBuffer {
    return this.guest.bytes.buffer as SharedArrayBuffer;
  }

  /** Makes a machine with the subchannels of these parents, a new mdev on each. */
  static async boot(runtime: Runtime, parents: readonly Parent[]): Promise<{ machine: Machine; disks: GuestDisk[] }> {
    const machine = new Machine(await openContainer(runtime.bus));
    const disks: GuestDisk[] = [];
    for (const parent of parents)
      disks.push(await GuestDisk.attach(machine, await parent.create('vfio_ccw-io'), runtime));
    return { machine, disks };
  }
}

export class GuestDisk {
  readonly machine: Machine;
  readonly mdev: Mdev;
  readonly group: GroupFile;
  readonly file: DeviceFile;
  readonly interrupt = InterruptCounter.create();

  private constructor(machine: Machine, mdev: Mdev, group: GroupFile, file: DeviceFile) {
    this.machine = machine;
    this.mdev = mdev;
    this.group = group;
    this.file = file;
  }

  static async attach(machine: Machine, mdev: Mdev, runtime: Runtime): Promise<GuestDisk> {
    const group = await openGroup(runtime.bus, mdev.group as number);
    await group.setContainer(machine.container);
    await machine.container.setIommu(EXTENSIONS.type1v2).catch((error) => {
      // The second group finds it set.
      if (error.code !== 'EINVAL') throw error;
    });
    await machine.container.map({ memory: machine.memory, iova: 0n }).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const disk = new GuestDisk(machine, mdev, group, await group.openDevice(mdev.uuid));
    const argument = irqSet.bytes(
      { argsz: 24, flags: IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger, count: 1 },
      24,
    );
    new DataView(argument.buffer).setInt32(20, 7, true);
    await disk.file.ioctl(DEVICE_SET_IRQS, argument, new Map([[7, disk.interrupt.passed]]));
    return disk;
  }

  /** Takes the disk away from the machine and removes its mdev. */
  async detach(): Promise<void> {
    await this.file.close();
    await this.group.close();
    await this.mdev.remove();
  }

  /** Starts the program at `at`. */
  async start(at = PROGRAM, values: Parameters<typeof orb>[1] = {}): Promise<void> {
    const region = new Uint8Array(124);
    region.set(orb(at, values));
    region.set(SCSW.bytes({ functions: 4 }), 12);
    await this.file.write(0, region);
  }

  /** Puts a program into memory, runs it, waits for its interrupt. */
  async run(ccws: readonly CcwValues[], at = PROGRAM, values: Parameters<typeof orb>[1] = {}): Promise<Ending> {
    this.machine.guest.program(at, ccws);
    await this.start(at, values);
    return this.ending(at);
  }

  async ending(at = PROGRAM): Promise<Ending> {
    await this.interrupt.wait();
    const scsw = await this.file.read(24, 12);
    return {
      device: SCSW.get(scsw, 'deviceStatus'),
      channel: SCSW.get(scsw, 'subchannelStatus'),
      functions: SCSW.get(scsw, 'functions'),
      ccws: (SCSW.get(scsw, 'address') - at) / 8,
    };
  }
}

/** CCWs that find a record, for a program at `at`; the arguments lie from `scratch` on. */
export function find(guest: Guest, record: number, at = PROGRAM, scratch = DATA - 16): CcwValues[] {
  guest.bytes.set([0, 0, 0, 0, 0, 0], scratch);
  guest.bytes.set([0, 0, 0, 0, record], scratch + 8);
  return [
    { command: 0x07, flags: CC, address: scratch, count: 6 },
    { command: 0x31, flags: CC, address: scratch + 8, count: 5 },
    { command: 0x08, address: at + 8 },
  ];
}
