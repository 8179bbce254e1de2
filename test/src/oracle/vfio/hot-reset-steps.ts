/** Steps on PCI functions: binding, groups, what a device is, resets alone and of a whole bus. */
import {
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_PCI_HOT_RESET_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_PCI_HOT_RESET,
  DEVICE_RESET,
  deviceInfo,
  GROUP_GET_STATUS,
  groupStatus,
  irqInfo,
  pciDependentDevice,
  pciHotReset,
  pciHotResetInfo,
  REGION_INFO_BYTES,
  regionInfo,
} from '@mediated/vfio/uapi';
import { isNull } from './info-steps.js';
import type { PciSession } from './pci-session.js';
import { attempt, int } from './attempt.js';
import type { Answer, Step } from './step.js';

/** Room for the list of affected devices, whatever argsz says. */
const ROOM = 4096;
/** What the program had put where an answer goes. */
const UNTOUCHED = { flags: 0x55, count: 0x77 };
const HEADER_BYTES = 12;
const DEVICE_BYTES = 8;

export async function hotResetStep(session: PciSession, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (/^====/.test(words)) return { ret: 0 };
  if (/^HOT_RESET_INFO/.test(words)) return hotResetInfo(session, step);
  if (/^HOT_RESET/.test(words)) return { ret: await hotReset(session, step) };
  if (/^bind to /.test(words)) return bindFunction(session, step.text('bdf') ?? '');
  if (/^open group/.test(words)) {
    return { ret: await attempt(async () => Math.min(0, await session.openGroup(step.number('group')))) };
  }
  if (/^unrelated device/.test(words)) {
    return {
      ret: await attempt(async () => {
        session.unrelated = await session.program.open(`/dev/vfio/${step.number('group')}`);
        return 0;
      }),
    };
  }
  if (/^GROUP_GET_STATUS/.test(words)) return status(session);
  if (/^another process opens the second group/.test(words)) {
    const [, second] = new Set([...session.bound.values()].map((mdev) => mdev.group ?? -1));
    return { ret: 0, out: { ...(await session.openElsewhere(second)) } };
  }
  if (/^all closed/.test(words)) {
    await session.closeAll();
    return { ret: 0 };
  }
  if (/^close of the last device/.test(words)) {
    await session.closeDevices();
    return { ret: 0 };
  }
  switch (words) {
    case 'SET_CONTAINER':
      return { ret: await attempt(() => session.setContainer([...session.groups.values()].at(-1) ?? -1)) };
    case 'SET_IOMMU':
      return { ret: await attempt(() => session.setIommu()) };
    case 'GET_DEVICE_FD':
      return { ret: await attempt(async () => Math.min(0, await session.openDevice(step.text('name') ?? ''))) };
    default:
      return deviceStep(session, step);
  }
}

async function bindFunction(session: PciSession, name: string): Promise<Answer> {
  let out: Record<string, unknown> = {};
  const ret = await attempt(async () => {
    const mdev = await session.bind(name);
    out = { driver: mdev.parent.driver, group: mdev.group };
    // What writing the name to the driver's file gives.
    return name.length;
  });
  return { ret, out };
}

async function status(session: PciSession): Promise<Answer> {
  const argument = groupStatus.bytes({ argsz: groupStatus.size });
  const group = [...session.groups.values()].at(-1) ?? -1;
  const ret = await attempt(() => session.program.ioctl(group, GROUP_GET_STATUS, argument));
  return { ret, out: groupStatus.decode(argument) };
}

async function deviceStep(session: PciSession, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (!/^(DEVICE_RESET|DEVICE_GET_INFO$|REGION_INFO$|IRQ_INFO$)/.test(words)) return undefined;
  const device = await deviceOf(session, step);
  const ioctl = (command: number, argument: Uint8Array | null) =>
    attempt(() => session.program.ioctl(device, command, argument));
  if (/^DEVICE_RESET/.test(words)) {
    const info = deviceInfo.bytes({ argsz: deviceInfo.size });
    await ioctl(DEVICE_GET_INFO, info);
    const { flags: info_flags } = deviceInfo.decode(info);
    return { ret: await ioctl(DEVICE_RESET, null), ...(step.has('info_flags') && { args: { info_flags } }) };
  }
  if (words === 'DEVICE_GET_INFO') {
    const argument = deviceInfo.bytes({ argsz: deviceInfo.size });
    const ret = await ioctl(DEVICE_GET_INFO, argument);
    const { flags, num_regions: regions, num_irqs: irqs } = deviceInfo.decode(argument);
    return { ret, out: { flags, regions, irqs } };
  }
  if (words === 'REGION_INFO') {
    const argument = regionInfo.bytes({ argsz: REGION_INFO_BYTES, index: step.number('index') });
    return { ret: await ioctl(DEVICE_GET_REGION_INFO, argument), out: regionInfo.decode(argument) };
  }
  if (words === 'IRQ_INFO') {
    const argument = irqInfo.bytes({ argsz: irqInfo.size, index: step.number('index') });
    return { ret: await ioctl(DEVICE_GET_IRQ_INFO, argument), out: irqInfo.decode(argument) };
  }
  return undefined;
}

/** The device that the arguments or the words name, or the first. */
function deviceOf(session: PciSession, step: Step): Promise<number> {
  return session.device(step.text('bdf') ?? /through ([\da-f:.]+)/.exec(step.words)?.[1]);
}

async function hotResetInfo(session: PciSession, step: Step): Promise<Answer> {
  const { program } = session;
  const device = await deviceOf(session, step);
  const command = DEVICE_GET_PCI_HOT_RESET_INFO;
  if (isNull(step.words)) return { ret: await attempt(() => program.ioctl(device, command, null)) };
  const said = /argsz (\d+)/.exec(step.words)?.[1];
  const argsz = said === undefined ? HEADER_BYTES + DEVICE_BYTES * step.number('argsz_for_devices') : Number(said);
  const argument = new Uint8Array(ROOM);
  pciHotResetInfo.encode(argument, { argsz, ...UNTOUCHED });
  const ret = await attempt(() => program.ioctl(device, command, argument));
  const { flags, count } = pciHotResetInfo.decode(argument);
  const devices = Array.from({ length: ret === 0 ? count : 0 }, (_, at) =>
    affected(argument.subarray(HEADER_BYTES + DEVICE_BYTES * at)),
  );
  // The program notes the size that it has said, whatever came back.
  return { ret, out: { argsz, flags, count, devices } };
}

function affected(bytes: Uint8Array): { group: number; bdf: string } {
  const { group_id: group, segment, bus, devfn } = pciDependentDevice.decode(bytes);
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return { group, bdf: `${hex(segment, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}` };
}

/** The words name what is given in place of all groups, and fields that have another value than they should. */
async function hotReset(session: PciSession, step: Step): Promise<number> {
  const { words } = step;
  const { program } = session;
  const device = await deviceOf(session, step);
  if (isNull(words)) return attempt(() => program.ioctl(device, DEVICE_PCI_HOT_RESET, null));
  const files = filesOf(session, step, device);
  const number = (name: string) => Number(new RegExp(`\\b${name} (\\d+)$`).exec(words)?.[1] ?? Number.NaN);
  const argument = new Uint8Array(Math.max(ROOM, HEADER_BYTES + 4 * files.length));
  const argsz = /argsz too small$/.test(words) ? HEADER_BYTES : number('argsz');
  const [flags, count] = [number('flags'), number('count')];
  pciHotReset.encode(argument, {
    argsz: Number.isNaN(argsz) ? HEADER_BYTES + 4 * files.length : argsz,
    flags: Number.isNaN(flags) ? 0 : flags,
    count: Number.isNaN(count) ? files.length : count,
  });
  files.forEach((file, at) => {
    argument.set(int(file), HEADER_BYTES + 4 * at);
  });
  return attempt(() => program.ioctl(device, DEVICE_PCI_HOT_RESET, argument));
}

function filesOf(session: PciSession, step: Step, device: number): number[] {
  const { words } = step;
  const groups = [...session.groups.values()];
  const unrelated = session.unrelated ?? -1;
  const fd = /\bfd (-?\d+)$/.exec(words)?.[1];
  if (fd !== undefined) return [Number(fd)];
  if (/container fd/.test(words)) return [session.container ?? -1];
  if (/device fd/.test(words)) return [device];
  if (/given twice/.test(words)) return [groups[0], groups[0]];
  if (/same fd repeated/.test(words)) return Array<number>(step.number('count')).fill(groups[0]);
  if (/only the unrelated/.test(words)) return [unrelated];
  if (/unrelated/.test(words)) return [...groups, unrelated];
  if (/group missing/.test(words)) {
    return groups.filter((file) => file !== session.groups.get(step.number('missing')));
  }
  return groups;
}
