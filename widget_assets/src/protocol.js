/**
 * What the host page and the frame may say to each other: protocol `alternance/1`, grouped by direction.
 *
 * Both sides import this file; the bundler keeps on each side only the checks of what that side receives. A receiver
 * first compares the sender's window and its exact origin, then asks `isMessage`.
 * @module
 */

/** @typedef {import('../../embed/types').FrameMessages} FrameMessages */
/** @typedef {import('../../embed/types').HostMessages} HostMessages */
/** @typedef {(data: Record<string, unknown>) => boolean} Check */

export const PROTOCOL = 'alternance/1';

/** @type {(value: unknown) => value is string} */
const isText = (value) => typeof value == 'string';

/** @type {(value: unknown) => boolean} */
const isCount = (value) => Number.isInteger(value) && /** @type {number} */ (value) >= 0;

/** @type {(value: any, of: (item: unknown) => boolean) => boolean} */
const isRecord = (value, of) => value?.constructor == Object && Object.values(value).every(of);

/**
 * Frame to host page. No prototype: a message of type "constructor" finds nothing.
 * @type {Record<keyof FrameMessages, Check>}
 */
export const FROM_FRAME = {
  // @ts-expect-error a prototype is not a message
  __proto__: null,
  ready: (data) => data.v === 1 && isText(data.version) && isRecord(data.params, isText),
  resize: (data) => isCount(data.height_px),
  results: (data) =>
    isCount(data.total) &&
    isCount(data.page) &&
    isRecord(data.counts, isCount) &&
    isRecord(data.params, isText) &&
    Array.isArray(data.sources),
  select: (data) => isText(data.kind) && isText(data.id) && isText(data.href) && /^https?:/.test(data.href),
  apply: (data) => isText(data.kind) && isText(data.id),
  scroll: () => true,
  error: (data) => isText(data.code),
};

/**
 * Host page to frame.
 * @type {Record<keyof HostMessages, Check>}
 */
export const FROM_HOST = {
  // @ts-expect-error a prototype is not a message
  __proto__: null,
  hello: (data) => data.v === 1,
  configure: (data) => isRecord(data, isText),
};

/**
 * Is this an envelope of our protocol, of a type that this side receives, in the shape that it may read?
 * @type {(message: any, table: Record<string, Check>) => boolean}
 */
export const isMessage = (message, table) =>
  message?.p === PROTOCOL &&
  isText(message.type) &&
  isRecord(message.data, () => true) &&
  !!table[message.type]?.(message.data);
