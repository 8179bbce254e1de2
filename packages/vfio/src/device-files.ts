/**
 * The open files of the devices of one driver on one thread (spec/vfio-core section 6), and the anonymous files that the
 * driver has made for programs: opening and closing. Called by the device files' actor; what is done with an open file is
 * in `file-operations.ts`, first open and last close in `first-open.ts`. Thread-private, except the counts in the
 * device's slot. A file belongs to the client thread that opened it, or for which the control actor has opened it; when
 * that thread dies or leaves, its files are closed as by close(2). A step that need not wait is a plain call.
 */
import { ERRNO, MediatedError, type ThreadBus } from '@mediated/core';
import type { AnonymousFile } from './anonymous-file.js';
import type { GroupOpen, GroupOpened } from './control/control-protocol.js';
import type { VfioDevice } from './device.js';
import { DeviceSpaces } from './device-spaces.js';
import { reportDriverError } from './driver-report.js';
import { publishClosed, publishOpened, publishOpenRefused } from './file-channels.js';
import { FirstOpen, type HeldUse } from './first-open.js';
import { NodeFiles } from './node-files.js';
import { type FileOpener, OpenAnonymousFile, OpenDeviceFile, type OpenFile } from './open-file.js';
import type { DeviceOperations, OpenedAs } from './operations.js';
import { underMutex } from './under-mutex.js';
import type { VfioDriver } from './vfio-driver.js';

/** A file's number is a count and, above it, the life of the thread; the count comes round after so many opens. */
const COUNT_BITS = 24;
const LIFE_MASK = 0x7f;

export class DeviceFiles implements FileOpener {
  readonly spaces: DeviceSpaces;
  readonly nodes: NodeFiles;
  readonly #bus: ThreadBus;
  readonly #driver: VfioDriver<unknown>;
  readonly #operations: DeviceOperations<unknown>;
  readonly #first: FirstOpen;
  readonly #life: number;
  readonly #files = new Map<number, OpenFile>();
  /** Files whose open waits for the set's mutex or for the driver. */
  readonly #opening = new Set<OpenDeviceFile>();
  /** Closed by their clients, but kept open by virtual machines: by number, with how many. */
  readonly #pins = new Map<OpenFile, number>();
  /** Owners of files that the death of the control actor has closed. */
  readonly #lost = new Map<number, number>();
  #count = 0;

  constructor(bus: ThreadBus, driver: VfioDriver<unknown>, life: number) {
    this.#bus = bus;
    this.#driver = driver;
    this.#operations = driver.operations;
    this.#life = (life & LIFE_MASK) << COUNT_BITS;
    this.spaces = new DeviceSpaces(driver.operations);
    this.#first = new FirstOpen(driver, this.spaces);
    this.nodes = new NodeFiles(driver, this.spaces, this.#first);
  }

  /** Opens a file that a device's driver has made for the client of an open file. Returns its number. */
  openAnonymous(file: AnonymousFile, { owner, device }: OpenDeviceFile): number {
    const opened = new OpenAnonymousFile(this.#freeNumber(), owner, device, file);
    this.#files.set(opened.number, opened);
    return opened.number;
  }

  /** Opens a device for a client thread. The file's number or a negative errno; throws what `openDevice` threw. */
  open(index: number, generation: number, owner: number): number | Promise<number> {
    const device = this.#get(index, generation);
    if (device === undefined) return -ERRNO.ENODEV;
    return this.#open(this.#newFile(device, owner, { kind: 'direct' }), undefined);
  }

  /** Opens a device by its own node: it is to be bound before anything else. The file's number or a negative errno. */
  openNode(index: number, generation: number, owner: number): number {
    const device = this.#get(index, generation);
    if (device === undefined) return -ERRNO.ENODEV;
    const file = this.#newFile(device, owner, { kind: 'node', iommufd: 0 });
    this.#files.set(file.number, file);
    return file.number;
  }

  /** Opens a device for a client that has its group. ENODEV; what `openDevice` threw. */
  openOfGroup(index: number, generation: number, request: GroupOpen): GroupOpened | Promise<GroupOpened> {
    const { owner, group, use, iommufd, kvm } = request;
    const device = this.#get(index, generation);
    if (device === undefined) throw gone(index);
    const space = request.space === undefined ? undefined : this.spaces.hold(request.space);
    const held: HeldUse = { use, space, iommufd, kvm };
    const release = () => {
      if (space !== undefined && held.space !== undefined) this.spaces.release(space);
    };
    const finish = (file: number): GroupOpened => {
      const kept = this.#first.keeps(device, held);
      if (!kept) release();
      if (file < 0) throw gone(index);
      return { file, kept };
    };
    const fail = (error: unknown): never => {
      release();
      throw error;
    };
    try {
      const opened = this.#open(this.#newFile(device, owner, { kind: 'group', group, iommufd }), held);
      return opened instanceof Promise ? opened.then(finish, fail) : finish(opened);
    } catch (error) {
      return fail(error);
    }
  }

  /** Whether a name means the device: above 0 if so, negative to refuse. */
  match(index: number, generation: number, name: string): number | Promise<number> {
    const mdev = this.#bus.device(index, generation);
    const device = mdev === undefined ? undefined : this.#driver.deviceOf(mdev);
    if (device === undefined || !device.listed) return 0;
    if (this.#operations.match !== undefined) return this.#operations.match(device, name);
    return device.name === name ? 1 : 0;
  }

  /** Closes a file when its calls have ended. 0 or a negative errno. */
  close(number: number, owner: number): number | Promise<number> {
    if (this.#lost.get(number) === owner) {
      this.#lost.delete(number);
      return 0;
    }
    const file = this.#files.get(number);
    if (file === undefined || file.owner !== owner) return -this.#missing(number);
    return this.#close(file);
  }

  /** An open file of a client thread. EBADF; EIO when it was one of an earlier life of this thread, or of the control's. */
  find(number: number, owner: number, syscall: string): OpenFile {
    const file = this.#files.get(number);
    if (file !== undefined && file.owner === owner) return file;
    if (this.#lost.get(number) === owner || this.#missing(number) === ERRNO.EIO) {
      throw new MediatedError('EIO', `the thread of file ${number}'s device or container died`, { syscall });
    }
    throw new MediatedError('EBADF', `file ${number} is not open`, { syscall });
  }

  setKvm(number: number, kvm: number, owner: number): void {
    this.#deviceFile(number, owner, 'set_kvm').kvm = kvm;
  }

  /** A virtual machine keeps the file open. */
  pin(number: number, owner: number, kvm: number): void {
    const file = this.#deviceFile(number, owner, 'KVM_SET_DEVICE_ATTR');
    file.kvm = kvm;
    this.#pins.set(file, (this.#pins.get(file) ?? 0) + 1);
  }

  async unpin(number: number): Promise<void> {
    const pinned = [...this.#pins].find(([file]) => file.number === number);
    if (pinned === undefined) return;
    const [file, pins] = pinned;
    if (file instanceof OpenDeviceFile) file.kvm = 0;
    if (pins > 1) {
      this.#pins.set(file, pins - 1);
      return;
    }
    this.#pins.delete(file);
    if (this.#files.get(number) !== file) await this.#closeNow(file);
  }

  /** A client thread has died or left: closes what it had open, and what is being opened for it. */
  abandon(owner: number): void {
    for (const file of this.#opening) {
      if (file.owner === owner) file.orphaned = true;
    }
    for (const file of this.#files.values()) {
      if (file.owner === owner) void this.#close(file);
    }
    for (const [number, of] of this.#lost) if (of === owner) this.#lost.delete(number);
  }

  /** The control actor has died: what was opened through it is closed, and EIO to its owners. */
  lose(): void {
    this.#dropPins();
    for (const file of this.#opening) if (file.opened.kind !== 'direct') file.orphaned = true;
    for (const file of [...this.#files.values()]) {
      if (!(file instanceof OpenDeviceFile) || file.opened.kind === 'direct') continue;
      this.#lost.set(file.number, file.owner);
      void this.#close(file);
    }
  }

  /** Closes everything: the driver's thread stops. */
  async closeAll(): Promise<void> {
    this.#dropPins();
    for (const file of [...this.#files.values()]) await this.#close(file);
  }

  #dropPins(): void {
    const files = [...this.#pins.keys()];
    this.#pins.clear();
    for (const file of files) if (this.#files.get(file.number) !== file) void this.#closeNow(file);
  }

  /** A device that an open finds, with a reference; undefined: there is none. */
  #get(index: number, generation: number): VfioDevice | undefined {
    const mdev = this.#bus.device(index, generation);
    const device = mdev === undefined ? undefined : this.#driver.deviceOf(mdev);
    return device?.listed && device.references.tryGet() ? device : undefined;
  }

  #newFile(device: VfioDevice, owner: number, opened: OpenedAs): OpenDeviceFile {
    return new OpenDeviceFile(this.#freeNumber(), owner, device, opened, this.#operations, this);
  }

  #freeNumber(): number {
    do this.#count = (this.#count + 1) & ((1 << COUNT_BITS) - 1);
    while (this.#files.has(this.#life | this.#count));
    return this.#life | this.#count;
  }

  #open(file: OpenDeviceFile, held: HeldUse | undefined): number | Promise<number> {
    const { device } = file;
    let opened: number | Promise<number>;
    try {
      opened = underMutex(device.set.mutex, () => this.#first.open(device, held));
    } catch (error) {
      publishOpenRefused(file, error);
      this.#forget(file);
      throw error;
    }
    if (typeof opened === 'number') return this.#opened(file, opened);
    this.#opening.add(file);
    return opened.then(
      (result) => {
        this.#opening.delete(file);
        return this.#opened(file, result);
      },
      (error: unknown) => {
        this.#opening.delete(file);
        publishOpenRefused(file, error);
        this.#forget(file);
        throw error;
      },
    );
  }

  #opened(file: OpenDeviceFile, result: number): number {
    if (result < 0) {
      publishOpenRefused(file, result);
      this.#forget(file);
      return result;
    }
    this.#files.set(file.number, file);
    publishOpened(file, result);
    if (file.orphaned) void this.#close(file);
    return file.number;
  }

  #deviceFile(number: number, owner: number, syscall: string): OpenDeviceFile {
    const file = this.find(number, owner, syscall);
    if (file instanceof OpenDeviceFile) return file;
    throw new MediatedError('EINVAL', `file ${number} is no device's`, { syscall });
  }

  /** Nothing new finds the file. What keeps it open besides its client, goes first. */
  #close(file: OpenFile): number | Promise<number> {
    this.#files.delete(file.number);
    return this.#pins.has(file) ? 0 : this.#closeNow(file);
  }

  /** What is under way ends; then the device is closed. */
  #closeNow(file: OpenFile): number | Promise<number> {
    if (file.calls === 0) return this.#lastCallEnded(file);
    return new Promise<void>((resolve) => {
      file.idle = resolve;
    }).then(() => this.#lastCallEnded(file));
  }

  #lastCallEnded(file: OpenFile): number | Promise<number> {
    return file instanceof OpenDeviceFile ? this.#closeDevice(file) : this.#release(file as OpenAnonymousFile);
  }

  #release({ file, device }: OpenAnonymousFile): number {
    try {
      file.release?.();
    } catch (error) {
      reportDriverError(device, `release of ${file.name}`, error);
    }
    return 0;
  }

  #closeDevice(file: OpenDeviceFile): number | Promise<number> {
    // One that was never bound has not opened the device.
    if (!file.granted) return this.#forget(file);
    this.nodes.forget(file);
    const used = file.opened.kind !== 'direct';
    const closed = underMutex(file.device.set.mutex, () => this.#first.close(file.device, used));
    if (closed instanceof Promise) return closed.then((count) => this.#closed(file, count));
    return this.#closed(file, closed);
  }

  #closed(file: OpenDeviceFile, count: number): number {
    publishClosed(file, count);
    return this.#forget(file);
  }

  /** The file is no more; its reference goes last. */
  #forget(file: OpenDeviceFile): number {
    file.device.references.put();
    return 0;
  }

  /** Errno for a number that is no open file: one of an earlier life of this thread died with it. */
  #missing(number: number): number {
    return (number & (LIFE_MASK << COUNT_BITS)) === this.#life ? ERRNO.EBADF : ERRNO.EIO;
  }
}

function gone(index: number): MediatedError {
  return new MediatedError('ENODEV', `there is no device in slot ${index} any more`, { syscall: 'GET_DEVICE_FD' });
}
