/** The plain device files behind poolifier: tasks by name, the devices are the pool thread's. */
import { ThreadWorker } from 'poolifier';
import { plainFiles } from './plain-files.js';

const { create, open, close } = plainFiles();
export default new ThreadWorker<unknown, unknown>({
  create: (uuid) => create(uuid as string),
  open: (handle) => open(handle as number),
  close: (file) => close(file as number),
});
