/** The register device behind workerpool: a method of its pool thread, whose device it is. */
import { worker } from 'workerpool';
import { plainRegisters } from './plain-registers.js';

worker({ ...plainRegisters() });
