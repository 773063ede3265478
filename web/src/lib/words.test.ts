// Names and colours that must not change with the company they are in.
import { describe, expect, it } from 'vitest';
import { featureName, featureUnit } from './featureNames';
import { fitted, chosenColumns } from '../panels/FlowList/columns';
import { protocolName, protocolToken } from './words';

describe('words', () => {
  it('names and colours a protocol the same on every chart', () => {
    expect(['tls', 'TCP', 'mdns', 'IPv6-ICMP', 'icmp'].map(protocolName)).toEqual(['TLS', 'TCP', 'mDNS', 'ICMPv6', 'ICMP']);
    expect(protocolToken('TCP')).toBe(protocolToken('tcp'));
    expect(protocolToken('tls')).not.toBe(protocolToken('tcp'));
    expect(protocolToken('3 others')).toBe('--other');
  });
  it('names features, with the unit beside the value', () => {
    expect(featureName('forward_iat_mean_us')).toBe('Gap sent, mean');
    expect(featureName('flags_cwr')).toBe('CWR packets');
    expect(featureName('distinct_ports_asked')).toBe('Distinct ports asked');
    expect(featureUnit('syn_ratio', 'ratio')).toBe('percent');
    expect(featureUnit('answered_share', '')).toBe('percent');
    expect(featureUnit('state_refused', 'ratio')).toBe('yes/no');
    expect(featureUnit('iat_mean_us', 'µs')).toBe('µs');
    expect([featureUnit('iat_mean_ms'), featureUnit('bytes_per_s'), featureUnit('header_bytes'), featureUnit('packets')]).toEqual(['ms', 'bytes/s', 'bytes', '']);
  });
  it('widens the address columns for long addresses only', () => {
    const columns = chosenColumns('src,dest');
    expect(fitted(columns, [15, 15]).map((c) => c.width)).toEqual([176, 176]);
    const [src, dest] = fitted(columns, [45, 20]).map((c) => c.width);
    expect(src).toBeGreaterThan(300);
    expect(dest).toBe(176);
  });
});
