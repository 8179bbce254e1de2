/**
 * How a transfer is cut into the accesses that a register bank sees. Called by read and write of drivers that have
 * registers. Pure; a piece takes its device's lock by itself, a transfer as a whole is not atomic (mtty section 3).
 */

/** Bytes of one access. */
export type AccessSize = 1 | 2 | 4;

/**
 * One access at `position`, whose bytes stand at `at` in the transfer's buffer.
 * Returns false to fail: the transfer ends there.
 */
export type Access = (position: number, at: number, size: AccessSize) => boolean;

/**
 * Cuts `length` bytes from `position` into naturally aligned accesses of 4, 2 or 1 bytes, as large as possible, and
 * makes them in order. Returns the number of bytes done; fewer than `length` when a piece failed, and those before it
 * have taken effect.
 */
export function splitAccess(position: number, length: number, access: Access): number {
  let done = 0;
  while (done < length) {
    const at = position + done;
    const left = length - done;
    const size = left >= 4 && at % 4 === 0 ? 4 : left >= 2 && at % 2 === 0 ? 2 : 1;
    if (!access(at, done, size)) break;
    done += size;
  }
  return done;
}
