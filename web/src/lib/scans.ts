// Scans and what they found, in words: states, progress, where a refusal belongs, what is allowed, what to write where. Pure.

import type { Asset, AssetPort, FindingReason, ScanRow, ScansState } from '../api/types';
import { coarse, count, duration, plural } from './format';
import { inside, parseAddress, parsePrefix } from './ip';

export const ASSET_SORTS = [
  { key: 'last_seen', label: 'Last seen' },
  { key: 'first_seen', label: 'Newest' },
  { key: 'ports', label: 'Open ports' },
  { key: 'anomaly', label: 'Anomaly' },
] as const;

export const SCAN_STATES: Record<ScanRow['state'], string> = { running: 'running', done: 'done', incomplete: 'incomplete', failed: 'failed', cancelled: 'cancelled' };

const ORIGINS: Record<ScanRow['origin'], string> = { manual: 'started here', schedule: 'by schedule', import: 'imported from a file', command: 'by tripline scan' };
const BACKENDS: Record<ScanRow['backend'], string> = { nmap: 'nmap', connect: 'own connect probe', import: 'another scanner' };
export const originWords = (scan: Pick<ScanRow, 'origin'>): string => ORIGINS[scan.origin] ?? scan.origin;
export const backendWords = (scan: Pick<ScanRow, 'backend'>): string => BACKENDS[scan.backend] ?? scan.backend;

/** "10.0.0.0/24, 10.0.1.0/24 and 3 more". */
export function targetsWords(targets: readonly string[], shown = 2): string {
  const rest = targets.length - shown;
  return rest > 1 ? `${targets.slice(0, shown).join(', ')} and ${count(rest)} more` : targets.join(', ');
}

/** How long it took, or takes by now. */
export function took(scan: Pick<ScanRow, 'started' | 'ended'>, now: number): string {
  return duration(Math.max(0, (scan.ended ? Date.parse(scan.ended) : now) - Date.parse(scan.started)));
}

/** "Service scan, 34 %, 12 hosts done, about 2 min to go". */
export function progressWords(scan: ScanRow): string {
  const at = scan.progress;
  if (!at) return 'It begins';
  const parts = [at.task || 'Scanning', `${Math.floor(at.percent)} %`];
  if (at.hosts_done > 0) parts.push(`${plural(at.hosts_done, 'host')} done`);
  if (at.remaining_s !== null) parts.push(at.remaining_s < 2 ? 'nearly done' : `about ${coarse(at.remaining_s)} to go`);
  return parts.join(', ');
}

/** How many hosts changed since the scan before it. */
export const changesWords = (scan: Pick<ScanRow, 'changes'>): string => (scan.changes === null ? 'nothing to compare with' : scan.changes === 0 ? 'no change' : `${plural(scan.changes, 'host')} changed`);

/** Is it inside what may be scanned? A name in the list could hold it: only the server knows. */
export function mayScan(ip: string, allow: readonly string[]): 'yes' | 'no' | 'perhaps' {
  const address = parseAddress(ip);
  let names = false;
  for (const one of allow) {
    const prefix = parsePrefix(one);
    if (!prefix) names = true;
    else if (address && inside(address, prefix)) return 'yes';
  }
  return names ? 'perhaps' : 'no';
}

/** The lines of the configuration file that allow a network. */
export const allowLines = (network: string): string => `[scan]\nallow = ["${network}"]`;

/** Something to start from: the /24 around the first own IPv4 address that is known, else an example. */
export function exampleNetwork(addresses: readonly string[]): string {
  const own = addresses.find((ip) => /^(10|192\.168|172\.(1[6-9]|2\d|3[01]))\./.test(ip) && parseAddress(ip));
  return own ? own.replace(/\.\d+$/, '.0/24') : '192.168.1.0/24';
}

export type Field = 'targets' | 'backend' | 'ports' | 'form';
/** Beside which field a refusal is shown. */
export function refusedField(status: number, detail: string): Field {
  if (status === 403) return 'targets';
  if (status !== 422) return 'form';
  if (/^(nmap|backend)\b/i.test(detail)) return 'backend';
  return /\bports?\b/i.test(detail) && !/\btargets?\b/i.test(detail) ? 'ports' : 'targets';
}

/** The words between commas and spaces, each once. */
export const splitTargets = (text: string): string[] => [...new Set(text.split(/[\s,;]+/).filter(Boolean))];

/** The list with the newer word of one scan; a scan that was not there comes first. */
export function withScan(rows: readonly ScanRow[], newer: ScanRow): ScanRow[] {
  const known = rows.some((row) => row.id === newer.id);
  return known ? rows.map((row) => (row.id === newer.id ? newer : row)) : [newer, ...rows];
}

/** Which scans run, after one more word of one of them. */
export function runningAfter(state: ScansState, newer: ScanRow): ScansState {
  const others = state.running.filter((row) => row.id !== newer.id);
  if (newer.state === 'running') return { ...state, running: withScan(state.running, newer) };
  return { ...state, running: others, last: state.last && state.last.started > newer.started ? state.last : newer };
}

export const assetAddress = (asset: Pick<Asset, 'addresses' | 'key'>): string => asset.addresses[0] ?? asset.key;
export const assetName = (asset: Pick<Asset, 'names'>): string => asset.names[0] ?? '';
const SEEN: Record<Asset['seen_by'], string> = { scan: 'by scan', traffic: 'in traffic', both: 'scan and traffic' };
export const seenWords = (asset: Pick<Asset, 'seen_by'>): string => SEEN[asset.seen_by] ?? asset.seen_by;

/** Why it counts as it does. */
export function stateWords(asset: Pick<Asset, 'state' | 'missed_scans'>, missedDown: number): string {
  if (asset.state === 'down') return asset.missed_scans > 0 ? `Silent in ${plural(asset.missed_scans, 'scan')} in a row; from ${missedDown} on it counts as down` : 'It does not answer';
  if (asset.state === 'returned') return 'It was down, and answers again';
  return asset.missed_scans > 0 ? `Up, but silent in the last ${asset.missed_scans === 1 ? 'scan' : `${asset.missed_scans} scans`}` : 'It answered in the last scan, or was heard since';
}

const EVENTS: Record<string, { words: string; sign: '+' | '−' | '~' }> = {
  new_device: { words: 'New device', sign: '+' },
  down: { words: 'Down', sign: '−' },
  returned: { words: 'Came back', sign: '+' },
  port_opened: { words: 'Port opened', sign: '+' },
  port_closed: { words: 'Port closed', sign: '−' },
  service_changed: { words: 'Service changed', sign: '~' },
  version_changed: { words: 'Version changed', sign: '~' },
  os_changed: { words: 'System changed', sign: '~' },
  certificate_changed: { words: 'Certificate changed', sign: '~' },
  name_changed: { words: 'Name changed', sign: '~' },
  address_changed: { words: 'Address changed', sign: '~' },
};
export const eventWords = (what: string): { words: string; sign: '+' | '−' | '~' } => EVENTS[what] ?? { words: what.replaceAll('_', ' '), sign: '~' };

/** One reason of a finding as the range chart takes it. */
export function reasonChart(reason: FindingReason): { feature: string; name: string; value: number; expected: [number, number]; unit: string; of: string } {
  const unit = /_(ratio|share)$/.test(reason.feature) ? 'ratio' : '';
  const name = reason.words.charAt(0).toUpperCase() + reason.words.slice(1);
  return { feature: reason.feature, name, value: reason.value, expected: [reason.expected_low, reason.expected_high], unit, of: reason.of === 'group' ? 'by hosts of its group' : 'by its own past' };
}

export const isOpen = (state: string | null | undefined): boolean => state === 'open';

/** What was heard passively of a service. */
export interface HeardService {
  port: number;
  proto: string;
  flows: number;
  first_seen: string;
  last_seen: string;
}
export interface KnownService {
  port: number;
  proto: string;
  heard: HeardService | undefined;
  found: AssetPort | undefined;
}
/** What traffic used and what scans found, one row a port: open ones first, by number. */
export function knownServices(heard: readonly HeardService[], found: readonly AssetPort[]): KnownService[] {
  const rows = new Map<string, KnownService>();
  const key = (port: number, proto: string): string => `${port}/${proto.toLowerCase()}`;
  for (const one of heard) rows.set(key(one.port, one.proto), { port: one.port, proto: one.proto.toLowerCase(), heard: one, found: undefined });
  for (const one of found) {
    const at = key(one.port, one.protocol);
    rows.set(at, { port: one.port, proto: one.protocol.toLowerCase(), heard: rows.get(at)?.heard, found: one });
  }
  const closed = (row: KnownService): number => Number(row.found !== undefined && row.found.closed !== null && row.heard === undefined);
  return [...rows.values()].sort((a, b) => closed(a) - closed(b) || a.port - b.port || (a.proto < b.proto ? -1 : 1));
}
