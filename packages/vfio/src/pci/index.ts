/** Entry `@mediated/vfio/pci`: PCI functions as models, topologies of them under `vfio-pci`, and mediated PCI devices. */
export type { BarSpec, FunctionSpec, ResetMethod } from './function-spec.js';
export { definePciModel, type PciFunction, type PciModel, type PciModelFactory, type ResetKind } from './model.js';
export type { BusResetNotice } from './pci-bus.js';
export { type MadeFunction, pciOperations, type PciOperations } from './pci-operations.js';
export { mapRegion, RegionMapping } from './region-mapping.js';
export { type ResetScope, Topology } from './topology.js';
export type { PciNode } from './topology-nodes.js';
export type { BridgeSpec, EndpointSpec, SriovSpec, TopologyNodeSpec, TopologySpec } from './topology-spec.js';

/** The driver `vfio-pci`, for `loadDriver`; its options are a {@link TopologySpec}. */
export const vfioPciUrl = new URL('./vfio-pci.js', import.meta.url);
