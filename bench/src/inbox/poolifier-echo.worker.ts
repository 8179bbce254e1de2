/** The echo behind poolifier: the task of its pool thread. */
import { ThreadWorker } from 'poolifier';

export default new ThreadWorker<number, number>((value) => value as number);
