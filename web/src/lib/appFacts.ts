// What the application layer said, as names and values. Knows the fields of each protocol; draws nothing. Pure.

import type { AppData } from '../api/types';
import { bytes } from './format';

export interface AppFact {
  name: string;
  value: string;
}

const LABELS: Record<string, string> = {
  rrname: 'Name asked', rrtype: 'Type', rcode: 'Answer code', answers: 'Answers', ttl_s: 'Time to live', message_bytes: 'Message',
  sni: 'Server name', alpn: 'Offers', version: 'Version', ja4: 'JA4', http_method: 'Method', hostname: 'Host', url: 'Path',
  http_user_agent: 'User agent', http_content_type: 'Content', status: 'Status', length: 'Length', proto_version: 'Protocol',
  software_version: 'Software', dhcp_type: 'Message', client_mac: 'Client', assigned_ip: 'Address', server_ip: 'Server',
  routers: 'Routers', mode: 'Mode', stratum: 'Stratum', id: 'Identifier',
};
const HIDDEN = new Set(['type', 'multicast', 'response', 'quic']);

function show(key: string, value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  if (key === 'ttl_s') return value ? `${String(value)} s` : '';
  if (key === 'message_bytes' || key === 'length') return value ? bytes(Number(value)) : '';
  if (key === 'id') return `0x${Number(value).toString(16).padStart(4, '0')}`;
  if (key === 'status') return value ? String(value) : '';
  return value === null || value === undefined ? '' : String(value);
}

export function appFacts(data: AppData): AppFact[] {
  return Object.entries(data)
    .filter(([key]) => !HIDDEN.has(key))
    .map(([key, value]) => ({ name: LABELS[key] ?? key, value: show(key, value) }))
    .filter((fact) => fact.value !== '');
}

export function appTitle(data: AppData): string {
  const names: Record<string, string> = { dns: data['multicast'] ? 'mDNS' : 'DNS', tls: data['quic'] ? 'QUIC' : 'TLS', http: 'HTTP', ssh: 'SSH', dhcp: 'DHCP', ntp: 'NTP' };
  const what = data.type === 'tls' ? ' hello' : data['response'] ? ' response' : data.type === 'dns' || data.type === 'http' ? ' request' : '';
  return (names[data.type] ?? data.type) + what;
}
