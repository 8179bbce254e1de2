/**
 * The directories of a type: `<parent>/mdev_supported_types/<type>` and its `devices` (spec/mdev-core sections 6, 7.1).
 */
import { MediatedError } from '../errors.js';
import type { Attribute } from './attribute.js';
import { AttributeDirectory } from './attribute-directory.js';
import type { Bus } from './bus.js';
import type { Parent, ParentType } from './parent.js';
import { writtenText } from './written-text.js';

const UUID_TEXT = 36;

export function typePath(parent: Parent, type: ParentType): string {
  return `${parent.path}/mdev_supported_types/${type.id}`;
}

/** The directory of a type. */
export function typeDirectory(parent: Parent, type: ParentType): AttributeDirectory {
  const alive = () => parent.registered;
  const readable = (path: string, show: () => string | Promise<string>): Attribute => ({
    path,
    mode: 0o444,
    alive,
    show,
  });
  return new AttributeDirectory({
    path: typePath(parent, type),
    exists: alive,
    attributes() {
      const attributes: Attribute[] = [
        { path: 'create', mode: 0o200, alive, store: (bytes) => storeCreate(parent, type, bytes) },
        readable('device_api', () => `${parent.deviceApi}\n`),
        readable('name', () => `${type.name}\n`),
        readable('available_instances', async () => `${await parent.availableInstances(type.id)}\n`),
      ];
      if (parent.describes) attributes.push(readable('description', () => parent.description(type.id)));
      return attributes;
    },
    links: () => [],
  });
}

/** The directory of links to a type's devices. */
export function typeDevicesDirectory(bus: Bus, parent: Parent, type: ParentType): AttributeDirectory {
  return new AttributeDirectory({
    path: `${typePath(parent, type)}/devices`,
    exists: () => parent.registered,
    attributes: () => [],
    links: () =>
      bus
        .mdevs()
        .filter((mdev) => mdev.parent.index === parent.index && mdev.presence.links && mdev.type === type.id)
        .map((mdev) => [mdev.uuid, `${parent.path}/${mdev.uuid}`]),
  });
}

/**
 * 36 bytes that are a UUID, or 37 of which the last may be anything (quirk Q5). What can be refused without asking the
 * parent's thread is refused at once.
 */
function storeCreate(parent: Parent, type: ParentType, bytes: Buffer): Promise<void> {
  if (bytes.length < UUID_TEXT || bytes.length > UUID_TEXT + 1) {
    const text = `a write of ${bytes.length} bytes to create; 36, or 37 with a newline, are a UUID`;
    throw new MediatedError('EINVAL', text, { syscall: 'create' });
  }
  const uuid = writtenText(bytes.subarray(0, UUID_TEXT));
  parent.refuseTaken(uuid);
  return parent.create(type.id, uuid).then(() => {});
}
