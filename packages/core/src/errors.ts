/**
 * The one error class of Mediated. Like Node's system errors it carries `code`, `errno` and `syscall`;
 * `cause` is kept, and an error that crossed a thread is rebuilt with the same fields (`toWire`, `fromWire`).
 */
import { ERRNO, type ErrnoName } from './errno.js';

/** Options of {@link MediatedError}. */
export interface MediatedErrorOptions {
  /** The operation that failed, as `error.syscall`: `create`, `open`, `lock`... */
  syscall?: string | undefined;
  /** What led to this error; survives crossing threads (name, message, stack, code). */
  cause?: unknown;
}

/** An error as it travels between threads: structured-cloneable. */
export interface WireError {
  name: string;
  message: string;
  code?: string | undefined;
  syscall?: string | undefined;
  stack?: string | undefined;
  cause?: WireError | undefined;
}

/**
 * A failed operation.
 * `code` is the kernel's errno name (`EEXIST`), `errno` its negative number (-17), `syscall` the operation.
 * Recognise it across threads and package copies with {@link isMediatedError}, not with `instanceof`.
 */
export class MediatedError extends Error {
  readonly code: ErrnoName;
  readonly errno: number;
  readonly syscall: string | undefined;

  constructor(code: ErrnoName, message: string, options: MediatedErrorOptions = {}) {
    super(`${code}: ${message}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.errno = -ERRNO[code];
    this.syscall = options.syscall;
  }

  override get name(): string {
    return 'MediatedError';
  }
}

/** True for a {@link MediatedError} of any thread or package copy; with `code`, only for that code. */
export function isMediatedError(error: unknown, code?: ErrnoName): error is MediatedError {
  return (
    error instanceof Error &&
    error.name === 'MediatedError' &&
    (code === undefined || (error as MediatedError).code === code)
  );
}

/** Flattens any thrown value so that it can be posted to another thread. */
export function toWire(error: unknown, depth = 4): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { code, syscall } = error as Partial<MediatedError>;
  return {
    name: error.name,
    message: error.message,
    code: typeof code === 'string' ? code : undefined,
    syscall: typeof syscall === 'string' ? syscall : undefined,
    stack: error.stack,
    cause: error.cause === undefined || depth === 0 ? undefined : toWire(error.cause, depth - 1),
  };
}

/** Rebuilds an error that {@link toWire} flattened. */
export function fromWire(wire: WireError): Error {
  const options = wire.cause === undefined ? {} : { cause: fromWire(wire.cause) };
  const error =
    wire.name === 'MediatedError' && wire.code !== undefined && wire.code in ERRNO
      ? new MediatedError(wire.code as ErrnoName, wire.message.replace(`${wire.code}: `, ''), {
          ...options,
          syscall: wire.syscall,
        })
      : Object.assign(new Error(wire.message, options), wire.code === undefined ? {} : { code: wire.code });
  if (wire.name !== 'MediatedError' && wire.name !== 'Error')
    Object.defineProperty(error, 'name', { value: wire.name });
  if (wire.stack !== undefined) Object.defineProperty(error, 'stack', { value: wire.stack, configurable: true });
  return error;
}
