/** What clients have open at the control actor, besides virtual machines (`kvm.ts`). Private to the control thread. */
import type { Container } from './container.js';
import { ControlFile } from './control-files.js';
import type { Group } from './group.js';
import type { IommufdContext } from './iommufd-context.js';

/** A group's file. */
export class GroupFile extends ControlFile {
  readonly group: Group;
  readonly privileged: boolean;

  constructor(number: number, owner: number, group: Group, privileged: boolean) {
    super(number, owner);
    this.group = group;
    this.privileged = privileged;
  }

  release(): void {
    this.group.close();
  }
}

/** A container's file. */
export class ContainerFile extends ControlFile {
  readonly container: Container;
  readonly privileged: boolean;

  constructor(number: number, owner: number, container: Container, privileged: boolean) {
    super(number, owner);
    this.container = container;
    this.privileged = privileged;
  }

  /** Groups keep the container. */
  release(): void {}
}

/** An iommufd context's file. */
export class IommufdFile extends ControlFile {
  readonly context: IommufdContext;

  constructor(number: number, owner: number, context: IommufdContext) {
    super(number, owner);
    this.context = context;
  }

  release(): void {
    this.context.release();
  }
}
