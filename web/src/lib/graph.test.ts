// The drawing of who talks to whom: columns, order, marks, and that the same answer is drawn the same.
import { describe, expect, it } from 'vitest';
import type { Graph } from '../api/types';
import { draw } from './graph';

const node = (ip: string, home: boolean, subject = false) => ({ ip, name: '', home, subject, country: '' });
const edge = (src: string, dest: string, bytes: number, anomalous = 0, evidence = false, flows = 1) => ({ src, dest, bytes, anomalous, evidence, flows });
const graph = {
  nodes: [node('10.0.0.5', true, true), node('10.0.0.6', true), node('198.51.100.7', false), node('198.51.100.8', false)],
  edges: [edge('10.0.0.5', '198.51.100.7', 10), edge('10.0.0.5', '198.51.100.8', 5, 2), edge('10.0.0.6', '10.0.0.5', 1e6), edge('10.0.0.5', '10.9.9.9', 1), edge('10.0.0.6', '198.51.100.8', 0, 0, true, 0)],
  flows_read: 9, nodes_left: 0, flows_left: 0, more: false,
} as unknown as Graph;

describe('who talks to whom', () => {
  it('sets own networks apart from elsewhere, what is asked for between', () => {
    const { nodes, columns } = draw(graph, 900);
    expect(nodes.map((placed) => [placed.node.ip, placed.column])).toEqual([['10.0.0.6', 'own'], ['10.0.0.5', 'subject'], ['198.51.100.8', 'outside'], ['198.51.100.7', 'outside']]);
    expect(columns.map((column) => column.key)).toEqual(['own', 'subject', 'outside']);
    expect(new Set(nodes.map((placed) => `${placed.x} ${placed.y}`)).size).toBe(4);
  });
  it('draws red last, thick by bytes, and only between hosts that are there', () => {
    const { lines } = draw(graph, 900);
    expect(lines).toHaveLength(4);
    expect(lines.map((line) => line.hot)).toEqual([false, false, true, true]);
    expect(lines.find((line) => line.edge.bytes === 1e6)?.width).toBe(5);
    expect(lines.at(-1)?.bare).toBe(true);
  });
  it('is the same for the same answer, whatever its order', () => {
    const turned = { ...graph, nodes: [...graph.nodes].reverse() } as Graph;
    expect(draw(turned, 700).nodes).toEqual(draw(graph, 700).nodes);
  });
  it('stays inside a narrow window', () => {
    for (const placed of draw(graph, 320).nodes) expect(placed.x >= 0 && placed.x <= 320).toBe(true);
  });
});
