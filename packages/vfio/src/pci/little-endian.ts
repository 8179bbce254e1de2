/** Numbers of 1, 2 or 4 bytes in byte arrays, lowest byte first. Pure. */

/** The unsigned number of `size` bytes at `offset`. */
export function readNumber(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[offset + i];
  return value;
}

/** Writes the lowest `size` bytes of a number. */
export function writeNumber(bytes: Uint8Array, offset: number, size: number, value: number): void {
  for (let i = 0; i < size; i++) bytes[offset + i] = (value >>> (8 * i)) & 0xff;
}
