// Where a value, and what was expected of it, stand on a short line. Pure.

export interface Placed {
  /** 0 … 1 along the line. */
  low: number;
  high: number;
  value: number;
  side: 'below' | 'inside' | 'above';
  log: boolean;
}

const log = (x: number): number => Math.sign(x) * Math.log1p(Math.abs(x));
const same = (x: number): number => x;

/**
 * Ratios stand on 0 … 1; other values on a line from 0 (or the least) to a little past the largest, logarithmic when the
 * largest is more than fifty times the typical.
 */
export function place(value: number, expected: readonly [number, number], unit: string): Placed {
  const low = Math.min(...expected);
  const high = Math.max(...expected);
  const least = Math.min(0, low, value);
  const most = unit === 'ratio' ? Math.max(1, high, value) : Math.max(high, value, least + 1e-9);
  const middle = Math.max(Math.min(Math.abs(value), Math.abs(high)), 1e-9);
  const useLog = unit !== 'ratio' && most > 50 * middle;
  const scale = useLog ? log : same;
  const a = scale(least);
  const room = unit === 'ratio' && most === 1 ? 0 : 0.06;
  const span = (scale(most) - a) * (1 + room) || 1;
  const at = (x: number): number => Math.min(1, Math.max(0, (scale(x) - a) / span));
  return { low: at(low), high: at(high), value: at(value), side: value < low ? 'below' : value > high ? 'above' : 'inside', log: useLog };
}

/** "410 times the highest expected"; empty when there is no sensible factor. */
export function excess(value: number, expected: readonly [number, number]): string {
  const [low, high] = [Math.min(...expected), Math.max(...expected)];
  const factor = (x: number): string => (x >= 10 ? Math.round(x).toString().replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f') : x.toFixed(1));
  if (value > high && high > 0 && value / high >= 1.05) return `${factor(value / high)} × the highest expected`;
  if (value < low && value > 0 && low / value >= 1.05) return `${factor(low / value)} × below the lowest expected`;
  if (value > high) return 'above what is expected';
  if (value < low) return 'below what is expected';
  return 'as expected';
}
