// Hours of the week: what is usual at each, and where this week is not. Times are the reader's own; weeks begin on Monday. Pure.

export const HOURS = 168;
const HOUR_MS = 3_600_000;
export const WEEK_MS = HOURS * HOUR_MS;
/** Weeks looked back for what is usual. */
export const WEEKS_BACK = 8;
/** A value this many times above the band is shown as unusual. */
const FAR = 2;

export const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

/** 0 … 167, Monday 00:00 first. */
export function hourOfWeek(ms: number): number {
  const date = new Date(ms);
  return ((date.getDay() + 6) % 7) * 24 + date.getHours();
}

export const hourName = (hour: number): string => `${DAYS[Math.floor(hour / 24)] ?? ''} ${String(hour % 24).padStart(2, '0')}:00`;

/** One value an hour; null: nothing is known of it. */
export interface Hourly {
  /** Beginning of the first hour, Unix ms. */
  from: number;
  values: (number | null)[];
}

export interface Usual {
  low: number;
  median: number;
  high: number;
  /** Weeks that know this hour. */
  of: number;
}

/** A value within a sorted list, between its neighbours. */
export function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return 0;
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? 0;
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at - Math.floor(at));
}

/** What each hour of the week was before `until`: the middle half of the weeks that know it. */
export function usualWeek(hourly: Hourly, until: number): (Usual | null)[] {
  const seen: number[][] = Array.from({ length: HOURS }, () => []);
  for (const [i, value] of hourly.values.entries()) {
    const at = hourly.from + i * HOUR_MS;
    if (value !== null && at + HOUR_MS <= until) seen[hourOfWeek(at)]?.push(value);
  }
  return seen.map((values) => {
    if (values.length === 0) return null;
    values.sort((a, b) => a - b);
    return { low: quantile(values, 0.25), median: quantile(values, 0.5), high: quantile(values, 0.75), of: values.length };
  });
}

export interface WeekHour {
  at: number;
  value: number | null;
  usual: Usual | null;
  side: 'above' | 'below' | 'inside' | 'unknown';
}

/** The 168 hours that end with the one of `end`, each beside what is usual. */
export function thisWeek(hourly: Hourly, usual: readonly (Usual | null)[], end: number): WeekHour[] {
  const last = Math.floor((end - hourly.from) / HOUR_MS);
  return Array.from({ length: HOURS }, (_, i) => {
    const index = last - HOURS + 1 + i;
    const at = hourly.from + index * HOUR_MS;
    const value = hourly.values[index] ?? null;
    const known = usual[hourOfWeek(at)] ?? null;
    return { at, value, usual: known, side: sideOf(value, known) };
  });
}

function sideOf(value: number | null, usual: Usual | null): WeekHour['side'] {
  if (value === null || !usual || usual.of < 2) return 'unknown';
  if (value > usual.high * FAR && value > usual.median * FAR) return 'above';
  if (value < usual.low / FAR && usual.low > 0) return 'below';
  return 'inside';
}

/** How much there is to say what is usual: whole weeks before `until`, in words where there are fewer than two. */
export function history(hourly: Hourly, until: number): { hours: number; weeks: number; words: string } {
  let hours = 0;
  let first: number | undefined;
  for (const [i, value] of hourly.values.entries()) {
    const at = hourly.from + i * HOUR_MS;
    if (value === null || at + HOUR_MS > until) continue;
    hours += 1;
    first ??= at;
  }
  const weeks = first === undefined ? 0 : Math.floor((until - first) / WEEK_MS + 0.02);
  if (weeks >= 2) return { hours, weeks, words: `Usual: the middle half of ${weeks} weeks before` };
  if (hours === 0) return { hours, weeks, words: 'Nothing from before this week is stored, so that there is no usual week yet' };
  const days = Math.floor(hours / 24);
  const what = days > 0 ? `${days} ${days === 1 ? 'day' : 'days'}` : `${hours} ${hours === 1 ? 'hour' : 'hours'}`;
  return { hours, weeks, words: `Only ${what} from before this week ${days === 1 || (days === 0 && hours === 1) ? 'is' : 'are'} stored: what is drawn as usual is what was there, and no hour is called unusual before two weeks are known` };
}

/** Mean of each hour of the week; null where nothing is known. */
export function means(hourly: Hourly): (number | null)[] {
  const sums = Array.from({ length: HOURS }, () => ({ sum: 0, n: 0 }));
  for (const [i, value] of hourly.values.entries()) {
    const slot = sums[hourOfWeek(hourly.from + i * HOUR_MS)];
    if (value === null || !slot) continue;
    slot.sum += value;
    slot.n += 1;
  }
  return sums.map(({ sum, n }) => (n > 0 ? sum / n : null));
}

/** Sum of each hour of the week of counts by bucket. */
export function sums(from: number, counts: readonly (readonly [number, number])[]): number[] {
  const out = Array<number>(HOURS).fill(0);
  for (const [bucket, n] of counts) out[hourOfWeek(from + bucket * HOUR_MS)]! += n;
  return out;
}

/** The newest hour before `now` that is this hour of the week. */
export function newestOf(hour: number, now: number): number {
  let at = Math.floor(now / HOUR_MS) * HOUR_MS;
  for (let i = 0; i < 2 * HOURS && hourOfWeek(at) !== hour; i += 1) at -= HOUR_MS;
  return at;
}
