/** Groups and containers: exclusive opens, ways in and out of containers, devices by name, guest memory. */
import type { Mdev } from '@mediated/core';
import { openContainer, openGroup } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  codeOf,
  dmaRead,
  dmaWrite,
  groupOf,
  GuestStage,
  openedAs,
} from '../../dist-fixtures/control/guest-stage.fixture.js';

let stage: GuestStage;
let mdev: Mdev;
let next = 0;
beforeAll(async () => {
  stage = await GuestStage.set();
});
afterAll(() => stage[Symbol.asyncDispose]());
beforeEach(async () => {
  mdev = await stage.create(++next);
});

test('a program maps memory, and the device sees it', async () => {
  const { group, container, file } = await stage.guest(mdev);
  const memory = new SharedArrayBuffer(8192);
  new Uint8Array(memory)[4097] = 7;
  await container.map({ memory, iova: 0x10000n });
  expect([...(await dmaRead(file, 0x11000n, 3))]).toEqual([0, 7, 0]);
  await dmaWrite(file, 0x10000n, Uint8Array.of(1, 2));
  expect([...new Uint8Array(memory, 0, 3)]).toEqual([1, 2, 0]);
  expect(await openedAs(file)).toEqual({ kind: 'group', group: group.group, iommufd: 0 });
  expect(await container.unmap()).toBe(8192n);
  expect(await codeOf(dmaRead(file, 0x11000n, 3))).toBe('EINVAL');
  await file.close();
  await group.unsetContainer();
  await group.close();
  await container.close();
});
