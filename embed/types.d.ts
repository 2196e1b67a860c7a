/**
 * Types of `<alternance-widget>` for TypeScript hosts: the element, its events, and the messages of `alternance/1`.
 *
 * Copy this file and `parameters.d.ts` into your project, then `import type {} from './alternance-widget/types'`.
 */
import type { AlternanceParams } from './parameters';

export type { AlternanceParams };

export type Kind = 'training' | 'offer' | 'recruiter';

export interface Ready {
  v: 1;
  /** Version of the page's server. */
  version: string;
  /** The query as the server received it: not corrected. */
  params: AlternanceParams;
  /** When the frame's document was opened, in milliseconds since 1970: tells a new document from a repeated answer. */
  opened_at: number;
}

export interface Resize {
  /** Between 120 and 20000 CSS pixels. */
  height_px: number;
}

export interface SourceState {
  name: string;
  status: 'ok' | 'late' | 'missing';
  count: number;
  /** Age of the data in seconds; null when the source is missing. */
  age_s: number | null;
}

export interface Results {
  total: number;
  counts: Partial<Record<Kind, number>>;
  page: number;
  /** Null when the search is by département or région. */
  radius_km?: number | null;
  widened_from_km?: number;
  params: AlternanceParams;
  sources: SourceState[];
}

export interface Select {
  kind: Kind;
  id: string;
  /** http or https. */
  href: string;
}

export interface Apply {
  kind: Kind;
  id: string;
}

export type ErrorCode =
  | 'no_answer'
  | 'resize_loop'
  | 'protocol_version'
  | 'param_invalid'
  | 'param_unknown'
  | 'place_ambiguous'
  | 'contrast_adjusted'
  | 'source_late'
  | 'source_missing'
  | 'sources_down'
  | 'opco_unsupported'
  | 'logo_ignored';

export interface Problem {
  /** One of `ErrorCode` today; later versions may add some. */
  code: ErrorCode | (string & {});
  param?: string | null;
  value?: string | null;
  hint?: string | null;
  source?: string | null;
  retryable?: boolean;
}

/** Frame to host page. */
export interface FrameMessages {
  ready: Ready;
  resize: Resize;
  results: Results;
  select: Select;
  apply: Apply;
  scroll: Record<string, never>;
  error: Problem;
}

/** Host page to frame. */
export interface HostMessages {
  hello: { v: 1 };
  /** The complete set: what is absent is cleared. */
  configure: AlternanceParams;
}

/** What `postMessage` carries. */
export interface Envelope<Messages, Type extends keyof Messages = keyof Messages> {
  p: 'alternance/1';
  type: Type;
  data: Messages[Type];
}

/** Raised on the element; they bubble. Only `alternance:scroll` can be cancelled. */
export interface AlternanceEventMap {
  'alternance:ready': CustomEvent<Ready>;
  'alternance:resize': CustomEvent<Resize>;
  'alternance:results': CustomEvent<Results>;
  'alternance:select': CustomEvent<Select>;
  'alternance:apply': CustomEvent<Apply>;
  'alternance:scroll': CustomEvent<Record<string, never>>;
  'alternance:error': CustomEvent<Problem>;
}

export interface AlternanceWidgetElement extends HTMLElement {
  addEventListener<Type extends keyof AlternanceEventMap>(
    type: Type,
    listener: (this: AlternanceWidgetElement, event: AlternanceEventMap[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'alternance-widget': AlternanceWidgetElement;
  }
  interface GlobalEventHandlersEventMap extends AlternanceEventMap {}
}
