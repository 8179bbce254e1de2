/** The echo behind workerpool: a method of its pool thread. */
import { worker } from 'workerpool';

worker({ echo: (value: number): number => value });
