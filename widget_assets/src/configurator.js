/**
 * The configurator without reload: suggestions while somebody types, the code and the preview as choices change, and
 * buttons that copy. Without this script the form does the same with a reload, and the code can be selected.
 * @module
 */
import { equip } from './combobox.js';

/** @typedef {{ createHTML(text: string): string }} Policy */

const CHANGING_MS = 400;
const SHOWN_MS = 2000;

/** The page's policy allows this one name; browsers without Trusted Types need none. @type {Policy | undefined} */
const policy = /** @type {any} */ (window).trustedTypes?.createPolicy('alternance', {
  createHTML: (/** @type {string} */ text) => text,
});

const form = /** @type {HTMLFormElement} */ (document.querySelector('.choices'));
const frame = /** @type {HTMLIFrameElement} */ (document.querySelector('[data-preview]'));
let running = new AbortController();
let shown = location.href;

/** @param {number} wait_ms @param {() => void} then */
const later = (wait_ms, then) => {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(then, wait_ms);
  };
};

/** Buttons that copy are of no use without this script: the page comes with them hidden. */
const showButtons = () => {
  for (const button of document.querySelectorAll('[data-copy]')) button.removeAttribute('hidden');
};

/** Put what the server made of the choices in the place of what is there; what is folded out stays so. */
const put = (/** @type {Document} */ next) => {
  for (const part of document.querySelectorAll('[data-part]')) {
    const fresh = next.getElementById(part.id);
    if (!fresh) continue;
    const open = [...part.querySelectorAll('details')].map((details) => details.open);
    if (part.id == 'address') {
      const { address } = fresh.dataset;
      if (address && address != /** @type {HTMLElement} */ (part).dataset.address) {
        /** @type {HTMLElement} */ (part).dataset.address = address;
        frame.contentWindow?.location.replace(address);
      }
    } else if (part.innerHTML != fresh.innerHTML) {
      part.className = fresh.className;
      part.replaceChildren(...fresh.childNodes);
    }
    part.querySelectorAll('details').forEach((details, index) => (details.open = !!open[index]));
  }
  showButtons();
};

const update = async () => {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const url = new URL(form.action);
  url.search = String(new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)])));
  if (url.href == shown) return;
  try {
    const answer = await fetch(url, { signal });
    if (!answer.ok) return;
    const text = await answer.text();
    put(new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, 'text/html'));
    shown = url.href;
    history.replaceState(null, '', url);
  } catch (error) {
    // The next change tries again, and so does the button, with a reload.
    if (!signal.aborted) console.warn(error);
  }
};

const change = later(CHANGING_MS, update);

// A job or a place is looked for when it was chosen, or when its field is left: half a word is none.
form.addEventListener('input', ({ target }) => {
  if (!(/** @type {HTMLElement} */ (target).matches('[data-suggest]'))) change();
});
form.addEventListener('change', update);
equip(update);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  update();
});

document.addEventListener('click', async ({ target }) => {
  const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest('[data-copy]'));
  const area = /** @type {HTMLTextAreaElement | null} */ (button && document.getElementById(button.dataset.copy ?? ''));
  if (!button || !area) return;
  area.select();
  try {
    await navigator.clipboard.writeText(area.value);
  } catch {
    // Not over http://, and not everywhere: the selection can be copied by hand.
    document.execCommand('copy');
  }
  const said = /** @type {HTMLElement} */ (document.getElementById('copied'));
  said.textContent = said.dataset.said ?? '';
  button.dataset.copied = '';
  setTimeout(() => {
    said.textContent = '';
    delete button.dataset.copied;
  }, SHOWN_MS);
});

showButtons();
