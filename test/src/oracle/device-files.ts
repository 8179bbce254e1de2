/**
 * The open device files of a replay and the writers that they keep waiting. Writers run in the background, as the
 * recorder's child processes did.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { isMediatedError } from '@mediated/core';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import { DEVICE_GET_INFO, deviceInfo } from '@mediated/vfio/uapi';
import type { WriterKind } from './action.js';
import type { HeldFiles } from './held-files.js';
import { type Machine, resultOf } from './machine.js';
import { Unclear } from './unclear.js';

/** Milliseconds after which a writer that nothing keeps is called blocked. */
const PATIENCE = 10_000;

interface Writer {
  readonly kind: WriterKind;
  readonly done: Promise<number>;
  result: number | undefined;
}

export class DeviceFiles {
  readonly #machine: Machine;
  readonly #held: HeldFiles;
  #files: DeviceFile[] = [];
  #writers: Writer[] = [];
  #uuid: string | undefined;

  constructor(machine: Machine, held: HeldFiles) {
    this.#machine = machine;
    this.#held = held;
  }

  /** Whether a writer has not been asked for its result. */
  get busy(): boolean {
    return this.#writers.length > 0;
  }

  /** The device that a writer waited for since all was closed. */
  get uuid(): string | undefined {
    return this.#uuid;
  }

  /** The file that is open. */
  get current(): DeviceFile {
    const file = this.#files[0];
    if (file === undefined) throw new Unclear('no device file is open');
    return file;
  }

  async open(uuid: string): Promise<void> {
    this.#files.push(await openDevice(this.#machine.bus, uuid));
  }

  /** Opens and closes a device in its newest life, gone or not: 0 or a negative errno. */
  async tryOpen(uuid: string): Promise<number> {
    try {
      const file = await openDevice(this.#machine.bus, this.#held.mdev(uuid) ?? uuid);
      await file.close();
      return 0;
    } catch (error) {
      return resultOf(error);
    }
  }

  async deviceInfo(): Promise<number> {
    const argument = new Uint8Array(deviceInfo.size);
    deviceInfo.encode(argument, { argsz: deviceInfo.size });
    return this.current.ioctl(DEVICE_GET_INFO, argument);
  }

  /** Starts a write; its result if it is not blocked. */
  async write(
    { writer: kind, bytes, opened }: { writer: WriterKind; bytes: Buffer; opened: boolean },
    uuid: string,
  ): Promise<number | 'blocked'> {
    if (opened && this.#files.length === 0) await this.open(uuid);
    const mdev = this.#held.mdev(uuid);
    const text = bytes.length === 0 ? Buffer.from(uuid) : bytes;
    const path =
      kind === 'remove' || mdev === undefined
        ? `/sys${mdev?.parent.path ?? '/bus/mdev/devices'}/${uuid}/remove`
        : `/sys/bus/mdev/drivers/${mdev.parent.driver}/unbind`;
    const done = this.#machine
      .open(path, 'write')
      .then((file) => file.write(text))
      .catch(resultOf);
    const writer: Writer = { kind, done, result: undefined };
    void done.then((result) => {
      writer.result = result;
    });
    if (mdev !== undefined) await this.#machine.reached(mdev, done);
    await this.#settle([writer]);
    if (writer.result !== undefined) return writer.result;
    this.#writers.push(writer);
    this.#uuid = uuid;
    return 'blocked';
  }

  /** Waits for the result of the writer of this kind. */
  async result(kind: WriterKind): Promise<number> {
    const writer = this.#writers.find((candidate) => candidate.kind === kind);
    if (writer === undefined) throw new Unclear(`nobody waits in ${kind}`);
    this.#writers = this.#writers.filter((candidate) => candidate !== writer);
    return writer.done;
  }

  /** What the recordings say of the only writer. */
  async state(): Promise<string> {
    await this.#settle(this.#writers);
    if (this.#writers.some((writer) => writer.result === undefined)) return 'blocked';
    this.#writers = [];
    return 'writer ended';
  }

  async closeFiles(): Promise<void> {
    const files = this.#files;
    this.#files = [];
    for (const file of files) await file.close();
    await this.#settle(this.#writers);
  }

  /** Closes all and waits for the writers. */
  async closeAll(): Promise<void> {
    await this.closeFiles();
    for (const writer of this.#writers) await writer.done;
    this.#writers = [];
    this.#uuid = undefined;
  }

  /** What exists of a device in its newest life, under the names that the recordings give. */
  exists(uuid: string): Readonly<Record<string, number>> {
    const mdev = this.#held.mdev(uuid);
    const presence = mdev?.presence;
    const one = (exists: boolean | undefined) => (exists === true ? 1 : 0);
    return {
      dir: one(presence?.directory),
      remove: one(presence?.remove),
      mdev_type: one(presence?.links),
      driver: one(presence?.driver),
      iommu_group: one(mdev?.group !== undefined),
      vendor: one(presence?.driver),
      type_devices_link: one(presence?.links),
      bus_devices_link: one(presence?.bus),
      'vfio-dev': one(this.#machine.hasVfioDevice(uuid)),
    };
  }

  /**
   * Lets everything happen that can: with no file open nothing keeps a writer, so its end is waited for (it wakes up on
   * its device's thread whenever that thread's event loop comes to it); with one open, two round trips to every thread
   * answer whatever was sent before and need not wait.
   */
  async #settle(writers: readonly Writer[]): Promise<void> {
    if (this.#files.length === 0) await withinPatience(Promise.all(writers.map((writer) => writer.done)));
    for (let trip = 0; trip < 2; trip++) {
      for (const parent of this.#machine.bus.parents()) {
        for (const shard of parent.shards) await shard.ask('available', 0).catch(ignoreEnd);
      }
      await setImmediate();
    }
    this.#machine.bus.drainEvents();
  }
}

/** Waits for what must happen; long enough to call it stuck otherwise. */
async function withinPatience(happening: Promise<unknown>): Promise<void> {
  const giveUp = new AbortController();
  await Promise.race([happening, setTimeout(PATIENCE, undefined, { signal: giveUp.signal }).catch(() => {})]);
  giveUp.abort();
}

function ignoreEnd(error: unknown): void {
  if (!isMediatedError(error)) throw error;
}
