/**
 * The token that programs of virtual functions must know, and names that carry it (spec/pci section 9): asked when a
 * device is opened by its name. On the function's thread; the token itself is shared (`node-records.ts`).
 */
import { ERRNO } from '@mediated/core';
import { parseUuid, UUID_WORDS } from '@mediated/core/memory';
import type { PciBus } from './pci-bus.js';
import type { PciNode } from './topology-nodes.js';

const TOKEN_OPTION = 'vf_token=';
const UUID_LENGTH = 36;

/** Whether `asked` names the function, options included: 1 or 0, or a negative errno for options that are not good. */
export function matchName(bus: PciBus, node: PciNode, asked: string): number {
  if (!asked.startsWith(node.name)) return 0;
  let rest = asked.slice(node.name.length);
  if (rest !== '' && !rest.startsWith(' ')) return 0;
  let token: Int32Array | undefined;
  for (rest = rest.trimStart(); rest !== ''; rest = rest.trimStart()) {
    if (token !== undefined || !rest.startsWith(TOKEN_OPTION)) return -ERRNO.EINVAL;
    const text = rest.slice(TOKEN_OPTION.length, TOKEN_OPTION.length + UUID_LENGTH);
    token = new Int32Array(UUID_WORDS);
    if (!parseUuid(text, token, 0)) return -ERRNO.EINVAL;
    rest = rest.slice(TOKEN_OPTION.length + UUID_LENGTH);
  }
  const refused = checkToken(bus, node, token);
  return refused === 0 ? 1 : refused;
}

/** 0 or a negative errno. A physical function without users takes the token as its own. */
function checkToken({ records }: PciBus, node: PciNode, given: Int32Array | undefined): number {
  const { physical } = node;
  if (physical !== undefined) {
    const bound = records.guardOf(physical.place) >= 0;
    if (!bound) return given === undefined ? 0 : -ERRNO.EINVAL;
    if (given === undefined) return -ERRNO.EACCES;
    return records.withToken(physical.place, (token) => (token.equals(given) ? 0 : -ERRNO.EACCES));
  }
  if (node.sriov === undefined) return given === undefined ? 0 : -ERRNO.EINVAL;
  return records.withToken(node.place, (token) => {
    if (token.users > 0) return given !== undefined && token.equals(given) ? 0 : -ERRNO.EACCES;
    if (given !== undefined) token.set(given);
    return 0;
  });
}

/** Sets the token of a physical function from the 16 bytes of a UUID. */
export function setToken({ records }: PciBus, node: PciNode, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const words = Int32Array.from({ length: UUID_WORDS }, (_, i) => view.getInt32(i * 4));
  records.withToken(node.place, (token) => token.set(words));
}
