/**
 * Uses of containers and iommufd contexts by open devices (spec/vfio-core 6.1, 8.5): one from the first open of a device
 * through its group, or from its bind, to its last close. A use is made before the device's thread is asked to open, so
 * that nothing is taken away meanwhile, and ended again if the device has one already. Private to the control thread.
 */
import type { SpaceGrant } from './control-protocol.js';
import type { DeviceLink } from './device-link.js';
import type { Group } from './group.js';
import type { IommuDriver } from './iommu-driver.js';
import type { IoasObject, IommufdContext } from './iommufd-context.js';

export interface DeviceUse {
  readonly link: DeviceLink;
  /** Called once: last close, or the end of the device's thread. */
  end(): void;
}

/** A device of a group uses the group's container: the file of the group stays open for it. */
export class ContainerUse implements DeviceUse {
  readonly link: DeviceLink;
  readonly space: SpaceGrant | undefined;
  readonly #group: Group;
  readonly #driver: IommuDriver;

  constructor(link: DeviceLink, group: Group, driver: IommuDriver) {
    this.link = link;
    this.#group = group;
    this.#driver = driver;
    this.space = driver.beginUse(link, group);
    group.containerUsers++;
  }

  end(): void {
    this.#driver.endUse(this.link);
    this.#group.containerUsers--;
    this.#group.settle();
  }
}

/** A device is bound to an iommufd context. */
export class ContextUse implements DeviceUse {
  readonly link: DeviceLink;
  readonly context: IommufdContext;
  readonly #group: Group;
  readonly #ended: () => void;
  /** The last one is in use; one before it is being left. */
  readonly #attached: IoasObject[] = [];

  /** Throws EPERM when the DMA of the device's group is another's. `ended`: what else ends with the use. */
  constructor(link: DeviceLink, group: Group, context: IommufdContext, ended: () => void = () => {}) {
    group.claimDma(context);
    this.link = link;
    this.context = context.hold();
    this.#group = group;
    this.#ended = ended;
  }

  /** Attaches; the former ioas is to be left with `detach`. Undefined: it is this one. EFAULT, ENOMEM. */
  attach(ioas: IoasObject): SpaceGrant | undefined {
    if (this.#attached.at(-1) === ioas) return undefined;
    const space = ioas.attach(this.link, this.#group);
    this.#attached.push(ioas);
    return space;
  }

  /** Leaves the ioas that was attached first. */
  detach(): void {
    this.#attached.shift()?.detach(this.link, this.#group);
  }

  end(): void {
    while (this.#attached.length > 0) this.detach();
    this.#group.releaseDma();
    this.context.release();
    this.#ended();
  }
}
