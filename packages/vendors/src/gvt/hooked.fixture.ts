/**
 * GVT-g for tests: guest memory whose pins are counted, virtual machines and failures by shared words, and commands that
 * do what register emulation would.
 */
import { type DriverHost, MediatedError } from '@mediated/core';
import { gvt, type ShownPlane, type Vgpu } from '@mediated/vendors/gvt';
import { defineDriver } from '@mediated/vfio';
import { gvtOperations } from '#dist/gvt/operations.js';

export const PAGES = 16;
/** A page that lies apart from the others. */
export const LONELY_PAGE = 8;
/** Shared words: the machine that opens, whether creations fail at their last step, pins of each page. */
export const MACHINE = 0;
export const FAIL_CREATE = 1;
export const PINS = 2;
export const WORDS = PINS + PAGES;

export const COMMANDS = {
  status: 1,
  map: 2,
  unmap: 3,
  unmapMemory: 4,
  interrupt: 5,
  show: 6,
  engines: 7,
  die: 8,
  notify: 9,
} as const;

/** What `status` answers, a word each. */
export const STATUS = [
  'attached',
  'active',
  'cached',
  'pictures',
  'failsafe',
  'sleeping',
  'pvNotified',
  'connected',
  'trapped',
] as const;

/** A register that counts its reads, and one that refuses. */
export const COUNTING_REGISTER = 0x2000;
export const REFUSING_REGISTER = 0x3000;

/** What the hooks remember of a vGPU. */
interface Seen {
  plane: ShownPlane | undefined;
  connected: boolean;
  trapped: boolean;
}

const seen = new WeakMap<Vgpu, Seen>();
let words: Int32Array;

function seenOf(vgpu: Vgpu): Seen {
  let known = seen.get(vgpu);
  if (known === undefined) seen.set(vgpu, (known = { plane: undefined, connected: false, trapped: false }));
  return known;
}

const hooks = {
  created() {
    if (Atomics.load(words, FAIL_CREATE) !== 0) throw new MediatedError('ENOMEM', 'as the test wants it');
  },
  plane: (vgpu: Vgpu, type: string) => (type === 'primary' ? seenOf(vgpu).plane : undefined),
  hotplug(vgpu: Vgpu, connected: boolean) {
    seenOf(vgpu).connected = connected;
  },
  trap(vgpu: Vgpu, trapped: boolean) {
    seenOf(vgpu).trapped = trapped;
  },
  registerHooks: () => ({
    readRegister(offset: number, into: Uint8Array, image: Uint8Array) {
      if (offset === COUNTING_REGISTER) (image[offset] as number)++;
      into.set(image.subarray(offset, offset + into.length));
      return offset !== REFUSING_REGISTER;
    },
  }),
};

const memory = new ArrayBuffer(PAGES * 4096);

function addPins(iova: bigint | number, pages: number, difference: number): Uint8Array[] {
  const first = Number(iova) / 4096;
  if (first + pages > PAGES) throw new MediatedError('EINVAL', 'nothing is mapped there');
  return Array.from({ length: pages }, (_, i) => {
    Atomics.add(words, PINS + first + i, difference);
    if (first + i === LONELY_PAGE) return new Uint8Array(4096);
    return new Uint8Array(memory, (first + i) * 4096, 4096);
  });
}

function statusOf(vgpu: Vgpu): number[] {
  const { connected, trapped } = seenOf(vgpu);
  const { failsafe } = vgpu.registers;
  const { sleeping } = vgpu.config;
  const { attached, active, dma, planes, pvNotified } = vgpu;
  return [attached, active, dma.size, planes.size, failsafe, sleeping, pvNotified, connected, trapped].map(Number);
}

/** Does one of the commands; false: it is none of these. */
function command(vgpu: Vgpu, number: number, argument: Uint8Array): boolean {
  const view = new DataView(argument.buffer, argument.byteOffset);
  const word = (i: number) => view.getUint32(4 * i, true);
  switch (number) {
    case COMMANDS.status:
      for (const [i, value] of statusOf(vgpu).entries()) view.setUint32(4 * i, value, true);
      return true;
    case COMMANDS.map:
      view.setBigUint64(8, vgpu.dma.map(word(0), word(1)), true);
      return true;
    case COMMANDS.unmap:
      vgpu.dma.unmap(view.getBigUint64(8, true));
      return true;
    case COMMANDS.unmapMemory:
      vgpu.dma.invalidate(BigInt(word(0)), BigInt(word(1)));
      return true;
    case COMMANDS.interrupt:
      vgpu.interrupt();
      return true;
    case COMMANDS.show:
      seenOf(vgpu).plane =
        word(1) === 0
          ? undefined
          : { address: word(0), width: word(1), height: word(2), stride: word(3), format: 0x34325258 };
      return true;
    case COMMANDS.engines:
      vgpu.resetEngines(word(0) !== 0);
      return true;
    case COMMANDS.notify:
      vgpu.pvNotified = true;
      return true;
    case COMMANDS.die:
      return process.exit(0);
    default:
      return false;
  }
}

const made = gvt(hooks);

export default defineDriver({
  ...made,
  configure(options: unknown) {
    const { shared, ...gpu } = options as { shared: SharedArrayBuffer };
    const configured = made.configure(gpu);
    return { ...configured, options: { ...configured.options, shared } };
  },
  start(host: DriverHost) {
    words = new Int32Array((host.options as { shared: SharedArrayBuffer }).shared);
    const operations = gvtOperations(host, hooks, () => ({
      pin: (iova, pages) => addPins(iova, pages, 1),
      unpin: (iova, pages) => void addPins(iova, pages, -1),
    }));
    return {
      ...operations,
      openDevice(device) {
        device.kvm = Atomics.load(words, MACHINE);
        return operations.openDevice?.(device);
      },
      ioctl: (device, number, argument, call) =>
        command(device.data, number, argument) ? 0 : operations.ioctl?.(device, number, argument, call),
    };
  },
});
