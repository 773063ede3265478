// The keyboard: one list that the help shows and the shell obeys. Pages bind their own verbs with `bindKeys`.

export const KEYS = [
  { keys: ['?'], text: 'This help' },
  { keys: ['/'], text: 'Search or filter' },
  { keys: ['j', 'k'], text: 'Next, previous row' },
  { keys: ['Enter'], text: 'Open the row' },
  { keys: ['a'], text: 'Acknowledge the incident' },
  { keys: ['c'], text: 'Close the incident' },
  { keys: ['f'], text: 'False positive' },
  { keys: ['s'], text: 'Suppress its like' },
  { keys: ['p'], text: 'Save its packets' },
  { keys: ['x'], text: 'Select the incident; a and c then act on all selected' },
  { keys: ['e'], text: 'Export what is listed' },
  { keys: ['Space'], text: 'Stop the page, or go on' },
  { keys: ['g', 'o'], text: 'Overview' },
  { keys: ['g', 'p'], text: 'Packets' },
  { keys: ['g', 'f'], text: 'Flows' },
  { keys: ['g', 'i'], text: 'Incidents' },
  { keys: ['g', 'h'], text: 'Hosts' },
  { keys: ['g', 'n'], text: 'Scans' },
  { keys: ['g', 't'], text: 'Trends' },
  { keys: ['g', 'c'], text: 'Captures' },
  { keys: ['g', 'm'], text: 'Models' },
  { keys: ['g', 's'], text: 'Settings' },
  { keys: ['Esc'], text: 'Close, or leave the field' },
];

/** True when the key belongs to a field, a control or the browser rather than to us. */
export function typing(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  // A modal has the keys, also where what was focused in it can no longer be (a button that waits).
  if (document.querySelector('dialog[open]')) return true;
  const target = event.target as HTMLElement | null;
  if (!target?.closest) return false;
  if (target.closest('textarea, select, [contenteditable]')) return true;
  const input = target.closest('input');
  if (input && !['radio', 'checkbox', 'button'].includes(input.type)) return true;
  // Enter and Space on a button or a link are that control's own.
  return (event.key === 'Enter' || event.key === ' ') && target.closest('button, a, input, summary') !== null;
}

export type Verbs = Record<string, (event: KeyboardEvent) => void>;

/** Binds keys to verbs until the returned function is called; for `$effect`. */
export function bindKeys(verbs: Verbs): () => void {
  const listener = (event: KeyboardEvent): void => {
    if (typing(event)) return;
    const verb = verbs[event.key];
    if (!verb) return;
    event.preventDefault();
    verb(event);
  };
  document.addEventListener('keydown', listener);
  return () => document.removeEventListener('keydown', listener);
}
