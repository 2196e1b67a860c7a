/**
 * The button that shows the map. Without this script its place holds a link to a plan, which the server draws.
 *
 * Until the button is pressed nothing is loaded, and nobody but our server is asked; what stands beside it says who sees
 * the visitor's address then. Escape closes the map and gives the focus back. When no tile comes, the plan stands in.
 * @module
 */

const MOST = 50;

/** @type {(selector: string, within?: ParentNode) => HTMLElement | null} */
const find = (selector, within = document) => within.querySelector(selector);

/** @type {(tag: string, className: string, text?: string) => HTMLElement} */
const make = (tag, className, text = '') =>
  Object.assign(document.createElement(tag), { className, textContent: text, ...(tag == 'button' && { type: 'button' }) });

/** A style sheet, once. */
const load = (/** @type {string} */ href) =>
  find(`link[href="${href}"]`) ??
  new Promise((done, failed) =>
    document.head.append(
      Object.assign(document.createElement('link'), { rel: 'stylesheet', href, onload: done, onerror: failed }),
    ),
  );

const point = (/** @type {string} */ text) => /** @type {[number, number]} */ (text.split(',').map(Number));

/** The first link of a card, which its pin leads to. @param {Element | null} card */
const enter = (card) => card && find('a', card)?.focus();

/** The cards that have a point, with the number that they have in the list. */
const pins = () =>
  [...document.querySelectorAll('.cards>li')].slice(0, MOST).flatMap((item, index) => {
    const card = find('[data-at]', item);
    if (!card) return [];
    // The title without what is said of its link.
    const title = find('[id] a', card)?.firstChild?.textContent?.trim();
    const distance = find('.who b', card)?.textContent;
    const name = `${index + 1}. ${title}${distance ? ', ' + distance : ''}`;
    return { number: index + 1, name, at: point(card.dataset.at ?? ''), choose: () => enter(card) };
  });

/** What closes the open map, and what shows it anew. @type {(() => void) | undefined} */
let close;
/** @type {() => void} */
let renew = () => {};

/**
 * Put the button where the link is. `open`: a map was shown, and its list has changed.
 * @param {(address: string) => Promise<Document>} read @param {boolean} [open]
 */
export const offerMap = (read, open) => {
  const section = find('.map');
  const link = section && find('p>a.action', section);
  if (!section || !link || !section.dataset.tiles) return;
  const words = section.dataset;
  const hint = make('span', 'hint', words.hint);
  hint.id = 'map-hint';
  const button = make('button', 'action', words.show);
  button.setAttribute('aria-expanded', 'false');
  button.setAttribute('aria-describedby', hint.id);
  link.replaceWith(button, ' ', hint);
  const plan = find('.plan', section);

  /** What closes the map while it is open. @type {(() => void) | undefined} */
  let shown;

  const hide = () => {
    shown?.();
    close = shown = undefined;
    plan?.removeAttribute('hidden');
    if (!plan) section.parentElement?.classList.remove('numbered');
    button.textContent = words.show ?? '';
    button.setAttribute('aria-expanded', 'false');
  };

  /** The plan in the place of the map: ours, when the tiles do not come. @param {Element} ground */
  const standIn = async (ground) => {
    const note = make('p', 'hint', words.lost);
    // Without our own server either, the numbers stay on an empty ground.
    const drawn = plan ?? (await read(words.plan ?? '').then((page) => find('.plan', page), () => null));
    if (!ground.isConnected || !drawn) return;
    shown?.();
    section.append(note, drawn);
    drawn.removeAttribute('hidden');
    close = shown = () => [note, ...(plan ? [] : [drawn])].forEach((part) => part.remove());
  };

  const reveal = async () => {
    button.textContent = words.hide ?? '';
    button.setAttribute('aria-expanded', 'true');
    const ground = make('div', 'ground');
    const canvas = make('div', 'canvas');
    const skip = make('button', 'action skip', words.skip);
    const zooms = make('div', 'zooms');
    canvas.setAttribute('role', 'group');
    canvas.setAttribute('aria-label', words.keys ?? '');
    skip.onclick = () => enter(find('.cards article'));
    ground.append(skip, zooms, canvas, make('p', 'credit', words.credit));
    section.append(ground);
    plan?.setAttribute('hidden', '');
    section.parentElement?.classList.add('numbered');
    close = shown = () => ground.remove();
    try {
      const [map] = await Promise.all([import(words.script ?? ''), load(words.style ?? '')]);
      if (!ground.isConnected) return;
      const centre = words.centre ? point(words.centre) : undefined;
      const { zoom, close: end } = map.show(canvas, pins(), { tiles: words.tiles, centre, lost: () => standIn(ground) });
      for (const steps of [1, -1]) {
        const control = make('button', 'action', steps > 0 ? '+' : '−');
        control.setAttribute('aria-label', (steps > 0 ? words.in : words.out) ?? '');
        control.onclick = () => zoom(steps);
        zooms.append(control);
      }
      close = shown = () => {
        end();
        ground.remove();
      };
    } catch {
      await standIn(ground);
    }
  };

  renew = () => {
    if (!shown) return;
    hide();
    reveal();
  };
  button.onclick = () => (shown ? hide() : reveal());
  section.addEventListener('keydown', ({ key }) => {
    if (key != 'Escape' || !shown) return;
    hide();
    button.focus();
  });
  if (open) reveal();
};

/** Take an open map away before its list goes; whether there was one. */
export const closeMap = () => {
  const open = !!close;
  close?.();
  close = undefined;
  renew = () => {};
  return open;
};

/** Show cards that were added. */
export const renewMap = () => renew();

// A pin of the plan, or a link past it, leads to a card: within the page, and without an entry in the history.
document.addEventListener('click', (event) => {
  const link = /** @type {Element} */ (event.target).closest('.plan a');
  if (!link) return;
  event.preventDefault();
  enter(find(link.getAttribute('href') ?? '')?.closest('article') ?? null);
});
