/**
 * The script that a partner pastes: it defines `<alternance-widget>` and keeps its frame sized and informed.
 *
 * It adopts the frame found inside the element (form A), makes one from the attributes (form B), or makes the element
 * from its own `data-*` (form C). It writes no style sheet, stores nothing, and starts on the widget's own origin never.
 * Names that begin with an underscore are shortened by the bundler.
 * @module
 */
import { FROM_FRAME, PROTOCOL, isMessage } from '../../widget_assets/src/protocol.js';
import { ATTRIBUTES } from './attributes.js';

const NAME = 'alternance-widget';
const FALLBACK_TEXT = { fr: 'Offres et formations en alternance', en: 'Apprenticeship offers and training' };
const ANSWER_MS = 8000;
const MIN_PX = 120;
const MAX_PX = 20000;
const MAX_RESIZES = 20;
const LOOP_MS = 2000;

/** Null in a module: the loader then has no origin to trust, and does nothing. */
const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
const home = location.origin;
const origin = script ? new URL(script.src).origin : home;

/** @type {Set<Widget>} */
const widgets = new Set();
/** @type {Set<unknown>} */
const warned = new Set();

/** The canonical text of a query, without what the loader adds: two equal texts are one search. */
const canonical = (/** @type {string | Record<string, string>} */ query) => {
  const params = new URLSearchParams(query);
  params.delete('origin');
  params.sort();
  return `${params}`;
};

class Widget extends HTMLElement {
  /** @type {HTMLIFrameElement | null} */
  _frame = null;
  /** @type {HTMLElement | null} Shown until the frame answers, and again if it never does. */
  _fallback = null;
  /** The URL that the attributes are merged over. */
  _base = '';
  /** The search that the frame must show: what was asked last, by the host page or by the visitor. */
  _wanted = '';
  /** The frame shows `_wanted`, and listens. */
  _settled = false;
  /** A `configure` left and its page is not there yet. */
  _sent = false;
  /** @type {unknown} Which document of the frame raised `ready` last. */
  _document = 0;
  _height = 0;
  _resizes = 0;
  _since = 0;
  _timer = 0;

  static observedAttributes = ATTRIBUTES.flatMap((name) => [name, 'data-' + name]);

  connectedCallback() {
    // While the parser is inside the element its child frame does not exist yet.
    if (document.readyState == 'loading') document.addEventListener('DOMContentLoaded', () => this._start());
    else this._start();
  }

  disconnectedCallback() {
    widgets.delete(this);
    clearTimeout(this._timer);
  }

  /** @param {string} _name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(_name, before, after) {
    if (!this._frame || before == after) return;
    // A framework sets several attributes in a row: they are one change.
    queueMicrotask(() => {
      const wanted = this._merged();
      if (wanted == this._wanted) return;
      this._wanted = wanted;
      if (this._settled) {
        this._settled = false;
        this._sent = true;
        this._post('configure', Object.fromEntries(new URLSearchParams(wanted)));
      } else if (this.isConnected) this._replace();
    });
  }

  /** The frame's `load`. */
  handleEvent() {
    this._resizes = 0;
    this._greet();
  }

  /** @param {string} name */
  _read(name) {
    return this.getAttribute('data-' + name) ?? this.getAttribute(name);
  }

  _merged() {
    const params = new URL(this._base).searchParams;
    for (const name of ATTRIBUTES) {
      const value = this._read(name);
      if (value != null) params.set(name == 'frame-title' ? 'title' : name.replace('-', '_'), value);
    }
    return canonical(`${params}`);
  }

  _start() {
    if (!this.isConnected) return;
    widgets.add(this);
    this._frame = this.querySelector('iframe');
    this._base = this._base || this._frame?.src || origin + '/v1/widget';
    this._wanted = this._wanted || this._merged();
    this._fallback = this._fallback || /** @type {HTMLElement | null} */ (this.querySelector(':scope>:not(iframe)'));
    this.style.display = 'block';
    if (this._frame && canonical(new URL(this._frame.src).search) == this._wanted) this._adopt();
    else this._replace();
  }

  /** A new frame, not a new `src`: that one would add an entry to the visitor's history. */
  _replace() {
    const old = this._frame;
    const frame = /** @type {HTMLIFrameElement} */ (old ? old.cloneNode() : document.createElement('iframe'));
    if (!old) {
      frame.sandbox.value = 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox';
      frame.referrerPolicy = 'strict-origin';
      frame.loading = this._read('loading') == 'eager' ? 'eager' : 'lazy';
      frame.width = '100%';
      frame.height = this._read('height') || '480';
      frame.style.display = 'block';
      // Out of the flow: its disappearance moves nothing.
      if (this._fallback) this._fallback.style.position = 'absolute';
    }
    const url = new URL(this._base);
    url.search = this._wanted;
    url.searchParams.set('origin', home);
    frame.src = `${url}`;
    this._frame = frame;
    if (old) old.replaceWith(frame);
    else this.append(frame);
    this._adopt();
  }

  _adopt() {
    const frame = /** @type {HTMLIFrameElement} */ (this._frame);
    frame.title = frame.title || this._read('frame-title') || this._label();
    frame.style.border = '0';
    frame.addEventListener('load', this);
    this._settled = this._sent = false;
    this._greet();
  }

  _label() {
    return FALLBACK_TEXT[this._read('lang') == 'en' ? 'en' : 'fr'];
  }

  _greet() {
    // Null once another origin's document is there: before that, nobody listens.
    if (this._frame?.contentDocument === null) {
      clearTimeout(this._timer);
      this._timer = setTimeout(() => this._giveUp(), ANSWER_MS);
      this._post('hello', { v: 1 });
    }
  }

  _giveUp() {
    const frame = /** @type {HTMLIFrameElement} */ (this._frame);
    if (!this._fallback) {
      const link = document.createElement('a');
      link.href = frame.src;
      link.target = '_blank';
      link.textContent = this._label();
      this._fallback = link;
      this.prepend(link);
    }
    this._fallback.style.display = this._fallback.style.position = '';
    const partner = new URL(frame.src).searchParams.get('partner');
    this._problem('no_answer', `${origin}/v1/check?partner=${partner}&origin=${home}`);
  }

  /** @param {string} code @param {string} [hint] */
  _problem(code, hint) {
    this._emit('error', { code, hint, retryable: false });
  }

  /**
   * @param {string} type
   * @param {any} detail
   */
  _emit(type, detail) {
    if (type == 'error' && !warned.has(detail.code)) {
      warned.add(detail.code);
      console.warn(NAME, detail);
    }
    return this.dispatchEvent(
      new CustomEvent('alternance:' + type, { bubbles: true, cancelable: type == 'scroll', detail }),
    );
  }

  /** @param {string} type @param {object} data */
  _post(type, data) {
    this._frame?.contentWindow?.postMessage({ p: PROTOCOL, type, data }, origin);
  }

  /** @param {any} message From this frame's window and from the widget's origin: the caller compared both. */
  _receive(message) {
    if (!isMessage(message, FROM_FRAME)) {
      if (/^alternance\/(?!1$)/.test(message?.p)) this._problem('protocol_version', message.p);
      return;
    }
    const { type, data } = message;
    if (type == 'resize') return this._resize(data.height_px);
    if (type == 'ready') {
      const shown = canonical(data.params);
      clearTimeout(this._timer);
      if (this._fallback) this._fallback.style.display = 'none';
      // Between a `configure` and its page, the old page may answer once more: what it shows is not wanted any more.
      if (!this._sent || shown == this._wanted) {
        this._wanted = shown;
        this._settled = true;
        this._sent = false;
      }
      if (this._document == data.opened_at) return;
      this._document = data.opened_at;
    }
    if (type == 'results' && this._settled) this._wanted = canonical(data.params);
    if (this._emit(type, data) && type == 'scroll') this.scrollIntoView();
  }

  /** @param {number} asked */
  _resize(asked) {
    const height_px = Math.min(Math.max(asked, MIN_PX), MAX_PX);
    const now = Date.now();
    if (!asked || Math.abs(height_px - this._height) < 2 || this._read('sizing') == 'fixed') return;
    if (this._resizes <= MAX_RESIZES && now - this._since > LOOP_MS) {
      this._since = now;
      this._resizes = 0;
    }
    if (++this._resizes > MAX_RESIZES) {
      if (this._resizes == MAX_RESIZES + 1) this._problem('resize_loop');
      return;
    }
    const frame = /** @type {HTMLIFrameElement} */ (this._frame);
    const box = this.getBoundingClientRect();
    // What stands below moves up only out of sight, or after the visitor did something in the frame.
    const mayShrink = box.bottom > innerHeight || document.activeElement == frame;
    this.style.minHeight = mayShrink ? '0' : box.height + 'px';
    this._height = height_px;
    frame.style.height = height_px + 'px';
    this._emit('resize', { height_px });
  }
}

if (origin == home) console.warn(NAME, 'same origin');
else {
  if (!customElements.get(NAME)) {
    customElements.define(NAME, Widget);
    addEventListener('message', ({ source, origin: from, data }) => {
      for (const widget of widgets) {
        if (source && source == widget._frame?.contentWindow && from == origin) widget._receive(data);
      }
    });
  }
  if (script?.dataset.partner) {
    const widget = document.createElement(NAME);
    for (const { name, value } of script.attributes) if (/^data-/.test(name)) widget.setAttribute(name, value);
    script.after(widget);
  }
}
