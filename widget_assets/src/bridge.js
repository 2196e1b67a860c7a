/**
 * The frame's side of the protocol, inlined in the page: it tells the host page what is shown and how high it is.
 *
 * It speaks only to the partner's origins, which the server printed in the page; the list script raises `alternance` on
 * the document when it has put another list there.
 * @module
 */
import { FROM_HOST, PROTOCOL, isMessage } from './protocol.js';

const openedAt = Date.now();
const main = /** @type {HTMLElement} */ (document.querySelector('main'));

const read = () => JSON.parse(/** @type {HTMLElement} */ (document.getElementById('alternance-state')).textContent || '');

/** @type {{origins: string[], version: string, params: object, results: object | null, notices: object[]}} */
let state = read();
const asked = new URLSearchParams(location.search).get('origin');
let host = state.origins.find((origin, _, all) => origin == asked || !all[1]);

const post = (/** @type {string} */ type, /** @type {object} */ data) =>
  host && parent.postMessage({ p: PROTOCOL, type, data }, host);

const tellHeight = () => post('resize', { height_px: Math.ceil(main.getBoundingClientRect().height) });

const tell = () => {
  post('ready', { v: 1, version: state.version, params: state.params, opened_at: openedAt });
  tellHeight();
  if (state.results) post('results', state.results);
  for (const notice of state.notices) post('error', notice);
};

if (parent != self) {
  addEventListener('message', ({ source, origin, data }) => {
    if (source == parent && state.origins.includes(origin) && isMessage(data, FROM_HOST)) {
      host = origin;
      if (data.type == 'hello') tell();
      // Not an entry in the visitor's history; from the page of one card back to the list.
      else location.replace(location.pathname.replace(/\/cards\/.*/, '') + '?' + new URLSearchParams(data.data));
    }
  });
  document.addEventListener('alternance', () => {
    state = read();
    tell();
  });
  document.addEventListener('click', ({ target, isTrusted }) => {
    const link = /** @type {Element} */ (target).closest('a');
    const card = link?.closest('article');
    if (isTrusted && link && card) {
      const { kind, id } = card.dataset;
      if (link.matches('[data-select]')) post('select', { kind, id, href: link.href });
      if (link.matches('[data-apply]')) post('apply', { kind, id });
    }
  });
  new ResizeObserver(tellHeight).observe(main);
  tell();
}
