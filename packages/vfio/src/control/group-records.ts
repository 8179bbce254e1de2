/**
 * What all threads of a bus know of its IOMMU groups (spec/vfio-core section 7): one record per group number in shared
 * memory, made with the bus's first vfio driver. Written by the threads that register devices, by the control actor and
 * by the supervising thread for the dead.
 *
 * Owner rules, per record:
 *
 * LIFE       devices registered with vfio (the kernel's `drivers`) in the low half, above them how often the group has
 *            come to be: the number of a group that is gone is used again, and who has its file open must not take the
 *            new one for it. An emulated group has one device and one writer at a time: the device's thread, or the
 *            supervising thread when that has died. A group of physical devices: any thread, by compare-and-swap.
 * KIND       by whoever brings the count from 0 to 1, before it does.
 * MEMBER     slot of the device plus one; groups of one device only; as KIND.
 * IOMMU      name id plus one of the device whose IOMMU isolates the group's DMA; isolated groups only; as KIND.
 * OPEN       0, or the half of LIFE that counts lives: somebody may have the group's file open. The control actor alone,
 *            except that what a dead control actor has left means nothing.
 * KERNEL_DMA devices of the group whose host driver lets the kernel do DMA: any thread, by atomic add.
 * PLACES     devices that ever joined a group of physical devices: any thread, by atomic add.
 * OWNER      1 while a container or an iommufd owns the group's DMA: the control actor alone.
 *
 * Behind the records, one word for the bus: 1 once a device without an IOMMU was registered (no-IOMMU mode).
 *
 * Two pairs of words are each written first and read second, the one by one side and the other by the other side, so that
 * at least one of the two sees both:
 * - an open sets OPEN, then looks whether the count is above 0; who takes the last device out lowers the count, then
 *   looks at OPEN, and asks the control actor if it is set. A create or a removal costs two stores and a load more.
 * - a claim of the DMA sets OWNER, then looks at KERNEL_DMA (EPERM); a host driver raises KERNEL_DMA, then looks at OWNER
 *   (EBUSY).
 */
const KIND = 0;
const LIFE = 1;
const MEMBER = 2;
const OPEN = 3;
const KERNEL_DMA = 4;
const OWNER = 5;
const PLACES = 6;
const IOMMU = 7;
const RECORD_WORDS = 8;

const COUNT_MASK = 0xffff;
const LIFE_SHIFT = 16;

/**
 * Kinds of groups; 0: never used. `isolated`: of one mediated device whose DMA an IOMMU isolates, as it does a physical
 * device's.
 */
export const GROUP_KINDS = { emulated: 1, physical: 2, noIommu: 3, isolated: 4 } as const;
export type GroupKind = (typeof GROUP_KINDS)[keyof typeof GROUP_KINDS];

/** Structured-cloneable access to the records. */
export type GroupRecordsHandle = Int32Array<SharedArrayBuffer>;

export class GroupRecords {
  readonly handle: GroupRecordsHandle;

  constructor(handle: GroupRecordsHandle) {
    this.handle = handle;
  }

  /** Room for the groups 0 to `groups` - 1. The operating system supplies pages as they are touched. */
  static create(groups: number): GroupRecords {
    return new GroupRecords(new Int32Array(new SharedArrayBuffer((groups * RECORD_WORDS + 1) * 4)));
  }

  /** A group of one device, which has its number for itself. `iommu`: name id, of isolated groups. */
  begin(group: number, kind: GroupKind, member: number, iommu = -1): void {
    const words = this.handle;
    const at = group * RECORD_WORDS;
    words[at + KIND] = kind;
    words[at + MEMBER] = member + 1;
    words[at + IOMMU] = iommu + 1;
    if (kind === GROUP_KINDS.noIommu) words[words.length - 1] = 1;
    Atomics.store(words, at + LIFE, nextLife(words[at + LIFE]) | 1);
  }

  /** The end of such a group. True: its file may be open, the control actor must hear of it. */
  end(group: number): boolean {
    const words = this.handle;
    const at = group * RECORD_WORDS;
    Atomics.store(words, at + LIFE, words[at + LIFE] & ~COUNT_MASK);
    return Atomics.load(words, at + OPEN) !== 0;
  }

  /** One device more in a group that several may be in. True: it is the first. */
  join(group: number): boolean {
    const words = this.handle;
    const at = group * RECORD_WORDS;
    for (;;) {
      const life = Atomics.load(words, at + LIFE);
      const first = (life & COUNT_MASK) === 0;
      if (first) words[at + KIND] = GROUP_KINDS.physical;
      const next = first ? nextLife(life) | 1 : life + 1;
      if (Atomics.compareExchange(words, at + LIFE, life, next) === life) return first;
    }
  }

  /** Place of the next device in the order of joining. */
  nextPlace(group: number): number {
    return Atomics.add(this.handle, group * RECORD_WORDS + PLACES, 1);
  }

  /** One device less. True: it was the last. Ask {@link mayBeOpen} then. */
  leave(group: number): boolean {
    const words = this.handle;
    const at = group * RECORD_WORDS;
    for (;;) {
      const life = Atomics.load(words, at + LIFE);
      if ((life & COUNT_MASK) === 0) return false;
      if (Atomics.compareExchange(words, at + LIFE, life, life - 1) === life) return (life & COUNT_MASK) === 1;
    }
  }

  /** Whether devices without an IOMMU may be used on this bus. */
  get noIommu(): boolean {
    return this.handle[this.handle.length - 1] !== 0;
  }

  /** Whether somebody may have the group's file open. */
  mayBeOpen(group: number): boolean {
    return Atomics.load(this.handle, group * RECORD_WORDS + OPEN) !== 0;
  }

  /** Which life the group is in; 0: it does not exist now, or there is no such number. */
  life(group: number): number {
    if (!(Number.isInteger(group) && group >= 0 && group < Math.floor(this.handle.length / RECORD_WORDS))) return 0;
    const life = Atomics.load(this.handle, group * RECORD_WORDS + LIFE);
    return (life & COUNT_MASK) === 0 ? 0 : life >>> LIFE_SHIFT;
  }

  kind(group: number): GroupKind {
    return Atomics.load(this.handle, group * RECORD_WORDS + KIND) as GroupKind;
  }

  /** Slot of the device of a group that has one; -1 for groups of physical devices. */
  member(group: number): number {
    const kind = this.kind(group);
    return kind === GROUP_KINDS.physical ? -1 : Atomics.load(this.handle, group * RECORD_WORDS + MEMBER) - 1;
  }

  /** Name id of the device whose IOMMU isolates the DMA of an isolated group. */
  iommu(group: number): number {
    return Atomics.load(this.handle, group * RECORD_WORDS + IOMMU) - 1;
  }

  /** Control actor: the file of a group's life is open, or about to be. */
  setOpen(group: number, life: number): void {
    Atomics.store(this.handle, group * RECORD_WORDS + OPEN, life);
  }

  /** Control actor: it is no more. The file of a later life may be. */
  clearOpen(group: number, life: number): void {
    Atomics.compareExchange(this.handle, group * RECORD_WORDS + OPEN, life, 0);
  }

  /** A host driver that lets the kernel do DMA takes a device of the group. False: the DMA has an owner (EBUSY). */
  addKernelUser(group: number): boolean {
    const words = this.handle;
    const at = group * RECORD_WORDS;
    Atomics.add(words, at + KERNEL_DMA, 1);
    if (Atomics.load(words, at + OWNER) === 0) return true;
    Atomics.sub(words, at + KERNEL_DMA, 1);
    return false;
  }

  /** It lets the device go. */
  dropKernelUser(group: number): void {
    Atomics.sub(this.handle, group * RECORD_WORDS + KERNEL_DMA, 1);
  }

  kernelUsers(group: number): number {
    return Atomics.load(this.handle, group * RECORD_WORDS + KERNEL_DMA);
  }

  /** Control actor: claims the DMA of a group. False: a host driver uses it (EPERM). */
  claim(group: number): boolean {
    const words = this.handle;
    const at = group * RECORD_WORDS;
    Atomics.store(words, at + OWNER, 1);
    if (Atomics.load(words, at + KERNEL_DMA) === 0) return true;
    Atomics.store(words, at + OWNER, 0);
    return false;
  }

  /** Control actor: gives it back. */
  release(group: number): void {
    Atomics.store(this.handle, group * RECORD_WORDS + OWNER, 0);
  }

  /** Control actor, new after a death: nothing is owned any more. */
  releaseAll(): void {
    const words = this.handle;
    for (let at = 0; at + RECORD_WORDS <= words.length; at += RECORD_WORDS) {
      if (words[at + OWNER] !== 0) Atomics.store(words, at + OWNER, 0);
    }
  }
}

/** The next life, with nobody in it; never 0. */
function nextLife(life: number): number {
  const next = ((life >>> LIFE_SHIFT) + 1) & COUNT_MASK;
  return (next === 0 ? 1 : next) << LIFE_SHIFT;
}
