// Numbers as people read them, at the edges of their steps.
import { describe, expect, it } from 'vitest';
import { ago, bitsPerS, bytes, clock, coarse, count, duration, fullTime, percent, plural, si, significant, tick, withUnit, withUnitRange, zone } from './format';

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

describe('units of features and statistics', () => {
  it.each([
    [1000, 'ports', '1\u202f000 ports'], [14_308.2, '1/min', '14\u202f308 per min'], [4580, 'µs', '4.58 ms'], [75_700, 'bytes/s', '75.7 kB/s'],
    [233, 'packets/s', '233 pkt/s'], [1, 'percent', '100 %'], [0.0004, 'percent', '< 0.1 %'], [1, 'h', '1 h'], [0.4, 'ratio', '0.4'],
  ])('%d %s', (value, unit, text) => expect(withUnit(value, unit)).toBe(text));
  it.each([
    [0, 8, 'ports', 'up to 8 ports'], [2, 8, 'ports', '2 to 8 ports'], [86, 161_415, 'bytes', '86 B to 161 kB'], [1200, 4500, 'bytes', '1.20 to 4.50 kB'],
    [67_000, 127_000, 'ms', '1 min 7 s to 2 min 7 s'], [0, 0, 's', '0 s'],
  ])('%d to %d %s', (low, high, unit, text) => expect(withUnitRange(low, high, unit)).toBe(text));
  it('leaves out the smaller unit of a time where there is none', () => {
    expect(duration(3_600_000)).toBe('1 h');
    expect(duration(120_000)).toBe('2 min');
    expect(duration(86_400_000)).toBe('1 d');
  });
  it('tells the zone of the clock it shows', () => {
    const date = new Date(0);
    const minutes = -date.getTimezoneOffset();
    expect(zone(0)).toMatch(minutes === 0 ? /^UTC$/ : /^UTC[+−]\d\d:\d\d$/);
    expect(fullTime(0)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC/);
  });
});
