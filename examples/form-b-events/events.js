/** Writes each event of the widget to the page, and changes the search by changing an attribute of the element. */
const widget = document.querySelector('alternance-widget');
const log = document.querySelector('#log');
const SHOWN = 12;

/** One line for people; `detail` holds more, see embed/types.d.ts. */
const SAID = {
  ready: ({ version }) => `La liste est là (version ${version}).`,
  resize: ({ height_px }) => `Sa hauteur : ${height_px} px.`,
  results: ({ total }) => `${total} résultats.`,
  select: ({ id }) => `Fiche ouverte : ${id}.`,
  apply: ({ id }) => `Candidature commencée : ${id}.`,
  scroll: () => 'La liste demande à revenir à son début.',
  error: ({ code, hint }) => `À savoir : ${[code, hint].filter(Boolean).join(', ')}.`,
};

for (const [type, say] of Object.entries(SAID)) {
  widget.addEventListener(`alternance:${type}`, ({ detail }) => {
    const line = document.createElement('li');
    const name = document.createElement('code');
    name.textContent = `alternance:${type}`;
    line.append(name, ` ${say(detail)}`);
    log.prepend(line);
    while (log.children.length > SHOWN) log.lastChild.remove();
  });
}

const buttons = document.querySelectorAll('[data-romes]');
for (const button of buttons) {
  button.addEventListener('click', () => {
    for (const other of buttons) other.setAttribute('aria-pressed', String(other === button));
    widget.setAttribute('romes', button.dataset.romes);
  });
}
