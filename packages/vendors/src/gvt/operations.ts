/**
 * The callbacks of GVT-g on one of its threads. Called by `driver.ts` with an author's hooks, and with where a device's
 * pages are pinned. Creation, the check at first open and destruction run under the GPU's lock; everything else is one
 * vGPU's own and, where it does not wait, undisturbed.
 */
import { type DriverHost, MediatedError, type MdevParent } from '@mediated/core';
import type { DeviceOperations, IoctlCall, VfioDevice } from '@mediated/vfio';
import {
  DEVICE_FLAGS,
  DEVICE_GET_GFX_DMABUF,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_INFO_BYTES,
  DEVICE_QUERY_GFX_PLANE,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  PCI_IRQS,
  readArgument,
} from '@mediated/vfio/uapi';
import type { PageAccess } from './dma-cache.js';
import { CONFIGURATIONS, type Configuration, describe, type Hardware } from './hardware.js';
import type { GvtHooks } from './hooks.js';
import { getRegionInfo } from './region-info.js';
import { GpuResources } from './resources.js';
import { REGIONS, Vgpu } from './vgpu.js';

function getInfo(argument: Uint8Array): void {
  readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
  const flags = DEVICE_FLAGS.pci | DEVICE_FLAGS.reset;
  const values = { flags, num_regions: REGIONS.count, num_irqs: PCI_IRQS.count };
  deviceInfo.encode(argument.subarray(0, DEVICE_INFO_BYTES), values);
}

function ioctl(vgpu: Vgpu, command: number, argument: Uint8Array, call: IoctlCall) {
  switch (command) {
    case DEVICE_GET_INFO:
      return getInfo(argument);
    case DEVICE_GET_REGION_INFO:
      return getRegionInfo(vgpu, argument);
    case DEVICE_GET_IRQ_INFO:
      return vgpu.interrupts.getInfo(argument);
    case DEVICE_SET_IRQS:
      return vgpu.interrupts.set(argument, call);
    case DEVICE_RESET:
      return vgpu.reset();
    case DEVICE_QUERY_GFX_PLANE:
      return vgpu.planes.query(argument);
    case DEVICE_GET_GFX_DMABUF:
      return vgpu.planes.get(argument, call);
    default:
      throw new MediatedError('ENOTTY', `no command 0x${command.toString(16)}`, { syscall: 'ioctl' });
  }
}

export function gvtOperations(
  { bus, options }: DriverHost,
  hooks: GvtHooks,
  accessOf: (device: VfioDevice<unknown>) => PageAccess,
): DeviceOperations<Vgpu> {
  const hardware = options as Hardware;
  const gpus = new WeakMap<MdevParent, GpuResources>();
  const gpuOf = (parent: MdevParent): GpuResources => {
    let gpu = gpus.get(parent);
    if (gpu === undefined) gpus.set(parent, (gpu = new GpuResources(parent, bus.memory.devices, hardware)));
    return gpu;
  };
  return {
    async init(device: VfioDevice<undefined>) {
      const { index, parentDevice } = device.type;
      const gpu = gpuOf(parentDevice);
      using _ = await gpu.lock.acquire();
      const share = gpu.take(device.index, device.mdev.generation, index);
      try {
        return new Vgpu(gpu, hardware, hooks, share, index, accessOf(device));
      } catch (error) {
        gpu.giveBack(share.id);
        throw error;
      }
    },
    release: ({ data }) => data.destroy(),
    async openDevice({ data, kvm, type }) {
      using _ = await gpuOf(type.parentDevice).lock.acquire();
      data.open(kvm);
    },
    closeDevice: ({ data }) => data.close(),
    read: ({ data }, position, into) => data.read(position, into),
    write: ({ data }, position, bytes) => data.write(position, bytes),
    mmap: ({ data }, offset, length, access) => data.map(offset, length, access),
    ioctl: ({ data }, command, argument, call) => ioctl(data, command, argument, call),
    dmaUnmap: ({ data }, iova, size) => data.dma.invalidate(iova, size),
    getAvailable: ({ index, parentDevice }) => gpuOf(parentDevice).available(CONFIGURATIONS[index] as Configuration),
    showDescription: ({ index }) => describe(CONFIGURATIONS[index] as Configuration),
    attributes: [{ path: 'intel_vgpu/vgpu_id', show: ({ data }) => `${data.id}\n` }],
  };
}
