/**
 * Suggestions under the job and place fields: the combobox of the ARIA Authoring Practices, with a list that pops up and
 * a choice by hand. Without this script the field is a plain text, which the server understands as well.
 *
 * Focus stays in the field; the option that arrows have reached is named by `aria-activedescendant`.
 * @module
 */

const PAUSE_MS = 150;
/** The parameter that each kind of place stands for. @type {Record<string, string>} */
const PLACES = { commune: 'insee', postcode: 'postcode', departement: 'departement', region: 'region' };

/** @typedef {{ label: string, romes?: string[], kind?: string, code?: string }} Suggestion */

/** @type {(element: Element, attributes: Record<string, string>) => void} */
const set = (element, attributes) => {
  for (const name in attributes) element.setAttribute(name, attributes[name]);
};

/** Replace the codes that the form was made from by those of a choice. @type {(form: HTMLFormElement, found: Suggestion) => void} */
const settle = (form, { romes, kind, code }) => {
  const names = romes ? ['romes'] : [...Object.values(PLACES), 'latitude', 'longitude'];
  for (const old of form.querySelectorAll('input[type=hidden]')) {
    if (names.includes(/** @type {HTMLInputElement} */ (old).name)) old.remove();
  }
  const hidden = document.createElement('input');
  hidden.type = 'hidden';
  hidden.name = romes ? 'romes' : PLACES[kind ?? ''];
  hidden.value = romes?.join() ?? code ?? '';
  form.append(hidden);
};

/**
 * Give one field its suggestions; `search` is called when one was chosen.
 * @type {(input: HTMLInputElement, search: (form: HTMLFormElement) => void) => void}
 */
const equipOne = (input, search) => {
  const list = document.createElement('ul');
  const told = document.createElement('span');
  const { suggest } = input.dataset;
  /** @type {Suggestion[]} */
  let found = [];
  let active = -1;
  let timer = 0;
  let asked = '';

  const id = 'l-' + suggest;
  set(list, { id, role: 'listbox', hidden: '', 'aria-label': input.labels?.[0]?.textContent ?? '' });
  set(told, { class: 'unseen', 'aria-live': 'polite' });
  set(input, { role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': id });
  input.after(list, told);

  const mark = (/** @type {number} */ position) => {
    active = position;
    [...list.children].forEach((option, place) => set(option, { 'aria-selected': String(place == active) }));
    if (active < 0) input.removeAttribute('aria-activedescendant');
    else set(input, { 'aria-activedescendant': list.children[active].id });
  };

  const open = (/** @type {boolean} */ wide) => {
    list.hidden = !wide;
    set(input, { 'aria-expanded': String(wide) });
    mark(-1);
  };

  const close = () => {
    clearTimeout(timer);
    asked = '';
    if (!list.hidden) open(false);
  };

  const choose = (/** @type {number} */ position) => {
    input.value = found[position].label;
    close();
    settle(/** @type {HTMLFormElement} */ (input.form), found[position]);
    search(/** @type {HTMLFormElement} */ (input.form));
  };

  const ask = async () => {
    const text = (asked = input.value.trim());
    if (!text) return close();
    try {
      const answer = await fetch(`/v1/${suggest}?q=${encodeURIComponent(text)}`);
      const { suggestions } = await answer.json();
      // Meanwhile something else was typed, or the field was left.
      if (asked != text) return;
      found = suggestions;
      list.replaceChildren(
        ...found.map(({ label }, place) => {
          const option = document.createElement('li');
          set(option, { id: `${id}-${place}`, role: 'option' });
          option.textContent = label;
          option.onclick = () => choose(place);
          return option;
        }),
      );
      open(!!found.length);
      told.textContent = input.dataset.found + ' ' + found.length;
    } catch {
      close(); // without suggestions the text is sent as it is
    }
  };

  input.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  };
  input.onblur = close;
  // A press on the list would take the focus away from the field.
  list.onmousedown = (event) => event.preventDefault();
  input.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (list.hidden) ask();
      // The place before the first is the field itself.
      else mark(((active + 1 + step + found.length + 1) % (found.length + 1)) - 1);
    } else if (!list.hidden && event.key == 'Escape') {
      event.preventDefault();
      close();
    } else if (active >= 0 && event.key == 'Enter') {
      event.preventDefault();
      choose(active);
    }
  };
};

/** Give the fields of the page their suggestions. @type {(search: (form: HTMLFormElement) => void) => void} */
export const equip = (search) => {
  for (const input of document.querySelectorAll('[data-suggest]')) {
    equipOne(/** @type {HTMLInputElement} */ (input), search);
  }
};
