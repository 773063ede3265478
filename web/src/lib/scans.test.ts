// Words and places of scans, and differences as lines.
import { describe, expect, it } from 'vitest';
import type { AssetPort, ScanDifference, ScannedPort, ScanRow, ScansState } from '../api/types';
import { diffHosts, lineWords, serviceWords, tally, tallyWords } from './scanDiff';
import { allowLines, changesWords, eventWords, exampleNetwork, knownServices, mayScan, progressWords, reasonChart, refusedField, runningAfter, splitTargets, stateWords, targetsWords, took, withScan } from './scans';

const scan = (id: string, more: Partial<ScanRow> = {}): ScanRow => ({ id, targets: ['10.0.0.0/24'], backend: 'nmap', origin: 'manual', state: 'done', started: '2026-01-02T10:00:00Z', ended: '2026-01-02T10:05:00Z', words: '', hosts_up: 1, hosts_down: 0, ports_open: 2, changes: 0, previous: null, anomalies: 0, progress: null, ...more });
const progress = (percent: number, more: Partial<NonNullable<ScanRow['progress']>> = {}) => ({ percent, task: 'Service scan', remaining_s: null, hosts_done: 0, ...more });

describe('a scan in words', () => {
  it('says how far it is, and nothing that is not known', () => {
    expect(progressWords(scan('a', { state: 'running' }))).toBe('It begins');
    expect(progressWords(scan('a', { progress: progress(34.9) }))).toBe('Service scan, 34 %');
    expect(progressWords(scan('a', { progress: progress(80, { hosts_done: 1, remaining_s: 130 }) }))).toBe('Service scan, 80 %, 1 host done, about 2 min to go');
    expect(progressWords(scan('a', { progress: progress(99.9, { task: '', remaining_s: 1 }) }))).toBe('Scanning, 99 %, nearly done');
  });
  it('tells no earlier scan from no change', () => {
    expect(changesWords({ changes: null })).toBe('nothing to compare with');
    expect(changesWords({ changes: 0 })).toBe('no change');
    expect(changesWords({ changes: 1 })).toBe('1 host changed');
    expect(changesWords({ changes: 12 })).toBe('12 hosts changed');
  });
  it('shortens many targets, and never to save one', () => {
    expect(targetsWords(['a', 'b', 'c'])).toBe('a, b, c');
    expect(targetsWords(['a', 'b', 'c', 'd'])).toBe('a, b and 2 more');
  });
  it('knows how long it took, or takes', () => {
    expect(took(scan('a'), 0)).toBe('5 min');
    expect(took(scan('a', { ended: null }), Date.parse('2026-01-02T10:00:42Z'))).toBe('42 s');
  });
});

describe('what may be scanned', () => {
  it('is inside a network of the list; a name may hold it', () => {
    expect(mayScan('10.0.0.7', ['10.0.0.0/24'])).toBe('yes');
    expect(mayScan('10.0.1.7', ['10.0.0.0/24'])).toBe('no');
    expect(mayScan('10.0.1.7', ['10.0.0.0/24', 'nas.lan'])).toBe('perhaps');
    expect(mayScan('fd00::7', ['fd00::/64'])).toBe('yes');
    expect(mayScan('fd00::7', ['10.0.0.0/8'])).toBe('no');
    expect(mayScan('10.0.0.7', [])).toBe('no');
  });
  it('says what to write', () => {
    expect(allowLines('10.0.0.0/24')).toBe('[scan]\nallow = ["10.0.0.0/24"]');
    expect(exampleNetwork(['203.0.113.7', '172.16.4.9'])).toBe('172.16.4.0/24');
    expect(exampleNetwork(['203.0.113.7', '172.32.4.9'])).toBe('192.168.1.0/24');
    expect(splitTargets(' 10.0.0.1, 10.0.0.2;10.0.0.1\n nas.lan ')).toEqual(['10.0.0.1', '10.0.0.2', 'nas.lan']);
  });
  it('puts a refusal beside its field', () => {
    expect(refusedField(403, 'target 192.0.2.0/24 is not inside scan.allow')).toBe('targets');
    expect(refusedField(422, 'ports "x": write numbers')).toBe('ports');
    expect(refusedField(422, 'port 70000 is too large')).toBe('ports');
    expect(refusedField(422, 'target -oX is no address')).toBe('targets');
    expect(refusedField(422, 'target 10.0.0.1:80: write ports in their own field')).toBe('targets');
    expect(refusedField(422, 'nmap is not installed; install it, or scan with backend connect')).toBe('backend');
    expect(refusedField(409, 'a scan of 10.0.0.0/24 runs')).toBe('form');
    expect(refusedField(0, '')).toBe('form');
  });
});

describe('what is told while a scan runs', () => {
  const state: ScansState = { allow: [], nmap: null, missed_scans_down: 3, schedule: [], running: [scan('a', { state: 'running', progress: progress(10) })], last: scan('z'), assets: { up: 0, down: 0, ports_open: 0, anomalous: 0 } };
  it('moves it, adds one, and ends it', () => {
    const moved = runningAfter(state, scan('a', { state: 'running', progress: progress(20) }));
    expect(moved.running.map((s) => s.progress?.percent)).toEqual([20]);
    expect(runningAfter(state, scan('b', { state: 'running' })).running.map((s) => s.id)).toEqual(['b', 'a']);
    const ended = runningAfter(state, scan('a', { started: '2026-01-03T00:00:00Z' }));
    expect([ended.running.length, ended.last?.id]).toEqual([0, 'a']);
    expect(runningAfter(state, scan('old', { started: '2025-01-01T00:00:00Z' })).last?.id).toBe('z');
  });
  it('keeps each scan once in the list', () => {
    expect(withScan([scan('a'), scan('b')], scan('b', { anomalies: 2 })).map((s) => [s.id, s.anomalies])).toEqual([['a', 0], ['b', 2]]);
    expect(withScan([scan('a')], scan('c')).map((s) => s.id)).toEqual(['c', 'a']);
  });
});

describe('hosts of the inventory', () => {
  it('say why they count as down', () => {
    expect(stateWords({ state: 'down', missed_scans: 4 }, 3)).toMatch(/4 scans in a row; from 3 on/);
    expect(stateWords({ state: 'up', missed_scans: 1 }, 3)).toMatch(/silent in the last scan$/);
    expect(stateWords({ state: 'returned', missed_scans: 0 }, 3)).toMatch(/answers again/);
    expect(eventWords('port_opened')).toEqual({ words: 'Port opened', sign: '+' });
    expect(eventWords('something_else').words).toBe('something else');
  });
  it('show value against what was expected by whom', () => {
    const chart = reasonChart({ feature: 'ports_open', words: 'open ports', value: 9, expected_low: 2, expected_high: 3, of: 'history' });
    expect(chart).toEqual({ feature: 'ports_open', name: 'Open ports', value: 9, expected: [2, 3], unit: '', of: 'by its own past' });
    expect(reasonChart({ feature: 'churn_ratio', words: 'churn', value: 0.5, expected_low: 0, expected_high: 0.1, of: 'group' })).toMatchObject({ unit: 'ratio', of: 'by hosts of its group' });
  });
  it('have one list of services from traffic and scans', () => {
    const port = (n: number, closed: string | null = null, protocol = 'tcp'): AssetPort => ({ protocol, port: n, state: closed ? 'closed' : 'open', service: '', version: '', first_seen: '', last_seen: '', closed, first_use: null, certificate: '', seen_by: 'scan' });
    const heard = (n: number, proto: string) => ({ port: n, proto, flows: 1, first_seen: '', last_seen: '' });
    const rows = knownServices([heard(443, 'TCP'), heard(53, 'UDP')], [port(22), port(443), port(21, '2026-01-01T00:00:00Z'), port(53, null, 'tcp')]);
    expect(rows.map((r) => `${r.port}/${r.proto} ${r.heard ? 'h' : ''}${r.found ? 'f' : ''}`)).toEqual(['22/tcp f', '53/tcp f', '53/udp h', '443/tcp hf', '21/tcp f']);
  });
});

describe('a difference', () => {
  const port = (n: number, state: string, service = {}): ScannedPort => ({ protocol: 'tcp', port: n, state, service });
  const nothing = { kept: [], removed: [], added: [] };
  const changed = (host: string, ports: { before: ScannedPort | null; after: ScannedPort | null }[]) => ({ change: 'changed' as const, host, state: null, addresses: nothing, names: nothing, not_shown: null, ports: ports.map((p) => ({ port: (p.after ?? p.before)?.port ?? 0, protocol: 'tcp', ...p, scripts: [] })), os: [], scripts: [] });
  const call = { scanner: 'nmap', version: '', args: '', started: null, ended: null };
  const of = (hosts: ScanDifference['hosts']): ScanDifference => ({ schema: 'scan-diff/1', before: call, after: call, equal: hosts.length === 0, hosts, pre_scripts: [], post_scripts: [] });

  it('tells opened, closed and changed apart', () => {
    const [host] = diffHosts(of([changed('nas.lan (10.0.0.5, 02:00:5e:00:00:01)', [
      { before: null, after: port(4444, 'open', { name: 'krb524' }) },
      { before: port(80, 'open', { name: 'http' }), after: port(80, 'closed') },
      { before: port(22, 'open', { name: 'ssh', product: 'OpenSSH', version: '9.2' }), after: port(22, 'open', { name: 'ssh', product: 'OpenSSH', version: '9.6', extra: 'Debian' }) },
      { before: port(81, 'closed'), after: port(81, 'filtered') },
    ])]));
    expect(host?.address).toBe('10.0.0.5');
    expect(host?.lines.map((l) => `${l.sign} ${l.name}: ${l.before} → ${l.after}`)).toEqual(['+ 4444/tcp:  → open krb524', '− 80/tcp: open http → closed', '~ 22/tcp: open ssh OpenSSH 9.2 → open ssh OpenSSH 9.6 (Debian)', '~ 81/tcp: closed → filtered']);
    expect(tallyWords(tally(host ? [host] : []))).toBe('1 port opened, 1 port closed, 2 services changed');
    expect(host && lineWords({ ...host, lines: host.lines.slice(0, 1) })).toBe('+ 4444/tcp open krb524');
  });
  it('puts new hosts first and lists only their open ports', () => {
    const host = (addr: string) => ({ state: 'up', addresses: [{ kind: 'ipv4', addr }], names: [], ports: [port(22, 'open'), port(23, 'closed')] });
    const hosts = diffHosts(of([changed('10.0.0.9', []), { change: 'gone', host: host('10.0.0.8') }, { change: 'new', host: host('10.0.0.7') }]));
    expect(hosts.map((h) => [h.change, h.address, h.lines.length])).toEqual([['new', '10.0.0.7', 1], ['gone', '10.0.0.8', 1], ['changed', '10.0.0.9', 0]]);
    expect(tallyWords(tally(hosts))).toBe('1 new host, 1 host gone');
  });
  it('says names, addresses, states, systems and scripts', () => {
    const one = { ...changed('a', []), state: { before: 'up', after: 'down' }, names: { kept: [], removed: ['x'], added: ['y'] }, os: [{ before: ['Linux 5'], after: ['Linux 6'], equal: false }, { before: ['s'], after: ['s'], equal: true }], scripts: [{ before: null, after: { id: 'ssl-cert', output: 'CN=a' } }], not_shown: { before: [{ state: 'closed', count: 9 }], after: [] } };
    const [host] = diffHosts(of([one]));
    expect(host?.lines.map((l) => `${l.sign}${l.name}`)).toEqual(['−state', '~name', '~system', '+ssl-cert', '~only counted']);
    expect(tallyWords(tally([]))).toBe('Nothing changed');
    expect(serviceWords(null)).toBe('');
  });
  it('takes no MAC address for an IP address', () => {
    expect(diffHosts(of([changed('02:00:5e:00:00:01', [])]))[0]?.address).toBe('');
    expect(diffHosts(of([changed('nas (fd00::7)', [])]))[0]?.address).toBe('fd00::7');
  });
});
