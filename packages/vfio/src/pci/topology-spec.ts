/**
 * How a PCI topology is described: the devices of root buses, bridges with what is behind them, physical functions with
 * their virtual ones. Options of `vfio-pci`; structured-cloneable. What the tree means is in `topology.ts`.
 */
import type { HostDriver } from '../physical/description.js';
import type { FunctionSpec, ResetMethod } from './function-spec.js';

/** What every node of the tree has. */
interface NodeSpec {
  /** Place on its bus: device and function in hexadecimal, `1f.2`; `1f` is `1f.0`. */
  readonly at: string;
  /** Number of its IOMMU group; null: it has none. Default: chosen as hosts do (see `topology.ts`). */
  readonly group?: number | null;
  /** The host's driver that has it until it is bound to vfio-pci. */
  readonly host?: HostDriver;
  /** A reset of the bus or slot that it is on must not be tried: it would not survive. */
  readonly noBusReset?: boolean;
}

/** A function that may be bound. */
export interface EndpointSpec extends NodeSpec, FunctionSpec {
  /** How this function alone can be reset, in the order of trying. Default: what it is able to. */
  readonly reset?: readonly ResetMethod[];
  /** Module with its model, and what the model is made with. Default: its BARs are memory and nothing more. */
  readonly model?: string;
  readonly modelOptions?: unknown;
  /** Virtual functions that it can offer. */
  readonly sriov?: SriovSpec;
}

export interface SriovSpec {
  /** Most virtual functions. */
  readonly total: number;
  /** How many there are from the start; then the physical function cannot be bound. Default 0. */
  readonly enabled?: number;
  /** Functions between the physical and the first virtual one, and from one to the next. Default 1. */
  readonly offset?: number;
  readonly stride?: number;
  /** What the virtual functions have. Vendor and device are those of the physical one where they are left out. */
  readonly function?: Partial<FunctionSpec>;
  readonly reset?: readonly ResetMethod[];
  readonly model?: string;
  readonly modelOptions?: unknown;
}

/** A bridge. It is never bound itself. */
export interface BridgeSpec extends NodeSpec {
  /** A port of PCI Express, or a bridge to a conventional bus, whose devices cannot be told apart by an IOMMU. */
  readonly bridge: 'port' | 'conventional';
  /** Number of the bus behind it. */
  readonly bus: number;
  readonly vendor?: number;
  readonly device?: number;
  readonly devices?: readonly TopologyNodeSpec[];
  /** Devices behind it sit in slots that the host can reset: all of them, or those with these device numbers. */
  readonly slots?: true | readonly number[];
  /** The link does not come up again after a reset, to the host's knowledge: the reset happens and answers ENOTTY. */
  readonly linkLost?: boolean;
  /** A conventional bridge on a PCI Express bus: it can be reset itself. */
  readonly reset?: readonly ResetMethod[];
}

export type TopologyNodeSpec = EndpointSpec | BridgeSpec;

/** A host's PCI devices: the options of `vfio-pci`. */
export interface TopologySpec {
  /** Default 0. */
  readonly segment?: number;
  /** The root bus, whose number is 0. */
  readonly devices: readonly TopologyNodeSpec[];
  /** Devices without an IOMMU group may be used by those who may do anything (no-IOMMU mode). */
  readonly noIommu?: boolean;
  /** Programs may have no INTx. */
  readonly noIntx?: boolean;
}
