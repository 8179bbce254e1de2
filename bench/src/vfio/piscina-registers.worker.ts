/** The register device behind piscina: a task by name, the device is the pool thread's. */
import { plainRegisters } from './plain-registers.js';

export const { read } = plainRegisters();
