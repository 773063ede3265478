// Which incidents the inbox asks for, and what a key does to one. Pure.

import type { Incident, IncidentStatus } from '../api/types';
import { fieldOf } from './query';

export const SHOWS = [
  { key: 'open', label: 'Open' },
  { key: 'acknowledged', label: 'Acknowledged' },
  { key: 'closed', label: 'Closed' },
  { key: 'false_positive', label: 'False positive' },
  { key: 'all', label: 'All' },
] as const;

/**
 * What the reader typed, with the folder's own words. The open folder leaves out what the alert budget held back and the steps of
 * stories, which stand with their first; asking for a status, for held-back ones or for steps by name overrules the folder.
 */
export function inboxQuery(typed: string, show: string): string {
  const words = typed ? [typed] : [];
  if (show !== 'all' && fieldOf(typed, 'status') === undefined && fieldOf(typed, 'over_budget') === undefined) words.push(`status:${show}`);
  if (show === 'open' && fieldOf(typed, 'over_budget') === undefined && fieldOf(typed, 'status') === undefined) {
    words.push('over_budget:false');
    if (fieldOf(typed, 'step') === undefined && fieldOf(typed, 'story') === undefined) words.push('step:false');
  }
  return words.join(' ');
}

/** Others of the same kind from the same source: what marking one as a false positive is likely about. */
export function alikeQuery(incident: Incident): string {
  const source = incident.src[0];
  return `kind:${incident.kind}${source ? ` src_ip:${source}` : ''} status:open`;
}

/** Pressing the key again takes it back. */
export function toggled(current: IncidentStatus, wanted: IncidentStatus): IncidentStatus {
  return current === wanted ? 'open' : wanted;
}
