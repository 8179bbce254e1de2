/**
 * A driver for tests that lives on guest memory. Its devices obey commands; what their callbacks saw is lines of text in
 * the attribute `guest/heard`, read to be forgotten.
 */
import { isMediatedError, MediatedError } from '@mediated/core';
import { type AnonymousFile, defineDriver, type VfioDevice } from '@mediated/vfio';
import { DEVICE_GET_GFX_DMABUF, DEVICE_PCI_HOT_RESET, DEVICE_SET_IRQS, IRQ_SET_BYTES } from '@mediated/vfio/uapi';

/** Commands. The argument is an iova (u64) and then what is said. */
export const DMA_READ = 1; // length of the rest: bytes that are filled in
export const DMA_WRITE = 2; // the rest is written
export const PIN = 3; // pages (u32); stays pinned until DMA_UNMAP or UNPIN
export const UNPIN = 4;
export const OPENED = 5; // fills in text
export const KVM = 6; // answers the virtual machine
export const IOMMUFD = 7; // answers the number of the iommufd context
export const FAIL_OPEN = 8; // the next first open fails with EAGAIN
export const DIE = 9;
/** dmaUnmap does not unpin any more (argument 1), or does again (0). */
export const HOLD_PINS = 10;
/** dmaUnmap waits until RELEASE. */
export const HOLD_UNMAPS = 11;
export const RELEASE_UNMAPS = 12;
/** First opens wait until RELEASE_OPENS. */
export const HOLD_OPENS = 13;
export const RELEASE_OPENS = 14;

/** A file that gives back what was written. */
class Note implements AnonymousFile {
  readonly name = '[note]';
  #bytes = new Uint8Array(0);

  write(_position: number, bytes: Uint8Array): number {
    this.#bytes = bytes.slice();
    return bytes.length;
  }

  read(_position: number, into: Uint8Array): number {
    const bytes = this.#bytes.subarray(0, into.length);
    into.set(bytes);
    return bytes.length;
  }

  ioctl(_command: number, argument: Uint8Array): number {
    argument.reverse();
    return argument.length;
  }
}

interface Guest {
  readonly pinned: { iova: bigint; pages: number }[];
  failOpen: boolean;
  holdPins: boolean;
}

export default defineDriver({
  name: 'guest',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'plain' }, { sysfsName: 'isolated' }],
  maxInstances: 1000,
  start() {
    const heard: string[] = [];
    let held: PromiseWithResolvers<void> | undefined;
    let heldOpens: PromiseWithResolvers<void> | undefined;

    function unpin(device: VfioDevice<Guest>, iova: bigint, size: bigint): void {
      const { pinned } = device.data;
      for (let i = pinned.length - 1; i >= 0; i--) {
        const pin = pinned[i];
        if (pin.iova < iova || pin.iova >= iova + size) continue;
        pinned.splice(i, 1);
        device.dma.unpin(pin.iova, pin.pages);
      }
    }

    return {
      attributes: [{ path: 'guest/heard', show: () => heard.splice(0).join('\n') }],
      init(_device): Guest {
        return { pinned: [], failOpen: false, holdPins: false };
      },
      iommuDevice({ type }) {
        return type.sysfsName === 'isolated' ? 'card0' : undefined;
      },
      openDevice(device) {
        heard.push(`open ${device.openCount} kvm ${device.kvm} ${dmaOf(device)}`);
        if (!device.data.failOpen) return heldOpens?.promise;
        device.data.failOpen = false;
        throw new MediatedError('EAGAIN', 'told to');
      },
      closeDevice(device) {
        heard.push(`close ${device.openCount} kvm ${device.kvm} ${dmaOf(device)}`);
        unpin(device, 0n, 2n ** 64n);
      },
      dmaUnmap(device, iova, size) {
        heard.push(`unmap 0x${iova.toString(16)} 0x${size.toString(16)}`);
        const go = () => {
          if (!device.data.holdPins) unpin(device, iova, size);
        };
        return held === undefined ? go() : held.promise.then(go);
      },
      request(_device, count) {
        heard.push(`request ${count}`);
      },
      read({ data }, _position, into) {
        return into.fill(data.pinned.length).length;
      },
      write(_device, _position, bytes) {
        return bytes.length;
      },
      ioctl(device, command, argument, call) {
        const view = new DataView(argument.buffer, argument.byteOffset, argument.length);
        const { data } = device;
        switch (command) {
          case DMA_READ:
            device.dma.read(view.getBigUint64(0, true), argument.subarray(8));
            return;
          case DMA_WRITE:
            device.dma.write(view.getBigUint64(0, true), argument.subarray(8));
            return;
          case PIN: {
            const [iova, pages] = [view.getBigUint64(0, true), view.getUint32(8, true)];
            const pinned = device.dma.pin(iova, pages, 'read-write');
            data.pinned.push({ iova, pages });
            return pinned[0][0];
          }
          case UNPIN:
            unpin(device, 0n, 2n ** 64n);
            return;
          case OPENED:
            return new TextEncoder().encodeInto(JSON.stringify(call.opened), argument).written;
          case KVM:
            return device.kvm;
          case IOMMUFD:
            return device.iommufd;
          case FAIL_OPEN:
            data.failOpen = true;
            return;
          case DIE:
            return process.exit(7);
          case HOLD_PINS:
            data.holdPins = argument[0] === 1;
            return;
          case HOLD_UNMAPS:
            held = withResolvers();
            return;
          case RELEASE_UNMAPS:
            held?.resolve();
            held = undefined;
            return;
          case HOLD_OPENS:
            heldOpens = withResolvers();
            return;
          case RELEASE_OPENS:
            heldOpens?.resolve();
            heldOpens = undefined;
            return;
          case DEVICE_SET_IRQS:
            // Signals everything that is named.
            for (let at = IRQ_SET_BYTES; at < argument.length; at += 4) call.eventfd(view.getInt32(at, true)).signal();
            return;
          case DEVICE_PCI_HOT_RESET: {
            const file = call.passed(view.getInt32(12, true));
            if (file.kind === 'group') return file.group;
            throw new MediatedError('EINVAL', `a file of kind ${file.kind}`, { syscall: 'ioctl' });
          }
          case DEVICE_GET_GFX_DMABUF:
            return call.openFile(new Note());
          default:
            throw new MediatedError('ENOTTY', 'no such command', { syscall: 'ioctl' });
        }
      },
    };
  },
});

/** What reading a byte of guest memory at 0 comes to. */
function dmaOf({ dma }: VfioDevice<Guest>): string {
  try {
    dma.read(0n, new Uint8Array(1));
    return 'dma';
  } catch (error) {
    return isMediatedError(error) ? error.code : String(error);
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function withResolvers(): PromiseWithResolvers<void> {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}
