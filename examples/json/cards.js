/**
 * Calls `/v1/cards` from the visitor's browser and shows the answer with the site's own markup.
 *
 * Every text of the answer comes from somebody else: it becomes text (`textContent`), never markup, and an address is
 * followed only when it is http or https.
 */
const WIDGET = document.currentScript.dataset.widget;
const form = document.querySelector('form');
const status = document.querySelector('#status');
const list = document.querySelector('#cards');
const attribution = document.querySelector('#attribution');

const KINDS = { training: 'Formation', offer: 'Offre d’emploi', recruiter: 'Candidature spontanée' };
const ESTIMATE = 'Estimation statistique, pas une offre d’emploi.';
let latest = 0;

async function search() {
  const number = ++latest;
  const query = new URLSearchParams(new FormData(form));
  query.set('partner', 'demo-json');
  query.set('limit', '6');
  list.setAttribute('aria-busy', 'true');
  try {
    const response = await fetch(`${WIDGET}/v1/cards?${query}`);
    const answer = await response.json();
    // A slow answer to an earlier question must not replace the answer to a later one.
    if (number !== latest) return;
    if (response.ok) show(answer);
    else say(answer.errors.map(({ hint }) => hint).join(' '));
  } catch {
    if (number === latest) say('La liste ne répond pas. Réessayez dans un instant.');
  } finally {
    if (number === latest) list.removeAttribute('aria-busy');
  }
}

function show({ total, cards, sources, attribution: credits, demonstration }) {
  const missing = sources.filter((source) => source.status === 'missing').map((source) => source.label);
  const parts = [total ? `${total} résultats, en voici ${cards.length}.` : 'Aucun résultat à moins de 30 km.'];
  if (missing.length) parts.push(`Il manque pour le moment : ${missing.join(', ')}.`);
  if (demonstration) parts.push('Données de démonstration.');
  say(parts.join(' '));
  list.replaceChildren(...cards.map(item));
  // The licences of the data ask for their names.
  attribution.textContent = credits.join(' ');
}

function say(text) {
  status.textContent = text;
}

function item(card) {
  const entry = document.createElement('li');
  entry.append(
    line('p', KINDS[card.kind] ?? card.kind, 'kind'),
    heading(card),
    line('p', [card.organisation.name, card.place.label, distance(card)].filter(Boolean).join(', ')),
  );
  if (card.kind === 'recruiter') entry.append(line('p', ESTIMATE, 'estimate'));
  entry.append(line('p', `Source : ${card.source.label}`, 'source'));
  return entry;
}

function heading(card) {
  const title = document.createElement('h2');
  if (/^https?:\/\//.test(card.url ?? '')) {
    const link = document.createElement('a');
    link.href = card.url;
    link.textContent = card.title;
    title.append(link);
  } else {
    title.textContent = card.title;
  }
  return title;
}

function line(tag, text, name) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
}

function distance({ distance_km: km }) {
  return km === null ? '' : `à ${km.toLocaleString('fr', { maximumFractionDigits: km < 10 ? 1 : 0 })} km`;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  search();
});
search();
