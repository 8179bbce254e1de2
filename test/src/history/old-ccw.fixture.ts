/** Old code of vfio-ccw: before its state machine was complete, and its life that of the mdev (spec/ccw section 2). */
import type { Edit } from './old-code.fixture.js';

export const OLD_CCW: Readonly<Record<string, readonly Edit[]>> = {
  /** 4: an interrupt while nobody has the device open is taken for one of a program. */
  'standby-takes-interrupts': [
    {
      module: 'vendors/ccw/state-machine',
      from:
        "STANDBY: {\n        NOT_OPER: notOperational,\n        IO_REQ: refuseIo('EIO'),\n" +
        "        ASYNC_REQ: refuseCommand('EIO'),\n        INTERRUPT: disable,",
      to:
        "STANDBY: {\n        NOT_OPER: notOperational,\n        IO_REQ: refuseIo('EIO'),\n" +
        "        ASYNC_REQ: refuseCommand('EIO'),\n        INTERRUPT: interrupt,",
    },
  ],
  /** 4: a device that is lost keeps its program, and the pages that it has pinned. */
  'lost-device-keeps-program': [
    {
      module: 'vendors/ccw/state-machine',
      from: 'device.notOperationalWork.queue();',
      to: '',
    },
  ],
  /** 4: what an interrupt leaves to do does not wait for the request that has the regions. */
  'io-work-unlocked': [
    {
      module: 'vendors/ccw/private',
      from: 'await this.ioMutex.runExclusive(() => {',
      to: 'await (async (work) => work())(() => {',
    },
  ],
  /** 4: quiescing leaves NOT_OPER, whatever came of it. */
  'quiesced-for-good': [
    {
      module: 'vendors/ccw/state-machine',
      from: 'error = await quiesce(device);',
      to: "{ await quiesce(device); device.state = 'NOT_OPER'; return device.freeProgram(); }",
    },
  ],
  /** 4: creating a device enables its subchannel, not opening it. */
  'create-enables': [
    {
      module: 'vendors/ccw/private',
      from: 'this.notOperationalWork = works.work(() => this.freeProgram());',
      to:
        'this.notOperationalWork = works.work(() => this.freeProgram());\n' +
        "subchannel.isc = 3; if (subchannel.enable() === undefined) this.state = 'IDLE';",
    },
    { module: 'vendors/ccw/life', from: "await raise(device, 'OPEN');\n        if", to: 'if' },
  ],
  /** 6: the driver counts for itself, after the core has let the device in. */
  'counted-by-driver': [
    { module: 'vendors/ccw/driver', from: 'maxInstances: 1,', to: 'maxInstances: 65536,' },
    {
      module: 'vendors/ccw/driver',
      from: 'subchannel.refresh();',
      to:
        'subchannel.refresh();\n' +
        "if (subchannel.user !== undefined) throw new MediatedError('EPERM', 'taken', { syscall: 'create' });",
    },
  ],
  /** 8, 9: what the channel subsystem tells reaches a private whose device is gone. */
  'events-reach-the-released': [
    { module: 'vendors/ccw/driver', from: 'data.subchannel.user = undefined;', to: '' },
    { module: 'vendors/ccw/private', from: 'this.reports.length = 0;', to: '' },
  ],
  /** 9: the private is the subchannel's, and goes from one mdev to the next. */
  'private-outlives-mdev': [
    {
      module: 'vendors/ccw/driver',
      from: 'const created = new CcwPrivate(',
      to: 'const created = subchannel.kept ??= new CcwPrivate(',
    },
    {
      module: 'vendors/ccw/driver',
      from:
        'async release({ data }) {\n                data.subchannel.user = undefined;\n' +
        '                privates.delete(data);\n                await data.release();',
      to: 'async release() {',
    },
  ],
};
