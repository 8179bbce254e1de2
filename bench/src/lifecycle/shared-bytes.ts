/** How much shared memory something takes. */

/** Bytes of all shared buffers that can be reached from a structured-cloneable value, each counted once. */
export function sharedBytes(value: unknown): number {
  const seen = new Set<unknown>();
  let bytes = 0;
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null || seen.has(each)) return;
    seen.add(each);
    if (each instanceof SharedArrayBuffer) bytes += each.byteLength;
    else if (ArrayBuffer.isView(each)) visit(each.buffer);
    else for (const part of Object.values(each)) visit(part);
  };
  visit(value);
  return bytes;
}
