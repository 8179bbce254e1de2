/** The plain device files behind piscina: tasks by name, the devices are the pool thread's. */
import { plainFiles } from './plain-files.js';

export const { create, open, close } = plainFiles();
