/** What a program reads of the BARs after it has written them (spec/pci section 3.4). Called by `config-space.ts`; pure. */
import type { FunctionSpec } from './function-spec.js';
import { readNumber, writeNumber } from './little-endian.js';
import { BAR0, ROM } from './registers.js';

/** Has the bits below each BAR's size read as its type; what there is no BAR of reads 0. `own` is the virtual copy. */
export function sizeBars(own: Uint8Array, { bars = [], rom }: FunctionSpec): void {
  for (let index = 0; index < 6; index++) {
    const at = BAR0 + index * 4;
    const bar = bars[index] ?? null;
    if (bar === null) {
      if (bars[index - 1]?.wide !== true) writeNumber(own, at, 4, 0);
      continue;
    }
    const mask = ~(BigInt(bar.size) - 1n);
    const type = bar.kind === 'io' ? 1 : (bar.prefetchable ? 8 : 0) | (bar.wide ? 4 : 0);
    const low = Number(mask & 0xffff_ffffn);
    writeNumber(own, at, 4, ((readNumber(own, at, 4) & low) | type) >>> 0);
    if (bar.wide) {
      const high = Number((mask >> 32n) & 0xffff_ffffn);
      writeNumber(own, at + 4, 4, (readNumber(own, at + 4, 4) & high) >>> 0);
    }
  }
  const romMask = rom === undefined ? 0 : ~(rom.size - 1) | 1;
  writeNumber(own, ROM, 4, (readNumber(own, ROM, 4) & romMask) >>> 0);
}
