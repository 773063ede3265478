// What the page Trends adds up: a range against the one before it. Pure.

import type { Incident, Series } from '../api/types';
import { bounds, type Range } from './range';

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

export interface KindRow {
  kind: string;
  now: number;
  before: number;
}

/** Incidents told by kind in both spans, most first. */
export function byKind(incidents: readonly Incident[], span: { now: Span; before: Span }): KindRow[] {
  const rows = new Map<string, KindRow>();
  for (const incident of incidents) {
    const raised = Date.parse(incident.raised);
    const side = raised >= span.now.from && raised < span.now.to ? 'now' : raised >= span.before.from && raised < span.before.to ? 'before' : undefined;
    if (!side) continue;
    const row = rows.get(incident.kind) ?? { kind: incident.kind, now: 0, before: 0 };
    row[side] += 1;
    rows.set(incident.kind, row);
  }
  return [...rows.values()].sort((a, b) => b.now - a.now || b.before - a.before || a.kind.localeCompare(b.kind));
}
