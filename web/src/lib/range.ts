// The one time range that rules every panel: its text in the URL, its bounds, how often it is worth asking again. Pure.

export const LIVE_WINDOW_MS = 5 * 60_000;

export const PRESETS = [
  { key: 'live', label: 'Live', ms: LIVE_WINDOW_MS, words: 'the last 5 min' },
  { key: '15m', label: '15 min', ms: 15 * 60_000, words: 'the last 15 min' },
  { key: '1h', label: '1 h', ms: 3_600_000, words: 'the last hour' },
  { key: '24h', label: '24 h', ms: 86_400_000, words: 'the last 24 h' },
  { key: '7d', label: '7 d', ms: 7 * 86_400_000, words: 'the last 7 days' },
] as const;

export type PresetKey = (typeof PRESETS)[number]['key'];
/** A preset moves with the clock; a custom one stands still. Times are Unix milliseconds. */
export type Range = { key: PresetKey } | { key: 'custom'; from: number; to: number };

export const LIVE: Range = { key: 'live' };

const preset = (key: string) => PRESETS.find((p) => p.key === key);

/** `live`, `1h`, or `2026-01-01T00:00:00Z..2026-01-01T01:00:00Z`; anything else is live. */
export function parseRange(text: string | null | undefined): Range {
  if (!text) return LIVE;
  const known = preset(text);
  if (known) return { key: known.key };
  const [left, right] = text.split('..');
  const from = Date.parse(left ?? '');
  const to = Date.parse(right ?? '');
  if (Number.isFinite(from) && Number.isFinite(to) && to > from) return { key: 'custom', from, to };
  return LIVE;
}

export function formatRange(range: Range): string {
  if (range.key !== 'custom') return range.key;
  const text = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
  return `${text(range.from)}..${text(range.to)}`;
}

/** From and to, Unix milliseconds. */
export function bounds(range: Range, now: number): [number, number] {
  if (range.key === 'custom') return [range.from, range.to];
  return [now - (preset(range.key)?.ms ?? LIVE_WINDOW_MS), now];
}

export function spanMs(range: Range): number {
  return range.key === 'custom' ? range.to - range.from : (preset(range.key)?.ms ?? LIVE_WINDOW_MS);
}

/** How often a panel asks again, ms; 0: never, the past does not change. */
export function refreshMs(range: Range, now: number): number {
  if (range.key === 'custom' && range.to < now - 60_000) return 0;
  return Math.min(60_000, Math.max(2_000, spanMs(range) / 300));
}

/** "in the last hour", for sentences. */
export function rangeWords(range: Range): string {
  return range.key === 'custom' ? 'this range' : (preset(range.key)?.words ?? 'this range');
}

/** A dragged span as a custom range, at least one second and in order. */
export function custom(a: number, b: number): Range {
  const from = Math.floor(Math.min(a, b) / 1000) * 1000;
  const to = Math.ceil(Math.max(a, b) / 1000) * 1000;
  return { key: 'custom', from, to: Math.max(to, from + 1000) };
}

/**
 * Bounds for lists. Live means the newest, however old: an inbox that is empty because nothing happened for five minutes
 * would hide what happened six minutes ago.
 */
export function listBounds(range: Range, now: number): { from?: string; to?: string } {
  if (range.key === 'live') return {};
  const [from, to] = bounds(range, now);
  const iso = (ms: number): string => new Date(ms).toISOString();
  return range.key === 'custom' ? { from: iso(from), to: iso(to) } : { from: iso(from) };
}

/** For sentences about lists: "so far", "in the last hour". */
export function listWords(range: Range): string {
  return range.key === 'live' ? 'so far' : `in ${rangeWords(range)}`;
}
