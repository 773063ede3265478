// The address bar: page, range, filter and selection survive the way there and back.
import { describe, expect, it } from 'vitest';
import { bounds, custom, formatRange, listBounds, parseRange, refreshMs } from './range';
import { formatPlace, parsePlace, toPage, withParams } from './url';

describe('place', () => {
  it('round-trips what a filter may hold', () => {
    for (const q of ['ip.src == 10.0.0.1 && tcp.port == 443', 'host_name:*.example.com -proto:UDP', 'a+b%20c&d=e#f', '“ü”', 'src_ip:10.0.0.0/8,x']) {
      const address = formatPlace({ path: '/packets', params: { q, sel: '12', range: '1h' } });
      const url = new URL(address, 'http://h');
      expect(parsePlace(url.pathname, url.search)).toEqual({ path: '/packets', params: { q, sel: '12', range: '1h' } });
      expect(url.hash).toBe('');
    }
  });
  it('is the same text for the same view', () => {
    expect(formatPlace({ path: '/flows', params: { sel: '1', q: 'a:b', x: '' } })).toBe('/flows?q=a:b&sel=1');
    expect(formatPlace({ path: '/flows', params: { q: 'a:b', sel: '1' } })).toBe('/flows?q=a:b&sel=1');
  });
  it('keeps the range between pages and drops the rest', () => {
    const here = { path: '/flows', params: { range: '1h', q: 'x', cols: 'end' } };
    expect(toPage(here, '/incidents', { sel: '9' })).toEqual({ path: '/incidents', params: { range: '1h', sel: '9' } });
    expect(withParams(here, { q: undefined, sel: '1' }).params).toEqual({ range: '1h', cols: 'end', sel: '1' });
    expect(parsePlace('/flows/', '').path).toBe('/flows');
  });
});

describe('range', () => {
  const NOW = Date.parse('2026-01-02T00:00:00Z');
  it('reads what it writes', () => {
    for (const text of ['live', '15m', '1h', '24h', '7d', '2026-01-01T00:00:00Z..2026-01-01T01:30:00Z']) expect(formatRange(parseRange(text))).toBe(text);
  });
  it('falls back to live', () => {
    for (const text of [null, '', 'x', '2026-01-01T01:00:00Z..2026-01-01T00:00:00Z', '..']) expect(parseRange(text).key).toBe('live');
  });
  it('bounds, refreshes and rounds', () => {
    expect(bounds({ key: '1h' }, NOW)).toEqual([NOW - 3_600_000, NOW]);
    expect(listBounds({ key: 'live' }, NOW)).toEqual({});
    expect(listBounds({ key: '1h' }, NOW)).toEqual({ from: '2026-01-01T23:00:00.000Z' });
    const dragged = custom(NOW - 500, NOW - 90_200);
    expect(dragged).toEqual({ key: 'custom', from: NOW - 91_000, to: NOW });
    expect(refreshMs({ key: 'custom', from: 0, to: 1000 }, NOW)).toBe(0);
    expect(refreshMs({ key: 'live' }, NOW)).toBe(2000);
    expect(refreshMs({ key: '7d' }, NOW)).toBe(60_000);
  });
});
