// What changed between two scans as short lines under their hosts, and as one sentence. Knows the server's shape of a difference
// and no page. Pure.

import type { HostChange, HostDifference, PortChange, ScanDifference, ScannedHost, ScannedPort, ScriptChange } from '../api/types';
import { plural } from './format';

/** How a line is drawn: something came, went, or is another. */
export type Sign = '+' | '−' | '~';

export interface DiffLine {
  sign: Sign;
  /** "22/tcp", "state", "name". */
  name: string;
  before: string;
  after: string;
}
export interface DiffHost {
  change: HostDifference['change'];
  title: string;
  /** The first IP address, where one is told: leads to the host. */
  address: string;
  lines: DiffLine[];
}
export interface Tally {
  fresh: number;
  gone: number;
  opened: number;
  closed: number;
  services: number;
  other: number;
}

const words = (...parts: (string | undefined)[]): string => parts.filter(Boolean).join(' ');

/** "ssh OpenSSH 9.2p1 (Debian)". */
export function serviceWords(port: ScannedPort | null): string {
  const service = port?.service;
  if (!service) return '';
  return words(service.name, service.product, service.version, service.extra ? `(${service.extra})` : '');
}
const open = (port: ScannedPort | null): boolean => port?.state === 'open';
/** "open ssh OpenSSH 9.2p1". */
const side = (port: ScannedPort | null): string => (port ? words(port.state ?? '', serviceWords(port)) : '');

function titleOf(host: ScannedHost): string {
  const addresses = host.addresses.map((a) => a.addr).join(', ');
  const names = (host.names ?? []).join(', ');
  return names && addresses ? `${names} (${addresses})` : names || addresses || 'a host without name and address';
}

function portLine(change: PortChange): DiffLine {
  const sign: Sign = open(change.after) && !open(change.before) ? '+' : open(change.before) && !open(change.after) ? '−' : '~';
  return { sign, name: `${change.port}/${change.protocol}`, before: side(change.before), after: side(change.after) };
}
const scriptLine = (change: ScriptChange, place: string): DiffLine => ({
  sign: !change.before ? '+' : !change.after ? '−' : '~',
  name: words(place, change.after?.id ?? change.before?.id),
  before: change.before?.output ?? '',
  after: change.after?.output ?? '',
});
const counted = (all: readonly { state: string | null; count: number }[]): string => all.map((one) => `${one.count} ${one.state ?? 'unknown'}`).join(', ');

function changedLines(host: HostChange): DiffLine[] {
  const lines: DiffLine[] = [];
  if (host.state) lines.push({ sign: host.state.after === 'up' ? '+' : '−', name: 'state', ...host.state });
  const set = (name: string, removed: readonly string[], added: readonly string[]): void => {
    if (removed.length + added.length > 0) lines.push({ sign: '~', name, before: removed.join(', '), after: added.join(', ') });
  };
  set('address', host.addresses.removed.map((a) => a.addr), host.addresses.added.map((a) => a.addr));
  set('name', host.names.removed, host.names.added);
  for (const port of host.ports) {
    const line = portLine(port);
    if (line.before !== line.after) lines.push(line);
    for (const script of port.scripts) lines.push(scriptLine(script, `${port.port}/${port.protocol}`));
  }
  for (const os of host.os) if (!os.equal) lines.push({ sign: '~', name: 'system', before: os.before.join(', '), after: os.after.join(', ') });
  for (const script of host.scripts) lines.push(scriptLine(script, ''));
  if (host.not_shown) lines.push({ sign: '~', name: 'only counted', before: counted(host.not_shown.before), after: counted(host.not_shown.after) });
  return lines;
}

const ADDRESS = /\b(?:\d{1,3}\.){3}\d{1,3}\b|(?<![0-9a-f:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9a-f:])/i;
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** Hosts with their lines: new ones, gone ones, changed ones. */
export function diffHosts(difference: ScanDifference): DiffHost[] {
  const hosts = difference.hosts.map((one): DiffHost => {
    if (one.change === 'changed') {
      const found = ADDRESS.exec(one.host)?.[0] ?? '';
      return { change: 'changed', title: one.host, address: MAC.test(found) ? '' : found, lines: changedLines(one) };
    }
    const fresh = one.change === 'new';
    const address = one.host.addresses.find((a) => a.kind !== 'mac')?.addr ?? '';
    const lines = (one.host.ports ?? []).filter((p) => open(p)).map((p): DiffLine => ({ sign: fresh ? '+' : '−', name: `${p.port}/${p.protocol}`, before: fresh ? '' : serviceWords(p) || 'open', after: fresh ? serviceWords(p) || 'open' : '' }));
    return { change: one.change, title: titleOf(one.host), address, lines };
  });
  const order = { new: 0, gone: 1, changed: 2 };
  return hosts.sort((a, b) => order[a.change] - order[b.change]);
}

export function tally(hosts: readonly DiffHost[]): Tally {
  const sum: Tally = { fresh: 0, gone: 0, opened: 0, closed: 0, services: 0, other: 0 };
  for (const host of hosts) {
    if (host.change === 'new') sum.fresh += 1;
    else if (host.change === 'gone') sum.gone += 1;
    else {
      for (const line of host.lines) {
        const port = /^\d+\/\w+$/.test(line.name);
        if (port && line.sign === '+') sum.opened += 1;
        else if (port && line.sign === '−') sum.closed += 1;
        else if (port) sum.services += 1;
        else sum.other += 1;
      }
    }
  }
  return sum;
}

/** "1 new host, 2 ports opened, 1 service changed". */
export function tallyWords(sum: Tally): string {
  const parts: [number, string, string][] = [
    [sum.fresh, 'new host', 'new hosts'],
    [sum.gone, 'host gone', 'hosts gone'],
    [sum.opened, 'port opened', 'ports opened'],
    [sum.closed, 'port closed', 'ports closed'],
    [sum.services, 'service changed', 'services changed'],
    [sum.other, 'other change', 'other changes'],
  ];
  return parts.filter(([n]) => n > 0).map(([n, one, many]) => plural(n, one, many)).join(', ') || 'Nothing changed';
}

/** Its lines in a row: "+ 4444/tcp open krb524, ~ 22/tcp open ssh 9.2 → open ssh 9.6". */
export function lineWords(host: DiffHost): string {
  const lines = host.lines.map((line) => words(line.sign, line.name, line.before && line.after ? `${line.before} → ${line.after}` : line.after || line.before));
  return lines.join(', ') || (host.change === 'changed' ? '' : 'no open port');
}
