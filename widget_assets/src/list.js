/**
 * The list without reload. The form and the links of the page lead to the same page for another search: this script
 * fetches it and puts its parts in the place of those that are there. Without it everything works, with a reload.
 *
 * The status line is never replaced, only its text: a screen reader hears it once per search. Focus stays where it is,
 * except after a page link, which leads to the first card, and after "Voir plus", which leads to the first card added.
 * @module
 */
import { equip } from './combobox.js';
import { closeMap, offerMap, renewMap } from './map_panel.js';

/** @typedef {{ createHTML(text: string): string }} Policy */

const MAX_CHANGES = 20;
const LOOP_MS = 2000;

/** The page's policy allows this one name; browsers without Trusted Types need none. @type {Policy | undefined} */
const policy = /** @type {any} */ (window).trustedTypes?.createPolicy('alternance', {
  createHTML: (/** @type {string} */ text) => text,
});

let running = new AbortController();

/** What is still to be made of the page as it was loaded. @type {(() => void)[]} */
const waiting = [];

/** Have the bridge tell the host page something; without a message, what the new list holds. */
const tell = (/** @type {[type?: string, data?: object]} */ ...message) =>
  dispatchEvent(new CustomEvent('alternance', { detail: message[0] && message }));

/** @type {(selector: string, within?: ParentNode) => HTMLElement | null} */
const find = (selector, within = document) => within.querySelector(selector);

/** What was said on the console: one line for each thing that is wrong. @type {Set<string>} */
const warned = new Set();

/** Say to whoever wrote the host page what is wrong with what it asked, and how to put it right. */
const warn = () => {
  for (const { code, param, value, hint, source } of JSON.parse(find('#alternance-state')?.textContent ?? '{"notices":[]}').notices) {
    if (!warned.has(code)) console.warn('alternance-widget', code, ...[param, value, hint, source].filter(Boolean));
    warned.add(code);
  }
};

/** What this script says, in the page's language: the server wrote it there. @param {string} name */
const say = (name) => find('.results')?.dataset[name] ?? '';

/** The selector that finds the same control in another version of the form. @param {Element | null} element */
const pathOf = (element) => {
  if (element?.id) return '#' + element.id;
  if (element instanceof HTMLInputElement) return `input[name="${element.name}"][value="${element.value}"]`;
  return element?.tagName == 'BUTTON' ? 'form button' : element?.tagName == 'SUMMARY' ? 'form summary' : '';
};

/** Put another page's part in the place of this one's; a part may be missing on either side. */
const swap = (/** @type {string} */ selector, /** @type {Document} */ next) => {
  const [old, fresh] = [find(selector), find(selector, next)];
  if (old && fresh) old.replaceWith(fresh);
  else if (old) old.remove();
  else if (fresh) find('main')?.append(fresh);
};

/** @param {Document} next @returns {boolean} whether the two pages have the same parts */
const put = (next) => {
  const [old, fresh] = [find('.results'), find('.results', next)];
  const [status, told] = [find('.results>.status'), find('.results>.status', next)];
  if (!old || !fresh || !status || !told || !find('form') != !find('form', next)) return false;
  const focused = find('form')?.contains(document.activeElement) ? pathOf(document.activeElement) : '';
  const open = /** @type {HTMLDetailsElement | null} */ (find('form>details'))?.open;
  document.title = next.title;
  document.documentElement.lang = next.documentElement.lang;
  swap('main>.switch', next);
  swap('main>.title', next);
  swap('form', next);
  swap('footer', next);
  swap('#alternance-state', next);
  const details = /** @type {HTMLDetailsElement | null} */ (find('form>details'));
  if (details) details.open = !!open;
  if (focused) find(focused)?.focus();
  status.replaceChildren(...told.childNodes);
  told.remove();
  const mapped = closeMap();
  // A status that leaves the document, even for a moment, is not heard any more.
  while (old.lastChild && old.lastChild != status) old.lastChild.remove();
  old.append(...fresh.childNodes);
  old.dataset.here = fresh.dataset.here;
  waiting.length = 0;
  offerMore();
  equip(search);
  offerMap(read, mapped);
  return true;
};

/** @type {(address: string, signal?: AbortSignal) => Promise<Document>} */
const read = async (address, signal) => {
  const answer = await fetch(address, { signal });
  if (!answer.headers.get('content-type')?.startsWith('text/html')) throw new TypeError(`${answer.status}`);
  const text = await answer.text();
  return new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, 'text/html');
};

/** Say that the network was lost, with a way to try again. @param {Element} status @param {() => void} again */
const sayLost = (status, again) => {
  const before = [...status.childNodes];
  const button = document.createElement('button');
  button.className = 'action';
  button.textContent = say('again');
  button.onclick = () => {
    status.replaceChildren(...before);
    again();
  };
  status.replaceChildren(say('lost') + ' ', button);
};

/** @param {string} address @param {boolean} [paged] a page link was followed */
const show = async (address, paged) => {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const results = find('.results');
  const status = find('.status');
  if (!results || !status) return location.replace(address);
  results.setAttribute('aria-busy', 'true');
  status.textContent = say('busy');
  try {
    if (!put(await read(address, signal))) return location.replace(address);
    history.replaceState(null, '', results.dataset.here);
    tell();
    warn();
    if (paged) {
      find('.cards a')?.focus({ preventScroll: parent != self });
      tell('scroll', {});
    }
  } catch (error) {
    if (!signal.aborted) sayLost(status, () => show(address, paged));
  } finally {
    if (!signal.aborted) results.removeAttribute('aria-busy');
  }
};

/** Cards count from the first of the list: their headings name them. @param {Element} item @param {number} position */
const number = (item, position) => {
  const card = find('article', item);
  const heading = card && find('[id]', card);
  if (!card || !heading) return;
  heading.id = 'c' + position;
  card.setAttribute('aria-labelledby', heading.id);
};

/** A button that puts the next page below this one, rather than in its place. */
const offerMore = () => {
  const next = /** @type {HTMLAnchorElement | null} */ (find('.pages a[rel=next]'));
  const list = find('.cards');
  if (!next || !list) return;
  const button = document.createElement('button');
  button.className = 'action';
  button.textContent = say('more');
  find('.pages')?.before(button);
  const append = async () => {
    const { signal } = running;
    button.disabled = true;
    try {
      const page = await read(next.href, signal);
      const added = [...page.querySelectorAll('.cards>li')];
      for (const item of added) {
        number(item, list.childElementCount + 1);
        list.append(item);
      }
      button.remove();
      swap('.pages', page);
      offerMore();
      renewMap();
      if (added[0]) find('a', added[0])?.focus({ preventScroll: parent != self });
    } catch (error) {
      button.disabled = false;
      const status = find('.status');
      if (status && !signal.aborted) sayLost(status, append);
    }
  };
  button.onclick = append;
};

/**
 * A height that will not settle would make the host page flicker: it stays as it is. A window that is dragged has another
 * width each time, which is a fresh start; a scroll bar of the host page that comes and goes has two.
 */
const guard = () => {
  const main = /** @type {HTMLElement} */ (find('main'));
  let [before, width, changes] = [0, 0, 0];
  const observer = new ResizeObserver(() => {
    const now = main.offsetWidth;
    if (now != width && now != before) changes = 0;
    if (now != width) [before, width] = [width, now];
    if (++changes > MAX_CHANGES) {
      observer.disconnect();
      main.style.height = main.offsetHeight + 'px';
      tell('error', { code: 'resize_loop' });
    }
    setTimeout(() => (changes = Math.max(changes - 1, 0)), LOOP_MS);
  });
  observer.observe(main);
};

/** What the form would ask for, with nothing left empty. @param {HTMLFormElement} form */
const addressOf = (form) => {
  const url = new URL(form.action);
  const pairs = [...new FormData(form)].map(([name, value]) => [name, String(value)]);
  url.search = String(new URLSearchParams(pairs));
  return url.href;
};

const search = (/** @type {HTMLFormElement} */ form) => show(addressOf(form));

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches('[data-filters]')) return;
  event.preventDefault();
  search(form);
});

// A choice is a search; a text is one when it is sent.
document.addEventListener('change', ({ target }) => {
  const control = /** @type {HTMLInputElement} */ (target);
  if (control.form?.matches('[data-filters]') && control.matches('select,[type=checkbox]')) search(control.form);
});

document.addEventListener('click', (event) => {
  const link = /** @type {Element} */ (event.target).closest('a');
  const plain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const inside = link?.getAttribute('href') ?? '';
  if (inside[0] == '#') {
    // To a card of this page, without an entry in the history.
    event.preventDefault();
    find(inside + ' a')?.focus();
    return;
  }
  if (!link || link.target || !plain || link.pathname != location.pathname || link.origin != location.origin) return;
  if (!find('.results') || event.defaultPrevented) return;
  event.preventDefault();
  show(link.href, link.matches('[data-more]'));
});

document.addEventListener('click', ({ target, isTrusted }) => {
  const link = /** @type {Element} */ (target).closest('a');
  const card = link?.closest('article');
  if (!isTrusted || !link || !card) return;
  const { kind, id } = card.dataset;
  if (link.matches('[data-select]')) tell('select', { kind, id, href: link.href });
  if (link.matches('[data-apply]')) tell('apply', { kind, id });
});

/**
 * What is made of the page, each part in a task of its own, so that none of them holds up a slow telephone. A list that was
 * put here before they are through is equipped already.
 */
const start = () => {
  waiting.shift()?.();
  if (waiting[0]) setTimeout(start);
};
waiting.push(offerMore, () => equip(search), () => offerMap(read));
setTimeout(start);
if (parent != self) guard();
warn();
