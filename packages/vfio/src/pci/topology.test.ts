/** Topologies: what is made of a description, what a reset reaches, what is refused (spec/pci section 7). */
import { readFileSync } from 'node:fs';
import { Topology } from '#dist/pci/topology.js';
import { behindBridge, newWords, PciStage, tester } from '../../dist-fixtures/pci/stage.fixture.js';
import { RECORDED_TOPOLOGY } from '../../dist-fixtures/pci/recorded-topology.fixture.js';
import { expect, test } from 'vitest';

const FUNCTION = { vendor: 0x8086, device: 0x10d3 };

test('the recorded topology: names, groups, ways to reset, parents', () => {
  const { nodes } = new Topology(RECORDED_TOPOLOGY);
  const lines = readFileSync(new URL('../../../../test/oracle/08-pci-topology.jsonl', import.meta.url), 'utf8');
  const recorded = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>)
    .filter(({ note, bdf }) => note !== undefined || bdf !== '0000:04:00.0');
  const made = nodes.map(({ name, group, reset, spec, upstream, physical }) => ({
    bdf: name,
    vendor: `0x${spec.vendor.toString(16).padStart(4, '0')}`,
    device: `0x${spec.device.toString(16).padStart(4, '0')}`,
    group: String(group),
    reset_method: reset.join(' '),
    ...(upstream < 0 ? { parent: 'pci0000:00' } : {}),
    ...(upstream >= 0 && physical === undefined ? { parent: nodes[upstream].name } : {}),
  }));
  for (const { bdf, vendor, device, group, reset_method, parent } of recorded) {
    const found = made.find((node) => node.bdf === bdf);
    expect(found).toMatchObject({
      bdf,
      vendor,
      device,
      group,
      reset_method,
      ...(parent === undefined ? {} : { parent }),
    });
  }
  expect(made.length).toBe(new Set(recorded.map(({ bdf }) => bdf)).size);
});

test('pci 13.18: functions of a bus share a key, those of a slot that can be reset the slot’s; others none', () => {
  const topology = new Topology({
    devices: [
      { ...FUNCTION, at: '01.0' },
      { ...FUNCTION, at: '01.1' },
      ...behindBridge([
        { ...FUNCTION, at: '01.0' },
        { ...FUNCTION, at: '02.0' },
        { ...FUNCTION, at: '03.0', sriov: { total: 1 } },
      ]),
      {
        at: '09',
        bridge: 'port',
        bus: 3,
        slots: [0],
        devices: [
          { ...FUNCTION, at: '00.0' },
          { ...FUNCTION, at: '00.1' },
          { ...FUNCTION, at: '01.0' },
        ],
      },
    ],
  });
  const key = (name: string) => topology.setKey(topology.node(name));
  expect([key('0000:00:01.0'), key('0000:00:01.1'), key('0000:02:03.1')]).toEqual([undefined, undefined, undefined]);
  expect([key('0000:02:01.0'), key('0000:02:02.0'), key('0000:02:03.0')]).toEqual(Array(3).fill('pci bus 0000:02'));
  expect([key('0000:03:00.0'), key('0000:03:00.1')]).toEqual(Array(2).fill('pci slot 0000:03:00'));
  expect(key('0000:03:01.0')).toBe('pci bus 0000:03');
});

test('section 7: a reset reaches the slot or the whole bus and what is behind its bridges', () => {
  const devices = [
    { ...FUNCTION, at: '01.0' },
    { at: '02', bridge: 'conventional' as const, bus: 5, devices: [{ ...FUNCTION, at: '07.3' }] },
  ];
  const names = (topology: Topology, name: string) => {
    const scope = topology.scopeOf(topology.node(name));
    return scope && [scope.kind, ...topology.affected(scope).map((place) => topology.nodes[place].name)];
  };
  const bus = new Topology({ devices: behindBridge(devices) });
  expect(names(bus, '0000:02:01.0')).toEqual(['bus', '0000:02:01.0', '0000:02:02.0', '0000:05:07.3']);
  expect(names(bus, '0000:05:07.3')).toEqual(['bus', '0000:05:07.3']);
  expect(names(bus, '0000:00:08.0')).toBeUndefined();
  const slot = new Topology({ devices: behindBridge(devices, { slots: [2] }) });
  expect(names(slot, '0000:02:01.0')?.[0]).toBe('bus');
  expect(names(slot, '0000:02:02.0')).toEqual(['slot', '0000:02:02.0', '0000:05:07.3']);
});

test('section 7: a mark on a function or the bridge forbids resets of the bus', () => {
  const bus = (devices: object, bridge: object = {}) => {
    const topology = new Topology({
      devices: behindBridge(
        [
          { ...FUNCTION, at: '01' },
          { ...FUNCTION, at: '02', ...devices },
        ],
        bridge,
      ),
    });
    return topology.scopeOf(topology.node('0000:02:01.0'))?.kind;
  };
  expect([bus({}), bus({ noBusReset: true }), bus({}, { noBusReset: true })]).toEqual(['bus', undefined, undefined]);
});

test.each([
  [{}, 'no list of devices'],
  [{ devices: [{ ...FUNCTION, at: '20.0' }] }, '"20.0" on bus 0 is no place'],
  [{ devices: [{ ...FUNCTION, at: '01.8' }] }, '"01.8"'],
  [{ devices: [{ at: '01' }] }, '0000:00:01.0: it needs vendor and device'],
  [
    {
      devices: [
        { ...FUNCTION, at: '01' },
        { ...FUNCTION, at: '01.0' },
      ],
    },
    'two devices are at 0000:00:01.0',
  ],
  [{ devices: [{ at: '01', bridge: 'port', bus: 0 }] }, 'the bus behind 0000:00:01.0 is 0'],
  [
    {
      devices: [
        { at: '01', bridge: 'port', bus: 1 },
        { at: '02', bridge: 'port', bus: 1 },
      ],
    },
    'two bridges lead to bus 1',
  ],
  [{ devices: [{ ...FUNCTION, at: '01', bars: [{ size: 100 }] }] }, 'BAR0 has 100 bytes'],
  [
    { devices: [{ ...FUNCTION, at: '01', bars: [{ size: 4096, wide: true }, { size: 16 }] }] },
    'BAR1 is the upper half',
  ],
  [{ devices: [{ ...FUNCTION, at: '01', bars: [{ size: 512, kind: 'io' }] }] }, 'BAR0 are ports'],
  [{ devices: [{ ...FUNCTION, at: '01', msix: { vectors: 8, bar: 2, offset: 0 } }] }, 'MSI-X table lies in BAR2'],
  [
    { devices: [{ ...FUNCTION, at: '01', bars: [{ size: 64 }], msix: { vectors: 8, bar: 0, offset: 0 } }] },
    'ends beyond',
  ],
  [{ devices: [{ ...FUNCTION, at: '01', reset: ['kick'] }] }, 'unknown way to reset, kick'],
  [{ devices: [{ ...FUNCTION, at: '1f.0', sriov: { total: 16 } }] }, '16 virtual functions of 0000:00:1f.0 do not fit'],
  [{ devices: [{ ...FUNCTION, at: '01', pin: 5 }] }, 'pin is 5'],
  [{ segment: -1, devices: [] }, 'segment is -1'],
])('a description that makes no sense is EINVAL and says where: %#', (spec, reason) => {
  const failure = expect.objectContaining({ code: 'EINVAL', message: expect.stringContaining(reason) });
  expect(() => new Topology(spec as never)).toThrow(failure);
});

test('what cannot be bound: bridges, unknown names, virtual functions that are off, physical ones with virtual ones', async () => {
  const words = newWords();
  const on = tester('03', words, { sriov: { total: 2, enabled: 1 } });
  await using stage = await PciStage.set([tester('01', words, { sriov: { total: 2 } }), on, ...behindBridge([])]);
  for (const [name, code] of [
    ['0000:00:08.0', 'EINVAL'],
    ['0000:00:0a.0', 'ENODEV'],
    ['0000:00:01.1', 'ENODEV'],
    ['0000:00:03.0', 'EBUSY'],
    ['0000:00:03.2', 'ENODEV'],
  ]) {
    await expect(stage.bind(name)).rejects.toMatchObject({ code });
  }
  await stage.bind('0000:00:03.1');
  const pf = await stage.bind('0000:00:01.0');
  await pf.storeAttribute('sriov_numvfs', '2');
  expect(await pf.showAttribute('sriov_numvfs')).toBe('2\n');
  await expect(pf.storeAttribute('sriov_numvfs', '1')).rejects.toMatchObject({ code: 'EBUSY' });
  await expect(pf.storeAttribute('sriov_numvfs', '3')).rejects.toMatchObject({ code: 'ERANGE' });
  const vf = await stage.use('0000:00:01.2');
  expect([await vf.config(0x3d, 1), (await vf.config(4, 2)) & 2]).toEqual([0, 2]);
});
