/**
 * The drivers `vfio-platform` and `vfio-amba`, over emulated devices of their kind (spec/vendors/platform-fsl A). Called
 * at import by the modules `vfio-platform.ts` and `vfio-amba.ts`.
 */
import { MediatedError } from '@mediated/core';
import { reportDriverError } from '../driver-report.js';
import type { DeviceOperations } from '../operations.js';
import { definePhysicalDriver } from '../physical/define-physical-driver.js';
import { readArgument } from '../uapi/argument.js';
import { DEVICE_FLAGS, DEVICE_GET_INFO, DEVICE_INFO_BYTES, DEVICE_RESET, deviceInfo } from '../uapi/device.js';
import { DEVICE_GET_IRQ_INFO, DEVICE_SET_IRQS } from '../uapi/irq.js';
import { DEVICE_GET_REGION_INFO } from '../uapi/region.js';
import { devicesOf, nameOf, type PlatformDeviceSpec, type PlatformKind, type PlatformOptions } from './device-spec.js';
import { loadModels } from './load-default.js';
import { answerRegionInfo } from './mmio-region.js';
import type { PlatformModelFactory } from './model.js';
import { PlatformDevice } from './platform-device.js';
import { findReset, type HeldReset, ResetRegistry } from './reset-registry.js';

const PLAIN: PlatformModelFactory = () => ({});

/** The callbacks for an open device. */
const operations: DeviceOperations<PlatformDevice> = {
  release: ({ data }) => data.release(),
  openDevice: ({ data }) => data.open(),
  closeDevice: ({ data }) => data.close(),
  read: ({ data }, position, into) => data.read(position, into),
  write: ({ data }, position, bytes) => data.write(position, bytes),
  mmap: ({ data }, offset, length, access) => data.map(offset, length, access),
  ioctl({ data }, command, argument, call) {
    switch (command) {
      case DEVICE_GET_INFO:
        return getInfo(data, argument);
      case DEVICE_GET_REGION_INFO:
        return answerRegionInfo(data.regions, argument);
      case DEVICE_GET_IRQ_INFO:
        return data.interrupts.info(argument);
      case DEVICE_SET_IRQS:
        return data.interrupts.set(argument, call);
      case DEVICE_RESET:
        return data.reset();
      default:
        throw new MediatedError('ENOTTY', `${data.name} has no command 0x${command.toString(16)}`, {
          syscall: 'ioctl',
        });
    }
  },
};

/** Makes the driver of a kind of devices. */
export function definePlatformDriver(kind: PlatformKind) {
  return definePhysicalDriver({
    name: `vfio-${kind}`,
    deviceApi: `vfio-${kind}`,
    bus: kind,
    describe: (options) => devicesOf(kind, options),
    noIommu: (options) => (options as PlatformOptions).noIommu === true,

    share() {
      const registry = ResetRegistry.create();
      return { own: registry.handle, release: () => registry.close() };
    },

    async start(host) {
      const { resetModules = {}, resets, resetRequired = true } = host.options as PlatformOptions;
      const registry = ResetRegistry.from(resets ?? host.own);
      const required = kind === 'platform' && resetRequired;
      const models = await loadModels<PlatformModelFactory>(host.devices);
      return {
        ...operations,
        async init(device, spec) {
          const reset = await resetOf(spec, registry, resetModules);
          try {
            assertReset(spec, required, reset);
            const model = models.get(spec.model ?? '') ?? PLAIN;
            const failed = (callback: string, error: unknown) => reportDriverError(device, callback, error);
            return new PlatformDevice({ device, spec, resetRequired: required, reset, model, failed });
          } catch (error) {
            reset?.release();
            throw error;
          }
        },
      };
    },
  });
}

/** The registered function, for a device that has no companion in the ACPI tables. EINVAL: it has no description at all. */
async function resetOf(
  spec: PlatformDeviceSpec,
  registry: ResetRegistry,
  modules: Readonly<Record<string, string>>,
): Promise<HeldReset | undefined> {
  if (spec.acpi !== undefined) return undefined;
  if (spec.compat) return await findReset(registry, modules, spec.compat);
  throw new MediatedError('EINVAL', `${nameOf(spec)} has neither an ACPI companion nor a compatible string`, {
    syscall: 'bind',
  });
}

function assertReset(spec: PlatformDeviceSpec, required: boolean, reset: HeldReset | undefined): void {
  if (!required || reset !== undefined || spec.acpi?.reset !== undefined) return;
  const wanted = spec.acpi === undefined ? `no reset function for ${spec.compat}` : `no _RST of ${spec.acpi.id}`;
  throw new MediatedError('ENOENT', `${nameOf(spec)}: there is ${wanted}, and one is required`, { syscall: 'bind' });
}

function getInfo(device: PlatformDevice, argument: Uint8Array): void {
  readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
  const kind = device.spec.kind === 'amba' ? DEVICE_FLAGS.amba : DEVICE_FLAGS.platform;
  deviceInfo.encode(argument, {
    flags: kind | (device.hasReset ? DEVICE_FLAGS.reset : 0),
    num_regions: device.regions.length,
    num_irqs: device.interrupts.lines.length,
  });
}
