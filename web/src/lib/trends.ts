// What the page Trends adds up: a range against the one before it. Pure.

import type { Series } from '../api/types';
import { bounds, parseRange, type Range } from './range';

export interface Span {
  from: number;
  to: number;
}

/** The range and the one of the same length before it; live is too short to compare: its last day. */
export function spans(range: Range, now: number): { now: Span; before: Span } {
  const [from, to] = range.key === 'live' ? [now - 86_400_000, now] : bounds(range, now);
  return { now: { from, to }, before: { from: from - (to - from), to: from } };
}

/** What a series adds up to; null: nothing of it is known. */
export function total(series: Series | undefined): number | null {
  if (!series) return null;
  const known = series.values.filter((value): value is number => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) * series.step_s;
}

/** `12 % more`, `as much`; empty where there is nothing to compare with. */
export function moved(now: number | null, before: number | null): string {
  if (now === null || before === null || before === 0) return '';
  const share = (now - before) / before;
  if (Math.abs(share) < 0.01) return 'as much';
  if (share >= 10) return `${Math.round(now / before)} times as much`;
  return `${Math.round(Math.abs(share) * 100)} % ${share > 0 ? 'more' : 'less'}`;
}

/** Buckets of incidents for a range: some sixty, of a length that people say. */
const KIND_STEPS_S = [60, 300, 900, 3_600, 10_800, 21_600, 86_400, 7 * 86_400];
export const kindStep = (spanMs: number): number => KIND_STEPS_S.find((step) => spanMs / 1000 / step <= 72) ?? 7 * 86_400;

/** What the chosen time is compared with: `before` (the same length before it), `week` (the same time a week earlier), or `from..to`. */
export function other(text: string, now: Span): Span {
  if (text === 'week') return { from: now.from - WEEK_MS, to: now.to - WEEK_MS };
  const given = parseRange(text);
  if (given.key === 'custom') return { from: given.from, to: given.to };
  return { from: now.from - (now.to - now.from), to: now.from };
}
const WEEK_MS = 7 * 86_400_000;

export interface Row {
  name: string;
  /** null: not known. */
  now: number | null;
  before: number | null;
}

/**
 * Both lists by name, largest of either first, at most `most`. A name that one list has not is 0 there, or not known where that list was
 * cut at `cutAt` rows.
 */
export function joined(now: readonly { name: string; value: number }[], before: readonly { name: string; value: number }[], most: number, cutAt = Infinity): Row[] {
  const rows = new Map<string, Row>();
  const missing = (list: readonly unknown[]): number | null => (list.length >= cutAt ? null : 0);
  const row = (name: string): Row => {
    const known = rows.get(name) ?? { name, now: missing(now), before: missing(before) };
    rows.set(name, known);
    return known;
  };
  for (const one of now) row(one.name).now = one.value;
  for (const one of before) row(one.name).before = one.value;
  const size = (r: Row): number => Math.max(r.now ?? 0, r.before ?? 0);
  return [...rows.values()].sort((a, b) => size(b) - size(a) || a.name.localeCompare(b.name)).slice(0, most);
}

/** Numbers of spans of different length are compared by the hour. */
export function perHour(value: number | null, span: Span): number | null {
  return value === null ? null : value / Math.max(1 / 3600, (span.to - span.from) / 3_600_000);
}

export const sameLength = (a: Span, b: Span): boolean => Math.abs(a.to - a.from - (b.to - b.from)) <= 0.01 * (b.to - b.from);

/** A time for `<input type=datetime-local>`, on the reader's clock, and back. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
export const fromLocal = (text: string): number => new Date(text).getTime();
