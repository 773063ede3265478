// Numbers and times as people read them: SI steps, three significant digits, a unit always. Pure.

const STEPS = ['', 'k', 'M', 'G', 'T', 'P'];
const NO_VALUE = '–';

/** Three significant digits with an SI step: 1234 → "1.23 k". */
export function si(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_VALUE;
  const [text, step] = siParts(value);
  const tail = step + unit;
  return tail ? `${text} ${tail}` : text;
}

/** The digits and the step apart, for type that sets them differently. */
export function siParts(value: number): [string, string] {
  let scaled = Math.abs(value);
  let step = 0;
  while (scaled >= 999.5 && step < STEPS.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  const digits = scaled >= 99.95 || (step === 0 && Number.isInteger(scaled)) ? 0 : scaled >= 9.995 ? 1 : 2;
  return [(value < 0 ? '−' : '') + scaled.toFixed(digits), STEPS[step] ?? ''];
}

export const bytes = (value: number | null | undefined): string => si(value, 'B');
export const bitsPerS = (value: number | null | undefined): string => si(value, 'bit/s');
export const packetsPerS = (value: number | null | undefined): string => si(value, 'pkt/s');

/** Whole numbers with thin spaces: 1234567 → "1 234 567". */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_VALUE;
  return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
}

/** Sentences of the server write numbers without a break; here they get one. */
export const grouped = (text: string): string => text.replace(/(?<![\w.:=])\d{5,}(?![\w=]|[.:]\d)/g, (digits) => count(Number(digits)));

/** Milliseconds as µs, ms, s, min, h or d. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NO_VALUE;
  if (ms === 0) return '0 s';
  if (ms < 1) return `${significant(ms * 1000)} µs`;
  if (ms < 1000) return `${significant(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${significant(s)} s`;
  if (s < 3600) return twoUnits(s, 60, 'min', 1, 's');
  if (s < 86_400) return twoUnits(s, 3600, 'h', 60, 'min');
  return twoUnits(s, 86_400, 'd', 3600, 'h');
}

/** "1 h 5 min"; without the smaller one where there is none of it. */
function twoUnits(s: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((s % large) / small);
  return `${Math.floor(s / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}

/** Three significant digits without a step; exponents only below 0.001. */
export function significant(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_VALUE;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 0.001) return value.toExponential(1).replace('e-', '×10⁻').replace(/⁻(\d+)$/, (_, d: string) => `⁻${superscript(d)}`);
  if (size >= 1000) return si(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const text = value.toFixed(size < 0.1 ? 3 : digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function superscript(digits: string): string {
  return digits.replace(/\d/g, (d) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(d)] ?? d);
}

/** A value in its own unit: bytes, times and rates get their steps, things are counted, `1/min` is "per min". */
export function withUnit(value: number, unit: string): string {
  switch (unit) {
    case 'bytes':
      return bytes(value);
    case 'µs':
      return duration(value / 1000);
    case 'ms':
      return duration(value);
    case 's':
      return duration(value * 1000);
    case 'h':
      return duration(value * 3_600_000);
    case 'percent':
      return percent(value);
    case 'ratio':
    case '':
      return amount(value);
    case 'bits/s':
      return bitsPerS(value);
    case 'bytes/s':
      return si(value, 'B/s');
    case 'packets/s':
      return packetsPerS(value);
    default:
      return unit.startsWith('1/') ? `${amount(value)} per ${unit.slice(2)}` : `${amount(value)} ${unit}`;
  }
}

/** Whole below a million, so that 1,000 ports are not "1.00 k"; three digits where there is a fraction. */
function amount(value: number): string {
  const size = Math.abs(value);
  return size >= 1000 && size < 1_000_000 ? count(value) : significant(value);
}

/** What is expected, as words: "up to 8 ports", "86 B to 161 kB"; a unit that both ends share is said once. */
export function withUnitRange(low: number, high: number, unit: string): string {
  if (low === high) return withUnit(high, unit);
  if (low <= 0) return `up to ${withUnit(high, unit)}`;
  const [a, b] = [withUnit(low, unit), withUnit(high, unit)];
  const tail = (text: string): string => text.slice((text.indexOf(' ') + 1) || text.length);
  const shared = tail(a) !== '' && tail(a) === tail(b) && !/\d/.test(tail(a));
  return `${shared ? a.slice(0, a.indexOf(' ')) : a} to ${b}`;
}

export function percent(part: number): string {
  if (!Number.isFinite(part)) return NO_VALUE;
  const value = part * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value >= 9.95 || value === 0 ? value.toFixed(0) : value.toFixed(1).replace('.0', '')} %`;
}

/** 0 … 1 to three places, as scores are compared. */
export function score(value: number | null | undefined): string {
  return value === null || value === undefined ? NO_VALUE : value.toFixed(3);
}

const two = (value: number): string => String(value).padStart(2, '0');

/** HH:MM:SS of the reader's own clock. */
export function clock(time: number | string, withMs = false): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return NO_VALUE;
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return withMs ? `${text}.${String(date.getMilliseconds()).padStart(3, '0')}` : text;
}

export function day(time: number | string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return NO_VALUE;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** How far the reader's own clock is from UTC at that time: "UTC", "UTC+02:00", "UTC−03:30". */
export function zone(time: number): string {
  const minutes = -new Date(time).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Date, clock and zone, for tooltips and for what is read elsewhere. */
export function fullTime(time: number | string): string {
  const at = new Date(time).getTime();
  return Number.isFinite(at) ? `${day(at)} ${clock(at, true)} ${zone(at)}` : NO_VALUE;
}

/** The clock today, the date and the clock otherwise. */
export function moment(time: number | string, now: number): string {
  return day(time) === day(now) ? clock(time) : `${day(time)} ${clock(time)}`;
}

/** "4 min ago"; "now" under two seconds. */
export function ago(time: number | string, now: number): string {
  const seconds = (now - new Date(time).getTime()) / 1000;
  if (!Number.isFinite(seconds)) return NO_VALUE;
  if (seconds < 2) return 'now';
  return `${coarse(seconds)} ago`;
}

/** One unit only: "4 min". */
export function coarse(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** "1 flow", "2 flows". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** SI without the digits that say nothing, for axes: "10 M", "1.5 k". */
export function tick(value: number, unit = ''): string {
  const [digits, step] = siParts(value);
  const text = digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
  const tail = step + unit;
  return tail ? `${text} ${tail}` : text;
}

/** One unit, for axes: "100 s", "10 min" would not be a decade. */
export function durationTick(ms: number): string {
  if (ms < 1) return `${significant(ms * 1000)} µs`;
  if (ms < 1000) return `${significant(ms)} ms`;
  return `${count(ms / 1000)} s`;
}
