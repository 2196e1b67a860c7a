/**
 * The element `<alternance-widget>`: it keeps its frame sized and informed.
 *
 * It adopts the frame found inside it (form A) or makes one from its attributes (form B). It writes no style sheet and
 * stores nothing. Importing this module does nothing. Every byte of it travels to somebody else's page: names that begin
 * with an underscore are shortened by the bundler, and what the frame can do for itself is done there.
 * @module
 */
import { FROM_FRAME, PROTOCOL, isMessage } from '../../widget_assets/src/protocol.js';
import { ATTRIBUTES } from './attributes.js';

export const NAME = 'alternance-widget';

/**
 * Define the element, whose lists come from the widget at `origin`. A second call changes nothing. It does not start on
 * the widget's own origin, where the frame's sandbox would hold nothing.
 */
export const define = (/** @type {string} */ origin) => {
  const home = location.origin;

  class Widget extends HTMLElement {
    /** @type {any} */
    _frame;
    /** A link to the page, which stands in when the frame does not answer. */
    _fallback = document.createElement('a');
    /** What the attributes are merged over. */
    _base = `${origin}/v1/widget?origin=${home}`;
    /** What the frame must show: asked last by the host page or by the visitor. @type {any} */
    _url;
    // Made on the way, since every field costs bytes:
    // _listens  1 when the frame shows `_url`, and hears a `configure`
    // _wanted   what the attributes ask for
    // _foreign  that the frame speaks another version has been said

    connectedCallback() {
      addEventListener('message', this);
      if (!this._frame) this._begin();
      this._show();
      this.handleEvent({});
    }

    /** The frame's `load`, or a message from any window. */
    handleEvent(/** @type {Partial<MessageEvent>} */ { source, origin: from, data: message }) {
      if (source) {
        if (source == this._frame.contentWindow && from == origin) {
          if (isMessage(message, FROM_FRAME)) this._receive(message);
          // The digit after "alternance/".
          else if (message?.p?.[11] > 1) {
            /** @type {any} */ (this)._foreign ||= this._emit('error', { code: 'protocol_version' });
          }
        }
      } else if (!this._frame.contentDocument) {
        // Null once another origin's document is there: before that, nobody listens.
        clearTimeout(this._timer);
        this._timer = setTimeout(() => {
          this._frame.before(this._fallback);
          this._emit('error', { code: 'no_answer' });
          console.warn(NAME, `${origin}/v1/check?origin=${home}&${this._url.searchParams}`);
        }, 8000);
        this._post('hello', { v: 1 });
      }
    }

    disconnectedCallback() {
      removeEventListener('message', this);
      clearTimeout(this._timer);
      this._listens = 0;
    }

    _show() {
      if (this._listens) this._post('configure', Object.fromEntries(this._url.searchParams));
      else if (this._frame.src != this._url) {
        this._frame.remove();
        this._frame.src = this._url;
        this.append(this._frame);
      }
      this._listens = 0;
    }

    _begin() {
      const own = this.querySelector('iframe');
      this._frame = own || document.createElement('iframe');
      this._base = this._frame.src || this._base;
      this._merge();
      this._frame.title ||= this._read('frame-title') || 'Offres et formations en alternance';
      this._fallback.href = this._url;
      this._fallback.text = this._frame.title;
      if (!own) {
        this._frame.sandbox = 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox';
        this._frame.loading = this._read('loading') || 'lazy';
        this._frame.width = '100%';
        this._frame.height = this._read('height') || 480;
        this._fallback = /** @type {any} */ (this.firstElementChild) || this._fallback;
        this._fallback.remove();
      }
      this.style.display = 'grid';
      this._frame.style.border = '0';
      this._frame.addEventListener('load', this);
      // Several attributes set in a row are one change.
      new MutationObserver(() => {
        if (this._merge()) this._show();
      }).observe(this, { attributes: true });
    }

    _emit(/** @type {string} */ type, /** @type {object} */ detail) {
      return this.dispatchEvent(new CustomEvent('alternance:' + type, { bubbles: true, cancelable: true, detail }));
    }

    _read(/** @type {string} */ name) {
      return this.getAttribute('data-' + name) ?? this.getAttribute(name);
    }

    /** Whether the attributes ask for something else than before. */
    _merge() {
      const url = new URL(this._base);
      for (const name of ATTRIBUTES) {
        const value = this._read(name);
        if (value) url.searchParams.set(name.replace('frame-', '').replace('-', '_'), value);
      }
      return this._wanted != (this._wanted = url.href) && (this._url = url);
    }

    _post(/** @type {string} */ type, /** @type {object} */ data) {
      this._frame.contentWindow?.postMessage({ p: PROTOCOL, type, data }, origin);
    }

    _receive(/** @type {{type: string, data: any}} */ { type, data }) {
      clearTimeout(this._timer);
      this._fallback.remove();
      if (data.params) {
        this._url.search = new URLSearchParams(data.params);
        this._listens = 1;
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
          this._frame.style.height = `clamp(120px,${data.height_px}px,20000px)`;
        }
      }
    }
  }

  if (origin == home) console.warn(NAME, origin);
  else if (!customElements.get(NAME)) customElements.define(NAME, Widget);
};
