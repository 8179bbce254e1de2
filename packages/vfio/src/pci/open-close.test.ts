/** First open and last close of a function, step by step (spec/pci sections 1 and 2). */
import type { VfioDevice } from '@mediated/vfio';
import { LockSpace } from '@mediated/core/sync';
import type { FunctionDomain } from '#dist/pci/domain.js';
import { MemoryGuard } from '#dist/pci/memory-guard.js';
import { PciDevice } from '#dist/pci/pci-device.js';
import { COMMAND, COMMAND_MASTER } from '#dist/pci/registers.js';
import { expect, test } from 'vitest';

class Domain implements FunctionDomain {
  readonly virtualFunction = false;
  readonly alone = false;
  methods: FunctionDomain['methods'] = ['flr'];
  needsReset = false;
  contended = false;
  refusing = false;
  pci: PciDevice | undefined;
  readonly did: string[] = [];

  note(what: string): void {
    const command = this.pci?.hardware.read(COMMAND, 2) ?? 0;
    this.did.push(`${what}${(command & COMMAND_MASTER) === 0 ? '' : ' while mastering'}`);
  }

  tryLock(bridge: boolean): (() => void) | undefined {
    this.note(bridge ? 'lock bridge and device' : 'lock device');
    return this.contended ? undefined : () => this.note('unlock');
  }

  countReset(kind: string): void {
    this.note(`reset ${kind}`);
  }

  opened(): void {
    this.note('opened');
  }

  closing(): void {}

  settle(): void {
    this.note(`settle, ${this.needsReset ? 'needs reset' : 'clean'}`);
  }
}

function make() {
  const domain = new Domain();
  const lock = LockSpace.create({ words: 4096 }).rwSemaphore();
  const guard = new MemoryGuard(new Int32Array(new SharedArrayBuffer(64)), 0, lock);
  const spec = { vendor: 1, device: 2, bars: [{ size: 4096 }], msi: { vectors: 4 as const }, express: {} };
  const failed = (error: unknown) => {
    throw error;
  };
  const device = {} as VfioDevice;
  const model = () => ({
    open() {
      if (domain.refusing) throw new Error('the model was told to');
    },
    close: () => domain.note('model closed'),
  });
  const parts = { name: 'f', device, spec, guard, domain, model, modelOptions: undefined, noIntx: false, failed };
  const pci = new PciDevice(parts);
  domain.pci = pci;
  return { domain, pci, guard };
}

test('pci 13.25: open is EAGAIN when the device lock is somebody else’s, and leaves nothing', async () => {
  const { domain, pci, guard } = make();
  domain.contended = true;
  await expect(pci.open()).rejects.toMatchObject({ code: 'EAGAIN' });
  expect([domain.did, guard.enabled, pci.memoryEnabled]).toEqual([['lock device', 'settle, clean'], false, false]);
  expect(() => pci.config).toThrow(expect.objectContaining({ code: 'EIO' }));
  domain.contended = false;
  await pci.open();
  expect([guard.enabled, pci.resetWorks]).toEqual([true, true]);
});

test('a model that refuses to be opened leaves the function closed', async () => {
  const { domain, pci, guard } = make();
  domain.refusing = true;
  await expect(pci.open()).rejects.toThrow('told to');
  expect([guard.enabled, pci.memoryEnabled, domain.did.includes('opened')]).toEqual([false, false, false]);
  domain.refusing = false;
  await pci.open();
  expect(guard.enabled).toBe(true);
});

test('pci 13.26: bus mastering is off before anything is taken down, reset or settled', async () => {
  const { domain, pci, guard } = make();
  await pci.open();
  expect(domain.did.splice(0)).toEqual(['lock device', 'reset function', 'unlock', 'opened']);
  pci.hardware.write(COMMAND, 2, 7);
  await pci.close();
  expect(domain.did).toEqual(['model closed', 'lock bridge and device', 'reset function', 'unlock', 'settle, clean']);
  expect([guard.enabled, domain.needsReset]).toEqual([false, false]);
});

test('pci 13.23: needs_reset is left by a close whose function reset is impossible or contended', async () => {
  const contended = make();
  await contended.pci.open();
  contended.domain.contended = true;
  await contended.pci.close();
  expect(contended.domain.needsReset).toBe(true);
  const unable = make();
  unable.domain.methods = [];
  await unable.pci.open();
  await unable.pci.close();
  expect([unable.pci.resetWorks, unable.domain.needsReset]).toEqual([false, true]);
  expect(unable.domain.did).not.toContain('lock bridge and device');
});

test('section 3.5: the configured size of MSI stays clamped to that of the last enable, also after a new open', async () => {
  const { pci } = make();
  await pci.open();
  const set = { index: 1, start: 0, count: 2, action: 'trigger', kind: 'eventfd' } as const;
  pci.interrupts.set(
    { ...set, data: new Uint8Array(Int32Array.of(-1, -1).buffer) },
    { eventfd: () => undefined as never },
  );
  expect(pci.msiMost).toBe(1);
  await pci.close();
  await pci.open();
  expect([pci.msiActive, pci.msiMost]).toEqual([false, 1]);
});
