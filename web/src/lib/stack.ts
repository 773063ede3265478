// Series for the traffic chart: aligned on one time axis, live seconds appended, stacked bottom to top. Pure.

import type { Series } from '../api/types';

export interface Columns {
  /** Unix seconds, as uPlot wants them. */
  time: number[];
  /** One row a metric, same order as asked. */
  rows: (number | null)[][];
  step: number;
}

/** Puts the answers of one question on one axis; they share from and step. */
export function columns(series: readonly Series[], factor: number): Columns {
  const first = series[0];
  if (!first) return { time: [], rows: [], step: 1 };
  const start = Date.parse(first.from) / 1000;
  const length = Math.max(...series.map((s) => s.values.length));
  return {
    time: Array.from({ length }, (_, i) => start + i * first.step_s),
    rows: series.map((s) => Array.from({ length }, (_, i) => (s.values[i] === null || s.values[i] === undefined ? null : s.values[i] * factor))),
    step: first.step_s,
  };
}

/** The live seconds the stored series does not have yet, only when it has one-second steps. */
export function append(base: Columns, seconds: readonly { ts: number; values: (number | null)[] }[]): Columns {
  if (base.step !== 1) return base;
  // The newest buckets of the store may still be empty: what the stream said of those seconds is better.
  let keep = base.time.length;
  while (keep > 0 && base.rows.every((row) => row[keep - 1] === null)) keep -= 1;
  const last = keep > 0 ? (base.time[keep - 1] as number) : -Infinity;
  const fresh = seconds.filter((s) => Math.floor(s.ts / 1000) > last);
  if (fresh.length === 0) return base;
  return {
    time: [...base.time.slice(0, keep), ...fresh.map((s) => Math.floor(s.ts / 1000))],
    rows: base.rows.map((row, i) => [...row.slice(0, keep), ...fresh.map((s) => s.values[i] ?? null)]),
    step: 1,
  };
}

/** Running sums: row i becomes the sum of rows 0 … i. A second nobody knows stays unknown in every row. */
export function stack(rows: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const out: (number | null)[][] = [];
  const length = rows[0]?.length ?? 0;
  for (const [i, row] of rows.entries()) {
    const below = out[i - 1];
    out.push(
      Array.from({ length }, (_, t) => {
        if (rows.every((r) => r[t] === null || r[t] === undefined)) return null;
        return (row[t] ?? 0) + (below?.[t] ?? 0);
      }),
    );
  }
  return out;
}
