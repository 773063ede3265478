// Contract: each panel and each kind of incident has help, and its links lead to a heading that is there.

/// <reference types="vite/client" />
import { describe, expect, it } from 'vitest';
import { KINDS, PANELS, helpOf } from './help';
import { KIND_NAMES } from './words';

const SOURCES = import.meta.glob<string>('../**/*.svelte', { query: '?raw', import: 'default', eager: true });
const DOCS = import.meta.glob<string>('../../../docs/**/*.md', { query: '?raw', import: 'default', eager: true });

/** What each panel in the sources asks help for: its `help`, or its name. */
function asked(): Map<string, string> {
  const found = new Map<string, string>();
  for (const [file, text] of Object.entries(SOURCES)) {
    for (const [tag] of text.matchAll(/<(?:Panel|ListPanel|Group)\s[^\n]*/g)) {
      const name = /\shelp="([^"]+)"/.exec(tag)?.[1] ?? /\sname="([^"]+)"/.exec(tag)?.[1];
      if (name) found.set(name, file);
      else if (!/\{name\}/.test(tag)) throw new Error(`${file}: a panel without a name: ${tag.slice(0, 80)}`);
    }
    for (const [, name] of text.matchAll(/<HelpButton of="([a-z-]+)"/g)) found.set(name ?? '', file);
  }
  return found;
}

const slug = (heading: string): string => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');

describe('help', () => {
  it('is there for each panel, and for no other', () => {
    const panels = asked();
    expect(panels.size).toBeGreaterThan(40);
    expect([...panels.keys()].filter((name) => !helpOf(name)), 'panels without help').toEqual([]);
    expect(Object.keys(PANELS).filter((name) => !panels.has(name)), 'help without a panel').toEqual([]);
  });
  it('is there for each kind of incident', () => expect(Object.keys(KINDS).sort()).toEqual([...KIND_NAMES].sort()));
  it('says what it means and what to do, briefly', () => {
    for (const [name, text] of [...Object.entries(PANELS), ...Object.entries(KINDS)]) {
      for (const part of [text.means, text.todo]) {
        expect(part.length, name).toBeGreaterThan(12);
        expect(part.length, name).toBeLessThan(190);
        expect(part, name).toMatch(/[.?]$/);
      }
    }
  });
  it('leads to a heading that is there', () => {
    for (const [name, { more }] of [...Object.entries(PANELS), ...Object.entries(KINDS)]) {
      const [page, anchor] = more.split('#');
      const text = DOCS[`../../../docs/${page}.md`] ?? '';
      expect(text, `${name}: ${page}`).not.toBe('');
      if (anchor) expect([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading ?? '')), `${name}: ${more}`).toContain(anchor);
    }
  });
});
