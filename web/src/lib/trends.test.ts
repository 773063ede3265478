// A range against the one before.

import { describe, expect, it } from 'vitest';
import type { Series } from '../api/types';
import { fromLocal, joined, kindStep, localTime, moved, other, perHour, sameLength, spans, total } from './trends';

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
  it('chooses what to compare with', () => {
    const now = { from: 1_000_000_000, to: 1_000_003_600 };
    expect(other('', now)).toEqual({ from: 999_996_400, to: 1_000_000_000 });
    expect(other('week', now)).toEqual({ from: 1_000_000_000 - 604_800_000, to: 1_000_003_600 - 604_800_000 });
    expect(other('2026-01-01T00:00:00Z..2026-01-01T01:00:00Z', now).to - other('2026-01-01T00:00:00Z..2026-01-01T01:00:00Z', now).from).toBe(3_600_000);
    expect(sameLength(now, other('week', now))).toBe(true);
    expect(perHour(100, { from: 0, to: 7_200_000 })).toBe(50);
    expect(perHour(null, now)).toBeNull();
  });
  it('puts two lists beside each other, and does not make up what was cut off', () => {
    const [a, b] = [[{ name: 'tls', value: 9 }, { name: 'dns', value: 1 }], [{ name: 'dns', value: 20 }]];
    expect(joined(a, b, 5)).toEqual([{ name: 'dns', now: 1, before: 20 }, { name: 'tls', now: 9, before: 0 }]);
    expect(joined(a, b, 1)).toHaveLength(1);
    expect(joined(a, b, 5, 1)[1]).toEqual({ name: 'tls', now: 9, before: null });
  });
  it('takes steps that people say', () => expect([kindStep(3_600_000), kindStep(86_400_000), kindStep(7 * 86_400_000), kindStep(1e14)]).toEqual([60, 3600, 10_800, 604_800]));
  it('writes times for a field, and reads them back', () => {
    const at = new Date(2026, 2, 4, 5, 6).getTime();
    expect(localTime(at)).toBe('2026-03-04T05:06');
    expect(fromLocal(localTime(at))).toBe(at);
  });
});
