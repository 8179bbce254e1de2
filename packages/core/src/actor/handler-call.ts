/**
 * Calls a handler with the arguments of a request that lies in a slot. Called by `slot-reader.ts` only. The usual requests
 * have few arguments, all in the slot: for them no array is made.
 */
import type { Handler } from './dispatcher.js';
import {
  HEADER,
  ON_PORT,
  PAYLOAD,
  type PayloadRoad,
  type SlotViews,
  unpackArgument,
  unpackArguments,
} from './packing.js';
import type { PlannedMessage } from './protocol.js';

/** Returns what the handler returns and throws what it throws; EIO when an argument is gone with the asker. */
export function callHandler(
  handler: Handler,
  views: SlotViews,
  at: number,
  message: PlannedMessage,
  road: PayloadRoad,
): unknown {
  const { words } = views;
  const word = at + PAYLOAD;
  const count = message.args.length;
  if (message.wordsOnly) {
    if (count === 1) return handler(words[word]);
    if (count === 2) return handler(words[word], words[word + 1]);
    if (count === 5) return handler(words[word], words[word + 1], words[word + 2], words[word + 3], words[word + 4]);
  }
  if ((words[at + HEADER] & ON_PORT) === 0) {
    switch (count) {
      case 0:
        return handler();
      case 1:
        return handler(unpackArgument(views, at, message, 0));
      case 2:
        return handler(unpackArgument(views, at, message, 0), unpackArgument(views, at, message, 1));
      case 3:
        return handler(
          unpackArgument(views, at, message, 0),
          unpackArgument(views, at, message, 1),
          unpackArgument(views, at, message, 2),
        );
    }
  }
  return handler(...unpackArguments(views, at, message, road));
}
