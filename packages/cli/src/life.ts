/**
 * The life of one mtty card from its creation to its removal, in words that anyone can follow, with what the bus says
 * and the kernel's refusals on the way. Called by `demo.ts` on the main thread, while nobody else uses the card.
 */
import { type Bus, isMediatedError, type Mdev, type Uevent } from '@mediated/core';
import { type DeviceFile, openDevice } from '@mediated/vfio';

/** Prints a sentence, or something that was seen. */
export interface Narrator {
  say(sentence: string): void;
  show(what: string): void;
}

const CONFIG = 7 * 2 ** 40;
const FIRST_PORT = 0;
const GREETING = 'hello';

/** Tells the life of `mdev` and creates it once more at the end. `events`: uevents so far; the bus adds to them. */
export async function tellLife(bus: Bus, mdev: Mdev, events: readonly Uevent[], narrator: Narrator): Promise<void> {
  const { uuid, parent, type } = mdev;
  const { say, show } = narrator;
  let told = 0;
  const showEvents = () => {
    bus.drainEvents();
    for (; told < events.length; told++) {
      const event = events[told];
      if (event.uuid !== uuid) continue;
      const what = event.devpath.slice(event.devpath.indexOf(uuid) + uuid.length + 1) || 'the device';
      show(`uevent ${event.sequence}: ${event.action} ${what}`);
    }
  };
  say(`${uuid} was created by writing its UUID to`);
  say(`${parent.name}/mdev_supported_types/${type}/create. Whoever listens heard:`);
  showEvents();
  say('A UUID exists once on all parents. Creating it again is refused:');
  show(await refusalOf(parent.create(type, uuid)));
  const free = await parent.availableInstances(type);
  show(`${free} more ${type} fit on this kind of card`);

  say('A program opens it. It looks like a PCI card to it:');
  const file = await openDevice(bus, mdev);
  show(`vendor and device ${await identity(file)}: a serial card`);
  say('What is sent through its serial port comes back:');
  show(`sent "${GREETING}", received "${await echo(file)}"`);

  say('Somebody removes it while it is open. The removal waits for the program;');
  say('until then nobody else can open it, and its UUID stays taken:');
  let removed = false;
  const removal = mdev.remove().then(() => {
    removed = true;
  });
  show(await refusalOf(openDevice(bus, mdev)));
  show(await refusalOf(parent.create(type, uuid)));
  show(removed ? 'the removal did not wait' : 'the removal still waits');

  say('The program closes it, and the removal is done:');
  await file.close();
  await removal;
  showEvents();
  show(`${await parent.availableInstances(type)} ${type} fit now`);
  await parent.create(type, uuid);
  say('The UUID is free again, so it was created once more, for the storm.');
}

async function refusalOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'it was not refused';
  } catch (error) {
    return isMediatedError(error) ? `${error.code} (${error.errno}), as from the kernel` : String(error);
  }
}

/** Vendor and device, as `lspci` writes them. */
async function identity(file: DeviceFile): Promise<string> {
  const view = Buffer.from(await file.read(CONFIG, 4));
  return [0, 2].map((at) => view.readUInt16LE(at).toString(16).padStart(4, '0')).join(':');
}

/** Sends a text byte by byte through the first port's data register. */
async function echo(file: DeviceFile): Promise<string> {
  for (const byte of Buffer.from(GREETING)) await file.write(FIRST_PORT, Uint8Array.of(byte));
  const bytes: number[] = [];
  for (let at = 0; at < GREETING.length; at++) bytes.push(...(await file.read(FIRST_PORT, 1)));
  return Buffer.from(bytes).toString();
}
