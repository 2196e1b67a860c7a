/**
 * The frame's side of the protocol, inlined in the page: it tells the host page what is shown and how high it is.
 *
 * It speaks only to one of the partner's origins, which the server printed in the page: the one named by `?origin=`, or
 * the one that says hello. Its height it tells at once, where it can, so that nothing below moves late. `ready` and what
 * follows it wait for the first hello: a loader that starts after this document must hear them too, and each document
 * says them once. The list script raises `alternance` on the window: with a message to pass on, or without when it has
 * put another list there.
 * @module
 */
import { FROM_HOST, PROTOCOL, isMessage } from './protocol.js';

const main = /** @type {HTMLElement} */ (document.querySelector('main'));

/** By `text`: `innerText` would lay out the whole page first, 70 ms on a slow telephone, before its script is through. */
const read = () => JSON.parse(/** @type {HTMLScriptElement} */ (document.getElementById('alternance-state')).text);

/** @type {{origins: string, version: string, params: object}} */
const { origins: pattern, version, params } = read();
/** Anchored by the server: the same origins as in `frame-ancestors`, where `https://*.example.fr` is any host under it. */
const origins = RegExp(pattern);
let host = '';
/** Whether this document has said what it has to say. @type {true | undefined} */
let told;
let height_px = 0;

const post = (/** @type {string} */ type, /** @type {object} */ data) =>
  host && parent.postMessage({ p: PROTOCOL, type, data }, host);

/** Measured now: the browser does not observe a frame that is out of sight. */
const tellHeight = () => {
  const height = Math.ceil(main.getBoundingClientRect().height);
  // A frame that is not shown has no height; the observer tells when it is.
  if (height && height != height_px) post('resize', { height_px: (height_px = height) });
};

const tellResults = () => {
  const { results, notices } = read();
  if (results) post('results', results);
  for (const notice of notices) post('error', notice);
};

const meet = (/** @type {any} */ origin) => {
  if (origins.test(origin)) host = origin;
  height_px = 0;
  tellHeight();
};

if (parent != self) {
  // Only the wrapper's own height, never that of the window: the frame follows it, and it must not follow the frame.
  new ResizeObserver(tellHeight).observe(main);
  addEventListener('message', ({ source, origin, data }) => {
    if (source == parent && origins.test(origin) && isMessage(data, FROM_HOST)) {
      meet(origin);
      if (!told) {
        told = true;
        post('ready', { v: 1, version, params });
        tellResults();
      }
      if (data.type == 'configure') {
        // No entry in the visitor's history; from the page of one card back to the list.
        location.replace(location.pathname.split('/cards')[0] + '?' + new URLSearchParams(data.data));
      }
    }
  });
  addEventListener('alternance', (/** @type {any} */ { detail }) =>
    detail ? post(.../** @type {[string, object]} */ (detail)) : tellResults(),
  );
  meet(new URLSearchParams(location.search).get('origin'));
}
