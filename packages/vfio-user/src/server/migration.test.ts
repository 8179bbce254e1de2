/** Features, and a device's state moved from one served device to another: mtty. */
import { mttyUrl } from '@mediated/vendors';
import { FEATURE_FLAGS, FEATURES, MIGRATION_STATES } from '@mediated/vfio/uapi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf, freshPath, Stage, u64 } from '../../dist-fixtures/stage.fixture.js';
import { connect, serveDevice } from '@mediated/vfio-user';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.set(mttyUrl, 'mtty-1');
});
afterAll(() => stage.close());

test('a state is read in pieces from one device and written to another, which goes on from there', async () => {
  const other = await stage.runtime.bus.parent('p').create('mtty-1');
  await using served = await serveDevice(stage.runtime, other, { path: freshPath() });
  await using source = await stage.connect();
  await using target = await connect(served.path);
  // The scratch register.
  await source.write(0, 7, Uint8Array.of(0xa5));
  await source.setMigrationState(MIGRATION_STATES.stopCopy);
  expect(await source.migrationState()).toBe(MIGRATION_STATES.stopCopy);
  await target.setMigrationState(MIGRATION_STATES.resuming);
  let moved = 0;
  for (;;) {
    const bytes = await source.readMigrationData(50);
    if (bytes.length === 0) break;
    moved += bytes.length;
    await target.writeMigrationData(bytes);
  }
  expect(moved).toBe(60);
  await target.setMigrationState(MIGRATION_STATES.running);
  await source.setMigrationState(MIGRATION_STATES.running);
  expect(await codeOf(source.readMigrationData(1))).not.toBe('ok');
  expect(await target.read(0, 7, 1)).toEqual(await source.read(0, 7, 1));
});

test('a state to which no way leads is EINVAL', async () => {
  await using client = await stage.connect();
  expect(await codeOf(client.setMigrationState(99 as 1))).toBe('EINVAL');
  expect(await codeOf(client.readMigrationData(1))).toBe('EINVAL');
});

test('a session ends with its machine', async () => {
  await using first = await stage.connect();
  await first.setMigrationState(MIGRATION_STATES.stopCopy);
  await first.close();
  await using second = await stage.connect();
  await second.setMigrationState(MIGRATION_STATES.running);
  await second.setMigrationState(MIGRATION_STATES.stopCopy);
  expect((await second.readMigrationData(8)).length).toBe(8);
  await second.setMigrationState(MIGRATION_STATES.running);
});

test('DMA logging: ranges and bitmap travel in the message', async () => {
  await using client = await stage.connect();
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const start = new Uint8Array([...u64(4096), ...words(1, 0), ...u64(0), ...u64(0x100000)]);
  const { set, get } = FEATURE_FLAGS;
  expect((await client.feature(FEATURES.dmaLoggingStart | set, start)).subarray(0, 8)).toEqual(u64(4096));
  const report = new Uint8Array([...u64(0), ...u64(0x100000), ...u64(4096)]);
  const answer = await client.feature(FEATURES.dmaLoggingReport | get, report, 24 + 32);
  expect(answer).toEqual(new Uint8Array([...report, ...new Uint8Array(32)]));
  expect(await codeOf(client.feature(FEATURES.dmaLoggingReport | get, report, 24))).toBe('EINVAL');
  await client.feature(FEATURES.dmaLoggingStop | set);
  expect(await codeOf(client.feature(FEATURES.dmaLoggingStart | set, start.subarray(0, 20)))).toBe('EINVAL');
});
