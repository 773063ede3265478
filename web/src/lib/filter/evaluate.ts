// A filter's tree to a test over packet rows, and, where the server's own language can say it, to `?q=`. Pure.

import type { Packet } from '../../api/types';
import { inside, parseAddress, parsePrefix } from '../ip';
import { FilterError, type Operator, type Tree } from './parse';

type Kind = 'ip' | 'number' | 'text';
interface Field {
  kind: Kind;
  /** All values of this field in a row; a test holds when one of them passes. */
  values: (packet: Packet) => (string | number | null)[];
  /** The server's name. */
  server?: string;
}

const OVER_TCP = /^(tcp|tls|ssl|http|ssh|smb|smtp|imap|ftp|telnet|rdp|modbus)/i;
const OVER_UDP = /^(udp|dns|mdns|quic|dhcp|bootp|ntp|snmp|ssdp|llmnr|nbns|vxlan|gtp|tftp|syslog)/i;
const over = (pattern: RegExp, pick: (p: Packet) => number[]) => (p: Packet) => (pattern.test(p.protocol) ? pick(p) : []);
const both = (p: Packet): number[] => [p.src_port, p.dest_port];
const isEthernet = (text: string): boolean => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text);

const ip = (values: Field['values'], server?: string): Field => (server ? { kind: 'ip', values, server } : { kind: 'ip', values });
const number = (values: Field['values'], server?: string): Field => (server ? { kind: 'number', values, server } : { kind: 'number', values });
const text = (values: Field['values'], server?: string): Field => (server ? { kind: 'text', values, server } : { kind: 'text', values });

export const FIELDS: Record<string, Field> = {
  'ip.src': ip((p) => [p.src_ip], 'src_ip'),
  'ip.dst': ip((p) => [p.dest_ip], 'dest_ip'),
  'ip.addr': ip((p) => [p.src_ip, p.dest_ip], 'ip'),
  'ipv6.src': ip((p) => [p.src_ip], 'src_ip'),
  'ipv6.dst': ip((p) => [p.dest_ip], 'dest_ip'),
  'ipv6.addr': ip((p) => [p.src_ip, p.dest_ip], 'ip'),
  'eth.src': text((p) => (isEthernet(p.src) ? [p.src] : [])),
  'eth.dst': text((p) => (isEthernet(p.dest) ? [p.dest] : [])),
  'eth.addr': text((p) => [p.src, p.dest].filter(isEthernet)),
  'tcp.port': number(over(OVER_TCP, both)),
  'tcp.srcport': number(over(OVER_TCP, (p) => [p.src_port])),
  'tcp.dstport': number(over(OVER_TCP, (p) => [p.dest_port])),
  'udp.port': number(over(OVER_UDP, both)),
  'udp.srcport': number(over(OVER_UDP, (p) => [p.src_port])),
  'udp.dstport': number(over(OVER_UDP, (p) => [p.dest_port])),
  port: number((p) => both(p), 'port'),
  'frame.len': number((p) => [p.length], 'length'),
  'frame.number': number((p) => [p.id]),
  protocol: text((p) => [p.protocol], 'protocol'),
  '_ws.col.protocol': text((p) => [p.protocol], 'protocol'),
  info: text((p) => [p.info], 'info'),
  '_ws.col.info': text((p) => [p.info], 'info'),
  score: number((p) => [p.score], 'score'),
};

/** Names that stand alone: `dns`, `tcp`, `arp`. What a row's highest protocol tells about those below it. */
export const PROTOCOLS: Record<string, (p: Packet) => boolean> = {
  tcp: (p) => OVER_TCP.test(p.protocol),
  udp: (p) => OVER_UDP.test(p.protocol),
  ip: (p) => p.src_ip !== null && !p.src_ip.includes(':'),
  ipv6: (p) => p.src_ip !== null && p.src_ip.includes(':'),
};
for (const name of ['arp', 'dhcp', 'dns', 'gre', 'http', 'icmp', 'icmpv6', 'igmp', 'mdns', 'mpls', 'ntp', 'quic', 'sctp', 'smb', 'snmp', 'ssh', 'tls', 'vxlan', 'gtp', 'llc', 'stp', 'lldp']) {
  // "TLSv1.3" is TLS, but "ICMPv6" is not ICMP.
  const pattern = new RegExp(`^${name}${name === 'icmp' ? '$' : '(v[\\d.]+)?$'}`, 'i');
  PROTOCOLS[name] = (p) => pattern.test(p.protocol);
}

export type Test = (packet: Packet) => boolean;

function ipTest(operator: Operator, value: string, at: number): (v: string) => boolean {
  const prefix = parsePrefix(value);
  if (!prefix) throw new FilterError(`“${value}” is no address or prefix`, at);
  if (operator !== '==' && operator !== '!=') throw new FilterError('Addresses are compared with == or !=', at);
  return (v) => {
    const address = parseAddress(v);
    return address !== undefined && inside(address, prefix);
  };
}

function numberTest(operator: Operator, value: string, at: number): (v: number) => boolean {
  const want = Number(value);
  if (value.trim() === '' || Number.isNaN(want)) throw new FilterError(`“${value}” is no number`, at);
  switch (operator) {
    case '==':
    case '!=':
      return (v) => v === want;
    case '>':
      return (v) => v > want;
    case '<':
      return (v) => v < want;
    case '>=':
      return (v) => v >= want;
    case '<=':
      return (v) => v <= want;
    default:
      throw new FilterError(`“${operator}” is for text, this is a number`, at);
  }
}

function textTest(operator: Operator, value: string, at: number): (v: string) => boolean {
  const want = value.toLowerCase();
  switch (operator) {
    case '==':
    case '!=':
      return (v) => v.toLowerCase() === want;
    case 'contains':
      return (v) => v.toLowerCase().includes(want);
    case 'matches':
      try {
        const pattern = new RegExp(value, 'i');
        return (v) => pattern.test(v);
      } catch {
        throw new FilterError(`“${value}” is no regular expression`, at);
      }
    default:
      throw new FilterError(`“${operator}” is for numbers, this is text`, at);
  }
}

function known(name: string, at: number): Field {
  const field = FIELDS[name];
  if (field) return field;
  const hint = PROTOCOLS[name] ? ' is a protocol and stands alone' : ` is not known. Known are ${Object.keys(FIELDS).join(', ')} and protocol names`;
  throw new FilterError(`“${name}”${hint}`, at);
}

function compare(name: string, operator: Operator, value: string, at: number): Test {
  const field = known(name, at);
  const test = (field.kind === 'ip' ? ipTest : field.kind === 'number' ? numberTest : textTest)(operator, value, at) as (v: string | number) => boolean;
  const any = (p: Packet): boolean => field.values(p).some((v) => v !== null && test(v));
  // As in Wireshark 4: `!=` means that no value is equal, not that some value differs.
  return operator === '!=' ? (p) => field.values(p).some((v) => v !== null) && !any(p) : any;
}

export function compile(tree: Tree | undefined): Test {
  if (!tree) return () => true;
  switch (tree.kind) {
    case 'and': {
      const [a, b] = [compile(tree.left), compile(tree.right)];
      return (p) => a(p) && b(p);
    }
    case 'or': {
      const [a, b] = [compile(tree.left), compile(tree.right)];
      return (p) => a(p) || b(p);
    }
    case 'not': {
      const inner = compile(tree.inner);
      return (p) => !inner(p);
    }
    case 'has': {
      const protocol = PROTOCOLS[tree.field];
      if (protocol) return protocol;
      const field = known(tree.field, tree.at);
      return (p) => field.values(p).some((v) => v !== null && v !== '' && v !== 0);
    }
    case 'in': {
      const tests = tree.values.map((value) => compare(tree.field, '==', value, tree.at));
      return (p) => tests.some((t) => t(p));
    }
    case 'compare':
      return compare(tree.field, tree.operator, tree.value, tree.at);
  }
}

/**
 * The server's `?q=` that lets through at least what the tree does, so that more of its ring can be asked for; the rows
 * are still tested here. Empty when nothing of it can be said.
 */
export function toQuery(tree: Tree | undefined): string {
  if (!tree) return '';
  if (tree.kind === 'and') return [toQuery(tree.left), toQuery(tree.right)].filter(Boolean).join(' ');
  if (tree.kind !== 'compare') return '';
  const name = /^(tcp|udp)\.port$/.test(tree.field) ? 'port' : /^(tcp|udp)\.srcport$/.test(tree.field) ? 'src_port' : /^(tcp|udp)\.dstport$/.test(tree.field) ? 'dest_port' : FIELDS[tree.field]?.server;
  if (!name || /[\s"*]/.test(tree.value)) return '';
  switch (tree.operator) {
    case '==':
      return `${name}:${tree.value}`;
    case '!=':
      return `-${name}:${tree.value}`;
    case '>':
    case '<':
    case '>=':
    case '<=':
      return `${name}:${tree.operator}${tree.value}`;
    case 'contains':
      return `${name}:*${tree.value}*`;
    default:
      return '';
  }
}
