/** Matrix devices and their guests: open and close, resets, interrupts, queues and adapters that come and go. */
import type { Mdev } from '@mediated/core';
import { ApBus, type ApGuest, apqn, RESPONSES } from '@mediated/vendors/ap';
import { type DeviceFile, InterruptCounter, type PassedFile } from '@mediated/vfio';
import {
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  IRQ_SET_FLAGS,
  irqInfo,
  irqSet,
  regionInfo,
} from '@mediated/vfio/uapi';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UNMAP_PAGE } from '../../dist-fixtures/ap/paged.fixture.js';
import { ApStage, FREE, guestMatrix, matrix } from '../../dist-fixtures/ap/stage.fixture.js';

const PLUGGED = { adapters: { 5: 13, 6: 11 }, domains: [4, 0xab] };
const code = (name: string) => expect.objectContaining({ code: name });

let stage: ApStage;
let mdev: Mdev;
let guest: ApGuest;
let file: DeviceFile;

beforeAll(async () => {
  stage = await ApStage.set({ ...FREE, ...PLUGGED });
});
afterAll(() => stage.runtime.close());

/** A device with queues 05.0004 and 05.00ab, attached to a guest. */
beforeEach(async () => {
  mdev = await stage.device([5], [4, 0xab]);
  guest = await stage.bus.createGuest();
  await guest.connect(mdev);
  file = await stage.open(mdev);
});
afterEach(async () => {
  // First, so that a test that failed half-way leaves nothing waiting.
  for (const number of [apqn(5, 4), apqn(5, 0xab)]) stage.bus.answerWith(number, RESPONSES.normal);
  await file.close();
  await mdev.remove();
});

const bind = (descriptor: number, flags = IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger, index = 0) => {
  const argument = irqSet.bytes({ argsz: 24, flags, index, start: 0, count: 1 }, 24);
  new DataView(argument.buffer).setInt32(20, descriptor, true);
  return argument;
};

describe('open and close', () => {
  test('ap 11: no guest EINVAL; a second device of one guest EPERM, until the first is closed', async () => {
    const other = await stage.device([6], [4]);
    await expect(stage.open(other)).rejects.toEqual(code('EINVAL'));
    await guest.connect(other);
    await expect(stage.open(other)).rejects.toEqual(code('EPERM'));
    await file.close();
    const opened = await stage.open(other);
    expect(await guest.masks()).toEqual({ adapters: [6], domains: [4], controlDomains: [] });
    await expect(stage.open(mdev)).rejects.toEqual(code('EPERM'));
    await opened.close();
    await other.remove();
  });

  test('a guest without a crypto control block: the open succeeds and nothing is attached', async () => {
    const other = await stage.device([6], [4]);
    const plain = await stage.bus.createGuest({ crypto: false });
    await plain.connect(other);
    const opened = await stage.open(other);
    expect(await stage.during(() => other.storeAttribute('unassign_domain', '4'))).toEqual(['zeroise 06.0004 0']);
    expect(await plain.updates()).toBe(0);
    await opened.close();
    await other.remove();
  });

  test('ap 11: a virtual machine of vfio is known by its number; one without a guest here gets nothing', async () => {
    const other = await stage.device([6], [4]);
    const machine = await stage.bus.createGuest({ kvm: 77 });
    stage.kvm = 77;
    const opened = await stage.open(other);
    expect((await machine.masks()).adapters).toEqual([6]);
    await file.close();
    await expect(stage.open(mdev)).rejects.toEqual(code('EPERM'));
    stage.kvm = 78;
    file = await stage.open(mdev);
    expect(await stage.during(() => mdev.storeAttribute('unassign_domain', '4'))).toEqual(['zeroise 05.0004 0']);
    await opened.close();
    await other.remove();
    stage.kvm = 0;
  });

  test('a guest that is being destroyed is none; one that was replaced shows at the next first open', async () => {
    const later = await stage.bus.createGuest();
    await later.connect(mdev);
    expect(await guest.masks()).toMatchObject({ adapters: [5] });
    await file.close();
    file = await stage.open(mdev);
    expect([(await guest.masks()).adapters, (await later.masks()).adapters]).toEqual([[], [5]]);
    await later.destroy();
    expect((await later.masks()).adapters).toEqual([5]);
    await file.close();
    await expect(stage.open(mdev)).rejects.toEqual(code('EINVAL'));
    await expect(later.connect(mdev)).rejects.toEqual(code('ENODEV'));
    await guest.connect(mdev);
    await guest.disconnect(mdev);
    await expect(stage.open(mdev)).rejects.toEqual(code('EINVAL'));
  });

  test('ap 12: of two files the first close changes nothing; the second clears the masks before any reset', async () => {
    const second = await stage.open(mdev);
    expect(await stage.during(() => file.close())).toEqual([]);
    expect(await guest.masks()).toMatchObject({ adapters: [5], domains: [4, 0xab] });
    const happened = await stage.during(() => second.close());
    expect(happened.map((event) => event.split(' ')[0])).toEqual(['masks', 'zeroise', 'zeroise']);
    expect(await guest.masks()).toEqual({ adapters: [], domains: [], controlDomains: [] });
    expect(await guestMatrix(mdev)).toBe('05.0004\n05.00ab\n');
  });

  test('ap 13: closing resets every queue, unpins every page, unregisters every interrupt subclass', async () => {
    await guest.interrupt(file, { apqn: apqn(5, 4), enable: true, isc: 3, nib: 0x1008n });
    await guest.interrupt(file, { apqn: apqn(5, 0xab), enable: true, isc: 3, nib: 0x2008n });
    expect([stage.pinned, (await guest.registrations())[3]]).toEqual([2, 2]);
    const happened = await stage.during(() => file.close());
    expect(happened.slice(1)).toEqual(['zeroise 05.0004 0', 'zeroise 05.00ab 0']);
    expect([stage.pinned, await guest.registrations()]).toEqual([0, [0, 0, 0, 0, 0, 0, 0, 0]]);
  });

  test('ap 13: also of a queue whose reset is given up', async () => {
    await guest.interrupt(file, { apqn: apqn(5, 4), enable: true, isc: 3, nib: 0x1008n });
    stage.bus.answerWith(apqn(5, 4), 0x42);
    await file.close();
    expect([stage.pinned, (await guest.registrations())[3]]).toEqual([0, 0]);
    // Its last reset failed: no guest may have it.
    expect(await stage.bus.status(apqn(5, 4))).toBe('assigned\n');
    await mdev.storeAttribute('assign_adapter', '6');
    expect(await guestMatrix(mdev)).toBe('06.0004\n06.00ab\n');
  });

  test('ap 14: a queue is unassigned, assigned, in use, assigned', async () => {
    const number = apqn(6, 4);
    const other = await stage.create();
    const another = await stage.bus.createGuest();
    await another.connect(other);
    expect(await stage.bus.status(number)).toBe('unassigned\n');
    await other.storeAttribute('assign_adapter', '6');
    await other.storeAttribute('assign_domain', '4');
    expect(await stage.bus.status(number)).toBe('assigned\n');
    const opened = await stage.open(other);
    expect(await stage.bus.status(number)).toBe('in use\n');
    await opened.close();
    expect(await stage.bus.status(number)).toBe('assigned\n');
    await other.remove();
    expect(await stage.bus.status(number)).toBe('unassigned\n');
  });

  test('ap 20: removing an open device waits; until then it has its queues', async () => {
    let removed = false;
    const removal = mdev.remove().then(() => {
      removed = true;
    });
    await expect(stage.open(mdev)).rejects.toEqual(code('ENODEV'));
    const other = await stage.device([5], []);
    await expect(other.storeAttribute('assign_domain', '4')).rejects.toEqual(code('EADDRINUSE'));
    expect(await stage.bus.status(apqn(5, 4))).toBe('in use\n');
    expect(removed).toBe(false);
    await file.close();
    await removal;
    await other.storeAttribute('assign_domain', '4');
    expect(await guestMatrix(other)).toBe('05.0004\n');
    await other.remove();
    mdev = await stage.device([5], [4, 0xab]);
  });
});

describe('hot plug', () => {
  test('adapters, domains and control domains reach a running guest, unplugged before they are reset', async () => {
    const plug = await stage.during(() => mdev.storeAttribute('assign_adapter', '6'));
    expect(plug).toEqual([expect.stringMatching(/^masks/)]);
    expect((await guest.masks()).adapters).toEqual([5, 6]);
    const unplug = await stage.during(() => mdev.storeAttribute('unassign_domain', '4'));
    expect(unplug).toEqual([expect.stringMatching(/^masks/), 'zeroise 05.0004 0', 'zeroise 06.0004 0']);
    expect((await guest.masks()).domains).toEqual([0xab]);
    await mdev.storeAttribute('assign_control_domain', '4');
    await mdev.storeAttribute('assign_control_domain', '9');
    expect((await guest.masks()).controlDomains).toEqual([4]);
    await mdev.storeAttribute('unassign_control_domain', '4');
    expect((await guest.masks()).controlDomains).toEqual([]);
    const updates = await guest.updates();
    await mdev.storeAttribute('unassign_control_domain', '9');
    expect(await guest.updates()).toBe(updates);
  });

  test('ap 7: unbinding one queue of a running guest takes its adapter and resets all of it', async () => {
    await mdev.storeAttribute('assign_adapter', '6');
    const happened = await stage.during(() => stage.bus.unbind(apqn(5, 0xab)));
    expect(happened).toEqual([expect.stringMatching(/^masks/), 'zeroise 05.0004 0', 'zeroise 05.00ab 0']);
    expect(await guest.masks()).toMatchObject({ adapters: [6], domains: [4, 0xab] });
    // Of an adapter that the guest does not have, only the queue itself.
    expect(await stage.during(() => stage.bus.unbind(apqn(5, 4)))).toEqual(['zeroise 05.0004 0']);
    await stage.bus.bind(apqn(5, 4));
    await stage.bus.bind(apqn(5, 0xab));
    expect((await guest.masks()).adapters).toEqual([5, 6]);
  });

  test('ap 15: an adapter that leaves the host leaves the guest, not the matrix; it returns in one update', async () => {
    const happened = await stage.during(() =>
      stage.bus.changeConfiguration({ adapters: { 6: 11 }, domains: PLUGGED.domains }),
    );
    expect(happened).toEqual([expect.stringMatching(/^masks/)]);
    await stage.bus.scan();
    expect((await guest.masks()).adapters).toEqual([]);
    expect([await matrix(mdev), await guestMatrix(mdev)]).toEqual(['05.0004\n05.00ab\n', '.0004\n.00ab\n']);
    const updates = await guest.updates();
    await stage.bus.changeConfiguration(PLUGGED);
    expect(await guest.updates()).toBe(updates);
    await stage.bus.scan();
    expect((await guest.masks()).adapters).toEqual([5]);
    expect(await guest.updates()).toBe(updates + 1);
  });

  test('domains and control domains of the host come and go likewise; an unknown adapter type is not added', async () => {
    await mdev.storeAttribute('assign_control_domain', '4');
    await stage.bus.configure({ adapters: { 5: 13 }, domains: [0xab] });
    expect(await guest.masks()).toEqual({ adapters: [5], domains: [0xab], controlDomains: [] });
    const updates = await guest.updates();
    await stage.bus.configure(PLUGGED);
    expect(await guest.masks()).toEqual({ adapters: [5], domains: [4, 0xab], controlDomains: [4] });
    expect(await guest.updates()).toBe(updates + 1);
    await stage.bus.configure({ adapters: { 6: 11 }, domains: PLUGGED.domains });
    await stage.bus.configure({ adapters: { 5: 0, 6: 11 }, domains: PLUGGED.domains });
    expect((await guest.masks()).adapters).toEqual([]);
    await stage.bus.configure({ adapters: { 6: 11 }, domains: PLUGGED.domains });
    await stage.bus.configure(PLUGGED);
    expect((await guest.masks()).adapters).toEqual([5]);
  });
});

describe('reset', () => {
  test('ap 16: with a checkstopped queue RESET is EIO; the others are reset; the queue stays with the guest', async () => {
    stage.bus.answerWith(apqn(5, 4), RESPONSES.checkstopped);
    const happened = await stage.during(() =>
      expect(file.ioctl(DEVICE_RESET))
        .rejects.toEqual(code('EIO'))
        .then(() => {}),
    );
    expect(happened).toEqual(['zeroise 05.0004 4', 'zeroise 05.00ab 0']);
    expect(await guestMatrix(mdev)).toBe('05.0004\n05.00ab\n');
    stage.bus.answerWith(apqn(5, 4), RESPONSES.normal);
    expect(await file.ioctl(DEVICE_RESET)).toBe(0);
  });

  test.each([
    ['busy, then in progress', [RESPONSES.busy, RESPONSES.resetInProgress], 2, 'ok'],
    ['done at once', [], 1, 'ok'],
    ['in progress while asked', [RESPONSES.normal, RESPONSES.resetInProgress, RESPONSES.busy], 1, 'ok'],
    ['a state change', [RESPONSES.stateChange], 2, 'ok'],
    ['association failed', [RESPONSES.normal, RESPONSES.associateFailed], 2, 'ok'],
    ['gone while asked', [RESPONSES.busy, RESPONSES.notAvailable], 1, 'EIO'],
    ['nonsense while asked', [RESPONSES.normal, 0x42], 1, 'ok'],
    ['not available', [RESPONSES.notAvailable], 1, 'EIO'],
    ['nonsense', [0x42], 1, 'EIO'],
  ])('a card that is %s', async (_, script, zeroises, outcome) => {
    stage.bus.answerWith(apqn(5, 4), RESPONSES.normal, script);
    const happened = await stage.during(async () => {
      const result = await file.ioctl(DEVICE_RESET).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      );
      expect(result).toBe(outcome);
    });
    expect(happened.filter((event) => event.startsWith('zeroise 05.0004')).length).toBe(zeroises);
  });

  test('a busy card makes the reset wait, and everybody behind it; it ends when the card is done', async () => {
    stage.bus.answerWith(apqn(5, 4), RESPONSES.busy);
    const order: string[] = [];
    const before = stage.bus.trace().at(-1)?.number ?? -1;
    const reset = file.ioctl(DEVICE_RESET).then(() => order.push('reset'));
    // Whoever asks the card holds the bus.
    const isAsked = () =>
      stage.bus.trace().some(({ number, response }) => number > before && response === RESPONSES.busy);
    while (!isAsked()) await new Promise(setImmediate);
    const other = stage.create().then((made) => {
      order.push('create');
      return made;
    });
    // Both have been asked, and answer other questions.
    await stage.parent.availableInstances('vfio_ap-passthrough');
    expect(order).toEqual([]);
    stage.bus.answerWith(apqn(5, 4), RESPONSES.normal);
    await Promise.all([reset, other]);
    await (await other).remove();
  });
});

describe('interrupts of queues', () => {
  const enable = (nib: bigint, number = apqn(5, 4), isc = 2) =>
    guest.interrupt(file, { apqn: number, enable: true, isc, nib });
  const disable = (number = apqn(5, 4)) => guest.interrupt(file, { apqn: number, enable: false });
  const registered = async () => (await guest.registrations())[2];

  test('ap 17: a notification byte at 0 or outside the guest is 06 and pins nothing', async () => {
    for (const nib of [0n, 0x10_0000n]) expect(await enable(nib)).toBe(RESPONSES.invalidAddress);
    expect([stage.pinned, await registered()]).toEqual([0, 0]);
  });

  test('ap 17: enabling twice leaves one pin; unmapping the page leaves none', async () => {
    expect(await enable(0x1008n)).toBe(0);
    expect(await enable(0x2008n)).toBe(RESPONSES.alreadySo);
    expect([stage.pinned, await registered()]).toEqual([1, 1]);
    const page = (address: bigint) => new Uint8Array(BigUint64Array.of(address).buffer);
    await file.ioctl(UNMAP_PAGE, page(0x2000n));
    expect(stage.pinned).toBe(1);
    expect(await stage.during(() => file.ioctl(UNMAP_PAGE, page(0x1000n)))).toEqual(['disable 05.0004 0']);
    expect([stage.pinned, await registered()]).toEqual([0, 0]);
    expect(await enable(0x2008n)).toBe(0);
  });

  test('disabling frees what was registered, whatever the card answers, with six tries at most', async () => {
    await enable(0x1008n);
    stage.bus.answerWith(apqn(5, 4), RESPONSES.busy);
    const happened = await stage.during(async () => expect(await disable()).toBe(RESPONSES.busy));
    expect(happened.length).toBe(6);
    expect([stage.pinned, await registered()]).toEqual([0, 0]);
    stage.bus.answerWith(apqn(5, 4), RESPONSES.normal);
    expect(await disable()).toBe(0);
    expect(await disable()).toBe(RESPONSES.alreadySo);
  });

  test('another answer of the card ends the old registration, and the new page is not kept', async () => {
    await enable(0x1008n);
    stage.bus.answerWith(apqn(5, 4), RESPONSES.normal, [RESPONSES.deconfigured]);
    expect(await enable(0x2008n)).toBe(RESPONSES.deconfigured);
    expect([stage.pinned, await registered()]).toEqual([0, 0]);
  });

  test('a reset ends it; the card interrupts no longer and can be told to anew', async () => {
    await enable(0x1008n);
    await file.ioctl(DEVICE_RESET);
    expect([stage.pinned, await registered()]).toEqual([0, 0]);
    expect(await enable(0x1008n)).toBe(0);
  });

  test('a queue that is unbound by another thread leaves no pin, without anything done to the device', async () => {
    await enable(0x1008n);
    await stage.bus.unbind(apqn(5, 4));
    expect(await registered()).toBe(0);
    while (stage.pinned > 0) await new Promise(setImmediate);
    await stage.bus.bind(apqn(5, 4));
  });

  test('a queue that is linked but filtered out can be enabled; unassigning it ends that too', async () => {
    await stage.bus.unbind(apqn(5, 0xab));
    expect(await guestMatrix(mdev)).toBe('.0004\n.00ab\n');
    expect(await enable(0x1008n)).toBe(0);
    await mdev.storeAttribute('unassign_domain', '4');
    expect([stage.pinned, await registered()]).toEqual([0, 0]);
    await stage.bus.bind(apqn(5, 0xab));
  });

  test('a queue of somebody else, or a guest that is not attached, is 01', async () => {
    expect(await enable(0x1008n, apqn(6, 4))).toBe(RESPONSES.notAvailable);
    const stranger = await stage.bus.createGuest();
    const request = { apqn: apqn(5, 4), enable: true, nib: 0x1008n };
    expect(await stranger.interrupt(file, request)).toBe(RESPONSES.notAvailable);
    expect(stage.pinned).toBe(0);
  });

  test('a guest that takes no interrupts is 06', async () => {
    const deaf = await stage.bus.createGuest({ interrupts: false });
    await deaf.connect(mdev);
    await file.close();
    file = await stage.open(mdev);
    expect(await deaf.interrupt(file, { apqn: apqn(5, 4), enable: true, nib: 0x1008n })).toBe(6);
    expect(stage.pinned).toBe(0);
  });

  test('on a machine without AIV, and for other functions of PQAP, the VMM has to do it: EOPNOTSUPP', async () => {
    await using old = await ApStage.set({ ...FREE, ...PLUGGED, interrupts: false });
    const device = await old.device([5], [4]);
    const tenant = await old.bus.createGuest();
    await tenant.connect(device);
    const opened = await old.open(device);
    const asked = tenant.interrupt(opened, { apqn: apqn(5, 4), enable: true, nib: 0x1008n });
    await expect(asked).rejects.toEqual(code('EOPNOTSUPP'));
    await opened.close();
    await expect(file.ioctl(0x4150_0003, new Uint8Array(32))).rejects.toEqual(code('EOPNOTSUPP'));
    await expect(file.ioctl(0x4150_0003, new Uint8Array(31))).rejects.toEqual(code('EFAULT'));
  });
});

describe('commands', () => {
  test('GET_INFO: AP and RESET, no region, one interrupt, which is an eventfd', async () => {
    const info = deviceInfo.bytes({ argsz: 24, cap_offset: 7 });
    expect(await file.ioctl(DEVICE_GET_INFO, info)).toBe(0);
    expect(deviceInfo.decode(info)).toMatchObject({ flags: 0x21, num_regions: 0, num_irqs: 1, cap_offset: 7 });
    const irq = irqInfo.bytes({ argsz: 16, index: 0 });
    await file.ioctl(DEVICE_GET_IRQ_INFO, irq);
    expect(irqInfo.decode(irq)).toMatchObject({ count: 1, flags: 1 });
    for (const index of [1, 5, 0xffffffff]) {
      await expect(file.ioctl(DEVICE_GET_IRQ_INFO, irqInfo.bytes({ argsz: 16, index }))).rejects.toEqual(
        code('EINVAL'),
      );
    }
    await expect(file.ioctl(DEVICE_GET_INFO, deviceInfo.bytes({ argsz: 15 }))).rejects.toEqual(code('EINVAL'));
    await expect(file.ioctl(DEVICE_GET_INFO, new Uint8Array(8))).rejects.toEqual(code('EFAULT'));
  });

  test('ap 18: GET_REGION_INFO and everything else is EOPNOTSUPP; there is no read, write or mmap', async () => {
    const region = file.ioctl(DEVICE_GET_REGION_INFO, regionInfo.bytes({ argsz: 32 }));
    await expect(region).rejects.toEqual(code('EOPNOTSUPP'));
    await expect(file.ioctl(0x3b72)).rejects.toEqual(code('EOPNOTSUPP'));
    await expect(file.read(0, 4)).rejects.toEqual(code('EINVAL'));
    await expect(file.write(0, new Uint8Array(4))).rejects.toEqual(code('EINVAL'));
    await expect(file.mmap(0, 4096)).rejects.toEqual(code('EINVAL'));
  });

  test('SET_IRQS: only an eventfd can be bound; a refused one leaves the old; it is signalled by requests', async () => {
    const counter = InterruptCounter.create();
    const files = new Map<number, PassedFile>([
      [3, counter.passed],
      [4, { kind: 'other' }],
    ]);
    await file.ioctl(DEVICE_SET_IRQS, bind(3), files);
    const { dataNone, dataBool, dataEventfd, trigger, mask } = IRQ_SET_FLAGS;
    for (const flags of [
      dataNone | trigger,
      dataBool | trigger,
      dataEventfd | mask,
      trigger,
      dataEventfd | dataNone | trigger,
    ]) {
      await expect(file.ioctl(DEVICE_SET_IRQS, bind(3, flags), files)).rejects.toEqual(code('EINVAL'));
    }
    await expect(file.ioctl(DEVICE_SET_IRQS, bind(3, dataEventfd | trigger, 1), files)).rejects.toEqual(code('EINVAL'));
    await expect(file.ioctl(DEVICE_SET_IRQS, bind(-2), files)).rejects.toEqual(code('EINVAL'));
    await expect(file.ioctl(DEVICE_SET_IRQS, bind(9), files)).rejects.toEqual(code('EBADF'));
    await expect(file.ioctl(DEVICE_SET_IRQS, bind(4), files)).rejects.toEqual(code('EINVAL'));
    const removal = mdev.remove();
    await counter.wait();
    await file.close();
    await removal;
    mdev = await stage.device([5], [4]);
  });

  test('without an eventfd a request is noted once; -1 unbinds', async () => {
    const counter = InterruptCounter.create();
    await file.ioctl(DEVICE_SET_IRQS, bind(0), new Map([[0, counter.passed]]));
    await file.ioctl(DEVICE_SET_IRQS, bind(-1));
    const happened = await stage.during(async () => {
      const removal = mdev.remove();
      while (stage.bus.trace().at(-1)?.kind !== 'request') await new Promise(setImmediate);
      await file.close();
      await removal;
    });
    expect(happened.filter((event) => event.startsWith('request')).length).toBe(1);
    expect(counter.take()).toBe(0);
    mdev = await stage.device([5], [4]);
  });
});

describe('loading', () => {
  test('without AP instructions there is no driver: ENODEV; the parent has its features', async () => {
    const { apUrl } = await import('@mediated/vendors');
    await expect(stage.runtime.loadDriver(apUrl)).rejects.toEqual(code('ENODEV'));
    const names = await stage.parent.parentAttributes();
    expect(names.map(({ path }) => path)).toEqual(['features']);
    expect(await stage.parent.showAttribute('features')).toBe('guest_matrix hotplug ap_config\n');
  });

  test('masks and ids of the bus are checked', async () => {
    const { bus } = stage.runtime;
    await expect(ApBus.create(bus, { adapters: { 256: 13 }, domains: [] })).rejects.toEqual(code('EINVAL'));
    await expect(ApBus.create(bus, { adapters: {}, domains: [-1] })).rejects.toEqual(code('EINVAL'));
    await expect(ApBus.create(bus, { adapters: {}, domains: [], apmask: '0xg' })).rejects.toEqual(code('EINVAL'));
    expect(() => stage.bus.answerWith(apqn(5, 4), 0, new Array(17).fill(0))).toThrow(code('EINVAL'));
    expect(() => stage.bus.answerWith(-1, 0)).toThrow(code('EINVAL'));
  });
});
