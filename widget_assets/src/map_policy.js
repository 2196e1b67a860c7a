/**
 * What Leaflet may write as HTML, where a page asks for Trusted Types: exactly the two texts by which it finds out what
 * the browser can draw, and nothing. Its own controls and pop-ups would ask for more: the map uses none of them.
 * @module
 */

const ALLOWED = ['', '<svg/>', '<v:shape adj="1"/>'];

/** @type {any} */ (window).trustedTypes?.createPolicy('default', {
  createHTML: (/** @type {string} */ text) => (ALLOWED.includes(text) ? text : null),
});
