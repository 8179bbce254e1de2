/**
 * The driver `vfio-fsl-mc`, over the objects of an {@link McBus} (spec/vendors/platform-fsl B). Called at import by the
 * module `vfio-fsl-mc.ts`, and by tests that bring a clock of their own.
 */
import { MediatedError } from '@mediated/core';
import { type Clock, systemClock } from '../clock.js';
import { reportDriverError } from '../driver-report.js';
import { definePhysicalDriver } from '../physical/define-physical-driver.js';
import { loadModels } from '../platform/load-default.js';
import { mmioOperations } from '../platform/mmio-operations.js';
import { IrqPool } from './irq-pool.js';
import { McDevice } from './mc-device.js';
import { type McBusHandle, McRecords, OVERRIDES, PORTALS } from './mc-records.js';
import { type McNode, nodesOf } from './mc-spec.js';
import type { McModelFactory } from './model.js';

const PLAIN: McModelFactory = () => ({});

/** Makes the driver. `clock`: how time passes for programs that wait for the MC, and between requests to let go. */
export function defineFslMcDriver(clock: Clock = systemClock) {
  return definePhysicalDriver({
    name: 'vfio-fsl-mc',
    deviceApi: 'vfio-fsl-mc',
    bus: 'fsl-mc',
    describe(options) {
      const { spec, words } = (options ?? {}) as Partial<McBusHandle>;
      if (spec !== undefined && words !== undefined) return nodesOf(spec);
      throw new MediatedError('EINVAL', 'the options are the handle of an McBus', { syscall: 'loadDriver' });
    },
    noIommu: (options) => (options as McBusHandle).spec.noIommu === true,

    share(_memory, nodes, options) {
      const records = McRecords.from(options as McBusHandle);
      return {
        own: undefined,
        reclaim(place) {
          const node = nodes[place] as McNode;
          new IrqPool(records, node).release();
          records.unbound(node);
        },
      };
    },

    async start(host) {
      const records = McRecords.from(host.options as McBusHandle);
      const models = await loadModels<McModelFactory>(host.devices);
      return {
        clock,
        ...mmioOperations<McDevice>(),
        init(device, node) {
          assertMatches(records, node);
          if (node.isContainer) setUp(records, node);
          const model = models.get(node.model ?? '') ?? PLAIN;
          const failed = (callback: string, error: unknown) => reportDriverError(device, callback, error);
          try {
            const made = new McDevice({ device, node, records, model, clock, failed });
            records.setBound(node, true);
            return made;
          } catch (error) {
            records.unbound(node);
            throw error;
          }
        },
        release({ data }) {
          data.release();
          records.unbound(data.node);
        },
        deviceSet: ({ data }) => `fsl-mc/${records.nodes[data.node.containerPlace]?.name}`,
      };
    },
  });
}

/** The driver has no list of devices: it gets those whose override names it. */
function assertMatches(records: McRecords, node: McNode): void {
  if (records.isPresent(node) && records.override(node) === OVERRIDES.vfio) return;
  throw new MediatedError('ENODEV', `${node.name} is not there or not for vfio-fsl-mc; bind it with McBus.bind`, {
    syscall: 'bind',
  });
}

/** Vfio hears of new objects in a container from before it is set up, so that none is missed. */
function setUp(records: McRecords, node: McNode): void {
  records.setNotifier(node, true);
  const { faults } = node.containerSpec;
  if (faults?.setup !== undefined) {
    records.setNotifier(node, false);
    throw new MediatedError(faults.setup, `${node.name} cannot be set up`, { syscall: 'bind' });
  }
  records.setPortal(node, PORTALS.vfio);
}
