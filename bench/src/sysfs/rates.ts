/**
 * Reads and writes of attributes a second through the mounted tree, against attributes of the machine's own sysfs. Each
 * operation opens, reads or writes, and closes, in a client process; what the client itself costs is in both.
 */
import { existsSync } from 'node:fs';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import { type Part, type PartResult, unmeasured } from '../harness/part.js';
import { type Client, together, withClients } from './client.js';
import type { Turn } from './client.worker.js';
import { type Mounted, uuidOf, withTree } from './mounted.js';

const MILLISECONDS = 300;
/** Devices that are created, then removed, in one reading of accepted writes. */
const BATCH = 256;

/** An attribute of every Linux that everybody may read, and one that refuses a name which no device has. */
const KERNEL_READ = '/sys/kernel/uevent_seqnum';
const KERNEL_WRITE = '/sys/bus/platform/drivers_probe';

async function rates(mounted: Mounted, clients: readonly Client[], rounds: number): Promise<PartResult> {
  const { runtime, parent, type } = mounted;
  const taken = uuidOf(0);
  await runtime.bus.parent('parent').create('open-1', taken);
  const [one] = clients;
  const timed = { milliseconds: MILLISECONDS };
  const read = (path: string): Turn => ({ kind: 'read', path, ...timed });
  const refused = (path: string, text: string, code: string): Turn => ({ kind: 'refused', path, text, code, ...timed });
  const kernelRead = read(KERNEL_READ);
  const kernelWrite = refused(KERNEL_WRITE, 'no such device', 'ENODEV');
  const treeRead = read(`${type}/name`);
  const treeWrite = refused(`${type}/create`, taken, 'EEXIST');
  const uuids = Array.from({ length: BATCH }, (_, number) => uuidOf(number + 1));
  const accepted = async (): Promise<number> => {
    const created = await one.take({ kind: 'accepted', writes: uuids.map((uuid) => [`${type}/create`, uuid]) });
    const removes = uuids.map((uuid) => [`${parent}/${uuid}/remove`, '1'] as const);
    await one.take({ kind: 'accepted', writes: removes });
    return (created.operations * 1000) / created.milliseconds;
  };
  const contenders = [
    { name: 'reads, kernel', measure: () => together([one], kernelRead) },
    { name: 'reads, tree', measure: () => together([one], treeRead) },
    { name: 'refused writes, kernel', measure: () => together([one], kernelWrite) },
    { name: 'refused writes (a UUID that is taken), tree', measure: () => together([one], treeWrite) },
    { name: 'accepted writes (creates), tree', measure: accepted },
    { name: 'reads that ask the driver, tree', measure: () => together([one], read(`${type}/available_instances`)) },
    { name: 'reads of two clients, kernel', measure: () => together(clients, kernelRead) },
    { name: 'reads of two clients, tree', measure: () => together(clients, treeRead) },
    { name: 'refused writes of two clients, kernel', measure: () => together(clients, kernelWrite) },
    { name: 'refused writes of two clients, tree', measure: () => together(clients, treeWrite) },
  ];
  const readings = await alternate(contenders, rounds);
  const [kernelReads, reads, kernelWrites, writes, creates, , kernelReads2, reads2, kernelWrites2, writes2] = readings;
  return {
    figures: {
      read_vs_kernel: ratios(reads, kernelReads),
      write_vs_kernel: ratios(writes, kernelWrites),
      create_vs_kernel: ratios(creates, kernelWrites),
      'read_vs_kernel.two_clients': ratios(reads2, kernelReads2),
      'write_vs_kernel.two_clients': ratios(writes2, kernelWrites2),
    },
    readings: readings.map((values, index) => ({ name: contenders[index].name, unit: '/s', values })),
    notes: [],
  };
}

export const part: Part = ({ rounds }) =>
  withTree((mounted) => {
    if (!existsSync(KERNEL_READ) || !existsSync(KERNEL_WRITE))
      return Promise.resolve(unmeasured('this machine shows no sysfs to compare with'));
    return withClients(2, (clients) => rates(mounted, clients, rounds));
  });
