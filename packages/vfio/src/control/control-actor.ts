/**
 * The control actor of a bus, on a thread of its own (`vfio`): started by the core with the first vfio driver, asked by
 * client threads (`control-file.ts`) and by device threads. When its thread dies it starts again with nothing: its files
 * are EIO, and what was opened through them is closed by the devices' threads, which may be in an address space of the dead one
 * until then; so the few words of such a space's mutex are not given to anybody else.
 */
import { Bus, type BusHandle, BusMemory } from '@mediated/core';
import { Client, defineActor } from '@mediated/core/actor';
import { IOCTL_RESULT_BYTES } from '../device-files-protocol.js';
import type { VfioShared } from '../supervise.js';
import { Control } from './control.js';
import { controlProtocol } from './control-protocol.js';
import { GroupRecords } from './group-records.js';

/** What the core starts a framework's actor for the bus with. */
interface ControlOptions {
  readonly bus: BusHandle;
  readonly options: VfioShared;
}

export const controlActor = defineActor({
  module: import.meta.url,
  name: 'controlActor',
  protocol: controlProtocol,
  start(context, { bus, options }: ControlOptions) {
    const { life } = context.endpoint;
    const records = new GroupRecords(options.groups);
    if (life !== 0) records.releaseAll();
    const control = new Control(new Bus(new Client(context.endpoint), BusMemory.from(bus)), records, life);
    context.watch((thread) => control.threadGone(thread));
    return {
      handlers: {
        openGroup: (group, node, privileged) => control.openGroup(group, node, privileged, context.sender),
        openContainer: (privileged) => control.openContainer(privileged, context.sender),
        openIommufd: () => control.openIommufd(context.sender),
        openKvm: () => control.openKvm(context.sender),
        close: (file) => control.close(file, context.sender),
        groupStatus: (file) => control.groupStatus(file, context.sender),
        setContainer: (file, target) => control.setContainer(file, target, context.sender),
        unsetContainer: (file) => control.unsetContainer(file, context.sender),
        openDevice(file, name) {
          const { sender } = context;
          const life = context.endpoint.lifeOf(sender);
          return control.openDevice(file, name, sender, () => context.endpoint.lifeOf(sender) === life);
        },
        setGroupKvm: (file, kvm) => control.setGroupKvm(file, kvm, context.sender),
        containerCommand: (file, command, argument) =>
          control.containerCommand(file, command, argument, context.sender),
        containerIoctl(file, command, call) {
          const answer = new Uint8Array(IOCTL_RESULT_BYTES + call.argument.length);
          const argument = answer.subarray(IOCTL_RESULT_BYTES);
          argument.set(call.argument);
          const finish = (result: number) => {
            new Int32Array(answer.buffer, 0, 1)[0] = result;
            return answer;
          };
          const result = control.containerIoctl(file, command, argument, call, context.sender);
          return result instanceof Promise ? result.then(finish) : finish(result);
        },
        allocateIoas: (file) => control.allocateIoas(file, context.sender),
        destroyIoas: (file, ioas) => control.destroyIoas(file, ioas, context.sender),
        mapIoas: (file, request) => control.mapIoas(file, request, context.sender),
        unmapIoas: (file, ioas, range) => control.unmapIoas(file, ioas, range, context.sender),
        createKvmDevice: (file) => control.createKvmDevice(file, context.sender),
        addKvmGroup: (kvm, file, add) => control.addKvmGroup(kvm, file, add, context.sender),
        addKvmDevice: (kvm, index, generation, file, add) =>
          control.addKvmDevice(kvm, index, generation, file, add, context.sender),
        retireGroup: (group) => control.retireGroup(group),
        endUse: (use) => control.devices.endUse(use),
        bindDevice: (index, generation, client, iommufd, kvm) =>
          control.devices.bind(index, generation, client, iommufd, kvm),
        attachIoas: (use, ioas) => control.devices.attachIoas(use, ioas),
        detachIoas: (use) => control.devices.detachIoas(use),
      },
    };
  },
});
