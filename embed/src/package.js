/**
 * The npm package: the same element as the script, defined when you say so. Importing it does nothing, also on a server.
 * @module
 */
import { define } from './element.js';

/**
 * Define `<alternance-widget>`, whose lists come from this widget. Call it once, in the browser; on a server, or a second
 * time, it changes nothing.
 */
export const defineAlternanceWidget = (/** @type {string | URL} */ widget) => {
  if (typeof customElements != 'undefined') define(new URL(widget).origin);
};
