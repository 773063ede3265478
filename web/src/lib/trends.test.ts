// A range against the one before.

import { describe, expect, it } from 'vitest';
import type { Incident, Series } from '../api/types';
import { byKind, moved, spans, total } from './trends';

const series = (values: (number | null)[]): Series => ({ metric: 'bytes', from: '2026-01-01T00:00:00Z', step_s: 60, values });

describe('trends', () => {
  it('compares with the same length before; live with a day', () => {
    expect(spans({ key: 'custom', from: 1000, to: 3000 }, 9000)).toEqual({ now: { from: 1000, to: 3000 }, before: { from: -1000, to: 1000 } });
    expect(spans({ key: 'live' }, 86_400_000).now).toEqual({ from: 0, to: 86_400_000 });
  });
  it('adds up what is known, and says when nothing is', () => {
    expect([total(series([1, null, 2])), total(series([null])), total(undefined)]).toEqual([180, null, null]);
  });
  it('says how a number moved', () => {
    expect([moved(112, 100), moved(50, 100), moved(100, 100), moved(5000, 100), moved(1, 0), moved(null, 1)]).toEqual(['12 % more', '50 % less', 'as much', '50 times as much', '', '']);
  });
  it('counts incidents where they were raised', () => {
    const made = (kind: string, ms: number) => ({ kind, raised: new Date(ms).toISOString() }) as unknown as Incident;
    const list = [made('beacon', 2500), made('beacon', 1500), made('flood', 2000), made('flood', 2999), made('dga', 3000)];
    expect(byKind(list, { now: { from: 2000, to: 3000 }, before: { from: 1000, to: 2000 } })).toEqual([
      { kind: 'flood', now: 2, before: 0 },
      { kind: 'beacon', now: 1, before: 1 },
    ]);
  });
});
