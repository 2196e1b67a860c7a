/** `<alternance-widget>` in JSX, React 19 or newer: `import type {} from 'alternance-widget/react'`. */
import type { DetailedHTMLProps, HTMLAttributes } from 'react';
import type { AlternanceAttributes, AlternanceWidgetElement } from './types';

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'alternance-widget': DetailedHTMLProps<
        HTMLAttributes<AlternanceWidgetElement> & AlternanceAttributes,
        AlternanceWidgetElement
      >;
    }
  }
}
