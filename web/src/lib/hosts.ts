// What hosts are called, what they offer and what is unusual of them, in words. Pure.

import type { Host, HostCourse, HostStep, Importance } from '../api/types';
import { bytes, plural } from './format';

export const IMPORTANCES: readonly { key: Importance; label: string; hint: string }[] = [
  { key: 'low', label: 'Low', hint: 'Incidents that are done to it alone are one step less severe' },
  { key: 'normal', label: 'Normal', hint: 'Severity as the detectors say' },
  { key: 'high', label: 'High', hint: 'Its incidents are one step more severe' },
  { key: 'critical', label: 'Critical', hint: 'Its incidents are two steps more severe' },
];

export const SORTS = [
  { key: 'risk', label: 'Risk' },
  { key: 'last_seen', label: 'Last heard' },
  { key: 'traffic', label: 'Traffic' },
  { key: 'first_seen', label: 'Newest' },
] as const;

/** What people call it, else what it calls itself. */
export const hostName = (host: Pick<Host, 'label' | 'name'>): string => host.label || host.name;

const PROTOCOLS: Record<number, string> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };
const WELL_KNOWN: Record<string, string> = {
  '21/tcp': 'FTP', '22/tcp': 'SSH', '23/tcp': 'Telnet', '25/tcp': 'SMTP', '53/tcp': 'DNS', '53/udp': 'DNS', '67/udp': 'DHCP', '80/tcp': 'HTTP', '88/tcp': 'Kerberos', '110/tcp': 'POP3', '123/udp': 'NTP', '135/tcp': 'RPC', '139/tcp': 'NetBIOS', '143/tcp': 'IMAP', '161/udp': 'SNMP', '389/tcp': 'LDAP', '443/tcp': 'HTTPS', '443/udp': 'QUIC', '445/tcp': 'SMB', '465/tcp': 'SMTPS', '502/tcp': 'Modbus', '514/udp': 'syslog', '587/tcp': 'SMTP', '631/tcp': 'IPP', '636/tcp': 'LDAPS', '853/tcp': 'DoT', '993/tcp': 'IMAPS', '1433/tcp': 'SQL Server', '1883/tcp': 'MQTT', '3306/tcp': 'MySQL', '3389/tcp': 'RDP', '5432/tcp': 'PostgreSQL', '5353/udp': 'mDNS', '5900/tcp': 'VNC', '6379/tcp': 'Redis', '8080/tcp': 'HTTP', '9100/tcp': 'printing', '20000/tcp': 'DNP3',
};
/** `443/tcp`, with the usual name of the port where it has one. */
export function serviceName(port: number, proto: number | string): string {
  const name = `${port}/${typeof proto === 'number' ? (PROTOCOLS[proto] ?? proto) : proto.toLowerCase()}`;
  return WELL_KNOWN[name] ? `${WELL_KNOWN[name]} ${name}` : name;
}
export const serviceShort = (port: number, proto: number): string => {
  const name = `${port}/${PROTOCOLS[proto] ?? proto}`;
  return WELL_KNOWN[name] ?? name;
};

export interface Bar {
  /** Unix ms. */
  at: number;
  out: number;
  in: number;
  flows: number;
  usual?: { low: number; median: number; high: number };
  /** Above the highest tenth of the same hour on other days, and by much. */
  unusual: boolean;
}

const HOUR = 3600;
/** A bar counts as unusual when it is this many times the usual top. */
const TIMES = 2;
/** And moves at least so much: nobody looks at kilobytes. */
const FLOOR = 1e6;

/** So few bars would look like much. */
const FEWEST = 24;

/** The steps as bars without gaps, oldest first, at most `max` and up to the newest. */
export function bars(course: HostCourse, coarse: boolean, max: number): Bar[] {
  const steps: HostStep[] = coarse ? course.coarse : course.fine;
  const stepS = coarse ? HOUR : 300;
  const last = steps.at(-1)?.[0];
  if (last === undefined) return [];
  const known = new Map(steps.map((step) => [step[0], step]));
  const first = Math.max(Math.min(steps[0]?.[0] ?? last, last - (FEWEST - 1) * stepS), last - (max - 1) * stepS);
  const list: Bar[] = [];
  for (let at = first; at <= last; at += stepS) {
    const [, out, received, flows] = known.get(at) ?? [at, 0, 0, 0];
    const usual = coarse ? course.usual[Math.floor((at % 86_400) / HOUR)] : undefined;
    const moved = out + received;
    const bar: Bar = { at: at * 1000, out, in: received, flows, unusual: usual !== undefined && moved > usual.high * TIMES && moved > FLOOR };
    if (usual) bar.usual = usual;
    list.push(bar);
  }
  return list;
}

/** What it usually does and whether today is like it, in a sentence or two. */
export function behaviour(course: HostCourse): string {
  const hours = bars(course, true, 24);
  if (hours.length === 0) return 'Nothing was seen of it since its course is kept.';
  if (course.usual.length === 0) {
    const days = new Set(course.coarse.map((step) => Math.floor(step[0] / 86_400))).size;
    return `Known for ${plural(days, 'day')}: what is usual for it shows after three whole days.`;
  }
  const day = course.usual.reduce((sum, hour) => sum + hour.median, 0);
  const odd = hours.filter((hour) => hour.unusual);
  const worst = odd.reduce<Bar | undefined>((most, hour) => (!most || hour.out + hour.in > most.out + most.in ? hour : most), undefined);
  const usual = `On a usual day it moves about ${bytes(day)} (of ${plural(course.usual_days, 'day')}).`;
  if (!worst) return `${usual} Its last 24 hours are within that.`;
  const times = (worst.out + worst.in) / Math.max(1, worst.usual?.high ?? 1);
  return `${usual} In ${plural(odd.length, 'hour')} of the last 24 it moved far more, at most ${bytes(worst.out + worst.in)}, ${times >= 1000 ? 'over 1000' : times.toFixed(times < 10 ? 1 : 0)} times the usual top.`;
}
