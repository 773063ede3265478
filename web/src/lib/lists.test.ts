// The bounded packet ring, the filter tokens, the inbox, stacking, ticks, knots, range charts, hex: the small pure parts.
import { describe, expect, it } from 'vitest';
import type { Incident, Packet } from '../api/types';
import { partAt, printable, unhex } from './hex';
import { alikeQuery, inboxQuery, toggled } from './inbox';
import { knots } from './knots';
import { PacketRing } from './packetRing';
import { fieldOf, setField, toggleToken, tokens } from './query';
import { excess, place } from './rangeChart';
import { append, columns, stack } from './stack';
import { decades, timeTicks } from './ticks';
import { featureName } from './featureNames';
import { techniqueUrl } from './words';

const packets = (from: number, to: number): Packet[] => Array.from({ length: to - from + 1 }, (_, i) => ({ id: from + i, protocol: (from + i) % 2 ? 'TCP' : 'UDP' }) as Packet);

describe('packet ring', () => {
  it('orders, drops doubles and holds still until let in', () => {
    const ring = new PacketRing();
    ring.offer(packets(1, 5).reverse());
    ring.offer(packets(3, 8));
    expect(ring.rows).toHaveLength(0);
    expect(ring.admit()).toBe(0);
    expect(ring.rows.map((p) => p.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ring.indexOf(6)).toBe(5);
    expect(ring.indexOf(60)).toBe(-1);
  });
  it('is bounded, waiting or not, and says what it dropped', () => {
    const ring = new PacketRing(5000);
    ring.filter((p) => p.protocol === 'TCP');
    ring.offer(packets(1, 5000));
    ring.admit();
    expect(ring.shown).toHaveLength(2500);
    for (let i = 0; i < 20; i += 1) ring.offer(packets(5001 + i * 1000, 6000 + i * 1000));
    expect(ring.pending).toBe(5000);
    const dropped = ring.admit();
    expect(ring.rows.length).toBeLessThanOrEqual(5000);
    expect(ring.rows.at(-1)?.id).toBe(25_000);
    expect(dropped).toBeGreaterThan(0);
    expect(ring.shown.every((p) => p.protocol === 'TCP')).toBe(true);
  });
  it('takes older ones behind', () => {
    const ring = new PacketRing();
    ring.offer(packets(10, 12));
    ring.admit();
    ring.backfill(packets(7, 10));
    expect(ring.rows.map((p) => p.id)).toEqual([7, 8, 9, 10, 11, 12]);
  });
});

describe('query tokens', () => {
  it('splits outside quotation marks', () => expect(tokens('a:b  host_name:"x y" -c:d')).toEqual(['a:b', 'host_name:"x y"', '-c:d']));
  it('toggles and sets', () => {
    expect(toggleToken('a:b', 'c:d')).toBe('a:b c:d');
    expect(toggleToken('a:b c:d', 'a:b')).toBe('c:d');
    expect(setField('a:b c:d', 'a', 'z')).toBe('c:d a:z');
    expect(setField('a:b c:d', 'a', undefined)).toBe('c:d');
    expect(fieldOf('a:b c:>=4', 'c')).toBe('>=4');
  });
});

describe('inbox', () => {
  it('adds the folder unless the reader asked otherwise', () => {
    expect(inboxQuery('', 'open')).toBe('status:open over_budget:false step:false');
    expect(inboxQuery('story:1f', 'open')).toBe('story:1f status:open over_budget:false');
    expect(inboxQuery('ip:10.0.0.1', 'closed')).toBe('ip:10.0.0.1 status:closed');
    expect(inboxQuery('over_budget:true', 'open')).toBe('over_budget:true');
    expect(inboxQuery('status:closed', 'open')).toBe('status:closed');
    expect(inboxQuery('', 'all')).toBe('');
  });
  it('takes a decision back and finds its like', () => {
    expect(toggled('open', 'acknowledged')).toBe('acknowledged');
    expect(toggled('acknowledged', 'acknowledged')).toBe('open');
    expect(alikeQuery({ kind: 'beacon', src: ['10.0.0.5'] } as Incident)).toBe('kind:beacon src_ip:10.0.0.5 status:open');
  });
});

describe('traffic columns', () => {
  const series = [{ metric: 'bytes.tcp', from: '2026-01-01T00:00:00Z', step_s: 1, values: [1, null, 3] }, { metric: 'bytes.udp', from: '2026-01-01T00:00:00Z', step_s: 1, values: [10, null, null] }];
  const start = Date.parse('2026-01-01T00:00:00Z') / 1000;
  it('stacks and keeps the unknown unknown', () => expect(stack(columns(series, 8).rows)).toEqual([[8, null, 24], [88, null, 24]]));
  it('goes on with live seconds after the last stored one', () => {
    const out = append(columns(series, 1), [{ ts: (start + 2) * 1000, values: [9, 9] }, { ts: (start + 3) * 1000, values: [4, 5] }]);
    expect(out.time).toEqual([start, start + 1, start + 2, start + 3]);
    expect(out.rows[0]).toEqual([1, null, 3, 4]);
  });
});

describe('axes and marks', () => {
  it('has round ticks inside', () => {
    const from = Date.parse('2026-01-01T00:00:07Z');
    const ticks = timeTicks(from, from + 300_000, 6);
    expect(ticks.length).toBeGreaterThan(3);
    expect(ticks.length).toBeLessThanOrEqual(7);
    expect(ticks.every((t) => t.at % 60_000 === 0 && t.at >= from)).toBe(true);
    expect(decades(0.01, 1e5, 99)).toHaveLength(8);
    expect(decades(1, 1e8, 4).length).toBeLessThanOrEqual(4);
  });
  it('ties near incidents into one knot and shows the gravest', () => {
    const at = (s: number, severity: string): Incident => ({ id: `${s}`, raised: new Date(s * 1000).toISOString(), severity }) as Incident;
    const out = knots([at(10, 'low'), at(10.5, 'critical'), at(80, 'high'), at(200, 'high')], 0, 100_000, 0.02);
    expect(out.map((k) => [k.incidents.length, k.worst.severity])).toEqual([[2, 'critical'], [1, 'high']]);
  });
});

describe('range chart', () => {
  it('places values on the side they are', () => {
    expect(place(5, [1, 10], '').side).toBe('inside');
    expect(place(2.4e9, [2200, 5.9e6], 'bytes')).toMatchObject({ side: 'above', log: true });
    expect(place(0.2, [0.4, 0.7], 'ratio').side).toBe('below');
    for (const [v, e] of [[0, [0, 0]], [-3, [-1, 1]], [1e300, [0, 1]]] as [number, [number, number]][]) {
      const p = place(v, e, '');
      for (const x of [p.low, p.high, p.value]) expect(x).toSatisfy((n: number) => n >= 0 && n <= 1);
    }
  });
  it('says by how much', () => {
    expect(excess(58, [0, 2])).toBe('29 × the highest expected');
    expect(excess(0.5, [1, 2])).toBe('2.0 × below the lowest expected');
    expect(excess(5, [0, 0])).toBe('above what is expected');
    expect(excess(1, [0, 2])).toBe('as expected');
  });
});

describe('hex and words', () => {
  const layers = [{ name: 'Ethernet', offset: 0, length: 14, fields: [{ name: 'eth.dst', label: 'd', value: '', offset: 0, length: 6 }] }, { name: 'IP', offset: 14, length: 20, fields: [] }];
  it('finds the part under a byte', () => {
    expect(partAt(layers, 3)).toMatchObject({ layer: 0, field: 0 });
    expect(partAt(layers, 12)).toMatchObject({ layer: 0, field: -1 });
    expect(partAt(layers, 20)).toMatchObject({ layer: 1, field: -1 });
    expect(partAt(layers, 99)).toBeUndefined();
    expect([...unhex('00ff7f')]).toEqual([0, 255, 127]);
    expect(printable(65) + printable(7)).toBe('A·');
  });
  it('names features and techniques', () => {
    expect(featureName('forward_payload_mean_bytes')).toBe('Payload sent, mean');
    expect(featureName('distinct_ports_per_min')).toBe('Distinct ports per min');
    expect(techniqueUrl('T1071.001')).toBe('https://attack.mitre.org/techniques/T1071/001/');
    expect(techniqueUrl('javascript:x')).toBeUndefined();
  });
});
