/**
 * The list without reload. The form and the links of the page lead to the same page for another search: this script
 * fetches it and puts its parts in the place of those that are there. Without it everything works, with a reload.
 *
 * The status line is never replaced, only its text: a screen reader hears it once per search. Focus stays where it is,
 * except after a page link, which leads to the first card.
 * @module
 */

/** @typedef {{ createHTML(text: string): string }} Policy */

const BUSY = 'Recherche en cours…';
const LOST = 'La connexion a été perdue : la liste affichée est la précédente.';
const AGAIN = 'Réessayer';

/** The page's policy allows this one name; browsers without Trusted Types need none. @type {Policy | undefined} */
const policy = /** @type {any} */ (window).trustedTypes?.createPolicy('alternance', {
  createHTML: (/** @type {string} */ text) => text,
});

let running = new AbortController();

/** @type {(selector: string, within?: ParentNode) => HTMLElement | null} */
const find = (selector, within = document) => within.querySelector(selector);

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
  swap('main>.title', next);
  swap('form', next);
  swap('footer', next);
  swap('#alternance-state', next);
  const details = /** @type {HTMLDetailsElement | null} */ (find('form>details'));
  if (details) details.open = !!open;
  if (focused) find(focused)?.focus();
  status.replaceChildren(...told.childNodes);
  told.remove();
  old.replaceChildren(status, ...fresh.childNodes);
  return true;
};

/** @param {string} address @param {boolean} [paged] a page link was followed */
const show = async (address, paged) => {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const results = find('.results');
  const status = find('.status');
  if (!results || !status) return location.assign(address);
  results.setAttribute('aria-busy', 'true');
  status.textContent = BUSY;
  try {
    const answer = await fetch(address, { signal });
    const text = await answer.text();
    const html = policy ? policy.createHTML(text) : text;
    if (!put(new DOMParser().parseFromString(html, 'text/html'))) return location.assign(address);
    history.replaceState(null, '', address);
    document.dispatchEvent(new CustomEvent('alternance', { detail: paged }));
    if (paged) find('.cards a')?.focus({ preventScroll: parent != self });
  } catch (error) {
    if (signal.aborted) return;
    const again = document.createElement('button');
    again.className = 'action';
    again.textContent = AGAIN;
    again.onclick = () => show(address, paged);
    status.replaceChildren(LOST + ' ', again);
  } finally {
    if (!signal.aborted) results.removeAttribute('aria-busy');
  }
};

/** What the form would ask for, with nothing left empty. @param {HTMLFormElement} form */
const addressOf = (form) => {
  const url = new URL(form.action);
  const pairs = [...new FormData(form)].map(([name, value]) => [name, String(value)]);
  url.search = String(new URLSearchParams(pairs));
  return url.href;
};

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches('[data-filters]')) return;
  event.preventDefault();
  show(addressOf(form));
});

// A choice is a search; a text is one when it is sent.
document.addEventListener('change', ({ target }) => {
  const control = /** @type {HTMLInputElement} */ (target);
  if (control.form?.matches('[data-filters]') && control.matches('select,[type=checkbox]')) show(addressOf(control.form));
});

document.addEventListener('click', (event) => {
  const link = /** @type {Element} */ (event.target).closest('a');
  const plain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || link.target || !plain || link.pathname != location.pathname || link.origin != location.origin) return;
  if (!find('.results')) return;
  event.preventDefault();
  show(link.href, link.matches('[data-more]'));
});
