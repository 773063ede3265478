import { describe, expect, it } from 'vitest';
import type { Level, Source } from '../api/types';
import { folded, held, keysOf, lastEvent, ownWords, rate, reason, reasons, sparkPath, summaryOf, worstFirst } from './sources';

const source = (name: string, level: Level, more: Partial<Source> = {}): Source => ({ name, level, kind: 'interface', state: 'running', units: 'packets', packets_per_s: 0, idle_ms: null, last_event: null, ...more }) as Source;

describe('sources', () => {
  it('puts what needs somebody first, and keeps the order of the rest', () => {
    const names = (items: { name: string }[]): string => items.map((item) => item.name).join(' ');
    const all = [source('a', 'ok'), source('b', 'warning'), source('c', 'ok'), source('d', 'error'), source('e', 'info')];
    expect(names(worstFirst(all))).toBe('d b e a c');
    expect(names(held(all, ['c', 'a', 'b']))).toBe('c a b d e');
    expect(summaryOf(all)).toBe('5 sources, 2 need attention');
    expect(summaryOf(all.slice(0, 1))).toBe('');
    expect(summaryOf([source('a', 'ok'), source('b', 'info')])).toBe('2 sources, all well');
  });

  it('folds many, and hides neither trouble nor what is open', () => {
    const many = Array.from({ length: 20 }, (_, i) => source(`s${i}`, i === 15 ? 'warning' : 'ok'));
    expect(folded(many, false, 's18').map((s) => s.name)).toEqual(['s0', 's1', 's2', 's3', 's4', 's5', 's15', 's18']);
    expect(folded(many, true, '').length).toBe(20);
    expect(folded(many.slice(0, 7), false, '').length, 'a button for one row is no gain').toBe(7);
  });

  it('tells sources of one name apart', () => {
    const keys = keysOf([source('a', 'ok'), source('b', 'ok'), source('a', 'ok'), source('a', 'ok', { kind: 'remote' })]);
    expect(keys).toEqual(['interface a', 'interface b', 'interface a 2', 'remote a']);
  });

  it('says rates with their units, and nothing of what has ended', () => {
    expect(rate(source('a', 'ok', { packets_per_s: 12_345 }))).toBe('12.3 kpkt/s');
    expect(rate(source('a', 'ok', { packets_per_s: 0.033333, units: 'lines' }))).toBe('0.03 lines/s');
    expect(rate(source('a', 'ok', { packets_per_s: 0.0004, units: 'datagrams' }))).toBe('0 datagrams/s');
    expect(rate(source('a', 'ok', { state: 'ended', packets_per_s: 5 }))).toBe('–');
  });

  it('says when the last of it came', () => {
    const now = Date.parse('2026-01-02T12:00:00Z');
    expect(lastEvent(source('a', 'ok'), now)).toBe('–');
    expect(lastEvent(source('a', 'ok', { idle_ms: 300 }), now)).toBe('now');
    expect(lastEvent(source('a', 'ok', { idle_ms: 250_000 }), now)).toBe('4 min ago');
    expect(lastEvent(source('a.pcap', 'ok', { kind: 'file', idle_ms: 3, last_event: '2011-03-04T12:00:00Z' }), now)).toMatch(/^2011-03-04 /);
  });

  it('gives reasons in words, most first', () => {
    expect(reason('missing_records')).toBe('records missing');
    expect(reasons({ kernel_ring_full: 3, missing_flows: 2000, datagram_cut: 0 })).toBe('2.00 k flows missing, 3 kernel ring full');
    expect(reasons({})).toBe('');
  });

  it('says under a name what the strip says with it', () => {
    expect(ownWords('syslog at udp 0.0.0.0:514: 1940 of 41200 lines cannot be read', 'syslog at udp 0.0.0.0:514')).toBe('1940 of 41\u202f200 lines cannot be read');
    expect(ownWords('No line has come yet: logs a.log', 'logs a.log')).toBe('No line has come yet');
    expect(ownWords('eth0 ended: it went down', 'eth0')).toBe('Ended: it went down');
    expect(ownWords('asked: `net.core.rmem_max=8388608`', 'eth0')).toBe('asked: `net.core.rmem_max=8388608`');
  });

  it('draws the last minute against its right edge', () => {
    expect(sparkPath([5], 60, 10)).toBe('');
    expect(sparkPath([0, 10], 59, 10)).toBe('M58.0 10.0L59.0 0.0');
    expect(sparkPath([0, 0, 0], 59, 10)).toBe('M57.0 10.0L58.0 10.0L59.0 10.0');
    expect(sparkPath(Array.from({ length: 500 }, () => 1), 59, 10).split('L').length).toBe(60);
  });
});
