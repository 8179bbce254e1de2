/** The plain device files behind workerpool: methods of its pool thread, whose devices they are. */
import { worker } from 'workerpool';
import { plainFiles } from './plain-files.js';

worker({ ...plainFiles() });
