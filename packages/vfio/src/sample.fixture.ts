/**
 * A driver for tests. Its callbacks count in words that the test shares (`options.words`), fail when told to, wait at a
 * gate when told to, and obey commands. What its devices' threads publish about files is text in the attribute `sample/heard`,
 * from a write to it on. Types: `solo` has a set of its own, `pair` shares one with all others of its type, `keyed`
 * with those whose UUID begins alike.
 */
import { subscribe } from 'node:diagnostics_channel';
import { MediatedError } from '@mediated/core';
import { currentThread } from '@mediated/core/sync';
import { type AnonymousFile, type Clock, defineDriver, type DeviceFileNotice, type VfioDevice } from '@mediated/vfio';

/** Words that the test shares. */
export const INITS = 0;
export const RELEASES = 1;
export const OPENS = 2;
export const CLOSES = 3;
/** Callbacks that saw another open count than 1. */
export const WRONG_COUNTS = 4;
/** Callbacks that ran while another one of a `pair` did. */
export const OVERLAPS = 5;
const INSIDE = 6;
/** 1 + number of the last request. */
export const REQUESTS = 7;
/** Bits of the callbacks that shall throw. */
export const FAIL = 8;
/** 0: first opens and last closes go on. 1: they wait. */
export const SHUT = 9;
export const WORDS = 10;

export const FAILURES = {
  init: 1,
  deviceSet: 2,
  openDevice: 4,
  closeDevice: 8,
  request: 16,
  release: 32,
  read: 64,
  write: 128,
  ioctl: 256,
  mmap: 512,
} as const;

/** Commands. */
export const ADVANCE_CLOCK = 1;
export const THREAD = 2;
export const WAIT = 3;
export const REVERSE = 4;
export const DIE = 5;
export const SIGNAL = 6;
export const WAITING_FOR_SET = 7;
export const CONTENDED_SET = 8;
export const NONSENSE = 9;
export const MEMBERS = 10;
export const REFUSE = 11;
export const SCRAP = 12;
export const SCRAPS_RELEASED = 13;

class ManualClock implements Clock {
  #now = 0;
  #alarms: { at: number; ring: () => void }[] = [];

  after(milliseconds: number, ring: () => void): () => void {
    const alarm = { at: this.#now + milliseconds, ring };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#alarms.filter((alarm) => alarm.at <= this.#now);
    this.#alarms = this.#alarms.filter((alarm) => alarm.at > this.#now);
    for (const alarm of due) alarm.ring();
  }
}

let scrapsReleased = 0;

/** A file that remembers what was written. */
class Scrap implements AnonymousFile {
  readonly name = '[scrap]';
  readonly #memory = new SharedArrayBuffer(4096);
  #length = 0;

  write(_position: number, bytes: Uint8Array): number {
    new Uint8Array(this.#memory).set(bytes);
    this.#length = bytes.length;
    return bytes.length;
  }

  read(_position: number, into: Uint8Array): number {
    const length = Math.min(this.#length, into.length);
    into.set(new Uint8Array(this.#memory, 0, length));
    return length;
  }

  mmap(offset: number, length: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#memory, offset, length);
  }

  release(): void {
    scrapsReleased++;
  }
}

export default defineDriver({
  name: 'sample',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'solo' }, { sysfsName: 'pair' }, { sysfsName: 'keyed' }],
  maxInstances: 1000,
  start({ options }) {
    const { words } = options as { words: Int32Array };
    const clock = new ManualClock();

    function count(word: number): void {
      Atomics.add(words, word, 1);
    }

    function fail(callback: keyof typeof FAILURES): void {
      if ((Atomics.load(words, FAIL) & FAILURES[callback]) !== 0) throw new Error(`${callback} was told to`);
    }

    function underMutex(device: VfioDevice<Uint8Array>): void | Promise<void> {
      if (device.openCount !== 1) count(WRONG_COUNTS);
      if (device.type.sysfsName !== 'pair') return passGate();
      if (Atomics.add(words, INSIDE, 1) !== 0) count(OVERLAPS);
      const passed = passGate();
      if (passed === undefined) {
        Atomics.sub(words, INSIDE, 1);
        return;
      }
      return passed.then(() => {
        Atomics.sub(words, INSIDE, 1);
      });
    }

    function passGate(): void | Promise<void> {
      if (Atomics.load(words, SHUT) === 0) return;
      const opened = Atomics.waitAsync(words, SHUT, 1);
      if (opened.async) return opened.value.then(() => {});
    }

    const heard: string[] = [];
    function listen(): void {
      for (const step of ['open', 'close']) {
        subscribe(`mediated:device:${step}`, (message) => {
          const { uuid, parent, type, client, openCount } = message as DeviceFileNotice;
          heard.push(`${step} ${parent} ${type} ${uuid} by ${client}, ${openCount} open`);
        });
      }
    }

    return {
      clock,
      attributes: [{ path: 'sample/heard', show: () => heard.splice(0).join('\n'), store: listen }],
      init(_device) {
        fail('init');
        count(INITS);
        return new Uint8Array(64);
      },
      release() {
        count(RELEASES);
        fail('release');
      },
      deviceSet({ type, uuid }) {
        fail('deviceSet');
        if (type.sysfsName === 'keyed') return `keyed ${uuid.slice(0, 8)}`;
        return type.sysfsName === 'pair' ? 'the pair' : undefined;
      },
      openDevice(device) {
        count(OPENS);
        fail('openDevice');
        return underMutex(device);
      },
      closeDevice(device) {
        count(CLOSES);
        fail('closeDevice');
        return underMutex(device);
      },
      request(_device, number) {
        Atomics.store(words, REQUESTS, number + 1);
        fail('request');
      },
      read({ data }, position, into) {
        fail('read');
        const bytes = data.subarray(position, position + into.length);
        into.set(bytes);
        return bytes.length;
      },
      write({ data }, position, bytes) {
        fail('write');
        data.set(bytes, position);
        return bytes.length;
      },
      mmap(_device, _offset, length) {
        fail('mmap');
        return new Uint8Array(new SharedArrayBuffer(length));
      },
      ioctl(device, command, argument, call) {
        fail('ioctl');
        const view = new DataView(argument.buffer, argument.byteOffset);
        switch (command) {
          case ADVANCE_CLOCK:
            clock.advance(view.getUint32(0, true));
            return;
          case THREAD:
            return currentThread();
          case WAIT: {
            const opened = Atomics.waitAsync(words, SHUT, 1);
            return opened.async ? opened.value.then(() => device.openCount) : device.openCount;
          }
          case REVERSE:
            argument.reverse();
            return argument.length;
          case DIE:
            return process.exit(7);
          case SIGNAL:
            call.eventfd(view.getInt32(0, true)).signal();
            return;
          case WAITING_FOR_SET:
            return device.set.mutex.stats().waiting;
          case CONTENDED_SET:
            return device.set.mutex.stats().contended;
          case MEMBERS:
            view.setInt32(0, device.set.openCount(), true);
            return device.set.members().length;
          case REFUSE:
            argument.reverse();
            return -28;
          case SCRAP:
            return call.openFile(new Scrap());
          case SCRAPS_RELEASED:
            return scrapsReleased;
          case NONSENSE:
            return 0.5;
          default:
            throw new MediatedError('ENOTTY', 'no such command', { syscall: 'ioctl' });
        }
      },
    };
  },
});
