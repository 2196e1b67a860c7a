/** A React application (19 or newer) with the list on one of its screens. The address of the widget is that of your own. */
import { defineAlternanceWidget } from 'alternance-widget';
import type { AlternanceEventMap, AlternanceWidgetElement } from 'alternance-widget';
import type {} from 'alternance-widget/react';
import { useEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';

const WIDGET = '__WIDGET__';
const JOBS = { D1102: 'Boulangerie', M1805: 'Informatique' };

defineAlternanceWidget(WIDGET);

const Alternance = ({ rome }: { rome: string }) => {
  const element = useRef<AlternanceWidgetElement>(null);
  const [total, setTotal] = useState<number>();

  useEffect(() => {
    const shown = element.current;
    const count = ({ detail }: AlternanceEventMap['alternance:results']) => setTotal(detail.total);
    shown?.addEventListener('alternance:results', count);
    return () => shown?.removeEventListener('alternance:results', count);
  }, []);

  return (
    <>
      <p role="status">{total === undefined ? 'Recherche…' : `${total} résultats`}</p>
      <alternance-widget ref={element} partner="demo-lycee" romes={rome} insee="35238" height={3400} loading="eager">
        <a href={`${WIDGET}/v1/widget?partner=demo-lycee&romes=${rome}&insee=35238`}>Voir les offres en alternance</a>
      </alternance-widget>
    </>
  );
};

const App = () => {
  const [rome, setRome] = useState('D1102');
  const [open, setOpen] = useState(true);
  return (
    <>
      <h1>Un site imaginaire, en React</h1>
      {Object.entries(JOBS).map(([code, label]) => (
        <button key={code} aria-pressed={code === rome} onClick={() => setRome(code)}>
          {label}
        </button>
      ))}
      <button aria-expanded={open} onClick={() => setOpen(!open)}>
        Alternance
      </button>
      {open && <Alternance rome={rome} />}
    </>
  );
};

createRoot(document.getElementById('app')!).render(<App />);
