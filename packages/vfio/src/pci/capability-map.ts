/**
 * The capabilities of a function as a program may see them (spec/pci section 3.5): which byte of configuration space
 * belongs to which, and the links of the list that leads from one visible capability to the next. Made when a device is
 * opened, from the registers; pure.
 */
import { type CapabilityLayout, CAPABILITY_LAYOUTS, EXTENDED_LAYOUTS, HEADER_LAYOUT } from './config-layout.js';
import { readNumber } from './little-endian.js';
import { CAPABILITY_POINTER, CONFIG_BYTES, HEADER_BYTES, STATUS, STATUS_CAPABILITIES } from './registers.js';

/** Something that bytes of configuration space belong to. */
export interface Area {
  /** Id of the capability; 0 for the header. */
  readonly id: number;
  readonly extended: boolean;
  readonly start: number;
  readonly length: number;
  readonly layout: CapabilityLayout;
}

/** A longer list is cut off. */
const MOST_CAPABILITIES = 48;

export interface CapabilityMap {
  /** By byte; undefined where it belongs to nothing. */
  readonly areas: readonly (Area | undefined)[];
  /** The header, and the capabilities in the order of the list. */
  readonly visible: readonly Area[];
  /** Bytes that the virtual copy has other than the registers: by offset. */
  readonly links: ReadonlyMap<number, number>;
}

/** Reads the lists of a function whose registers are `bytes`; `extended`: it has the extended part. */
export function mapCapabilities(bytes: Uint8Array, extended: boolean): CapabilityMap {
  const areas: (Area | undefined)[] = new Array(bytes.length);
  const header: Area = { id: 0, extended: false, start: 0, length: HEADER_BYTES, layout: HEADER_LAYOUT };
  areas.fill(header, 0, HEADER_BYTES);
  const visible = [header];
  const links = new Map<number, number>();
  const place = (area: Area) => {
    const end = Math.min(area.start + area.length, area.extended ? bytes.length : CONFIG_BYTES);
    areas.fill(area, area.start, end);
    visible.push(area);
  };
  walk(bytes, place, links);
  if (visible.length === 1) links.set(STATUS, bytes[STATUS] & ~STATUS_CAPABILITIES);
  if (extended && readNumber(bytes, CONFIG_BYTES, 4) !== 0) walkExtended(bytes, place, links);
  // Capabilities may overlap. Whose registers lie over another's header do not hide it: the list would lead elsewhere.
  for (const area of visible.slice(1)) areas.fill(area, area.start, area.start + (area.extended ? 4 : 2));
  return { areas, visible, links };
}

function walk(bytes: Uint8Array, place: (area: Area) => void, links: Map<number, number>): void {
  let link = CAPABILITY_POINTER;
  links.set(link, 0);
  if ((bytes[STATUS] & STATUS_CAPABILITIES) === 0) return;
  const seen = new Set<number>();
  for (let at = bytes[link] & 0xfc; at >= HEADER_BYTES && !seen.has(at) && seen.size < MOST_CAPABILITIES; ) {
    seen.add(at);
    const start = at;
    const id = bytes[start];
    const layout = CAPABILITY_LAYOUTS.get(id);
    const length = layout?.length((offset, size) => readNumber(bytes, start + offset, size)) ?? 0;
    at = bytes[start + 1] & 0xfc;
    if (layout === undefined || length === 0) continue;
    links.set(link, start);
    link = start + 1;
    links.set(link, 0);
    place({ id, extended: false, start, length, layout });
  }
}

/** The first may be hidden, but not linked around: it stays as a placeholder that says nothing. */
function walkExtended(bytes: Uint8Array, place: (area: Area) => void, links: Map<number, number>): void {
  const seen = new Set<number>();
  let before: number | undefined;
  const setNext = (from: number, to: number) => {
    const word = (links.get(from + 2) ?? bytes[from + 2]) & 0x0f;
    links.set(from + 2, word | ((to & 0xf) << 4));
    links.set(from + 3, to >>> 4);
  };
  for (let at = CONFIG_BYTES; at >= CONFIG_BYTES && at <= bytes.length - 4 && !seen.has(at); ) {
    if (seen.size === MOST_CAPABILITIES) break;
    seen.add(at);
    const start = at;
    const id = readNumber(bytes, start, 2);
    const layout = EXTENDED_LAYOUTS.get(id);
    const room = bytes.length - start;
    const length = layout?.length((offset, size) =>
      offset + size <= room ? readNumber(bytes, start + offset, size) : 0,
    );
    at = (readNumber(bytes, start + 2, 2) >>> 4) & 0xffc;
    if (layout === undefined || length === undefined || length < 4) {
      if (before !== undefined) continue;
      for (let i = 0; i < 4; i++) links.set(start + i, 0);
      place({ id: 0, extended: true, start, length: 4, layout: { length: () => 4, fields: [] } });
    } else {
      if (before !== undefined) setNext(before, start);
      place({ id, extended: true, start, length: Math.min(length, room), layout });
    }
    before = start;
    setNext(start, 0);
  }
}
