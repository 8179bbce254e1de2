/**
 * The UUID that stands for a device which has none: version 5 of RFC 9562, of its bus and its name. Pure; any thread
 * computes the same, so that whoever knows a device's name finds it on the bus.
 */
import { createHash } from 'node:crypto';

/** Namespace of the names: `<bus>/<name>`. */
const NAMESPACE = Buffer.from('6d646576766649a48c3e0f2a5b7c9d11', 'hex');

/** The UUID of the device `name` of a bus (`pci`, `platform`, `fsl-mc`). */
export function physicalUuid(bus: string, name: string): string {
  const digest = createHash('sha1').update(NAMESPACE).update(`${bus}/${name}`).digest();
  digest[6] = (digest[6] & 0x0f) | 0x50;
  digest[8] = (digest[8] & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
