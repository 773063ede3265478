// Incidents as knots on a line: those too near to be told apart become one knot with a count. Pure.

import type { Incident } from '../api/types';
import { severityRank } from './words';

export interface Knot {
  /** 0 … 1 along the line. */
  at: number;
  incidents: Incident[];
  /** The gravest of them. */
  worst: Incident;
}

export function knots(items: readonly Incident[], from: number, to: number, gap: number): Knot[] {
  const placed = items
    .map((incident) => ({ incident, at: (Date.parse(incident.raised) - from) / (to - from) }))
    .filter((p) => p.at >= 0 && p.at <= 1)
    .sort((a, b) => a.at - b.at);
  const out: Knot[] = [];
  for (const { incident, at } of placed) {
    const last = out.at(-1);
    if (last && at - last.at < gap) {
      last.incidents.push(incident);
      if (severityRank(incident.severity) > severityRank(last.worst.severity)) last.worst = incident;
    } else out.push({ at, incidents: [incident], worst: incident });
  }
  return out;
}
