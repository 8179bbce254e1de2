/**
 * vgpu: mediated GPUs whose parents, types and limits come from a profile (docs/drivers/vgpu.md). Loaded by
 * `runtime.loadDriver(vgpuUrl, { options: { profile } })`; the profile is read once, on the supervising thread.
 */
import { MediatedError, type MdevParent, type ParentAttribute } from '@mediated/core';
import { type DeviceAttribute, defineDriver, type VfioDevice } from '@mediated/vfio';
import { withFaults } from '../faults/with-faults.js';
import { Allocation, budgetsOf } from './allocation.js';
import { type Profile, type ProfileAttribute, readProfile } from './profile.js';
import { Vgpu } from './vgpu.js';

/** Load options, besides `faults`. */
export interface VgpuOptions {
  /** A profile; the path or `file:` URL of one; or the name of a shipped one: `a100`, `t4`, `m10`, `i915-gvtg`. */
  readonly profile: Profile | string;
  /** Name on the bus in place of the profile's, to load profiles of one name side by side. */
  readonly name?: string;
}

function checkOptions(options: unknown): VgpuOptions {
  const fields = typeof options === 'object' && options !== null ? Object.keys(options) : [];
  const unknown = fields.find((field) => field !== 'profile' && field !== 'name');
  if (fields.includes('profile') && unknown === undefined) return options as VgpuOptions;
  const wrong = unknown === undefined ? 'the option profile is missing' : `there is no option ${unknown}`;
  throw new MediatedError('EINVAL', `${wrong}; vgpu has profile (required), name and faults`, {
    syscall: 'loadDriver',
  });
}

/** `{uuid}` and the like, replaced. */
function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name] : whole));
}

function deviceAttribute(path: string, attribute: ProfileAttribute): DeviceAttribute<Vgpu> {
  const show = ({ data, uuid, number, type }: VfioDevice<Vgpu>) => {
    const { sysfsName, prettyName = sysfsName, parent } = type;
    const values = { uuid, number: String(number), type: sysfsName, prettyName, parent };
    return data.show(path, attribute, (text) => fill(text, values));
  };
  if (attribute.writable !== true) return { path, show };
  return { path, show, store: ({ data }, text) => data.store(path, text) };
}

/** Runs on the parent's first thread only, which so keeps what was written. */
function parentAttribute(path: string, { value, writable }: ProfileAttribute): ParentAttribute {
  const texts = new WeakMap<MdevParent, string>();
  const show = (parent: MdevParent) => texts.get(parent) ?? `${fill(value, { parent: parent.name })}\n`;
  return writable === true ? { path, show, store: (parent, text) => void texts.set(parent, text) } : { path, show };
}

function descriptionOf({ types }: Profile, index: number): string {
  const text = [types[index].description ?? ''].flat().join('\n');
  return text === '' ? '' : `${text}\n`;
}

export default withFaults(
  defineDriver({
    name: 'vgpu',
    deviceApi: 'vfio-pci',
    types: [],
    configure(options, threads) {
      const { profile: given, name: nameWanted } = checkOptions(options);
      const profile = readProfile(given);
      const { name, typePrefix = name, subsystem = 'pci', deviceApi = 'vfio-pci', parents = [], types } = profile;
      return {
        name: nameWanted ?? name,
        deviceApi,
        types: types.map((type) => ({ sysfsName: type.name, prettyName: type.prettyName })),
        perParent: { budgets: budgetsOf(profile) },
        parents: parents.map((parent) => ({ ...parent, subsystem, typePrefix, threads })),
        options: profile,
      };
    },
    start({ options }) {
      const profile = options as Profile;
      const allocation = new Allocation(profile);
      const { types, resources = {}, attributes = {}, parentAttributes = {} } = profile;
      const resourceFile: ParentAttribute = {
        path: 'vgpu/resources',
        show: (parent) =>
          Object.entries(resources)
            .map(([name, units]) => `${name} ${allocation.free(parent, name)} of ${units}\n`)
            .join(''),
      };
      return {
        init(device) {
          const make = () => new Vgpu(device, profile);
          const taking = allocation.take(device.type);
          return taking === undefined ? make() : taking.then(make);
        },
        release: ({ type }) => allocation.give(type),
        closeDevice: ({ data }) => data.pci.close(),
        read: ({ data }, position, into) => data.pci.read(position, into),
        write: ({ data }, position, bytes) => data.pci.write(position, bytes),
        mmap: ({ data }, position, length, access) => data.pci.mmap(position, length, access),
        ioctl: ({ data }, command, argument, call) => data.pci.ioctl(command, argument, call),
        getAvailable: (type) => allocation.available(type),
        ...(types.some(({ description }) => description !== undefined)
          ? { showDescription: ({ index }: { index: number }) => descriptionOf(profile, index) }
          : {}),
        attributes: Object.entries(attributes).map(([path, attribute]) => deviceAttribute(path, attribute)),
        parentAttributes: [
          ...(Object.keys(resources).length > 0 ? [resourceFile] : []),
          ...Object.entries(parentAttributes).map(([path, attribute]) => parentAttribute(path, attribute)),
        ],
      };
    },
  }),
);
