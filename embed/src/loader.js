/**
 * The script that a partner pastes: it defines the element, or makes one from its own `data-*` (form C).
 * @module
 */
import { NAME, define } from './element.js';

/** Null in a module, where this fails: the loader would not know which origin to trust. */
const script = /** @type {HTMLScriptElement} */ (document.currentScript);

const start = () => {
  define(new URL(script.src).origin);
  if (script.dataset.partner) {
    const widget = document.createElement(NAME);
    Object.assign(widget.dataset, script.dataset);
    script.after(widget);
  }
};

// While the parser is inside an element its child frame does not exist yet.
if (document.readyState == 'loading') addEventListener('DOMContentLoaded', start);
else start();
