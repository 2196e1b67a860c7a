/** The element `<alternance-widget>` as a package: see README.md. */
export * from './types';

/**
 * Define `<alternance-widget>`, whose lists come from this widget, e.g. `https://widget.example`. Call it once, in the
 * browser; on a server, or a second time, it changes nothing. Importing the package does nothing.
 */
export declare const defineAlternanceWidget: (widget: string | URL) => void;
