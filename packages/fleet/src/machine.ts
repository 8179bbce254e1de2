/** What a host of a fleet puts at its disposal. `bus-machine.ts` is a runtime; tests have machines that only count. */
import type { ParentOffer } from './records.js';

/** A device as a machine lists it. */
export interface MachineDevice {
  readonly uuid: string;
  readonly parent: string;
  readonly type: string;
}

/** Something that has happened on a machine. */
export interface MachineEvent {
  readonly action: string;
  readonly uuid?: string | undefined;
  readonly subsystem: string;
  readonly devpath: string;
}

/** An open device. Numbers are bytes; errors are those of the device's file. */
export interface MachineFile {
  read(offset: number, length: number): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Promise<number>;
  /** A request of the device's file; `argument` is read and filled in. */
  ioctl(command: number, argument: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** Who gives UUIDs to what is created on the machine itself. */
export interface UuidGiver {
  /** Rejects when the UUID is not to be had. */
  reserve(uuid: string, parent: string, type: string): Promise<void>;
  /** The create has failed; resolves when the UUID is free. */
  release(uuid: string): Promise<void>;
}

/** All methods reject with the errno that one machine alone would give. */
export interface Machine {
  offers(): Promise<ParentOffer[]>;
  devices(): MachineDevice[];
  /** Whether a device is there and not about to go. */
  has(uuid: string): boolean;
  create(parent: string, type: string, uuid: string): Promise<void>;
  remove(uuid: string): Promise<void>;
  /** Has every create on the machine, but those by {@link create}, ask first; answers how to stop that. */
  askFirst?(giver: UuidGiver): Promise<() => Promise<void>>;
  /** The text of a file of a device. */
  readAttribute(uuid: string, path: string): Promise<string>;
  writeAttribute(uuid: string, path: string, text: string): Promise<void>;
  /** Names and modes of a device's files. */
  attributes(uuid: string): Promise<{ readonly path: string; readonly mode: number }[]>;
  open(uuid: string): Promise<MachineFile>;
  /** Tells of everything that has happened by now, before it returns. */
  catchUp?(): void;
  /** Tells of everything that happens from now on, and of how much was missed; answers how to stop it. */
  follow(onEvent: (event: MachineEvent) => void, onLost: (count: number) => void): () => void;
}
