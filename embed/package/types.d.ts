/**
 * Types of `<alternance-widget>` for TypeScript hosts: the element, its events, and the messages of `alternance/1`.
 *
 * Copy this file and `parameters.d.ts` into your project, then `import type {} from './alternance-widget/types'`.
 */
import type { AlternanceAttributes, AlternanceParams, ParameterProblem } from './parameters';

export type { AlternanceAttributes, AlternanceParams, ParameterProblem };

export type Kind = 'training' | 'offer' | 'recruiter';

export interface Ready {
  v: 1;
  /** Version of the page's server. */
  version: string;
  /** The query as the server received it: not corrected. */
  params: AlternanceParams;
}

export interface Resize {
  /** How high the list is, in CSS pixels. The frame follows between 120 and 20000. */
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
  /** The query of this list as the server received it. */
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
  /** Made by the loader: no answer 8 s after the frame was loaded. */
  | 'no_answer'
  /** Made by the loader: the frame speaks another major version. It is not listened to. */
  | 'protocol_version'
  /** The height of the list would not settle: it stays as it is. */
  | 'resize_loop'
  | 'contrast_adjusted'
  | 'source_late'
  | 'source_missing'
  | 'sources_down'
  | ParameterProblem;

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

/**
 * Raised on the element; they bubble. What the element does by itself, `preventDefault` prevents: to follow the height
 * (`alternance:resize`), and to show the beginning of the list after a page link (`alternance:scroll`).
 */
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
