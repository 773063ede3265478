// Where hosts stand in the drawing of who talks to whom, and how lines run between them: three columns (own networks, those asked for,
// elsewhere), the heaviest at the top; the same answer gives the same drawing. Pure.

import type { Graph, GraphEdge, GraphNode } from '../api/types';

export type Column = 'own' | 'subject' | 'outside';

export interface Placed {
  node: GraphNode;
  column: Column;
  x: number;
  y: number;
  /** In a line that is anomalous or evidence. */
  hot: boolean;
  /** Lines that end here. */
  lines: number;
}

export interface Line {
  edge: GraphEdge;
  path: string;
  /** Middle of the line, for its mark. */
  at: [number, number];
  width: number;
  hot: boolean;
  /** Between two that were not asked for: drawn in the background. */
  aside: boolean;
  /** Named by the incident, but no flow of it is kept. */
  bare: boolean;
}

export interface Drawing {
  width: number;
  height: number;
  nodes: Placed[];
  lines: Line[];
  /** Left edge of each column's label, for the heads. */
  columns: { key: Column; label: string; x: number }[];
}

const ROW = 30;
const HEAD = 34;
/** Room for an address beside its point. */
const LABEL = 132;

export const isHot = (edge: GraphEdge): boolean => edge.evidence || edge.anomalous > 0;

export function draw(graph: Graph, width: number): Drawing {
  const weight = new Map<string, number>();
  const lines = new Map<string, number>();
  const hot = new Set<string>();
  for (const edge of graph.edges) {
    for (const ip of [edge.src, edge.dest]) {
      weight.set(ip, (weight.get(ip) ?? 0) + edge.bytes);
      lines.set(ip, (lines.get(ip) ?? 0) + 1);
      if (isHot(edge)) hot.add(ip);
    }
  }
  // Of an incident's hosts those that did it stand in the middle, those that it was done to where they belong.
  const doers = new Set(graph.edges.filter((edge) => edge.evidence).map((edge) => edge.src));
  const centre = new Set(graph.nodes.filter((node) => node.subject && (doers.size === 0 || doers.has(node.ip))).map((node) => node.ip));
  if (centre.size === 0) for (const node of graph.nodes) if (node.subject) centre.add(node.ip);
  const columnOf = (node: GraphNode): Column => (centre.has(node.ip) ? 'subject' : node.home ? 'own' : 'outside');
  const room = Math.min(LABEL, width * 0.34);
  const x: Record<Column, number> = { own: room, subject: width / 2, outside: width - room };
  const byColumn = (['own', 'subject', 'outside'] as Column[]).map((key) => ({
    key,
    nodes: graph.nodes.filter((node) => columnOf(node) === key).sort((a, b) => Number(hot.has(b.ip)) - Number(hot.has(a.ip)) || (weight.get(b.ip) ?? 0) - (weight.get(a.ip) ?? 0) || a.ip.localeCompare(b.ip)),
  }));
  const rows = Math.max(3, ...byColumn.map((column) => column.nodes.length));
  const height = HEAD + rows * ROW;
  const nodes = byColumn.flatMap(({ key, nodes: list }) =>
    list.map((node, i): Placed => ({ node, column: key, x: x[key], y: Math.round(HEAD + (rows * ROW * (i + 0.5)) / list.length), hot: hot.has(node.ip), lines: lines.get(node.ip) ?? 0 })),
  );
  const at = new Map(nodes.map((placed) => [placed.node.ip, placed]));
  const sizes = graph.edges.map((edge) => Math.log1p(edge.bytes));
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const thick = (edge: GraphEdge): number => 1 + ((Math.log1p(edge.bytes) - least) / Math.max(1e-9, most - least)) * (graph.edges.length > 24 ? 2.5 : 4);
  const drawn = graph.edges.flatMap((edge): Line[] => {
    const [a, b] = [at.get(edge.src), at.get(edge.dest)];
    if (!a || !b) return [];
    const aside = !isHot(edge) && !centre.has(edge.src) && !centre.has(edge.dest);
    return [{ edge, ...curve(a, b, width), width: aside ? 1 : thick(edge), hot: isHot(edge), aside, bare: edge.flows === 0 }];
  });
  // Red above blue, and both above what is only beside.
  drawn.sort((a, b) => Number(a.hot) - Number(b.hot) || Number(b.aside) - Number(a.aside));
  const heads: [Column, string, number][] = [['own', 'Own networks', 0], ['subject', 'In question', width / 2], ['outside', 'Elsewhere', width - room]];
  return { width, height, nodes, lines: drawn, columns: heads.filter(([key]) => byColumn.some((c) => c.key === key && c.nodes.length > 0)).map(([key, label, left]) => ({ key, label, x: left })) };
}

/** Between columns an S; within one a bow towards the middle of the drawing. */
function curve(a: Placed, b: Placed, width: number): { path: string; at: [number, number] } {
  if (a.x === b.x) {
    const bow = a.x + (a.x > width / 2 ? -1 : 1) * Math.min(width * 0.14, 24 + Math.abs(a.y - b.y) / 3);
    return { path: `M${a.x} ${a.y}C${bow} ${a.y} ${bow} ${b.y} ${b.x} ${b.y}`, at: [a.x + (bow - a.x) * 0.75, (a.y + b.y) / 2] };
  }
  const middle = (a.x + b.x) / 2;
  // Both directions of a pair do not lie on each other.
  const shift = a.x < b.x ? 2 : -2;
  return { path: `M${a.x} ${a.y + shift}C${middle} ${a.y + shift} ${middle} ${b.y + shift} ${b.x} ${b.y + shift}`, at: [middle, (a.y + b.y) / 2 + shift] };
}
