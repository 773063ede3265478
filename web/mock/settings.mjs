// Hosts, settings, presets and rules of the stand-in server: the shapes of docs/reference/api.md over the invented network, kept in memory.

const iso = (t) => new Date(t).toISOString();
const hash = (text) => [...text].reduce((n, c) => (n * 31 + c.charCodeAt(0)) >>> 0, 7);

const said = new Map();
const changes = [];
const log = (what, subject, text) => changes.unshift({ ts: iso(Date.now()), what, subject, text });

const PORTS = [[6, 443], [6, 22], [6, 445], [17, 53], [6, 3306], [6, 80], [6, 631]];
const RANKS = ['low', 'medium', 'high', 'critical'];
const BASE = { low: 10, medium: 30, high: 55, critical: 80 };
const FACTOR = { low: 0.5, normal: 1, high: 1.25, critical: 1.5 };

/** The hosts of the flows that are kept, with what was said of them. */
export function hostRows(flows, incidents, now) {
  const rows = new Map();
  const touch = (ip, f) => {
    if (!rows.has(ip)) {
      const home = ip.startsWith('10.');
      const n = hash(ip);
      rows.set(ip, { ip, mac: home ? `02:00:5e:${[n, n >> 8, n >> 16].map((b) => (b & 255).toString(16).padStart(2, '0')).join(':')}` : null, name: home && n % 3 ? `desk-${n % 40}` : '', home, first_seen: f.start, last_seen: f.end, flows_out: 0, flows_in: 0, bytes_out: 0, bytes_in: 0, services: home && n % 4 === 0 ? PORTS.slice(0, 1 + (n % 6)).map(([proto, port]) => ({ proto, port, flows: 40 + (n % 900), first_seen: iso(now - 9 * 86_400_000), last_seen: f.end })) : [], vendor: home ? (n % 2 ? 'random or virtual' : 'Example Networks') : '' });
    }
    const row = rows.get(ip);
    if (f.end > row.last_seen) row.last_seen = f.end;
    if (f.start < row.first_seen) row.first_seen = f.start;
    return row;
  };
  for (const f of flows.slice(-12_000)) {
    const a = touch(f.src_ip, f); a.flows_out += 1; a.bytes_out += f.bytes_toserver; a.bytes_in += f.bytes_toclient;
    const b = touch(f.dest_ip, f); b.flows_in += 1; b.bytes_out += f.bytes_toclient; b.bytes_in += f.bytes_toserver;
  }
  for (const row of rows.values()) {
    const mine = incidents.filter((i) => i.status === 'open' && !i.over_budget && [...i.src, ...i.dest].includes(row.ip));
    const worst = mine.reduce((most, i) => Math.max(most, RANKS.indexOf(i.severity)), -1);
    Object.assign(row, { importance: 'normal', label: '', note: '', ...said.get(row.ip), incidents_open: mine.length, worst: RANKS[worst] ?? null });
    row.risk = worst < 0 ? 0 : Math.min(100, Math.floor((BASE[row.worst] + Math.min(15, 3 * (mine.length - 1))) * FACTOR[row.importance]));
    row.bytes = row.bytes_out + row.bytes_in;
  }
  return [...rows.values()];
}
export const HOST_FIELDS = ['mac', 'name', 'home', 'flows_out', 'flows_in', 'bytes_out', 'bytes_in', 'label', 'importance', 'service', 'incidents_open'];
export const SORTS = { first_seen: (h) => Date.parse(h.first_seen), last_seen: (h) => Date.parse(h.last_seen), traffic: (h) => h.bytes, risk: (h) => h.risk * 2 + Number(h.home) };

export function sayOfHost(ip, patch) {
  const known = said.get(ip) ?? { importance: 'normal', label: '', note: '' };
  said.set(ip, { ...known, ...patch });
  log('host', ip, Object.keys(patch).join(', '));
}

export function course(ip, now) {
  const n = hash(ip);
  const hour = Math.floor(now / 3_600_000) * 3600;
  const day = (ts) => 0.25 + Math.max(0, Math.sin(((ts % 86_400) / 86_400) * 2 * Math.PI - 1.6));
  const noise = (ts) => 0.6 + ((hash(`${ip}${ts}`) % 1000) / 1000) * 0.8;
  const moved = (ts, step) => { const all = (4e6 + (n % 90) * 1e6) * day(ts) * noise(ts) * (step / 3600); return [ts, Math.round(all * 0.3), Math.round(all * 0.7), 4 + (hash(`f${ts}`) % 90)]; };
  const coarse = Array.from({ length: 24 * 14 }, (_, i) => moved(hour - (24 * 14 - 1 - i) * 3600, 3600));
  if (ip === '10.20.0.31') coarse[coarse.length - 3][1] *= 60;
  const fine = Array.from({ length: 288 }, (_, i) => moved(hour - (287 - i) * 300, 300));
  const usual = Array.from({ length: 24 }, (_, h) => { const all = coarse.filter((s) => Math.floor((s[0] % 86_400) / 3600) === h).map((s) => s[1] + s[2]).sort((a, b) => a - b).slice(0, -1); return { low: all[1], median: all[6], high: all[11] }; });
  return { fine, coarse, usual_days: 13, usual };
}

const num = (key, group, label, unit, value, min, max, text, kind = 'number') => ({ key, group, label, text, unit, kind, value, default: value, min, max, choices: [], source: 'default', source_text: 'default', changeable: true, reason: '', applies: 'at_once', pending: false });
const fixed = (item, reason, source = 'environment', source_text = 'environment TRIPLINE_STORE__HOSTS_AGE_DAYS') => ({ ...item, changeable: false, reason, source, source_text });
const DETECTORS = ['port_scan', 'host_sweep', 'flood', 'arp_spoof', 'volume', 'brute_force', 'dns_tunnel', 'beacon', 'exfiltration', 'new_device', 'control_commands', 'station_peers'];
const items = [
  num('alert.per_hour', 'budget', 'Alert budget', 'incidents an hour', 4, 0, 1000, 'How many incidents of the learned models are announced.'),
  { ...num('behaviour.disabled', 'detection', 'Detectors left out', '', [], null, null, 'These detectors do not run.', 'names'), choices: DETECTORS },
  num('behaviour.new_device.learn_s', 'detection', 'Time to know all devices', 'seconds', 3600, 60, 2_592_000, 'A device that shows itself within this time counts as known.', 'whole'),
  num('store.max_bytes', 'retention', 'Database, at most', 'bytes', 4_294_967_296, 16_777_216, 1e15, 'The oldest flows go first.', 'whole'),
  num('store.flows_age_h', 'retention', 'Flows', 'hours', 336, 1, 87_600, 'How long flows are kept.', 'whole'),
  fixed(num('store.hosts_age_days', 'retention', 'Hosts', 'days', 9, 1, 3650, 'How long hosts are kept.', 'whole'), 'It is fixed for this run by environment TRIPLINE_STORE__HOSTS_AGE_DAYS.'),
  fixed({ ...num('networks.home', 'network', 'Home networks', '', ['10.0.0.0/8', 'fc00::/7'], null, null, 'Addresses inside them are your own.', 'text') }, 'It is set in the configuration file, and holds from the next start on.', 'default', 'default'),
];
let preset = null; let asked = process.argv.includes('--asked');
const PRESETS = [
  ['home', 'Home', 'Few people, phones that come and go.', { 'alert.per_hour': 2, 'behaviour.disabled': ['control_commands', 'station_peers'], 'behaviour.new_device.learn_s': 86_400 }],
  ['office', 'Office', 'Work stations and a few servers.', { 'alert.per_hour': 4, 'behaviour.disabled': ['control_commands', 'station_peers'], 'behaviour.new_device.learn_s': 604_800 }],
  ['server_farm', 'Server farm', 'Machines that talk much and change seldom.', { 'alert.per_hour': 4, 'behaviour.disabled': ['control_commands', 'station_peers'] }],
  ['industrial', 'Industrial', 'Control networks: little traffic, always the same.', { 'alert.per_hour': 8, 'behaviour.disabled': [] }],
];
const find = (key) => items.find((i) => i.key === key);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
export const settings = () => ({ items, file: '/var/lib/tripline/settings.toml', file_why: 'the program was started without a configuration file (-c FILE)', version: 'mock', can_restart: false, config_file: '', data_dir: '/var/lib/tripline', preset, preset_asked: asked, changes: changes.slice(0, 50) });
export const presets = () => ({ items: PRESETS.map(([name, title, text, values]) => ({ name, title, text, changes: Object.entries(values).filter(([key, to]) => !same(find(key).value, to)).map(([key, to]) => ({ key, label: find(key).label, from: find(key).value, to, reason: '' })) })) });
/** What a change would do, as lines that come. */
export const previewSettings = ({ values = {} }) => ({ file: '/var/lib/tripline/settings.toml', file_why: '', version: 'mock', difference: `--- settings.toml\n+++ settings.toml\n@@ -1,1 +1,2 @@\n${Object.entries(values).map(([key, value]) => `+${key.split('.').at(-1)} = ${JSON.stringify(value)}\n`).join('')}`, at_once: Object.keys(values), next_training: [], next_start: [], wrong: [] });
export const setup = () => ({ needed: false, user_needed: false, interfaces: [{ name: 'eth0', up: true, default_route: true, loopback: false, can_capture: true, watched: true, addresses: ['192.0.2.2/24'], speed_mbps: 1000, packets_per_s: 1200, bits_per_s: 3e6 }], chosen: [], interfaces_fixed: '', rights_command: '', home: ['10.0.0.0/8'], home_fixed: '', suggested: ['192.0.2.0/24'], presets: presets().items, preset, channels: [], file: '/var/lib/tripline/settings.toml', file_why: '', version: 'mock', pending: [], can_restart: false });
/** [status, answer or the words of the problem] */
export function changeSettings({ values = {}, preset: wanted }) {
  const all = { ...values };
  if (wanted) { asked = true; const known = PRESETS.find((p) => p[0] === wanted); if (known) { preset = wanted; Object.assign(all, known[3]); log('preset', known[1], `${known[1]} chosen`); } }
  for (const [key, value] of Object.entries(all)) {
    const item = find(key);
    if (!item) return [422, `\`${key}\` cannot be set here`];
    if (!item.changeable) return [409, `\`${key}\`: ${item.reason}`];
    if (value !== null && item.kind !== 'names' && !(value >= item.min && value <= item.max)) return [422, `\`${key}\` is ${value}: write a number from ${item.min} to ${item.max}`];
  }
  for (const [key, value] of Object.entries(all)) {
    const item = find(key); const from = item.value;
    Object.assign(item, value === null ? { value: item.default, source: 'default', source_text: 'default' } : { value, source: 'dashboard', source_text: 'settings.toml (dashboard)' });
    if (!same(from, item.value)) log('setting', key, `from ${JSON.stringify(from)} to ${JSON.stringify(item.value)}`);
  }
  return [200, settings()];
}

const inside = (ip, network) => { const [base, bits = '32'] = network.split('/'); const n = (t) => t.split('.').reduce((a, b) => a * 256 + Number(b), 0); const size = 2 ** (32 - Number(bits)); return Math.floor(n(ip) / size) === Math.floor(n(base) / size); };
/** Why the rule is none, or nothing. */
export function ruleProblem(rule) {
  const bad = [...rule.src, ...rule.dest].find((network) => !/^\d+\.\d+\.\d+\.\d+(\/([0-9]|[12][0-9]|3[0-2]))?$/.test(network));
  if (bad) return `Failed to deserialize the JSON body into the target type: rule: ${bad} is not a network prefix (write 192.168.0.0/16 or fd00::/8)`;
  return Object.values(rule).every((list) => list.length === 0) ? 'give at least one of source, target, port, kind and domain: a rule without any would hide everything' : undefined;
}
export const ruleCovers = (rule, i) => (rule.kind.length === 0 || rule.kind.includes(i.kind)) && (rule.src.length === 0 || i.src.every((ip) => rule.src.some((n) => inside(ip, n)))) && (rule.dest.length === 0 || (i.dest.length > 0 && i.dest.every((ip) => rule.dest.some((n) => inside(ip, n))))) && (rule.dest_port.length === 0 || (i.dest_port.length > 0 && i.dest_port.every((p) => rule.dest_port.includes(p)))) && (rule.domain.length === 0 || (i.domains.length > 0 && i.domains.every((d) => rule.domain.some((x) => d === x || d.endsWith(`.${x}`)))));
export const ruleWords = (rule) => `${rule.kind.join(' or ').replaceAll('_', ' ') || 'anything'}${rule.src.length ? ` from ${rule.src.join(' or ')}` : ''}${rule.dest.length ? ` to ${rule.dest.join(' or ')}` : ''}${rule.dest_port.length ? ` at port ${rule.dest_port.join(' or ')}` : ''}${rule.domain.length ? ` under ${rule.domain.join(' or ')}` : ''}`;
export const logRule = (text) => log('suppression', '', text);
