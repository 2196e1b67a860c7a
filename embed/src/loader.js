/**
 * The script that a partner pastes: it defines `<alternance-widget>` and keeps its frame sized and informed.
 *
 * It adopts the frame found inside the element (form A), makes one from the attributes (form B), or makes the element
 * from its own `data-*` (form C). It writes no style sheet, stores nothing, and does not start on the widget's own
 * origin. Every byte of it travels to somebody else's page: names that begin with an underscore are shortened by the
 * bundler, and what the frame can do for itself is done there.
 * @module
 */
import { FROM_FRAME, PROTOCOL, isMessage } from '../../widget_assets/src/protocol.js';
import { ATTRIBUTES } from './attributes.js';

const NAME = 'alternance-widget';

/** Null in a module, where this fails: the loader would not know which origin to trust. */
const script = /** @type {HTMLScriptElement} */ (document.currentScript);
const home = location.origin;
const origin = new URL(script.src).origin;

class Widget extends HTMLElement {
  _frame = document.createElement('iframe');
  /** A link to the page, which stands in when the frame does not answer. */
  _fallback = document.createElement('a');
  /** What the attributes are merged over. */
  _base = `${origin}/v1/widget?origin=${home}`;
  /** What the frame must show: asked last by the host page or by the visitor. */
  _url = new URL(this._base);
  /** The frame shows `_url`, and hears a `configure`. */
  _listens = false;
  _timer = 0;

  connectedCallback() {
    addEventListener('message', this);
    if (!this._frame.title) this._begin();
    this._show();
    this.handleEvent({});
  }

  /** The frame's `load`, or a message from any window. */
  handleEvent(/** @type {Partial<MessageEvent>} */ { source, origin: from, data: message }) {
    if (source) {
      if (source == this._frame.contentWindow && from == origin && isMessage(message, FROM_FRAME)) {
        this._receive(message);
      }
    } else if (!this._frame.contentDocument) {
      // Null once another origin's document is there: before that, nobody listens.
      clearTimeout(this._timer);
      this._timer = setTimeout(() => {
        this._fallback.style.display = '';
        this._frame.before(this._fallback);
        this._emit('error', { code: 'no_answer' });
      }, 8000);
      this._post('hello', { v: 1 });
    }
  }

  disconnectedCallback() {
    removeEventListener('message', this);
    clearTimeout(this._timer);
    this._listens = false;
  }

  _show() {
    if (this._listens) this._post('configure', Object.fromEntries(this._url.searchParams));
    else if (this._frame.src != this._url.href) {
      this._frame.remove();
      this._frame.src = this._url.href;
      this.append(this._frame);
    }
    this._listens = false;
  }

  _begin() {
    const own = this.querySelector('iframe');
    this._frame = own || this._frame;
    this._base = this._frame.src || this._base;
    this._url = this._merge();
    this._frame.title ||= this._read('frame-title') || 'Offres et formations en alternance';
    Object.assign(this._fallback, { href: this._url.href, textContent: this._frame.title });
    if (!own) {
      Object.assign(this._frame, {
        sandbox: 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox',
        loading: this._read('loading') || 'lazy',
        width: '100%',
        height: this._read('height') || 480,
      });
      this._fallback = /** @type {any} */ (this.firstElementChild) || this._fallback;
    }
    this._fallback.style.display = 'none';
    this.style.display = 'grid';
    this._frame.style.border = '0';
    this._frame.addEventListener('load', this);
    // Several attributes set in a row are one change.
    new MutationObserver(() => {
      if (this._url.href == this._merge().href) return;
      this._url = this._merge();
      this._show();
    }).observe(this, { attributeFilter: ATTRIBUTES.flatMap((name) => [name, 'data-' + name]) });
  }

  _emit(/** @type {string} */ type, /** @type {object} */ detail) {
    return this.dispatchEvent(new CustomEvent('alternance:' + type, { bubbles: true, cancelable: true, detail }));
  }

  _read(/** @type {string} */ name) {
    return this.getAttribute('data-' + name) ?? this.getAttribute(name);
  }

  _merge() {
    const url = new URL(this._base);
    for (const name of ATTRIBUTES) {
      const value = this._read(name);
      if (value) url.searchParams.set(name.replace('frame-', '').replace('-', '_'), value);
    }
    return url;
  }

  _post(/** @type {string} */ type, /** @type {object} */ data) {
    this._frame.contentWindow?.postMessage({ p: PROTOCOL, type, data }, origin);
  }

  _receive(/** @type {{type: string, data: any}} */ { type, data }) {
    clearTimeout(this._timer);
    this._fallback.style.display = 'none';
    if (data.params) {
      this._url.search = `${new URLSearchParams(data.params)}`;
      this._listens = true;
    }
    if ((data.total ?? data.height_px ?? 0) >= 0 && this._emit(type, data)) {
      if (type == 'scroll') this.scrollIntoView();
      // What stands below moves up only out of sight, or after the visitor did something in the frame.
      if (
        data.height_px &&
        this._read('sizing') != 'fixed' &&
        (data.height_px > this._frame.offsetHeight ||
          this._frame.getBoundingClientRect().bottom > innerHeight ||
          document.activeElement == this._frame)
      ) {
        this.style.minHeight = '0';
        this._frame.style.height = Math.min(Math.max(data.height_px, 120), 20000) + 'px';
      }
    }
  }
}

const start = () => {
  if (!customElements.get(NAME)) customElements.define(NAME, Widget);
  if (script.dataset.partner) {
    const widget = document.createElement(NAME);
    Object.assign(widget.dataset, script.dataset);
    script.after(widget);
  }
};

if (origin == home) console.warn(NAME, origin);
// While the parser is inside an element its child frame does not exist yet.
else if (document.readyState == 'loading') addEventListener('DOMContentLoaded', start);
else start();
