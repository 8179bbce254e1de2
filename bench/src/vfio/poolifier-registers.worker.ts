/** The register device behind poolifier: a task by name, the device is the pool thread's. */
import { ThreadWorker } from 'poolifier';
import { plainRegisters } from './plain-registers.js';

const { read } = plainRegisters();
export default new ThreadWorker<unknown, unknown>({ read: (position) => read(position as number) });
