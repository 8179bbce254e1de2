/**
 * The driver `vfio-pci` over an emulated topology (`topology-spec.ts`, its options): load it with as many threads as its
 * functions are to be spread over, then bind functions by their names. `vfioPciUrl` is this module.
 */
import { MediatedError } from '@mediated/core';
import { checkFeature } from '../features/check-feature.js';
import type { DevicePeers } from '../device-peers.js';
import { definePhysicalDriver } from '../physical/define-physical-driver.js';
import type { DeviceAttribute } from '../operations.js';
import { FEATURE_FLAGS, FEATURES, PCI_VF_TOKEN_BYTES } from '../uapi/feature.js';
import { DEVICE_GET_PCI_HOT_RESET_INFO, DEVICE_PCI_HOT_RESET } from '../uapi/pci.js';
import { recordAt } from './guard-words.js';
import { hotReset, hotResetInfo } from './hot-reset.js';
import type { PciModelFactory } from './model.js';
import { NodeRecords, type NodeRecordsHandle } from './node-records.js';
import { PciBus, STEP } from './pci-bus.js';
import type { PciDevice } from './pci-device.js';
import { guardsOf, makeDevice, operationsOf } from './pci-operations.js';
import { Topology } from './topology.js';
import type { PciNode } from './topology-nodes.js';
import { TopologyDomain } from './topology-domain.js';
import type { TopologySpec } from './topology-spec.js';
import { matchName, setToken } from './vf-token.js';

export default definePhysicalDriver({
  name: 'vfio-pci',
  deviceApi: 'vfio-pci',
  bus: 'pci',
  describe: (options): readonly PciNode[] => new Topology(options as TopologySpec).nodes,
  noIommu: (options) => (options as TopologySpec).noIommu === true,

  share(_memory, nodes) {
    const { records, forget } = NodeRecords.create(nodes);
    return {
      own: records.words as NodeRecordsHandle,
      reclaim: (place) => records.reclaim(nodes[place]),
      release: forget,
    };
  },

  async start(host) {
    const topology = new Topology(host.options as TopologySpec);
    const records = new NodeRecords(host.own);
    const guards = guardsOf(host);
    const { memory } = host.bus;
    const { physical } = host;
    let peers: DevicePeers | undefined;
    const connected = (): DevicePeers => {
      if (peers !== undefined) return peers;
      throw new MediatedError('EIO', 'the actor of this thread has not started');
    };
    const bus = new PciBus({ topology, records, physical, guards, memory, peers: connected });
    const models = await loadModels(topology);
    /** This thread's functions, by slot; and whose bus is being reset, by the thread that does it. */
    const devices = new Map<number, { readonly pci: PciDevice; readonly node: PciNode }>();
    const resetting = new Map<number, Set<PciDevice>>();
    const nodeOf = ({ index }: { readonly index: number }): PciNode => {
      const found = devices.get(index);
      if (found === undefined) throw new MediatedError('ENODEV', 'the function is gone');
      return found.node;
    };
    const operations = operationsOf(guards, (device, command, argument, call) => {
      if (command === DEVICE_GET_PCI_HOT_RESET_INFO) {
        return { result: hotResetInfo(bus, nodeOf(device), device, argument, call) };
      }
      if (command === DEVICE_PCI_HOT_RESET) return { result: hotReset(bus, nodeOf(device), device, argument, call) };
      return undefined;
    });

    return {
      ...operations,
      attributes: attributesOf(bus, nodeOf),

      init(device, node) {
        assertBindable(bus, node);
        const domain = new TopologyDomain(bus, node, () => device.set);
        const made = {
          name: node.name,
          spec: node.spec,
          modelOptions: node.modelOptions,
          domain,
          noIntx: topology.noIntx,
        };
        const model = models.get(node.model ?? '');
        const pci = makeDevice(guards, device, model === undefined ? made : { ...made, model });
        devices.set(device.index, { pci, node });
        const { generation } = device.mdev;
        records.publish(node.place, recordAt(pci.guard.at), { ...connected().own, generation });
        return pci;
      },
      release(device) {
        const node = nodeOf(device);
        records.withdraw(node.place);
        if (node.sriov !== undefined) records.setVirtualFunctions(node.place, 0);
        devices.delete(device.index);
        return operations.release(device);
      },
      deviceSet: (device) => topology.setKey(nodeOf(device)),
      match: (device, name) => matchName(bus, nodeOf(device), name),
      feature(device, feature, flags, data, call) {
        const node = nodeOf(device);
        if (feature !== FEATURES.pciVfToken || node.sriov === undefined) {
          return operations.feature(device, feature, flags, data, call);
        }
        if (checkFeature(flags, data.length, FEATURE_FLAGS.set, PCI_VF_TOKEN_BYTES)) setToken(bus, node, data);
        return undefined;
      },

      connect(own) {
        peers = own;
      },
      step({ data }, step, sender) {
        const own = resetting.get(sender) ?? new Set();
        resetting.set(sender, own);
        switch (step) {
          case STEP.save:
            own.add(data);
            data.saveForBus();
            return 0;
          case STEP.reset:
            data.resetWithBus();
            return 0;
          default:
            own.delete(data);
            data.restoreAfterBus();
            return 0;
        }
      },
      threadEnded(thread) {
        // Whoever was resetting their bus cannot finish it.
        for (const pci of resetting.get(thread) ?? []) pci.restoreAfterBus();
        resetting.delete(thread);
      },
    };
  },
});

async function loadModels({ nodes }: Topology): Promise<ReadonlyMap<string, PciModelFactory>> {
  const models = new Map<string, PciModelFactory>();
  for (const { model, name } of nodes) {
    if (model === undefined || models.has(model)) continue;
    let factory: unknown;
    try {
      factory = ((await import(model)) as { default?: unknown }).default;
    } catch (cause) {
      throw new MediatedError('EINVAL', `the model of ${name}, ${model}, does not load`, { cause });
    }
    if (typeof factory !== 'function') throw new MediatedError('EINVAL', `${model} exports no model as its default`);
    models.set(model, factory as PciModelFactory);
  }
  return models;
}

/** EINVAL: a bridge. ENODEV: a virtual function that is not there. EBUSY: a physical one whose virtual ones are. */
function assertBindable(bus: PciBus, node: PciNode): void {
  const refuse = (code: 'EINVAL' | 'ENODEV' | 'EBUSY', reason: string) => {
    throw new MediatedError(code, `${node.name} ${reason}`, { syscall: 'bind' });
  };
  if (node.bridge !== undefined) refuse('EINVAL', 'is a bridge');
  if (!bus.exists(node)) refuse('ENODEV', 'is a virtual function that is not switched on');
  if (node.sriov !== undefined && bus.records.virtualFunctions(node.place) > 0)
    refuse('EBUSY', 'has virtual functions');
}

/** Files of each bound function. */
function attributesOf(
  bus: PciBus,
  nodeOf: (device: { readonly index: number }) => PciNode,
): readonly DeviceAttribute<PciDevice>[] {
  return [
    {
      path: 'sriov_numvfs',
      show: (device) => `${bus.records.virtualFunctions(nodeOf(device).place)}\n`,
      store(device, text) {
        const { name, place, sriov } = nodeOf(device);
        const count = Number(text);
        if (sriov === undefined) throw new MediatedError('ENOENT', `${name} has no virtual functions`);
        if (!Number.isInteger(count) || count < 0) throw new MediatedError('EINVAL', `${text} is no number`);
        if (count > sriov.total) throw new MediatedError('ERANGE', `${name} has ${sriov.total} virtual functions`);
        // They are switched off before another number is switched on.
        const now = bus.records.virtualFunctions(place);
        if (count !== 0 && now !== 0 && count !== now) throw new MediatedError('EBUSY', `${name} has ${now} already`);
        bus.records.setVirtualFunctions(place, count);
      },
    },
    {
      path: 'pci/resets',
      show(device) {
        const { function: alone, bus: together } = bus.records.resetsOf(nodeOf(device).place);
        return `function ${alone}\nbus ${together}\n`;
      },
    },
    { path: 'pci/needs_reset', show: (device) => `${Number(bus.records.needsReset(nodeOf(device).place))}\n` },
    { path: 'pci/zaps', show: ({ data }) => `${data.guard.zaps}\n` },
  ];
}
