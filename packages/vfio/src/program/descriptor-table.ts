/**
 * The numbers of a program's open files: lowest free first, several for one file after `dup`. Private to the program's
 * thread; used by `descriptors.ts`.
 */
import { MediatedError } from '@mediated/core';
import type { AnonymousFileHandle } from '../anonymous-handle.js';
import type { DeviceFile } from '../device-file.js';
import type { InterruptCounter } from '../interrupt-counter.js';
import type { PassedFile } from '../passed-file.js';
import type { ContainerFile } from './container-file.js';
import type { GroupFile } from './group-file.js';
import type { IommufdFile } from './iommufd-file.js';

/** What a number stands for. */
export type Described =
  | { readonly kind: 'group'; readonly file: GroupFile }
  | { readonly kind: 'container'; readonly file: ContainerFile }
  | { readonly kind: 'iommufd'; readonly file: IommufdFile }
  | { readonly kind: 'device'; readonly file: DeviceFile }
  | { readonly kind: 'anonymous'; readonly file: AnonymousFileHandle }
  | { readonly kind: 'eventfd'; readonly file: InterruptCounter }
  /** A file that has nothing to do with vfio (`/dev/null`). */
  | { readonly kind: 'other' };

/** An open file, by however many numbers. */
interface Description {
  readonly described: Described;
  numbers: number;
  /** Where reads and writes go that say no position. */
  position: number;
}

/** A number that is taken while its file is being opened. */
const RESERVED = { described: { kind: 'other' }, numbers: 1, position: 0 } as const satisfies Description;

/** The numbers below are those of a process's standard streams. */
const FIRST = 3;

export class DescriptorTable {
  readonly #entries: (Description | undefined)[] = [];
  readonly #limit: number;

  /** `limit`: numbers are below it. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes the lowest free number. EMFILE. */
  reserve(): number {
    let number = FIRST;
    while (this.#entries[number] !== undefined) number++;
    if (number >= this.#limit) throw new MediatedError('EMFILE', `${this.#limit} is the limit`, { syscall: 'open' });
    this.#entries[number] = RESERVED;
    return number;
  }

  /** The number stands for an open file now. */
  fill(number: number, described: Described): number {
    this.#entries[number] = { described, numbers: 1, position: 0 };
    return number;
  }

  /** Gives a reserved number back. */
  free(number: number): void {
    this.#entries[number] = undefined;
  }

  /** What a number stands for; undefined: nothing, or a file that is being opened. */
  peek(number: number): Described | undefined {
    const entry = this.#entries[number];
    return entry === RESERVED ? undefined : entry?.described;
  }

  /** What a number stands for. EBADF. */
  get(number: number, syscall: string): Described {
    const described = this.peek(number);
    if (described !== undefined) return described;
    throw new MediatedError('EBADF', `${number} is no open file`, { syscall });
  }

  /** Where a read or write of the file goes that says no position. */
  position(number: number): number {
    return this.#entries[number]?.position ?? 0;
  }

  /** So many bytes have been read or written there. */
  advance(number: number, bytes: number): void {
    const entry = this.#entries[number];
    if (entry !== undefined && entry !== RESERVED) entry.position += bytes;
  }

  /** One number more for a file. EBADF, EMFILE. */
  duplicate(number: number): number {
    this.get(number, 'dup');
    const copy = this.reserve();
    const description = this.#entries[number] as Description;
    description.numbers++;
    this.#entries[copy] = description;
    return copy;
  }

  /** One number less: the file if it was the last, to be closed. EBADF. */
  remove(number: number): Described | undefined {
    const described = this.get(number, 'close');
    const description = this.#entries[number] as Description;
    this.#entries[number] = undefined;
    return --description.numbers === 0 ? described : undefined;
  }

  /** All numbers in use, in order. */
  numbers(): number[] {
    return [...this.#entries.keys()].filter((number) => this.peek(number) !== undefined);
  }

  /** The file as it is passed with an ioctl that names it; undefined: there is none. */
  passed(number: number): PassedFile | undefined {
    const described = this.peek(number);
    switch (described?.kind) {
      case undefined:
        return undefined;
      case 'group':
      case 'container':
      case 'iommufd':
      case 'eventfd':
        return described.file.passed;
      default:
        return { kind: 'other' };
    }
  }
}
