/** The work behind poolifier: the task of its pool threads. */
import { ThreadWorker } from 'poolifier';
import task from './task.worker.js';

export default new ThreadWorker<number, number>((rounds) => task(rounds as number));
