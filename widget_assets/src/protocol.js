/**
 * What the host page and the frame may say to each other: protocol `alternance/1`. Both sides import this file.
 *
 * The shapes are in `embed/types.d.ts`. A receiver first compares the sender's window and its exact origin; then it
 * asks `isMessage`. Whatever else it reads of a message must be harmless when it is absent or of another type.
 * @module
 */

export const PROTOCOL = 'alternance/1';

/** What a frame says to its host page. */
export const FROM_FRAME = /* @__PURE__ */ 'ready resize results select apply scroll error'.split(' ');

/** What a host page says to its frame. */
export const FROM_HOST = /* @__PURE__ */ 'hello configure'.split(' ');

/** @type {(message: any, types: string[]) => boolean} Is this an envelope of ours, of a type that this side receives? */
export const isMessage = (message, types) =>
  message?.p == PROTOCOL && types.includes(message.type) && message.data?.constructor == Object;
