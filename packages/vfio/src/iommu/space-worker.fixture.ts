/**
 * A thread of devices in the tests of shared address spaces: opens the space it is given and runs one script. `ready`
 * and `gate` as in the lock tests: words of a shared array, no looking at clocks.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isMediatedError } from '@mediated/core';
import { AddressSpace } from '#dist/iommu/address-space.js';
import { DeviceAccess } from '#dist/iommu/device-access.js';
import { HEADER, MAPPING, PIN, PIN_WORDS, planOf, STATE } from '#dist/iommu/layout.js';
import { SegmentTable } from '#dist/iommu/segment-table.js';
import { ANSWER, ASK, GATE, PINS, READY, type SpaceJob, STOP } from './space-words.fixture.js';

const job = workerData as SpaceJob;
const { control, slot } = job;
const space = AddressSpace.from(job.space);
const segments = new SegmentTable();
for (const segment of job.segments) segments.add(segment);
const device = new DeviceAccess();
device.bind({ space, segments, slot, unpinsOnRequest: true });

function ready(): void {
  Atomics.add(control, READY, 1);
  Atomics.notify(control, READY);
}

/** Answers how often each code came. */
function tally(count: Record<string, number>, body: () => void): void {
  try {
    body();
    count.ok = (count.ok ?? 0) + 1;
  } catch (error) {
    const code = isMediatedError(error) ? error.code : String(error);
    count[code] = (count[code] ?? 0) + 1;
  }
}

const scripts: Record<SpaceJob['script'], () => unknown> = {
  /**
   * Pins and reads pages 0 to 3 until told to stop, and holds its pins until it is asked for them. What it reads of a
   * page must be of one colour.
   */
  pinAndRead: () => {
    const count: Record<string, number> = {};
    const into = new Uint8Array(256);
    let torn = 0;
    const unpinAll = () => space.within(() => space.pins.dropSlot(slot));
    ready();
    Atomics.wait(control, GATE, 0);
    for (let round = 0; Atomics.load(control, STOP) === 0; round++) {
      const asked = Atomics.load(control, ASK);
      if ((asked & 1) === 1) {
        unpinAll();
        Atomics.store(control, ANSWER + slot, asked);
        Atomics.notify(control, ANSWER + slot);
        Atomics.wait(control, ASK, asked);
        continue;
      }
      const page = (round + slot) % 4;
      tally(count, () => {
        device.pin(page * 4096, 1, 'read-write');
        Atomics.add(control, PINS + slot, 1);
        Atomics.notify(control, PINS + slot);
      });
      tally(count, () => {
        device.read(page * 4096, into);
        if (into.some((byte) => byte !== into[0])) torn++;
      });
    }
    unpinAll();
    return { count, torn };
  },
  /** Pins a page and stays. */
  pinAndStay: () => {
    device.pin(4096, 2, 'read');
    ready();
    Atomics.wait(control, GATE, 0);
  },
  /** Stays in a section, having half-way put a pin down and half-way taken one out. */
  stayInSection: () => {
    device.pin(0, 2, 'read');
    space.enter();
    const { words } = space;
    const plan = planOf(words[HEADER.pinCapacity], words[HEADER.dirtyCapacity]);
    const first = plan.pins;
    // Page 0: its record is free already, but still in its chain and in all sums.
    words[first + PIN.count] = 0;
    // A record was taken for another pin, and filled but for its count.
    const taken = words[HEADER.pinTop]++;
    new Float64Array(words.buffer)[(first + taken * PIN_WORDS + PIN.page) >>> 1] = 2;
    words[first + taken * PIN_WORDS + PIN.slot] = slot;
    ready();
    Atomics.wait(control, GATE, 0);
  },
  /** What a control thread leaves that dies half-way in a map: a record without its place in the index. */
  dieMapping: () => {
    space.enter();
    const { words, mappings } = space;
    const record = words[HEADER.mappingTop]++;
    const base = mappings.word(record, 0);
    const doubles = new Float64Array(words.buffer);
    doubles[(base + MAPPING.start) >>> 1] = 2;
    doubles[(base + MAPPING.pages) >>> 1] = 1;
    words[base + MAPPING.state] = STATE.used | STATE.read;
    // And one whose state was not reached, the index being torn in the middle of a move.
    words[HEADER.mappingTop]++;
    new Uint16Array(words.buffer, planOf(1, 2).index * 4, 4).fill(0);
    ready();
    Atomics.wait(control, GATE, 0);
  },
};

parentPort?.postMessage(scripts[job.script]());
