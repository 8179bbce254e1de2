/**
 * The words that vfio keeps in a device's slot, counted from the slot's framework words, and who may write which.
 * The thread that probed the device is its owner; any thread may read, and must check the slot's generation afterwards.
 *
 * REFERENCES the registration count (`RefCount`, untracked): 1 from registration to unregistration and 1 per open file.
 *            Any thread gets a reference by increment-unless-zero and puts its own. Zero is final and is the completion
 *            that unregistration waits for. Written plainly only before the device is registered.
 * OPEN_COUNT open files: the owner, under the mutex of the device's set.
 * SET        number of the shared set's record plus one, 0 for a set of its own: the owner, under the set's mutex.
 * JOINED     place among the members of the shared set: as SET.
 * LISTED     not 0 while an open finds the device and `vfio-dev/vfioN` exists: 1 more than its place in the order in which
 *            the devices of its group have joined. The owner.
 * IOMMUFD    number of the iommufd context that it is bound to, 0 if none: the owner, under the set's mutex.
 * OWN_MUTEX  the mutex of a set of its own. Any thread, by the mutex's rules; recovered by the supervising thread.
 */
import { Mutex } from '@mediated/core/sync';

export const REFERENCES = 0;
export const OPEN_COUNT = 1;
export const SET = 2;
export const JOINED = 3;
export const OWN_MUTEX = 4;
export const LISTED = OWN_MUTEX + Mutex.WORDS;
export const IOMMUFD = LISTED + 1;
/** Words in use; a slot has `FRAMEWORK_WORDS` of them. */
export const DEVICE_WORDS_USED = IOMMUFD + 1;
