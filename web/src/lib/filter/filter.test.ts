// The display filter: what is understood, what is let through, what is said to the server, what is refused.
import { describe, expect, it } from 'vitest';
import type { Packet } from '../../api/types';
import { compile, toQuery } from './evaluate';
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
