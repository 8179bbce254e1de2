/**
 * What an author of register emulation adds to the vGPUs of this driver. All are optional: a vGPU without hooks has its
 * whole life, its resources and regions, and registers that are memory. Called on the device's thread.
 */
import type { FindPlane } from './planes.js';
import type { RegisterHooks } from './registers.js';
import type { Vgpu } from './vgpu.js';

export interface GvtHooks {
  /** What firmware has left in the registers, from offset 0 on. */
  readonly registers?: Uint8Array;
  /** Hooks of the registers of one vGPU. */
  registerHooks?(vgpu: Vgpu): RegisterHooks;
  /** The last step of creation, under the GPU's lock. When it throws, the vGPU is not made. */
  created?(vgpu: Vgpu): void;
  /** The vGPU is gone. */
  destroyed?(vgpu: Vgpu): void;
  /** The scheduler may run it. */
  activated?(vgpu: Vgpu): void;
  /** It is no longer to be run: returns when its work has ended. */
  idle?(vgpu: Vgpu): void | Promise<void>;
  /** Work that has not begun is to be forgotten. */
  discardWork?(vgpu: Vgpu): void;
  /** The guest's page tables are to be forgotten. */
  dropPageTables?(vgpu: Vgpu): void;
  /** What is shown on a plane. */
  plane?(vgpu: Vgpu, ...plane: Parameters<FindPlane>): ReturnType<FindPlane>;
  /** The monitor was plugged in or pulled out. */
  hotplug?(vgpu: Vgpu, connected: boolean): void;
  /** The guest asks for a service of the OpRegion. */
  softwareSci?(vgpu: Vgpu, value: number): void;
  /** Accesses to BAR0 by the guest are emulated from now on, or no longer. */
  trap?(vgpu: Vgpu, trapped: boolean): void;
}
