/**
 * The drivers `vfio-platform` and `vfio-amba`, over emulated devices of their kind (spec/vendors/platform-fsl A). Called
 * at import by the modules `vfio-platform.ts` and `vfio-amba.ts`.
 */
import { MediatedError } from '@mediated/core';
import { reportDriverError } from '../driver-report.js';
import { definePhysicalDriver } from '../physical/define-physical-driver.js';
import { devicesOf, nameOf, type PlatformDeviceSpec, type PlatformKind, type PlatformOptions } from './device-spec.js';
import { loadModels } from './load-default.js';
import { mmioOperations } from './mmio-operations.js';
import type { PlatformModelFactory } from './model.js';
import { PlatformDevice } from './platform-device.js';
import { findReset, type HeldReset, ResetRegistry } from './reset-registry.js';

const PLAIN: PlatformModelFactory = () => ({});

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
        ...mmioOperations<PlatformDevice>(),
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
