/**
 * Files of the parent, which is the subchannel: what lscss shows of it, and, in the group `machine`, what happens to the
 * emulated hardware. Called by the core on the parent's thread.
 */
import { MediatedError, type MdevParent, type ParentAttribute } from '@mediated/core';
import { SCHIB, SCHIB_PATHS } from './architected.js';
import type { MachineSubchannel } from './channel-subsystem.js';
import type { PathEvent } from './subchannel.js';

const PATH_EVENT = /^(vary-off|vary-on|offline|online) ([0-9a-f]{1,2})\n?$/;

/** `find`: the subchannel of a parent. */
export function parentAttributes(find: (parent: MdevParent) => MachineSubchannel): ParentAttribute[] {
  const schibOf = (parent: MdevParent): Uint8Array => {
    const { subchannel } = find(parent);
    subchannel.refresh();
    return subchannel.schib;
  };
  return [
    {
      path: 'chpids',
      show(parent) {
        const schib = schibOf(parent);
        const installed = SCHIB.get(schib, 'pim');
        const paths = [...schib.subarray(SCHIB_PATHS, SCHIB_PATHS + 8)];
        return `${paths.map((path, at) => `${hex((installed & (0x80 >> at)) === 0 ? 0 : path)} `).join('')}\n`;
      },
    },
    {
      path: 'pimpampom',
      show(parent) {
        const schib = schibOf(parent);
        return `${(['pim', 'pam', 'pom'] as const).map((mask) => hex(SCHIB.get(schib, mask))).join(' ')}\n`;
      },
    },
    {
      path: 'machine/path',
      store(parent, text) {
        const match = PATH_EVENT.exec(text);
        if (match === null)
          throw invalid('write vary-off, vary-on, offline or online, and the number of a path in hex');
        const event = match[1] as PathEvent;
        const path = Number.parseInt(match[2], 16);
        const { subchannel, machine } = find(parent);
        if (event === 'offline' || event === 'online') machine.setPath(path, event === 'online');
        subchannel.pathChanged(event, path);
      },
    },
    {
      path: 'machine/detach',
      store(parent, text) {
        assertOne(text);
        const { subchannel, machine } = find(parent);
        machine.detach();
        subchannel.changed();
      },
    },
    {
      path: 'machine/attention',
      store(parent, text) {
        assertOne(text);
        find(parent).machine.attention();
      },
    },
  ];
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}

function assertOne(text: string): void {
  if (text !== '1' && text !== '1\n') throw invalid('write 1 to have it happen');
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'write' });
}
