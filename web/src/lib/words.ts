// Names for people: kinds of incident, ATT&CK techniques, features, protocols, severities. Pure lookup.

import type { IncidentStatus, Severity } from '../api/types';

const KINDS: Record<string, string> = {
  port_scan: 'Port scan',
  host_sweep: 'Host sweep',
  brute_force: 'Log-in guessing',
  flood: 'Flood',
  dns_tunnel: 'DNS tunnel',
  dga: 'Generated domain names',
  beacon: 'Beacon',
  arp_spoof: 'ARP spoofing',
  exfiltration: 'Exfiltration',
  lateral_movement: 'Lateral movement',
  new_device: 'New device',
  new_service: 'New service',
  port_change: 'Port change',
  host_down: 'Host down',
  volume: 'Traffic volume',
  protocol_misuse: 'Protocol misuse',
  anomalous_flow: 'Anomalous flow',
  anomalous_host: 'Anomalous host',
  anomalous_packets: 'Anomalous packets',
  imported_alert: 'Imported alert',
  custom: 'Custom detector',
};

export const KIND_NAMES = Object.keys(KINDS);
export const kindName = (kind: string): string => KINDS[kind] ?? sentence(kind);

const TECHNIQUES: Record<string, string> = {
  T1018: 'Remote System Discovery',
  T1021: 'Remote Services',
  T1046: 'Network Service Discovery',
  T1048: 'Exfiltration Over Alternative Protocol',
  T1041: 'Exfiltration Over C2 Channel',
  T1071: 'Application Layer Protocol',
  'T1071.001': 'Web Protocols',
  'T1071.004': 'DNS',
  T1095: 'Non-Application Layer Protocol',
  T1110: 'Brute Force',
  'T1110.001': 'Password Guessing',
  T1200: 'Hardware Additions',
  T1498: 'Network Denial of Service',
  'T1498.001': 'Direct Network Flood',
  T1499: 'Endpoint Denial of Service',
  T1557: 'Adversary-in-the-Middle',
  'T1557.002': 'ARP Cache Poisoning',
  T1568: 'Dynamic Resolution',
  'T1568.002': 'Domain Generation Algorithms',
  T1571: 'Non-Standard Port',
  T1572: 'Protocol Tunneling',
  T1595: 'Active Scanning',
  'T1595.001': 'Scanning IP Blocks',
};

export const techniqueName = (id: string): string => TECHNIQUES[id] ?? '';

/** T1071.001 → https://attack.mitre.org/techniques/T1071/001/ */
export function techniqueUrl(id: string): string | undefined {
  const match = /^(T\d{4})(?:\.(\d{3}))?$/.exec(id);
  if (!match) return undefined;
  return `https://attack.mitre.org/techniques/${match[1]}/${match[2] ? `${match[2]}/` : ''}`;
}

export const SEVERITIES: Severity[] = ['low', 'medium', 'high', 'critical'];
export const severityRank = (severity: Severity): number => SEVERITIES.indexOf(severity);

const STATUS: Record<IncidentStatus, string> = {
  open: 'Open',
  acknowledged: 'Acknowledged',
  closed: 'Closed',
  false_positive: 'False positive',
};
export const statusName = (status: IncidentStatus): string => STATUS[status] ?? status;

const ACRONYMS: Record<string, string> = {
  iat: 'time between packets', ip: 'IP', tcp: 'TCP', udp: 'UDP', dns: 'DNS', syn: 'SYN', ack: 'ACK', fin: 'FIN',
  rst: 'RST', psh: 'PSH', urg: 'URG', tls: 'TLS', std: 'spread', arp: 'ARP', icmp: 'ICMP', http: 'HTTP', knn: 'nearest neighbours',
  dga: 'DGA', dhcp: 'DHCP', tor: 'TOR',
};

export function sentence(name: string): string {
  const words = name.split(/[_\s]+/).map((word) => ACRONYMS[word] ?? word);
  const text = words.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6', 'dns', 'tls', 'quic', 'http', 'ssh', 'ntp', 'arp', 'dhcp', 'sctp', 'gre', 'igmp', 'esp', 'ip', 'ipv6', 'smtp', 'smb', 'ftp', 'imap', 'pop3', 'snmp', 'ldap', 'rdp'];
const PROTOCOL_NAMES: Record<string, string> = { 'ipv6-icmp': 'ICMPv6', icmpv6: 'ICMPv6', mdns: 'mDNS', ipv6: 'IPv6' };

/** A protocol as it writes itself. */
export function protocolName(name: string): string {
  const key = name.toLowerCase();
  return PROTOCOL_NAMES[key] ?? (PROTOCOLS.includes(key) ? name.toUpperCase() : name);
}

const PROTOCOL_TOKENS: Record<string, string> = { tcp: '--tcp', udp: '--udp', icmp: '--icmp', 'ipv6-icmp': '--icmp', arp: '--arp', tls: '--tls', http: '--http', quic: '--quic', dns: '--dns', ssh: '--ssh', ip: '--ip' };
/** The colour of a protocol: the same on every chart, whatever its place in the list. */
export const protocolToken = (name: string): string => PROTOCOL_TOKENS[name.toLowerCase()] ?? '--other';

/** Traffic classes in stacking order, with the token that colours them. */
export const CLASSES = [
  { key: 'tcp', label: 'TCP' },
  { key: 'udp', label: 'UDP' },
  { key: 'icmp', label: 'ICMP' },
  { key: 'ip', label: 'Other IP' },
  { key: 'arp', label: 'ARP' },
  { key: 'other', label: 'Other' },
] as const;
