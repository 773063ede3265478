// What can be asked of packets: Wireshark's names for the fields that the decode tree has, their kind, and where their values come from.
// Rows that carry fields of their tree answer exactly; a bare row answers as far as its summary tells. Pure.

import type { Packet } from '../../api/types';

export type FieldKind = 'ip' | 'mac' | 'number' | 'text';
export type Values = (string | number | null)[];

export interface Field {
  kind: FieldKind;
  /** Fields of the tree that hold its values. */
  from: string[];
  /** What a row without its tree tells. */
  summary?: (packet: Packet) => Values;
  /** The server's name, for a rough search of its ring. */
  server?: string;
  /** This bit of the value. */
  bit?: number;
  /** Texts of the tree that stand for numbers. */
  names?: Record<string, number>;
  /** Our own column: compared without regard to capitals. */
  own?: boolean;
}

const OVER_TCP = /^(tcp|tls|ssl|http|ssh|smb|smtp|imap|ftp|telnet|rdp|modbus)/i;
const OVER_UDP = /^(udp|dns|mdns|quic|dhcp|bootp|ntp|snmp|ssdp|llmnr|nbns|vxlan|gtp|tftp|syslog)/i;
const over = (pattern: RegExp, pick: (p: Packet) => number[]) => (p: Packet) => (pattern.test(p.protocol) ? pick(p) : []);
const both = (p: Packet): number[] => [p.src_port, p.dest_port];
const ethernet = (list: string[]): string[] => list.filter((text) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text));

const DNS_TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, MX: 15, TXT: 16, KEY: 25, AAAA: 28, SRV: 33, NAPTR: 35, DS: 43, RRSIG: 46, NSEC: 47, DNSKEY: 48, SVCB: 64, HTTPS: 65, AXFR: 252, ANY: 255 };
const DNS_CODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };
const TLS_VERSIONS = { 'SSL 3.0': 0x300, 'TLS 1.0': 0x301, 'TLS 1.1': 0x302, 'TLS 1.2': 0x303, 'TLS 1.3': 0x304, 'SSLv3': 0x300, 'TLSv1.0': 0x301, 'TLSv1.1': 0x302, 'TLSv1.2': 0x303, 'TLSv1.3': 0x304 };

/** Several names of one kind, each the tree's own. */
const plain = (kind: FieldKind, names: string): [string, Field][] => names.split(/\s+/).map((name) => [name, { kind, from: [name] }]);
const flags = (names: Record<string, number>): [string, Field][] => Object.entries(names).map(([name, bit]) => [`tcp.flags.${name}`, { kind: 'number', from: ['tcp.flags'], bit }]);

export const FIELDS: Record<string, Field> = Object.fromEntries<Field>([
  ['ip.src', { kind: 'ip', from: ['ip.src'], summary: (p) => [p.src_ip], server: 'src_ip' }],
  ['ip.dst', { kind: 'ip', from: ['ip.dst'], summary: (p) => [p.dest_ip], server: 'dest_ip' }],
  ['ip.addr', { kind: 'ip', from: ['ip.src', 'ip.dst'], summary: (p) => [p.src_ip, p.dest_ip], server: 'ip' }],
  ['ipv6.src', { kind: 'ip', from: ['ipv6.src'], summary: (p) => [p.src_ip], server: 'src_ip' }],
  ['ipv6.dst', { kind: 'ip', from: ['ipv6.dst'], summary: (p) => [p.dest_ip], server: 'dest_ip' }],
  ['ipv6.addr', { kind: 'ip', from: ['ipv6.src', 'ipv6.dst'], summary: (p) => [p.src_ip, p.dest_ip], server: 'ip' }],
  ['eth.src', { kind: 'mac', from: ['eth.src'], summary: (p) => ethernet([p.src]) }],
  ['eth.dst', { kind: 'mac', from: ['eth.dst'], summary: (p) => ethernet([p.dest]) }],
  ['eth.addr', { kind: 'mac', from: ['eth.src', 'eth.dst'], summary: (p) => ethernet([p.src, p.dest]) }],
  ['tcp.port', { kind: 'number', from: ['tcp.srcport', 'tcp.dstport'], summary: over(OVER_TCP, both), server: 'port' }],
  ['tcp.srcport', { kind: 'number', from: ['tcp.srcport'], summary: over(OVER_TCP, (p) => [p.src_port]), server: 'src_port' }],
  ['tcp.dstport', { kind: 'number', from: ['tcp.dstport'], summary: over(OVER_TCP, (p) => [p.dest_port]), server: 'dest_port' }],
  ['udp.port', { kind: 'number', from: ['udp.srcport', 'udp.dstport'], summary: over(OVER_UDP, both), server: 'port' }],
  ['udp.srcport', { kind: 'number', from: ['udp.srcport'], summary: over(OVER_UDP, (p) => [p.src_port]), server: 'src_port' }],
  ['udp.dstport', { kind: 'number', from: ['udp.dstport'], summary: over(OVER_UDP, (p) => [p.dest_port]), server: 'dest_port' }],
  ['port', { kind: 'number', from: [], summary: both, server: 'port', own: true }],
  ['frame.len', { kind: 'number', from: ['frame.len'], summary: (p) => [p.length], server: 'length' }],
  ['frame.number', { kind: 'number', from: [], summary: (p) => [p.id], own: true }],
  ['protocol', { kind: 'text', from: [], summary: (p) => [p.protocol], server: 'protocol', own: true }],
  ['_ws.col.protocol', { kind: 'text', from: [], summary: (p) => [p.protocol], server: 'protocol', own: true }],
  ['info', { kind: 'text', from: [], summary: (p) => [p.info], server: 'info', own: true }],
  ['_ws.col.info', { kind: 'text', from: [], summary: (p) => [p.info], server: 'info', own: true }],
  ['score', { kind: 'number', from: [], summary: (p) => [p.score], server: 'score', own: true }],
  ...flags({ fin: 0x01, syn: 0x02, reset: 0x04, push: 0x08, ack: 0x10, urg: 0x20, ece: 0x40, cwr: 0x80 }),
  ['dns.qry.type', { kind: 'number', from: ['dns.qry.type'], names: DNS_TYPES }],
  ['dns.resp.type', { kind: 'number', from: ['dns.resp.type'], names: DNS_TYPES }],
  ['dns.flags.rcode', { kind: 'number', from: ['dns.flags.rcode'], names: DNS_CODES }],
  ['tls.record.version', { kind: 'number', from: ['tls.record.version'], names: TLS_VERSIONS }],
  ...plain('ip', 'arp.src.proto_ipv4 arp.dst.proto_ipv4 dns.a dns.aaaa dhcp.ip.your dhcp.option.dhcp_server_id dhcp.option.router igmp.maddr icmpv6.nd.ns.target_address icmpv6.nd.na.target_address'),
  ...plain('mac', 'arp.src.hw_mac arp.dst.hw_mac dhcp.hw.mac_addr wlan.sa wlan.da sll.src.eth fddi.src fddi.dst'),
  ...plain('number', 'frame.cap_len frame.interface_id eth.type eth.len vlan.id vlan.priority vlan.dei vlan.etype arp.opcode arp.hw.type arp.proto.type'),
  ...plain('number', 'ip.version ip.hdr_len ip.dsfield ip.len ip.id ip.flags.df ip.flags.mf ip.frag_offset ip.ttl ip.proto ip.checksum ipv6.version ipv6.tclass ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim'),
  ...plain('number', 'tcp.seq_raw tcp.ack_raw tcp.hdr_len tcp.flags tcp.window_size_value tcp.checksum tcp.urgent_pointer tcp.options.mss_val tcp.options.wscale.shift tcp.options.timestamp.tsval tcp.options.timestamp.tsecr'),
  ...plain('number', 'udp.length udp.checksum icmp.type icmp.code icmp.checksum icmp.ident icmp.seq icmpv6.type icmpv6.code icmpv6.checksum icmpv6.echo.identifier icmpv6.echo.sequence_number igmp.type sctp.srcport sctp.dstport sctp.verification_tag'),
  ...plain('number', 'dns.id dns.flags dns.flags.response dns.count.queries dns.count.answers dns.count.auth_rr dns.count.add_rr dns.resp.ttl tls.record.content_type tls.record.length tls.handshake.type http.response.code'),
  ...plain('number', 'quic.version quic.dcil ntp.flags.vn ntp.flags.mode ntp.stratum dhcp.type dhcp.id mbtcp.unit_id modbus.func_code dnp3.dst dnp3.src dnp3.al.func dcerpc.opnum data.len'),
  ...plain('number', 'gre.proto gre.key gre.sequence_number gtp.teid gtp.message mpls.label mpls.exp mpls.bottom mpls.ttl pppoe.session_id ppp.protocol ah.spi'),
  ...plain('text', 'dns.qry.name dns.resp.name dns.cname dns.ptr.domain_name dns.ns dns.txt tls.handshake.extensions_server_name tls.handshake.extensions_alpn_str tls.handshake.extensions.supported_version tls.handshake.ja4 quic.dcid'),
  ...plain('text', 'http.request.method http.request.uri http.request.version http.response.version http.response.phrase http.host http.user_agent http.content_type http.server http.referer http.location http.cookie http.authorization'),
  ...plain('text', 'ssh.protocol dhcp.option.hostname dhcp.option.dhcp login.user smb2.filename smb2.tree dcerpc.cn_bind_to_uuid'),
]);

/** The field's values in a row. */
export function valuesOf(field: Field, packet: Packet): Values {
  const tree = packet.fields;
  if (tree && field.from.length > 0) return field.from.flatMap((name) => tree.values[name] ?? []);
  return field.summary?.(packet) ?? [];
}

/**
 * The number that a text of the tree says: `64`, `0x0012 (SYN, ACK)`, `TCP (6)`; by name where it has one. Null: none.
 */
export function numberIn(text: string | number, names?: Record<string, number>): number | null {
  if (typeof text === 'number') return text;
  const named = names?.[text];
  if (named !== undefined) return named;
  const found = /^(0x[0-9a-f]+|-?\d+(?:\.\d+)?)(?![\w.])/i.exec(text) ?? /\((0x[0-9a-f]+|\d+)\)$/i.exec(text);
  return found ? Number(found[1]) : null;
}

/** By a row's highest protocol, what is surely below it. */
const BY_SUMMARY: Record<string, (p: Packet) => boolean> = {
  tcp: (p) => OVER_TCP.test(p.protocol),
  udp: (p) => OVER_UDP.test(p.protocol),
  ip: (p) => p.src_ip !== null && !p.src_ip.includes(':'),
  ipv6: (p) => p.src_ip !== null && p.src_ip.includes(':'),
};
/** Protocols whose fields in the tree begin with their own name: the tree says whether they are there. */
const IN_TREE = ['eth', 'vlan', 'arp', 'ip', 'ipv6', 'tcp', 'udp', 'icmp', 'icmpv6', 'igmp', 'sctp', 'gre', 'mpls', 'gtp', 'tls', 'http', 'ssh', 'dhcp', 'ntp', 'quic', 'modbus', 'dnp3', 'pppoe', 'wlan', 'radiotap'];
const BY_COLUMN = ['dns', 'mdns', 'smb', 'snmp', 'vxlan', 'llc', 'stp', 'lldp'];

/** Names that stand alone: `dns`, `tcp`, `arp`. */
export const PROTOCOLS: Record<string, (p: Packet) => boolean> = {};
for (const name of [...IN_TREE, ...BY_COLUMN]) {
  // "TLSv1.3" is TLS, but "ICMPv6" is not ICMP.
  const pattern = new RegExp(`^${name}${name === 'icmp' ? '$' : '(v[\\d.]+)?$'}`, 'i');
  const summary = BY_SUMMARY[name] ?? ((p: Packet) => pattern.test(p.protocol));
  const inTree = IN_TREE.includes(name);
  PROTOCOLS[name] = (p) => (p.fields && inTree ? p.fields.protocols.includes(name) : summary(p));
}

/** Everything that can begin a test, for completion. */
export const NAMES: readonly string[] = [...Object.keys(PROTOCOLS), ...Object.keys(FIELDS)].sort();

/** Names that could end the word at the caret; those that begin with it first. */
export function complete(text: string, caret: number, most = 12): { from: number; names: string[] } {
  const word = /[a-z_][\w.]*$/i.exec(text.slice(0, caret))?.[0] ?? '';
  const from = caret - word.length;
  // After an operator stands a value, not a name.
  if (word === '' || /(==|!=|>=|<=|[<>~]|\b(?:eq|ne|gt|lt|ge|le|contains|matches))\s*$|["{,][^"}]*$/i.test(text.slice(0, from))) return { from, names: [] };
  const low = word.toLowerCase();
  const begins = NAMES.filter((name) => name.startsWith(low) && name !== low);
  const within = NAMES.filter((name) => !name.startsWith(low) && low.length > 2 && name.includes(low));
  return { from, names: [...begins, ...within].slice(0, most) };
}
