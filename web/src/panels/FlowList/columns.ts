// The flow table's columns: what each is called, shows and needs in width. One line adds a column.

import type { Flow } from '../../api/types';
import { bytes, clock, count, duration, score, si, significant } from '../../lib/format';

export interface Column {
  key: string;
  label: string;
  /** px */
  width: number;
  number?: boolean;
  mono?: boolean;
  text: (flow: Flow) => string;
}

const port = (n: number): string => (n ? `:${n}` : '');

export const COLUMNS: readonly Column[] = [
  { key: 'end', label: 'Ended', width: 84, text: (f) => clock(f.end) },
  { key: 'score', label: 'Score', width: 76, number: true, text: (f) => score(f.score) },
  { key: 'src', label: 'Source', width: 176, mono: true, text: (f) => f.src_ip + port(f.src_port) },
  { key: 'dest', label: 'Destination', width: 176, mono: true, text: (f) => f.dest_ip + port(f.dest_port) },
  { key: 'proto', label: 'Proto', width: 58, text: (f) => f.proto },
  { key: 'app', label: 'App', width: 62, text: (f) => (f.app_proto === 'unknown' ? '' : f.app_proto) },
  { key: 'host', label: 'Name', width: 168, text: (f) => f.host_name },
  { key: 'duration', label: 'Duration', width: 88, number: true, text: (f) => duration(f.duration_ms) },
  { key: 'out', label: 'Sent', width: 82, number: true, text: (f) => bytes(f.bytes_toserver) },
  { key: 'in', label: 'Received', width: 82, number: true, text: (f) => bytes(f.bytes_toclient) },
  { key: 'packets', label: 'Packets', width: 72, number: true, text: (f) => si(f.pkts_toserver + f.pkts_toclient) },
  { key: 'state', label: 'State', width: 60, text: (f) => f.state },
  { key: 'start', label: 'Started', width: 84, text: (f) => clock(f.start) },
  { key: 'history', label: 'History', width: 112, mono: true, text: (f) => f.history },
  { key: 'reason', label: 'Ended by', width: 76, text: (f) => f.reason },
  { key: 'p', label: 'p', width: 84, number: true, text: (f) => significant(f.p_value) },
  { key: 'community', label: 'Community ID', width: 250, mono: true, text: (f) => f.community_id },
  { key: 'iface', label: 'Interface', width: 84, text: (f) => f.in_iface },
  { key: 'vlan', label: 'VLAN', width: 60, number: true, text: (f) => (f.vlan ? count(f.vlan) : '') },
  { key: 'country', label: 'Countries', width: 92, text: (f) => [f.src_country, f.dest_country].filter(Boolean).join(' → ') },
  { key: 'process', label: 'Process', width: 120, text: (f) => (f.process ? `${f.process} (${f.process_id})` : '') },
  { key: 'tunnel', label: 'Tunnel', width: 84, text: (f) => (f.tunnel === 'none' ? '' : f.tunnel) },
];

export const DEFAULT = ['end', 'score', 'src', 'dest', 'proto', 'app', 'host', 'duration', 'out', 'in', 'packets', 'state'];

const MONO_PX = 7.5;
const ADDRESS_MAX = 345;

/** The address columns widened to the longest text seen, in letters; IPv6 needs twice the room of IPv4. */
export function fitted(columns: readonly Column[], longest: readonly [number, number]): Column[] {
  return columns.map((column) => {
    const letters = column.key === 'src' ? longest[0] : column.key === 'dest' ? longest[1] : 0;
    const wanted = Math.min(ADDRESS_MAX, Math.ceil(letters * MONO_PX) + 18);
    return wanted > column.width ? { ...column, width: wanted } : column;
  });
}

/** What is left of the default while a flow is open beside the table; its detail tells the rest. */
const COMPACT = ['end', 'score', 'src', 'dest', 'proto', 'app', 'duration'];

/** From the address bar; unknown names are passed over, none at all means the default. */
export function chosenColumns(text: string, compact = false): Column[] {
  const keys = text ? text.split(',') : compact ? COMPACT : DEFAULT;
  const known = keys.map((key) => COLUMNS.find((c) => c.key === key)).filter((c): c is Column => c !== undefined);
  return known.length > 0 ? known : chosenColumns('', compact);
}

/** Keeps the table's own order; the default is no text at all. */
export function toggleColumn(text: string, key: string): string | undefined {
  const keys = new Set(chosenColumns(text).map((c) => c.key));
  if (!keys.delete(key)) keys.add(key);
  const next = COLUMNS.filter((c) => keys.has(c.key)).map((c) => c.key);
  return next.length === 0 || next.join() === DEFAULT.join() ? undefined : next.join(',');
}
