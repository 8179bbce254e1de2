/** Frames for tests of subfunctions. */

/** From `source` to `destination`, type 0x88b5 (local experiments), with a number and `length` bytes in all. */
export function frameOf(destination: Uint8Array, source: Uint8Array, number: number, length = 60): Uint8Array {
  const frame = new Uint8Array(length).fill(number & 0xff, 18);
  frame.set(destination, 0);
  frame.set(source, 6);
  new DataView(frame.buffer).setUint16(12, 0x88b5);
  new DataView(frame.buffer).setUint32(14, number);
  return frame;
}

export const BROADCAST: Uint8Array = new Uint8Array(6).fill(0xff);

/** Who sent a frame, and its number. */
export function readFrame(frame: Uint8Array): { source: string; number: number; length: number } {
  const source = Array.from(frame.subarray(6, 12), (byte) => byte.toString(16).padStart(2, '0')).join(':');
  return { source, number: new DataView(frame.buffer, frame.byteOffset).getUint32(14), length: frame.length };
}
