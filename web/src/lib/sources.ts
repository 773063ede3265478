// Where data comes from, as the panel says it: order, units, reasons in words, the line of the last minute. Pure.

import type { Level, Source } from '../api/types';
import { coarse, grouped, moment, packetsPerS, plural, si } from './format';

const WORST_FIRST: Record<Level, number> = { error: 0, warning: 1, info: 2, ok: 3 };
/** Sources shown before the rest is behind a button; those with something to do are always shown. */
export const SHOWN = 6;

/** Worst first; what is alike stays in the server's order. */
export function worstFirst<T extends { level: Level }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => WORST_FIRST[a.level] - WORST_FIRST[b.level]);
}

/** The order that stays while a pointer is over it: what was there keeps its place, what is new comes last. */
export function held<T extends { name: string }>(items: readonly T[], order: readonly string[]): T[] {
  const place = (item: T): number => (order.includes(item.name) ? order.indexOf(item.name) : order.length);
  return [...items].sort((a, b) => place(a) - place(b));
}

/** A key for each: two senders of one machine may bear the same name. */
export function keysOf(items: readonly Pick<Source, 'kind' | 'name'>[]): string[] {
  const seen = new Map<string, number>();
  return items.map(({ kind, name }) => {
    const key = `${kind} ${name}`;
    const nth = (seen.get(key) ?? 0) + 1;
    seen.set(key, nth);
    return nth === 1 ? key : `${key} ${nth}`;
  });
}

/** Which rows are shown: all, or the first few and whatever needs somebody. */
export function folded(items: readonly Source[], all: boolean, open: string): Source[] {
  if (all || items.length <= SHOWN + 1) return [...items];
  return items.filter((item, i) => i < SHOWN || item.level === 'warning' || item.level === 'error' || item.name === open);
}

/** "3 sources, 1 needs attention". */
export function summaryOf(items: readonly Source[]): string {
  const bad = items.filter((item) => item.level === 'warning' || item.level === 'error').length;
  const sources = plural(items.length, 'source');
  if (bad > 0) return `${sources}, ${bad} ${bad === 1 ? 'needs' : 'need'} attention`;
  return items.length > 1 ? `${sources}, all well` : '';
}

export function rate(source: Source): string {
  if (source.state === 'ended' || source.state === 'failed') return '–';
  const perS = round(source.packets_per_s);
  return source.units === 'packets' ? packetsPerS(perS) : `${si(perS)} ${source.units}/s`;
}

/** 0.03 lines a second say something, 0.0004 do not. */
const round = (perS: number): number => (perS >= 10 ? perS : perS < 0.005 ? 0 : Number(perS.toPrecision(2)));

/** A file is read at its own times; of all else it matters how long ago it was. */
export function lastEvent(source: Source, now: number): string {
  if (source.kind === 'file') return source.last_event ? moment(source.last_event, now) : '–';
  if (source.idle_ms === null) return '–';
  return source.idle_ms < 2000 ? 'now' : `${coarse(source.idle_ms / 1000)} ago`;
}

export const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** "missing_records" → "records missing", "kernel_ring_full" → "kernel ring full". */
export function reason(name: string): string {
  const missing = /^missing_(.+)$/.exec(name);
  return missing ? `${missing[1]} missing` : name.replace(/[_.]/g, ' ');
}

/** "12 kernel ring full, 3 records missing", most first; empty when there is nothing. */
export function reasons(counts: Readonly<Record<string, number>>): string {
  const found = Object.entries(counts).filter(([, n]) => n > 0);
  return found.sort((a, b) => b[1] - a[1]).map(([name, n]) => `${si(n)} ${reason(name)}`).join(', ');
}

/** A line over the newest seconds, right-aligned: a source that has just begun has a short one. */
export function sparkPath(values: readonly number[], width: number, height: number, seconds = 60): string {
  if (values.length < 2) return '';
  const shown = values.slice(-seconds);
  const most = Math.max(...shown);
  const step = width / (seconds - 1);
  const x = (i: number): number => width - (shown.length - 1 - i) * step;
  const y = (v: number): number => (most > 0 ? height - (v / most) * height : height);
  return shown.map((v, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join('');
}

/** A line of the health strip, said under the source's own name: without that name, numbers grouped. */
export function ownWords(text: string, name: string): string {
  const [before, after] = [`${name}: `, `: ${name}`];
  const bare = text.startsWith(before) ? text.slice(before.length) : text.endsWith(after) ? text.slice(0, -after.length) : text.startsWith(`${name} ended: `) ? `Ended: ${text.slice(name.length + 8)}` : text;
  return grouped(bare);
}

const KINDS: Record<string, string> = {
  interface: 'Interface', file: 'File', demo: 'Generated traffic', host: 'Counters of this machine', collector: 'Collector of flow exports', log: 'Log', log_file: 'Log file', remote: 'Captures by TCP',
};
export const kindOf = (source: Source): string => KINDS[source.kind] ?? source.kind;

const FORMATS: Record<string, string> = { netflow_v5: 'NetFlow v5', netflow_v9: 'NetFlow v9', ipfix: 'IPFIX', sflow: 'sFlow v5', other: 'unknown' };
export const formatOf = (format: string): string => FORMATS[format] ?? format;
