/**
 * MAC addresses of a parent's pool: locally administered, `02:53:46` and two bytes of the parent's name, then the port.
 * So an address names its port, and every thread knows the whole pool. Pure.
 */
import { createHash } from 'node:crypto';

const PREFIX = [0x02, 0x53, 0x46];

/** The pool of a parent: the bytes before the port's. */
export function macPool(parent: string): Uint8Array {
  const [high, low] = createHash('sha256').update(parent).digest();
  return Uint8Array.of(...PREFIX, high, low);
}

export function macOf(pool: Uint8Array, port: number): Uint8Array {
  return Uint8Array.of(...pool, port);
}

/** The port of the address at the beginning of a frame; -1: it is not of this pool. */
export function portOf(pool: Uint8Array, frame: Uint8Array): number {
  for (let at = 0; at < pool.length; at++) if (frame[at] !== pool[at]) return -1;
  return frame[pool.length];
}

/** Whether the address at the beginning of a frame is for several: broadcast or multicast. */
export function isForMany(frame: Uint8Array): boolean {
  return (frame[0] & 1) !== 0;
}

export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
