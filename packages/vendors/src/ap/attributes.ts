/** The attributes of a matrix device (ap sections 4 and 6). Each runs as the only one on the AP bus. */
import type { DeviceAttribute } from '@mediated/vfio';
import type { ApMemory } from './ap-memory.js';
import {
  ADAPTERS,
  assign,
  assignControlDomain,
  configure,
  DOMAINS,
  unassign,
  unassignControlDomain,
} from './assignment.js';
import { bitsOf, hexOf } from './masks.js';
import type { MatrixDevice } from './matrix-device.js';
import type { MatrixRecord, ThreeMasks } from './matrix-record.js';
import { parseConfiguration, parseNumber } from './written.js';

type Step = (ap: ApMemory, record: MatrixRecord, id: number) => void | Promise<void>;

function taking(path: string, step: Step): DeviceAttribute<MatrixDevice> {
  return {
    path,
    store({ data }, text) {
      const id = parseNumber(text);
      return data.alone((ap, record) => step(ap, record, id));
    },
  };
}

function showing(path: string, text: (record: MatrixRecord) => string): DeviceAttribute<MatrixDevice> {
  return { path, show: ({ data }) => data.alone((_, record) => text(record)) };
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/** A line per queue; per adapter or domain while there are no queues. */
function queuesOf([adapterMask, domainMask]: ThreeMasks): string {
  const adapters = bitsOf(adapterMask);
  const domains = bitsOf(domainMask);
  if (domains.length === 0) return adapters.map((adapter) => `${hex(adapter, 2)}.\n`).join('');
  if (adapters.length === 0) return domains.map((domain) => `.${hex(domain, 4)}\n`).join('');
  return adapters.flatMap((adapter) => domains.map((domain) => `${hex(adapter, 2)}.${hex(domain, 4)}\n`)).join('');
}

export const attributes: readonly DeviceAttribute<MatrixDevice>[] = [
  taking('assign_adapter', (ap, record, id) => assign(ap, record, ADAPTERS, id)),
  taking('unassign_adapter', (ap, record, id) => unassign(ap, record, ADAPTERS, id)),
  taking('assign_domain', (ap, record, id) => assign(ap, record, DOMAINS, id)),
  taking('unassign_domain', (ap, record, id) => unassign(ap, record, DOMAINS, id)),
  taking('assign_control_domain', assignControlDomain),
  taking('unassign_control_domain', (_, record, id) => unassignControlDomain(record, id)),
  showing('control_domains', ({ matrix }) =>
    bitsOf(matrix[2])
      .map((domain) => `${hex(domain, 4)}\n`)
      .join(''),
  ),
  showing('matrix', ({ matrix }) => queuesOf(matrix)),
  showing('guest_matrix', ({ shadow }) => queuesOf(shadow)),
  {
    ...showing('ap_config', ({ matrix }) => `${matrix.map((mask) => `0x${hexOf(mask)}`).join(',')}\n`),
    store({ data }, text) {
      const masks = parseConfiguration(text);
      return data.alone((ap, record) => configure(ap, record, masks));
    },
  },
];
