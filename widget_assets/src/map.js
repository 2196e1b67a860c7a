/**
 * The map, loaded when a visitor asks for it: numbered pins of the cards on somebody else's tiles. The list is its
 * equivalent; a pin leads to its card.
 *
 * Nothing here takes the page's own gestures: the wheel and one finger scroll the page, two fingers and the buttons zoom.
 * @module
 */
import './map_policy.js';
import { DivIcon, LatLngBounds, Map as Plane, Marker, TileLayer } from 'leaflet';

/** @typedef {{ number: number, name: string, at: [number, number], choose: () => void }} Pin */
/** @typedef {{ tiles: string, centre?: [number, number], lost: () => void }} Ground */

const FARTHEST = 19;
const CLOSE = 13;
const MOST_LOST = 4;
/** Pins on one spot stand side by side. */
const BESIDE_PX = 26;
const IN_A_ROW = 5;

/**
 * Show pins on a box that has its size. Gives what zooms, and what takes the map away.
 * @param {HTMLElement} box @param {Pin[]} pins @param {Ground} ground
 */
export const show = (box, pins, { tiles, centre, lost }) => {
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const plane = new Plane(box, {
    zoomControl: false,
    attributionControl: false,
    scrollWheelZoom: false,
    dragging: !matchMedia('(any-pointer: coarse)').matches,
    zoomAnimation: !calm,
    fadeAnimation: !calm,
    markerZoomAnimation: !calm,
    maxZoom: FARTHEST,
  });
  let came = 0;
  let missed = 0;
  new TileLayer(tiles, { maxZoom: FARTHEST, referrerPolicy: 'no-referrer' })
    .on('tileload', () => came++)
    .on('tileerror', () => {
      if (++missed >= MOST_LOST && !came) lost();
    })
    .addTo(plane);

  // Before the pins: an element of theirs exists once the map has a place.
  const all = new LatLngBounds(pins.map(({ at }) => at));
  if (centre) all.extend(centre);
  plane.fitBounds(all, { padding: [28, 28], maxZoom: CLOSE, animate: false });

  /** @type {Record<string, number>} */
  const spots = {};
  for (const { number, name, at, choose } of pins) {
    const beside = (spots[`${at}`] = (spots[`${at}`] ?? -1) + 1);
    const html = document.createElement('span');
    html.textContent = `${number}`;
    const icon = new DivIcon({
      html,
      className: 'pin',
      iconSize: [28, 28],
      iconAnchor: [14 - (beside % IN_A_ROW) * BESIDE_PX, 14 - Math.floor(beside / IN_A_ROW) * BESIDE_PX],
    });
    const button = new Marker(at, { icon, riseOnHover: true }).addTo(plane).getElement();
    button?.setAttribute('aria-label', name);
    button?.setAttribute('title', name);
    button?.addEventListener('click', choose);
    button?.addEventListener('keydown', (event) => {
      if (event.key != 'Enter' && event.key != ' ') return;
      event.preventDefault();
      choose();
    });
  }
  return { zoom: (/** @type {number} */ steps) => plane.setZoom(plane.getZoom() + steps), close: () => plane.remove() };
};
