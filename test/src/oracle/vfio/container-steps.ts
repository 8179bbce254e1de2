/** Steps on containers: extensions, kinds of IOMMU, what is mapped. Fresh ones, those of a group, and those left behind. */
import {
  CHECK_EXTENSION,
  dmaMap,
  dmaUnmap,
  EXTENSIONS,
  GET_API_VERSION,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  iommuInfo,
} from '@mediated/vfio/uapi';
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import type { Container } from './subject.js';
import { type Answer, hex, type Step } from './step.js';
import { plainIoctl } from './plain-ioctl.js';

/** What a program maps is all one piece of its memory. */
const MEMORY_BYTES = 2 ** 21;
const PAGE = 4096;

const memories = new WeakMap<Session, bigint>();

export async function containerStep(session: Session, step: Step): Promise<Answer | undefined> {
  const command = /^(?:container[^:]*: )?(.*)$/.exec(step.words)?.[1] ?? '';
  if (!/^container\b|^(IOMMU_|SET_IOMMU)/.test(step.words)) return undefined;
  const container = await containerAtHand(session, step);
  // Commands of the IOMMU are for one that has it, unless the words say which container is meant.
  if (/^IOMMU_/.test(step.words) && !container.hasIommu) await session.setIommu(container, EXTENSIONS.type1v2);
  const descriptor = container.descriptor as number;
  const { program } = session;
  const ioctl = (number: number, argument?: Uint8Array | number | null) =>
    attempt(() => program.ioctl(descriptor, number, argument));
  if (/^GET_API_VERSION/.test(command)) return { ret: await ioctl(GET_API_VERSION) };
  if (/^CHECK_EXTENSION/.test(command)) return { ret: await ioctl(CHECK_EXTENSION, step.number('ext')) };
  if (/^SET_IOMMU/.test(command)) {
    const type = step.has('type') ? step.number('type') : kindOf(command);
    return { ret: await attempt(() => session.setIommu(container, type)) };
  }
  if (/^IOMMU_GET_INFO/.test(command)) return info(step, command, (argument) => ioctl(IOMMU_GET_INFO, argument));
  if (/^IOMMU_MAP_DMA/.test(command)) {
    return { ret: await ioctl(IOMMU_MAP_DMA, mapping(session, step)) };
  }
  if (/^IOMMU_UNMAP_DMA/.test(command)) {
    const argument = dmaUnmap.bytes({
      argsz: sizeSaid(step, dmaUnmap.size),
      flags: step.number('flags'),
      iova: step.big('iova'),
      size: step.big('size'),
    });
    const ret = await ioctl(IOMMU_UNMAP_DMA, argument);
    return { ret, out: { unmapped: dmaUnmap.decode(argument).size } };
  }
  return plainIoctl(program, descriptor, command);
}

/** The container that the words mean: without a group, the program's first or the one that the group has or had. */
async function containerAtHand(session: Session, step: Step): Promise<Container> {
  if (step.type === undefined) return session.container('first');
  const subject = await session.subject(step.type);
  const known = session.containerOf(subject);
  if (known?.descriptor !== undefined) return known;
  const container = await session.container('first');
  // The container of the group may have been closed: then no other can be set.
  if (known === undefined) await session.setContainer(subject, container);
  return container;
}

/** The number of a kind of IOMMU by its name in the header, without what all have in common. */
function kindOf(command: string): number {
  const name = /TYPE1\w*/.exec(command)?.[0].replace('_', '').toLowerCase() ?? '';
  const kind = Object.entries(EXTENSIONS).find(([key]) => key.toLowerCase() === name);
  return kind?.[1] ?? EXTENSIONS.type1v2;
}

async function info(step: Step, command: string, ioctl: (argument: Uint8Array) => Promise<number>): Promise<Answer> {
  const argsz = Number(/argsz (\d+)/.exec(command)?.[1] ?? iommuInfo.size);
  const argument = iommuInfo.bytes({ argsz }, Math.max(argsz, PAGE));
  const ret = await ioctl(argument);
  return { ret, out: { bytes: hex(argument.subarray(0, step.dumped('bytes'))) } };
}

function mapping(session: Session, step: Step): Uint8Array {
  let memory = memories.get(session);
  if (memory === undefined) {
    memory = session.program.place(new SharedArrayBuffer(MEMORY_BYTES));
    memories.set(session, memory);
  }
  return dmaMap.bytes({
    argsz: sizeSaid(step, dmaMap.size),
    flags: step.number('flags'),
    vaddr: /unaligned vaddr/.test(step.note) ? memory + 1n : memory,
    iova: step.big('iova'),
    size: step.big('size'),
  });
}

function sizeSaid({ note }: Step, size: number): number {
  return /argsz small/.test(note) ? size - 1 : size;
}
