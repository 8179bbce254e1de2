/** Names and tokens (spec/pci section 9). */
import { matchName, setToken } from '#dist/pci/vf-token.js';
import { NodeRecords } from '#dist/pci/node-records.js';
import type { PciBus } from '#dist/pci/pci-bus.js';
import { Topology } from '#dist/pci/topology.js';
import fc from 'fast-check';
import { openContainer, openGroup } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import { newWords, PciStage, tester } from '../../dist-fixtures/pci/stage.fixture.js';
import { afterEach, expect, test } from 'vitest';

const [EINVAL, EACCES] = [-22, -13];
const TOKEN = '11111111-2222-3333-4444-555555555555';
const OTHER = '00000000-2222-3333-4444-555555555555';
const [PF, VF, PLAIN] = ['0000:00:01.0', '0000:00:01.1', '0000:00:02.0'];

const forget: (() => void)[] = [];
afterEach(() => {
  for (const end of forget.splice(0)) end();
});

function setUp() {
  const topology = new Topology({
    devices: [
      { at: '01', vendor: 1, device: 1, sriov: { total: 2 } },
      { at: '02', vendor: 1, device: 1 },
    ],
  });
  const made = NodeRecords.create(topology.nodes);
  forget.push(made.forget);
  const { records } = made;
  const bus = { topology, records } as unknown as PciBus;
  const match = (name: string, asked: string) => matchName(bus, topology.node(name), asked);
  const bindPf = () => records.publish(topology.node(PF).place, 0, { thread: 0, actor: 0, generation: 1 });
  const users = (users: number) =>
    records.withToken(topology.node(PF).place, (token) => {
      token.users = users;
    });
  return { bus, topology, match, bindPf, users };
}

test('a name means its function alone; options follow it after blanks', () => {
  const { match } = setUp();
  expect([match(PLAIN, PLAIN), match(PLAIN, `${PLAIN}  `), match(PLAIN, PF), match(PLAIN, `${PLAIN}1`)]).toEqual([
    1, 1, 0, 0,
  ]);
  for (const option of ['x', 'vf_token', 'vf_token=', 'vf_token=1234', `vf_token=${TOKEN.replace('1', 'g')}`]) {
    expect(match(PF, `${PF} ${option}`)).toBe(EINVAL);
  }
  expect(match(PF, `${PF} vf_token=${TOKEN} vf_token=${TOKEN}`)).toBe(EINVAL);
  expect(match(PF, `${PF} vf_token=${TOKEN}x`)).toBe(EINVAL);
});

test('neither a physical nor a virtual function: a token is EINVAL', () => {
  const { match } = setUp();
  expect(match(PLAIN, `${PLAIN} vf_token=${TOKEN}`)).toBe(EINVAL);
});

test('a virtual function of a bound physical one wants its token', () => {
  const { match, bindPf } = setUp();
  expect([match(VF, VF), match(VF, `${VF} vf_token=${TOKEN}`)]).toEqual([1, EINVAL]);
  bindPf();
  expect([match(VF, VF), match(VF, `${VF} vf_token=${TOKEN}`)]).toEqual([EACCES, EACCES]);
  expect(match(PF, `${PF} vf_token=${TOKEN}`)).toBe(1);
  expect([match(VF, `${VF} vf_token=${TOKEN}`), match(VF, `${VF} vf_token=${OTHER}`)]).toEqual([1, EACCES]);
});

test('a physical function takes the token that it is given, unless virtual ones are open: then it wants it', () => {
  const { match, users, bindPf } = setUp();
  bindPf();
  expect([match(PF, PF), match(PF, `${PF} vf_token=${OTHER}`), match(PF, `${PF} vf_token=${TOKEN}`)]).toEqual([
    1, 1, 1,
  ]);
  users(1);
  expect([match(PF, PF), match(PF, `${PF} vf_token=${OTHER}`), match(PF, `${PF} vf_token=${TOKEN}`)]).toEqual([
    EACCES,
    EACCES,
    1,
  ]);
});

test('an open virtual function counts once, until it is closed or its thread has died', () => {
  const { bus, topology } = setUp();
  const { records } = bus;
  const [pf, vf] = [topology.node(PF), topology.node(VF)];
  const users = () => records.withToken(pf.place, (token) => token.users);
  records.countUser(vf.place, pf.place, true);
  records.countUser(vf.place, pf.place, true);
  expect(users()).toBe(1);
  records.reclaim(vf);
  records.countUser(vf.place, pf.place, false);
  expect(users()).toBe(0);
});

test('the token that the feature sets is the UUID’s bytes in order', () => {
  const { bus, topology, match, bindPf } = setUp();
  bindPf();
  setToken(bus, topology.node(PF), Uint8Array.from(Buffer.from(TOKEN.replaceAll('-', ''), 'hex')));
  expect(match(VF, `${VF} vf_token=${TOKEN}`)).toBe(1);
});

test('bad input: no text that begins with the name does more than match, not match or be refused', () => {
  const { match, bindPf } = setUp();
  bindPf();
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect([0, 1, EINVAL, EACCES]).toContain(match(PF, `${PF}${text}`));
      expect([0, 1, EINVAL, EACCES]).toContain(match(VF, ` vf_token=${text}`));
    }),
  );
});

test('a virtual function is opened through its group with the token, and counts while it is open', async () => {
  const words = newWords();
  await using stage = await PciStage.set([tester('01', words, { sriov: { total: 1 } })]);
  const pf = await stage.bind(PF);
  await pf.storeAttribute('sriov_numvfs', '1');
  const vf = await stage.bind(VF);
  const container = await openContainer(stage.bus);
  const groups = [];
  for (const { group } of [pf, vf]) {
    const file = await openGroup(stage.bus, group as number);
    await file.setContainer(container);
    groups.push(file);
  }
  await container.setIommu(1);
  const [pfGroup, vfGroup] = groups;
  const refused = (promise: Promise<unknown>, code: string) => expect(promise).rejects.toMatchObject({ code });
  const program = await pfGroup.openDevice(`${PF} vf_token=${TOKEN}`);
  await refused(vfGroup.openDevice(VF), 'EACCES');
  await refused(vfGroup.openDevice(`${VF} vf_token=${OTHER}`), 'EACCES');
  const opened = await vfGroup.openDevice(`${VF} vf_token=${TOKEN}`);
  await refused(pfGroup.openDevice(PF), 'EACCES');
  await opened.close();
  await (await pfGroup.openDevice(PF)).close();
  const feature = new Uint8Array(24);
  uapi.deviceFeature.encode(feature, { argsz: 24, flags: uapi.FEATURES.pciVfToken | uapi.FEATURE_FLAGS.set });
  feature.set(Buffer.from(OTHER.replaceAll('-', ''), 'hex'), 8);
  await program.ioctl(uapi.DEVICE_FEATURE, feature);
  await (await vfGroup.openDevice(`${VF} vf_token=${OTHER}`)).close();
  await program.close();
  await Promise.all(groups.map((file) => file.close()));
  await container.close();
});
