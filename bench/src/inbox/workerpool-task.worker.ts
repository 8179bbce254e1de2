/** The work behind workerpool: a method of its pool threads. */
import { worker } from 'workerpool';
import task from './task.worker.js';

worker({ task });
