/**
 * A recorded step of a program that used VFIO: what it did, in words and numbers. What came of it is hidden from those who
 * do it again, but for the shape of what was written down. Made by `replay-steps.ts`, read by the files of this folder.
 */
import type { Fields } from '../recording.js';

/** What a step gave here; compared with the recorded fields of the same names. */
export interface Answer {
  readonly ret: unknown;
  readonly out?: Readonly<Record<string, unknown>>;
  /** What the recording has among the arguments, although it is what came of the set-up. */
  readonly args?: Readonly<Record<string, unknown>>;
  /** Why a field is not compared, by its name in `out`, or `ret`. */
  readonly left?: Readonly<Record<string, string>>;
  /** How many bytes of a field in hex must be the kernel's, and why the others may differ. */
  readonly upTo?: Readonly<Record<string, { readonly bytes: number; readonly reason: string }>>;
  /** Why a field may differ from the kernel's. */
  readonly differs?: Readonly<Record<string, string>>;
}

/** A step that cannot be done here, and why. Thrown; the replay skips the step. */
export class Skip extends Error {}

export class Step {
  /** What the program says that it did. */
  readonly words: string;
  /** The type of the device that it used, if it says so. */
  readonly type: string | undefined;
  readonly #args: Fields;
  readonly #out: Fields;

  constructor(fields: Fields) {
    this.words = String(fields.op ?? fields.case ?? fields.step);
    const type = fields.dev ?? fields.type;
    this.type = typeof type === 'string' && type !== '-' ? type : undefined;
    // Some recordings have their arguments beside the results.
    this.#args = { ...fields, ...((fields.args ?? {}) as Fields) };
    this.#out = (fields.out ?? fields) as Fields;
  }

  /** What the program said of its arguments. */
  get note(): string {
    return this.text('note') ?? '';
  }

  has(name: string): boolean {
    return this.#args[name] !== undefined;
  }

  /** A number among the arguments; `otherwise` when there is none. */
  number(name: string, otherwise = 0): number {
    const value = this.#args[name];
    return value === undefined ? otherwise : Number(value);
  }

  /** A number of up to 64 bits among the arguments. */
  big(name: string): bigint {
    return BigInt((this.#args[name] as number | string | undefined) ?? 0);
  }

  text(name: string): string | undefined {
    const value = this.#args[name];
    return value === undefined ? undefined : String(value);
  }

  /** Bytes among the arguments, given in hex. */
  bytes(name: string): Uint8Array {
    return new Uint8Array(Buffer.from(this.text(name) ?? '', 'hex'));
  }

  /** How many bytes the program wrote down of what it got. */
  dumped(name: string): number {
    return String(this.#out[name] ?? '').length / 2;
  }

  /** Names of what it wrote down. */
  get reported(): readonly string[] {
    return Object.keys(this.#out);
  }
}

/** Does a step, or finds that it is not one of its kind. */
export type Handler<S> = (session: S, step: Step) => Promise<Answer | undefined>;

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
