/** A Vue application with the list on one of its screens, without a template compiler. */
import { defineAlternanceWidget } from 'alternance-widget';
import type { AlternanceEventMap } from 'alternance-widget';
import { createApp, h, ref } from 'vue';

const WIDGET = '__WIDGET__';
const JOBS = { D1102: 'Boulangerie', M1805: 'Informatique' };

defineAlternanceWidget(WIDGET);

const rome = ref('D1102');
const open = ref(true);
const total = ref<number>();

const list = () => [
  h('p', { role: 'status' }, total.value === undefined ? 'Recherche…' : `${total.value} résultats`),
  h(
    'alternance-widget',
    {
      partner: 'demo-lycee',
      romes: rome.value,
      insee: '35238',
      height: 3400,
      loading: 'eager',
      'onAlternance:results': ({ detail }: AlternanceEventMap['alternance:results']) => (total.value = detail.total),
    },
    h(
      'a',
      { href: `${WIDGET}/v1/widget?partner=demo-lycee&romes=${rome.value}&insee=35238` },
      'Voir les offres en alternance',
    ),
  ),
];

createApp({
  render: () => [
    h('h1', 'Un site imaginaire, avec Vue'),
    Object.entries(JOBS).map(([code, label]) =>
      h('button', { key: code, 'aria-pressed': code === rome.value, onClick: () => (rome.value = code) }, label),
    ),
    h('button', { 'aria-expanded': open.value, onClick: () => (open.value = !open.value) }, 'Alternance'),
    open.value ? list() : null,
  ],
}).mount('#app');
