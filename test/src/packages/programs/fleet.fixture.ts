/** A fleet whose server does not answer. Run by packed.e2e.test.ts in an empty project. */
import { isMediatedError } from '@mediated/core';
import { Fleet } from '@mediated/fleet';

const refused = await Fleet.connect({ servers: 'nats://127.0.0.1:1' }).catch((error: unknown) => error);
console.log(isMediatedError(refused) ? refused.code : refused);
