// The display filter: what is understood, what is let through, what is said to the server, what is refused.
import { describe, expect, it } from 'vitest';
import type { Packet } from '../../api/types';
import { compile, fieldsOf, toQuery } from './evaluate';
import { complete, numberIn } from './fields';
import { FilterError, parseFilter } from './parse';

const packet = (change: Partial<Packet> = {}): Packet => ({
  id: 7, timestamp: '2026-01-01T00:00:00Z', src: '10.0.0.1', dest: '192.0.2.9', src_ip: '10.0.0.1', dest_ip: '192.0.2.9',
  src_port: 50_000, dest_port: 443, protocol: 'TCP', length: 1200, info: '50000 → 443 [SYN]', score: 0.4, ...change,
});
const passes = (text: string, change: Partial<Packet> = {}): boolean => compile(parseFilter(text))(packet(change));
const error = (text: string): FilterError => {
  try {
    compile(parseFilter(text));
  } catch (e) {
    if (e instanceof FilterError) return e;
  }
  throw new Error(`"${text}" was taken`);
};

describe('display filter', () => {
  it('lets everything through when empty', () => {
    expect(passes('')).toBe(true);
    expect(passes('   ')).toBe(true);
  });
  it.each([
    ['ip.src == 10.0.0.1 && tcp.port == 443', true],
    ['ip.src == 10.0.0.1 and tcp.port eq 80', false],
    ['ip.dst == 10.0.0.0/8', false],
    ['ip.addr == 10.0.0.0/8', true],
    ['ip.addr != 10.0.0.1', false],
    ['ip.addr != 10.0.0.2', true],
    ['!(tcp.dstport == 443)', false],
    ['not udp', true],
    ['udp || frame.len > 1000', true],
    ['udp || frame.len > 1200', false],
    ['tcp.port in {80, 443}', true],
    ['tcp.port in {80 8080}', false],
    ['info contains "syn"', true],
    ['info matches "\\[(SYN|FIN)\\]"', true],
    ['score >= 0.5', false],
    ['tcp and udp or ip', true],
    ['tcp and (udp or arp)', false],
    ['ipv6', false],
  ])('%s → %s', (text, wanted) => expect(passes(text)).toBe(wanted));

  it('knows what a highest protocol runs over', () => {
    expect(passes('tls && tcp', { protocol: 'TLSv1.3' })).toBe(true);
    expect(passes('icmp', { protocol: 'ICMPv6' })).toBe(false);
    expect(passes('udp.port == 53 && dns', { protocol: 'DNS', dest_port: 53 })).toBe(true);
    expect(passes('tcp.port == 53', { protocol: 'DNS', dest_port: 53 })).toBe(false);
  });
  it('compares IPv6 by value, not by spelling', () => {
    expect(passes('ipv6.addr == 2001:DB8:0::1', { src_ip: '2001:db8::1' })).toBe(true);
    expect(passes('ipv6.src == 2001:db8::/32', { src_ip: '2001:db8:ffff::1' })).toBe(true);
    expect(passes('ipv6.src == 2001:db8::/32', { src_ip: '2001:db9::1' })).toBe(false);
  });
  it('passes over what a row does not have', () => {
    const arp = { src_ip: null, dest_ip: null, src: '02:00:5e:10:00:01', dest: 'ff:ff:ff:ff:ff:ff', protocol: 'ARP', src_port: 0, dest_port: 0 };
    expect(passes('ip.addr != 10.0.0.1', arp)).toBe(false);
    expect(passes('arp && eth.src == 02:00:5e:10:00:01', arp)).toBe(true);
  });
  it('says what is wrong and where', () => {
    expect(error('ip.src == 10.0.0').message).toContain('no address');
    expect(error('ip.source == 10.0.0.1').message).toContain('ip.src');
    expect(error('dns == 1').message).toContain('stands alone');
    expect(error('tcp &&').at).toBe(6);
    expect(error('(tcp').message).toContain('not closed');
    expect(error('tcp udp').at).toBe(4);
    expect(error('info contains "x').message).toContain('quotation');
    expect(error('frame.len contains 3').message).toContain('text');
    expect(error('info matches "("').message).toContain('regular expression');
    expect(error('!'.repeat(500) + 'tcp').message).toContain('nested');
  });
  it('tells the server as much as it can', () => {
    expect(toQuery(parseFilter('ip.src == 10.0.0.0/8 && tcp.port == 443'))).toBe('src_ip:10.0.0.0/8 port:443');
    expect(toQuery(parseFilter('frame.len >= 100 && dns'))).toBe('length:>=100');
    expect(toQuery(parseFilter('ip.src == 10.0.0.1 || arp'))).toBe('');
    expect(toQuery(parseFilter('info contains syn'))).toBe('info:*syn*');
  });
});

/** A packet with its tree, as the server tells it. */
const hello = (values: Record<string, string[]>, protocols = ['frame', 'eth', 'ip', 'tcp', 'tls']): Partial<Packet> => ({ fields: { protocols, values } });

describe('fields of the decode tree', () => {
  it.each([
    ['tcp.flags.syn == 1 && tcp.flags.ack == 0', { 'tcp.flags': ['0x0002 (SYN)'] }, true],
    ['tcp.flags.syn == 1 && tcp.flags.ack == 0', { 'tcp.flags': ['0x0012 (SYN, ACK)'] }, false],
    ['tcp.flags.reset == true', { 'tcp.flags': ['0x0004 (RST)'] }, true],
    ['tcp.flags == 0x012', { 'tcp.flags': ['0x0012 (SYN, ACK)'] }, true],
    ['tcp.flags.syn', { 'tcp.flags': ['0x0010 (ACK)'] }, true],
    ['ip.ttl < 64', { 'ip.ttl': ['63'] }, true],
    ['ip.proto == 6', { 'ip.proto': ['TCP (6)'] }, true],
    ['ip.proto == TCP', { 'ip.proto': ['TCP (6)'] }, true],
    ['eth.type == 0x0800', { 'eth.type': ['IPv4 (0x0800)'] }, true],
    ['dns.qry.name contains "example"', { 'dns.qry.name': ['www.example.org'] }, true],
    ['dns.qry.name contains "EXAMPLE"', { 'dns.qry.name': ['www.example.org'] }, false],
    ['dns.qry.name matches "EXAMPLE"', { 'dns.qry.name': ['www.example.org'] }, true],
    ['dns.qry.name == "b.org"', { 'dns.qry.name': ['a.org', 'b.org'] }, true],
    ['dns.qry.name != "b.org"', { 'dns.qry.name': ['a.org', 'b.org'] }, false],
    ['dns.qry.type == 28', { 'dns.qry.type': ['AAAA'] }, true],
    ['dns.qry.type == AAAA', { 'dns.qry.type': ['AAAA'] }, true],
    ['dns.flags.rcode == 3', { 'dns.flags.rcode': ['NXDOMAIN'] }, true],
    ['tls.handshake.extensions_server_name', {}, false],
    ['tls.handshake.type == 1', { 'tls.handshake.type': ['Client Hello (1)'] }, true],
    ['tcp.srcport in {1..1024}', { 'tcp.srcport': ['443'] }, true],
    ['tcp.port in {80, 8000..8100}', { 'tcp.srcport': ['7999'], 'tcp.dstport': ['8101'] }, false],
    ['ip.src == 10.0.0.0/8', { 'ip.src': ['192.0.2.1', '10.1.1.1'] }, true],
    ['arp.src.hw_mac == 02-00-5E-10-00-01', { 'arp.src.hw_mac': ['02:00:5e:10:00:01'] }, true],
    ['http.host matches "^a\\."', { 'http.host': ['a.example'] }, true],
  ])('%s of %o → %s', (text, values, wanted) => expect(passes(text as string, hello(values as Record<string, string[]>))).toBe(wanted));

  it('sees the protocols of the tree, not of the last one alone', () => {
    expect(passes('ip && tcp && tls && !udp', hello({}))).toBe(true);
    expect(passes('vlan', hello({}, ['eth', 'vlan', 'arp']))).toBe(true);
    expect(passes('icmp', hello({}, ['eth', 'ipv6', 'icmpv6']))).toBe(false);
  });
  it('knows what to ask the server for', () => {
    expect(fieldsOf(parseFilter('tcp.flags.syn == 1 && !(ip.addr == 10.0.0.1) or dns'))).toEqual(['ip.dst', 'ip.src', 'tcp.flags']);
    expect(fieldsOf(parseFilter('info contains x'))).toEqual([]);
    expect(error(Array.from({ length: 30 }, (_, i) => Object.keys({ 'ip.ttl': 0, 'ip.id': 0 })[i % 2]).join(' || ') + ' || bogus').message).toContain('bogus');
  });
  it('reads numbers as the tree writes them', () => {
    expect([numberIn('0x0012 (SYN, ACK)'), numberIn('TCP (6)'), numberIn('IPv4 (0x0800)'), numberIn('12 bytes'), numberIn('www.1.org'), numberIn('10.0.0.1')]).toEqual([18, 6, 2048, 12, null, null]);
  });
  it('offers names for what is typed, and none where a value stands', () => {
    expect(complete('tcp.fl', 6).names[0]).toBe('tcp.flags');
    expect(complete('ip && dns.q', 11)).toEqual({ from: 6, names: ['dns.qry.name', 'dns.qry.type'] });
    expect(complete('server_name', 11).names).toContain('tls.handshake.extensions_server_name');
    expect(complete('ip.src == 10', 12).names).toEqual([]);
    expect(complete('info contains tc', 16).names).toEqual([]);
    expect(complete('', 0).names).toEqual([]);
  });
  it('says what is like a name that is not known', () => {
    expect(error('tcp.flag.syn == 1').message).toContain('tcp.flags.syn');
    expect(error('nothing.at.all').message).toContain('first letters');
    expect(error('ip.ttl contains 3').message).toContain('text');
    expect(error('eth.addr == 1').message).toContain('Ethernet');
  });
});
