// Weeks: what is usual, what is far from it, and honesty about short histories.
import { describe, expect, it } from 'vitest';
import { history, hourOfWeek, means, newestOf, quantile, sums, thisWeek, usualWeek, WEEK_MS, type Hourly } from './week';

const HOUR = 3_600_000;
/** A Monday, 00:00 on the reader's clock. */
const MONDAY = new Date(2026, 0, 5).getTime();
const weeks = (n: number, value: (hour: number, week: number) => number | null): Hourly => ({ from: MONDAY, values: Array.from({ length: n * 168 }, (_, i) => value(i % 168, Math.floor(i / 168))) });

describe('weeks', () => {
  it('begin on Monday', () => expect([hourOfWeek(MONDAY), hourOfWeek(MONDAY + 25 * HOUR), hourOfWeek(MONDAY - HOUR)]).toEqual([0, 25, 167]));
  it('know what is usual by the hour, of what was before', () => {
    const hourly = weeks(4, (hour, week) => (week === 3 ? 1e9 : hour + week));
    const usual = usualWeek(hourly, MONDAY + 3 * WEEK_MS);
    expect(usual[5]).toEqual({ low: 5.5, median: 6, high: 6.5, of: 3 });
  });
  it('show what is far outside, and say unknown where too little is known', () => {
    const hourly = weeks(3, (hour, week) => (week === 2 ? (hour === 10 ? 1000 : hour === 11 ? 1 : 100) : 100));
    const until = MONDAY + 2 * WEEK_MS;
    const shown = thisWeek(hourly, usualWeek(hourly, until), until + WEEK_MS - 1);
    expect([shown.length, shown[0]?.at, shown[9]?.side, shown[10]?.side, shown[11]?.side]).toEqual([168, until, 'inside', 'above', 'below']);
    const short = weeks(2, (hour, week) => (week === 1 && hour === 10 ? 1000 : 100));
    expect(thisWeek(short, usualWeek(short, MONDAY + WEEK_MS), MONDAY + 2 * WEEK_MS - 1).every((hour) => hour.side === 'unknown')).toBe(true);
  });
  it('say how much is stored', () => {
    expect(history(weeks(3, () => 1), MONDAY + 2 * WEEK_MS).words).toContain('2 weeks');
    expect(history(weeks(2, (_, week) => (week === 0 ? 1 : null)), MONDAY + WEEK_MS).words).toContain('Only 7 days');
    expect(history(weeks(1, (hour) => (hour < 5 ? 1 : null)), MONDAY + 10 * HOUR).words).toContain('Only 5 hours');
    expect(history(weeks(1, () => null), MONDAY).words).toContain('Nothing from before');
  });
  it('add up hours of the week', () => {
    expect(means(weeks(2, (hour, week) => (hour === 3 ? week * 10 : null)))[3]).toBe(5);
    expect(means(weeks(1, () => null))[3]).toBeNull();
    expect(sums(MONDAY, [[3, 2], [171, 5]])[3]).toBe(7);
    expect(newestOf(3, MONDAY + WEEK_MS)).toBe(MONDAY + 3 * HOUR);
    expect(newestOf(0, MONDAY + 10)).toBe(MONDAY);
  });
  it('find a place within a list', () => expect([quantile([], 0.5), quantile([1], 0.9), quantile([1, 3], 0.5)]).toEqual([0, 1, 2]));
});
