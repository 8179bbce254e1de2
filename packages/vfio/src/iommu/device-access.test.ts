/** What a device may do with guest memory (spec/vfio-core 9.6). */
import { describe, expect, test } from 'vitest';
import { codeOf, PAGE, Program, type1Stand, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';
import { DeviceAccess } from '#dist/iommu/device-access.js';
import { SegmentTable } from '#dist/iommu/segment-table.js';

describe('reading and writing', () => {
  test('the program and the device see the same bytes', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    stand.map(0, 4);
    stand.program.bytes.set([1, 2, 3, 4], 4094);
    const into = new Uint8Array(4);
    device.read(4094, into);
    expect([...into]).toEqual([1, 2, 3, 4]);
    device.write(2n * PAGE - 2n, Uint8Array.of(5, 6, 7, 8));
    expect([...stand.program.bytes.subarray(8190, 8194)]).toEqual([5, 6, 7, 8]);
  });

  test('vfio-core 23.20: crossing two adjacent mappings succeeds', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    const { iommu, program } = stand;
    iommu.map(program, { iova: 0n, size: PAGE, vaddr: VADDR + 8n * PAGE });
    iommu.map(program, { iova: PAGE, size: PAGE, vaddr: VADDR });
    const bytes = Uint8Array.from({ length: 200 }, (_, i) => i);
    device.write(4000, bytes);
    expect([...program.bytes.subarray(9 * 4096 - 96, 9 * 4096)]).toEqual([...bytes.subarray(0, 96)]);
    expect([...program.bytes.subarray(0, 104)]).toEqual([...bytes.subarray(96)]);
    const back = new Uint8Array(200);
    device.read(4000, back);
    expect(back).toEqual(bytes);
  });

  test('vfio-core 23.20: a write needs READ and WRITE, a read needs READ', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    stand.map(0, 1, 1);
    stand.map(1, 1, 2);
    const byte = new Uint8Array(1);
    expect(codeOf(() => device.write(0, byte))).toBe('EPERM');
    expect(codeOf(() => device.write(PAGE, byte))).toBe('EPERM');
    expect(codeOf(() => device.read(PAGE, byte))).toBe('EPERM');
    expect(codeOf(() => device.read(0, byte))).toBeUndefined();
  });

  test('what lies before the mapping that fails stays written', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    stand.map(0, 1);
    expect(codeOf(() => device.write(4090, new Uint8Array(100).fill(7)))).toBe('EINVAL');
    expect([...stand.program.bytes.subarray(4089, 4096)]).toEqual([0, 7, 7, 7, 7, 7, 7]);
  });

  test('a long transfer is cut into sections, at any byte, and arrives whole', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    const program = new Program(700);
    stand.iommu.map(program, { iova: 0n, size: 300n * PAGE, vaddr: VADDR + 400n * PAGE });
    stand.iommu.map(program, { iova: 300n * PAGE, size: 400n * PAGE, vaddr: VADDR });
    const bytes = Uint8Array.from({ length: 2 * 2 ** 20 + 777 }, (_, i) => (i * 31) >> 3);
    device.write(1001, bytes);
    const back = new Uint8Array(bytes.length);
    device.read(1001n, back);
    expect(Buffer.compare(back, bytes)).toBe(0);
    expect(program.bytes[400 * 4096 + 1001 + 5000]).toBe(bytes[5000]);
    expect(program.bytes[5000]).toBe(bytes[300 * 4096 - 1001 + 5000]);
  });

  test('no bytes, no container, no mapping, an address that is none: EINVAL; no memory: EFAULT', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    const byte = new Uint8Array(1);
    stand.map(0, 1);
    stand.iommu.map(stand.program, { iova: 8n * PAGE, size: PAGE, vaddr: 0n });
    stand.iommu.map(stand.program, { iova: 2n ** 64n - PAGE, size: PAGE, vaddr: VADDR });
    expect(codeOf(() => device.read(0, new Uint8Array(0)))).toBe('EINVAL');
    expect(codeOf(() => new DeviceAccess().read(0, byte))).toBe('EINVAL');
    expect(codeOf(() => device.read(PAGE, byte))).toBe('EINVAL');
    for (const iova of [-1, 0.5, 2 ** 53, Number.NaN, -1n, 2n ** 64n])
      expect(codeOf(() => device.read(iova, byte))).toBe('EINVAL');
    expect(codeOf(() => device.read(8n * PAGE, byte))).toBe('EFAULT');
    expect(codeOf(() => device.pin(8n * PAGE, 1, 'read'))).toBe('EFAULT');
    expect(codeOf(() => device.read(2n ** 64n - 1n, byte))).toBeUndefined();
    expect(codeOf(() => device.read(2n ** 64n - 1n, new Uint8Array(2)))).toBe('EINVAL');
  });

  test('memory that is still in the mail is taken out of it before a mapping counts as empty', () => {
    const stand = type1Stand();
    stand.map(0, 1);
    const mail = stand.iommu.segments.all();
    const segments: SegmentTable = new SegmentTable(() => {
      for (const segment of mail.splice(0)) segments.add(segment);
    });
    const device = stand.device(1, { segments });
    expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBeUndefined();
    expect(mail).toEqual([]);
    segments.drop(1);
    expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBe('EFAULT');
  });

  test('the owner of a mapping is gone: EPERM, and pins are ENODEV; other mappings are not concerned', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    stand.map(0, 1);
    stand.iommu.map(new Program(1, 7), { iova: PAGE, size: PAGE, vaddr: VADDR });
    stand.iommu.ownerDied(7);
    expect(codeOf(() => device.read(PAGE, new Uint8Array(1)))).toBe('EPERM');
    expect(codeOf(() => device.pin(PAGE, 1, 'read'))).toBe('ENODEV');
    expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBeUndefined();
  });
});

describe('pinning', () => {
  test('the pages themselves are returned, views of guest memory', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    stand.map(4, 4);
    const pages = device.pin(5n * PAGE, 2, 'read-write');
    expect(pages.map(({ byteOffset, length }) => [byteOffset, length])).toEqual([
      [5 * 4096, 4096],
      [6 * 4096, 4096],
    ]);
    pages[1]!.fill(3);
    expect(stand.program.bytes[6 * 4096]).toBe(3);
    expect(pages[0]!.buffer).toBe(stand.program.memory);
  });

  test('vfio-core 23.19: a failed pin leaves all counts unchanged', () => {
    const stand = type1Stand({ lockedPages: 6 });
    const device = stand.device(1);
    const { pins } = stand.iommu.space;
    stand.map(0, 4);
    stand.map(4, 1, 1);
    stand.map(8, 16);
    device.pin(2n * PAGE, 2, 'write');
    const counts = () => Array.from({ length: 24 }, (_, page) => pins.count(page, 1));
    const before = counts();
    expect(codeOf(() => device.pin(0, 6, 'read'))).toBe('EINVAL');
    expect(codeOf(() => device.pin(0, 5, 'read-write'))).toBe('EPERM');
    expect(codeOf(() => device.pin(8n * PAGE, 5, 'read'))).toBe('ENOMEM');
    expect(counts()).toEqual(before);
    expect(stand.iommu.space.lockedPages).toBe(2);
    expect(device.pin(8n * PAGE, 4, 'read')).toHaveLength(4);
  });

  test('a page counts once against the limit, however often and by however many devices it is pinned', () => {
    const stand = type1Stand({ lockedPages: 1 });
    const [one, two] = [stand.device(1), stand.device(2)];
    stand.map(0, 2);
    one.pin(0, 1, 'read');
    one.pin(0, 1, 'read');
    two.pin(0, 1, 'read');
    expect(codeOf(() => two.pin(PAGE, 1, 'read'))).toBe('ENOMEM');
    one.unpin(0, 1);
    one.unpin(0, 1);
    expect(stand.iommu.space.lockedPages).toBe(1);
    two.unpin(0, 1);
    expect(stand.iommu.space.lockedPages).toBe(0);
    expect(two.pin(PAGE, 1, 'read')).toHaveLength(1);
  });

  test('no room for another record: ENOMEM', () => {
    const stand = type1Stand({ pins: 2 });
    const device = stand.device(1);
    stand.map(0, 3);
    device.pin(0, 2, 'read');
    expect(codeOf(() => device.pin(2n * PAGE, 1, 'read'))).toBe('ENOMEM');
    device.unpin(0, 1);
    expect(device.pin(2n * PAGE, 1, 'read')).toHaveLength(1);
  });

  test('vfio-core 23.21: 513 pages E2BIG, version 1 EACCES, closed EINVAL; in this order', () => {
    const stand = type1Stand({ rules: 'type1v1' });
    const device = stand.device(1);
    expect(codeOf(() => device.pin(0, 0, 'read'))).toBe('EINVAL');
    expect(codeOf(() => device.pin(0, 513, 'read'))).toBe('E2BIG');
    expect(codeOf(() => device.pin(0, 512, 'read'))).toBe('EACCES');
    device.bind(undefined);
    expect(codeOf(() => device.pin(0, 513, 'read'))).toBe('EINVAL');
  });

  test('a driver without dmaUnmap cannot pin; nor can anybody while no device is told of unmaps', () => {
    const stand = type1Stand();
    stand.map(0, 1);
    expect(codeOf(() => stand.device(1, { unpinsOnRequest: false }).pin(0, 513, 'read'))).toBe('EINVAL');
    const device = stand.device(1);
    stand.iommu.removeDevice(1);
    expect(codeOf(() => device.pin(0, 1, 'read'))).toBe('EINVAL');
  });

  test('more access than the mapping gives is EPERM', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    stand.map(0, 1, 1);
    stand.map(1, 1, 2);
    expect(codeOf(() => device.pin(0, 1, 'write'))).toBe('EPERM');
    expect(codeOf(() => device.pin(PAGE, 1, 'read'))).toBe('EPERM');
    expect(codeOf(() => device.pin(PAGE, 1, 'read-write'))).toBe('EPERM');
    expect(codeOf(() => device.pin(PAGE, 1, 'write'))).toBeUndefined();
  });

  test('what another device has pinned is not unpinned; a page without mapping ends an unpin with a warning', async () => {
    const stand = type1Stand();
    const [one, two] = [stand.device(1), stand.device(2)];
    stand.map(0, 4);
    one.pin(0, 4, 'read');
    two.unpin(0, 4);
    expect(stand.iommu.space.pins.inMapping(stand.iommu.space.mappings.find(0))).toBe(4);
    const warning = new Promise((resolve) => process.once('warning', resolve));
    one.unpin(0, 6);
    expect(await warning).toMatchObject({ code: 'MEDIATED_UNPIN', message: expect.stringContaining('0x4000') });
    expect(stand.iommu.space.lockedPages).toBe(0);
  });

  test('an address inside of a page stands for the page', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    stand.map(0, 2);
    expect(device.pin(2048, 2, 'read').map(({ byteOffset }) => byteOffset)).toEqual([0, 4096]);
    expect(codeOf(() => device.pin(2048, 3, 'read'))).toBe('EINVAL');
  });
});

test('hardware behind an IOMMU: writes to write-only mappings, no owner or invalid address in its way', () => {
  const stand = type1Stand();
  stand.iommu.detachGroup(1);
  const device = stand.device(1, { hardware: true });
  stand.map(0, 1, 2);
  device.write(0, Uint8Array.of(4));
  expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBe('EPERM');
  stand.iommu.ownerDied(0);
  stand.iommu.unmap({ iova: 0n, size: PAGE, addressOnly: true });
  device.write(1, Uint8Array.of(5));
  expect([...stand.program.bytes.subarray(0, 2)]).toEqual([4, 5]);
});
