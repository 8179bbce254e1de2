/**
 * Replays recordings of hot resets (08-hotreset-*) on the topology that was recorded beside them (08-pci-topology), and
 * that: which IOMMU groups come out.
 */
import { Runtime } from '@mediated/core';
import { Topology, vfioPciUrl } from '@mediated/vfio/pci';
import type { Fields, Recording } from '../recording.js';
import { text, texts } from '../recording.js';
import type { Tally } from '../tally.js';
import { hotResetStep } from './hot-reset-steps.js';
import { PciSession, type Resets } from './pci-session.js';
import { recordedTopology, virtualFunctions } from './recorded-topology.js';
import { replaySteps } from './replay-steps.js';
import type { Step } from './step.js';

/** Kernel functions that reset one function, and a bus or slot. */
const RESETS_FUNCTION = ['pci_pm_reset', 'pcie_flr', 'pci_af_flr'];
const RESETS_BUS = ['__pci_reset_bus', '__pci_reset_slot'];

const INPUT = 'what the topology for the replay is made of';
const NO_TOPOLOGY = 'there is no recording of the PCI topology';
const NAMES = 'names of kernel functions; compared is how many functions and how many buses or slots were reset';
/** Where devices of the root bus are found. */
const ROOT = { name: 'pci0000:00', path: '/devices/pci0000:00' };

export async function replayHotReset(recording: Recording, tally: Tally, topology?: Recording): Promise<void> {
  if (topology === undefined) {
    for (const [at, fields] of recording.lines.entries()) {
      tally.skip(
        NO_TOPOLOGY,
        { recording: recording.name, line: at + 1, words: text(fields, 'case') ?? '' },
        fields.ret,
      );
    }
    return;
  }
  const runtime = Runtime.start();
  const options = recordedTopology(topology.lines, lostLinks(recording.lines));
  await runtime.loadDriver(vfioPciUrl, { threads: 2, parents: [{ ...ROOT, threads: 2 }], options });
  const session = new PciSession(runtime, runtime.bus.parent(ROOT.name), virtualFunctions(topology.lines));
  try {
    await replaySteps({ ...recording, lines: recording.lines.map(withResets) }, tally, () => session, [counted]);
  } finally {
    await session.end();
    await runtime.close();
  }
}

/** A step, and how much was reset meanwhile. */
async function counted(session: PciSession, step: Step) {
  const before = await session.resets();
  const answer = await hotResetStep(session, step);
  if (answer === undefined) return undefined;
  const after = await session.resets();
  const resets: Resets = { functions: after.functions - before.functions, buses: after.buses - before.buses };
  return { ...answer, out: { ...answer.out, resets }, left: { kernel_reset_calls: NAMES } };
}

/** Adds to what came of a step how much was reset: by the kernel's functions that were called. */
function withResets(fields: Fields): Fields {
  const calls = texts(fields, 'kernel_reset_calls') ?? [];
  const count = (names: readonly string[]) => calls.filter((name) => names.includes(name)).length;
  const resets: Resets = { functions: count(RESETS_FUNCTION), buses: count(RESETS_BUS) };
  const named = calls.length === 0 ? {} : { kernel_reset_calls: calls };
  return { ...fields, out: { ...(fields.out as Fields | undefined), resets, ...named } };
}

/** Ports of which the kernel said that their link did not come up again. */
function lostLinks(lines: readonly Fields[]): Set<string> {
  const said = lines.flatMap((line) => texts(line, 'dmesg') ?? []);
  const ports = said.map((message) => /pcieport ([\da-f:.]+): Data Link Layer Link Active not set/.exec(message)?.[1]);
  return new Set(ports.filter((port) => port !== undefined));
}

/** Each function has the IOMMU group that it had. */
export async function replayTopology({ name, label, lines }: Recording, tally: Tally): Promise<void> {
  const topology = new Topology(recordedTopology(lines));
  for (const [at, fields] of lines.entries()) {
    const bdf = text(fields, 'bdf') ?? '';
    const here = topology.nodes.find((node) => node.name === bdf)?.group;
    const differences = String(here) === fields.group ? [] : [`group: kernel ${fields.group}, here ${here}`];
    const place = { recording: name, line: at + 1, words: 'PCI function' };
    for (const field of ['vendor', 'device', 'class', 'reset_method', 'parent']) {
      if (fields[field] !== undefined) tally.leave(INPUT, place, field);
    }
    tally.step(`${label}:${at + 1} ${bdf}`, differences);
  }
}
