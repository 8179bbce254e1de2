/** The actor behind the inbox figures: gives an integer back. Loaded by its hosting thread. */
import { ask, defineActor, defineProtocol, int } from '@mediated/core/actor';

export const echoProtocol = defineProtocol({ echo: ask([int], int) });

export const echoActor = defineActor({
  module: import.meta.url,
  name: 'echoActor',
  protocol: echoProtocol,
  start: () => ({ handlers: { echo: (value) => value } }),
});
