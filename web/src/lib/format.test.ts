// Numbers as people read them, at the edges of their steps.
import { describe, expect, it } from 'vitest';
import { ago, bitsPerS, bytes, clock, coarse, count, duration, percent, plural, si, significant, tick, withUnit } from './format';

describe('format', () => {
  it.each([[0, '0 B'], [999, '999 B'], [999.6, '1.00 kB'], [1000, '1.00 kB'], [1234, '1.23 kB'], [12_345, '12.3 kB'], [999_499, '999 kB'], [999_500, '1.00 MB'], [2.4e9, '2.40 GB'], [1e18, '1000 PB']])('%d bytes', (n, text) => expect(bytes(n)).toBe(text));
  it('shows a dash for what is not known', () => {
    for (const f of [si, bytes, bitsPerS, duration, count, significant]) {
      expect(f(null)).toBe('–');
      expect(f(undefined)).toBe('–');
      expect(f(Number.NaN)).toBe('–');
    }
  });
  it.each([[0, '0 s'], [0.0004, '0.4 µs'], [0.25, '250 µs'], [1.5, '1.5 ms'], [999, '999 ms'], [1000, '1 s'], [61_000, '1 min 1 s'], [3_660_000, '1 h 1 min'], [90_000_000, '1 d 1 h']])('%d ms', (ms, text) => expect(duration(ms)).toBe(text));
  it('keeps small numbers readable', () => {
    expect(significant(7.8e-6)).toBe('7.8×10⁻⁶');
    expect(significant(1e-12)).toBe('1.0×10⁻¹²');
    expect(significant(0.05)).toBe('0.05');
    expect(significant(1204)).toBe('1.20 k');
  });
  it('groups, counts and tells time', () => {
    expect(count(1234567)).toBe('1\u202f234\u202f567');
    expect(plural(1, 'flow')).toBe('1 flow');
    expect(plural(2, 'flow')).toBe('2 flows');
    expect(percent(0.005)).toBe('0.5 %');
    expect(coarse(245)).toBe('4 min');
    expect(ago(1000, 1500)).toBe('now');
    expect(ago(0, 3_600_000)).toBe('1 h ago');
    expect(clock('nonsense')).toBe('–');
    expect(tick(10_000, 'B')).toBe('10 kB');
    expect(tick(1500)).toBe('1.5 k');
    expect(withUnit(2.4e9, 'bytes')).toBe('2.40 GB');
    expect(withUnit(58, 'claims')).toBe('58 claims');
  });
});
