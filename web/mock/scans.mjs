// Active scanning of the stand-in: an invented network of `--scan-hosts N` hosts, scanned daily for three weeks, with what changed in
// it, one host that is anomalous, and scans that can be begun, watched and ended. `--scan-off`: nothing is allowed; `--no-nmap`.

const option = (name, fallback) => { const at = process.argv.indexOf(name); return at < 0 ? fallback : process.argv[at + 1]; };
const HOSTS = Number(option('--scan-hosts', 250));
const TAKES_S = Number(option('--scan-s', 12));
const OFF = process.argv.includes('--scan-off');
const NMAP = process.argv.includes('--no-nmap') ? null : '7.93';
const NETWORKS = HOSTS > 500 ? ['10.20.0.0/20'] : ['10.20.0.0/24'];
const ALLOW = OFF ? [] : [...NETWORKS, '10.30.0.0/24', 'printer.example.org'];
const DAYS = 20;
const DAY_MS = 86_400_000;
const started = Date.now();
const iso = (t) => new Date(t).toISOString();
const hash = (n) => { let x = (n + 0x9e3779b9) | 0; x = Math.imul(x ^ (x >>> 16), 0x85ebca6b); x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35); return (x ^ (x >>> 16)) >>> 0; };
const timeOf = (day) => started - (DAYS - 1 - day) * DAY_MS - 3 * 3_600_000;

const CATALOGUE = { 22: ['ssh', 'OpenSSH', '9.2p1'], 25: ['smtp', 'Postfix smtpd', ''], 53: ['domain', 'dnsmasq', '2.89'], 80: ['http', 'nginx', '1.22.1'], 443: ['https', 'nginx', '1.22.1'], 445: ['microsoft-ds', 'Samba smbd', '4.17'], 515: ['printer', '', ''], 631: ['ipp', 'CUPS', '2.4'], 3306: ['mysql', 'MariaDB', '10.11.6'], 4444: ['krb524', '', ''], 5432: ['postgresql', 'PostgreSQL DB', '15.3'], 8080: ['http-proxy', '', ''], 9100: ['jetdirect', '', ''] };
const ROLES = [['desk', [], 'Windows 10'], ['desk', [445], 'Windows 11'], ['printer', [80, 515, 631, 9100], 'HP embedded'], ['web', [22, 80, 443], 'Linux 6.1'], ['db', [22, 3306, 5432], 'Linux 6.1'], ['mail', [22, 25, 80], 'Linux 5.10'], ['camera', [80, 8080], 'Linux 3.4']];
const VENDORS = ['Example Networks', 'random or virtual', 'Example Printers', 'Example Cameras'];

const hosts = Array.from({ length: HOSTS }, (_, n) => {
  const h = hash(n);
  const [role, ports, os] = ROLES[h % 3 === 0 ? h % ROLES.length : h % 2];
  return { n, ip: `10.20.${Math.floor((n + 1) / 256)}.${(n + 1) % 256}`, mac: `02:00:5e:${[h, h >> 8, h >> 16].map((b) => (b & 255).toString(16).padStart(2, '0')).join(':')}`, name: `${role}-${n}.example.org`, os, ports: [...new Set([...ports, ...(HOSTS > 500 ? Array.from({ length: 30 }, (_, i) => 20_000 + ((h + i * 97) % 9_000)) : [])])].sort((a, b) => a - b), vendor: VENDORS[h % 4] };
});
/** [day from which, host, what, ports] */
const ODD = Math.min(30, HOSTS - 1);
const CHANGES = [[9, 5, 'open', 8080], [14, 7, 'version', 22], [12, 11, 'away', 0], [16, 11, 'back', 0], [15, 17, 'away', 0], [19, 3, 'arrive', 0], [18, 23, 'close', 445], [19, ODD, 'open', 4444], [19, ODD, 'open', 9100], [19, 44 % HOSTS, 'version', 80], [19, 60 % HOSTS, 'away', 0]];
function portsOn(host, day) {
  const mine = CHANGES.filter(([from, n]) => n === host.n && from <= day);
  if (CHANGES.some(([from, n, what]) => n === host.n && what === 'arrive' && from > day)) return undefined;
  const last = mine.filter(([, , what]) => what === 'away' || what === 'back').at(-1);
  if (last?.[2] === 'away') return undefined;
  const ports = new Map(host.ports.map((p) => [p, CATALOGUE[p] ?? ['unknown', '', '']]));
  for (const [, , what, port] of mine) {
    if (what === 'open') ports.set(port, CATALOGUE[port]);
    if (what === 'close') ports.delete(port);
    if (what === 'version' && ports.has(port)) ports.set(port, [...ports.get(port).slice(0, 2), port === 22 ? '9.6p1' : '1.26.0']);
  }
  return ports;
}
const words = ([name, product, version]) => [name, product, version].filter(Boolean).join(' ');

const scanned = (port, [name, product, version]) => ({ protocol: 'tcp', port, state: 'open', reason: 'syn-ack', service: { name, ...(product ? { product } : {}), ...(version ? { version } : {}) } });
const rowHost = (host, ports) => ({ state: 'up', addresses: [{ kind: 'ipv4', addr: host.ip }, { kind: 'mac', addr: host.mac, vendor: host.vendor }], names: [host.name], ports: [...ports].sort((a, b) => a[0] - b[0]).map(([port, s]) => scanned(port, s)), os: [{ name: host.os }] });
const finding = (day) => ({ scan: `s${day}`, at: iso(timeOf(day)), key: hosts[ODD].mac, score: 0.973, p_value: 0.0004, incident: null,
  text: `${hosts[ODD].ip} opened 4444/tcp and 9100/tcp, which no other of its kind has; first used by 10.20.0.14 two minutes later`,
  reasons: [{ feature: 'ports_open', words: 'open ports', value: hosts[ODD].ports.length + 2, expected_low: 0, expected_high: 1, of: 'history' }, { feature: 'rare_ports', words: 'ports that are rare for its group', value: 2, expected_low: 0, expected_high: 0, of: 'group' }, { feature: 'churn_ratio', words: 'part of its ports that changed', value: 0.66, expected_low: 0, expected_high: 0.1, of: 'history' }] });

const sum = (day) => { let up = 0; let open = 0; for (const host of hosts) { const ports = portsOn(host, day); if (ports) { up += 1; open += ports.size; } } return { up, open }; };
const scans = [];
if (!OFF) {
  for (let day = 0; day < DAYS; day += 1) {
    const { up, open } = sum(day);
    scans.push({ id: `s${day}`, day, targets: NETWORKS, backend: 'nmap', origin: 'schedule', state: 'done', started: iso(timeOf(day)), ended: iso(timeOf(day) + 412_000), words: '', hosts_up: up, hosts_down: HOSTS - up, ports_open: open, changes: day ? 0 : null, previous: day ? `s${day - 1}` : null, anomalies: day === DAYS - 1 ? 1 : 0, progress: null });
  }
  for (const scan of scans) if (scan.day) scan.changes = difference(scan, scans[scan.day - 1]).hosts.length;
  const other = (id, day, more) => ({ id, day, targets: ['10.30.0.0/24'], backend: 'connect', origin: 'manual', state: 'done', started: iso(timeOf(day) + 7_200_000), ended: iso(timeOf(day) + 7_260_000), words: '', hosts_up: 0, hosts_down: 254, ports_open: 0, changes: null, previous: null, anomalies: 0, progress: null, ...more });
  scans.splice(8, 0, other('f1', 6, { state: 'failed', backend: 'nmap', words: 'nmap ended with 1: dnet: Failed to open device eth7' }));
  scans.splice(13, 0, other('x1', 11, { state: 'incomplete', words: 'The time limit of 3600 s is over: 113 of 256 hosts were asked', hosts_up: 3, ports_open: 9 }));
  scans.splice(18, 0, other('i1', 15, { backend: 'import', origin: 'import', targets: ['monday.xml'], hosts_up: 12, ports_open: 44 }));
}
const running = () => scans.filter((s) => s.state === 'running');
const shown = ({ day, until, aim, ...row }) => row;

function difference(after, before) {
  const out = [];
  for (const host of hosts) {
    const [a, b] = [portsOn(host, before.day), portsOn(host, after.day)];
    if (!a && !b) continue;
    if (!a || !b) { out.push({ change: a ? 'gone' : 'new', host: rowHost(host, a ?? b) }); continue; }
    const ports = [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x - y).filter((p) => !a.has(p) || !b.has(p) || words(a.get(p)) !== words(b.get(p)));
    if (ports.length) out.push({ change: 'changed', host: `${host.name} (${host.ip})`, state: null, addresses: { kept: [], removed: [], added: [] }, names: { kept: [host.name], removed: [], added: [] }, not_shown: null, ports: ports.map((port) => ({ port, protocol: 'tcp', before: a.has(port) ? scanned(port, a.get(port)) : null, after: b.has(port) ? scanned(port, b.get(port)) : null, scripts: [] })), os: [], scripts: [] });
  }
  const call = (s) => ({ scanner: 'nmap', version: '7.93', args: `nmap -oX - ${s.targets.join(' ')}`, started: s.started, ended: s.ended });
  return { before: call(before), after: call(after), equal: out.length === 0, hosts: out, pre_scripts: [], post_scripts: [] };
}

const SEEN = ['both', 'scan', 'both', 'traffic'];
function asset(host) {
  const ports = portsOn(host, DAYS - 1);
  const arrived = CHANGES.find(([, n, what]) => n === host.n && what === 'arrive');
  const left = CHANGES.filter(([, n, what]) => n === host.n && what === 'away').at(-1)?.[0];
  const missed = ports ? 0 : DAYS - left;
  const kept = ports ?? portsOn(host, left - 1) ?? new Map();
  const back = CHANGES.some(([from, n, what]) => n === host.n && what === 'back' && from >= 16);
  return { key: host.mac, addresses: host.n % 40 === 5 ? [host.ip, `fd00::${host.n.toString(16)}`] : [host.ip], mac: host.mac, vendor: host.vendor, names: [host.name], state: missed >= 3 ? 'down' : back ? 'returned' : 'up', seen_by: SEEN[hash(host.n + 7) % 4], first_seen: iso(timeOf(arrived ? arrived[0] : 0)), last_seen: iso(ports ? timeOf(DAYS - 1) + hash(host.n) % 3_600_000 : timeOf(left - 1)), missed_scans: missed, os: host.os, ports_open: ports ? kept.size : 0, services: [...kept].sort((a, b) => a[0] - b[0]).slice(0, 8).map(([p, s]) => `${p}/tcp ${s[0]}`), anomaly: host.n === ODD ? finding(DAYS - 1) : null };
}
function assetDetail(host) {
  const known = new Map();
  for (let day = 0; day < DAYS; day += 1) {
    const now = portsOn(host, day);
    for (const [p, s] of now ?? []) known.set(p, { first: known.get(p)?.first ?? day, last: day, s });
  }
  const ports = [...known].map(([port, { first, last, s }]) => ({ protocol: 'tcp', port, state: last === DAYS - 1 ? 'open' : 'closed', service: s[0], certificate: port === 443 ? `${host.name}, SHA-256 ${hash(port).toString(16)}` : '', seen_by: 'scan', version: [s[1], s[2]].filter(Boolean).join(' '), first_seen: iso(timeOf(first)), last_seen: iso(timeOf(last)), closed: last === DAYS - 1 ? null : iso(timeOf(last + 1)), first_use: port === 4444 || hash(port + host.n) % 3 === 0 ? { at: iso(timeOf(first) + 122_000), peer: '10.20.0.14', flow_id: 4_100_200_300_400 } : null }));
  const TEXT = { open: ['port_opened', (p) => `${p}/tcp ${CATALOGUE[p][0]} opened`], close: ['port_closed', (p) => `${p}/tcp ${CATALOGUE[p]?.[0] ?? ''} closed`], version: ['version_changed', (p) => `${p}/tcp has another version`], away: ['down', () => 'It no longer answers'], back: ['returned', () => 'It answers again'], arrive: ['new_device', () => 'It was not there before'] };
  const history = CHANGES.filter(([, n]) => n === host.n).map(([day, , what, port]) => ({ at: iso(timeOf(day)), scan: `s${day}`, what: TEXT[what][0], text: TEXT[what][1](port), before: what === 'version' ? words(CATALOGUE[port]) : '', after: what === 'version' ? `${CATALOGUE[port].slice(0, 2).join(' ')} ${port === 22 ? '9.6p1' : '1.26.0'}` : '' })).reverse();
  if (!history.some((e) => e.what === 'new_device')) history.push({ at: iso(timeOf(0)), scan: 's0', what: 'new_device', text: 'It was found for the first time', before: '', after: '' });
  return { asset: asset(host), ports, history, findings: host.n === ODD ? [finding(DAYS - 1)] : [] };
}
const all = hosts.map(asset);
const ofIp = (ip) => hosts.find((h) => h.ip === ip);
export const assetOf = (ip) => (OFF || !ofIp(ip) ? null : asset(ofIp(ip)));

const value = { ip: (a) => a.addresses, port: (a) => a.services.map((s) => s.split('/')[0]), service: (a) => a.services.map((s) => s.split(' ')[1]), name: (a) => a.names };
const SORTS = { last_seen: (a) => Date.parse(a.last_seen), first_seen: (a) => Date.parse(a.first_seen), ports: (a) => a.ports_open, anomaly: (a) => a.anomaly?.score ?? 0 };
function inside(ip, network) {
  const n = (t) => t.split('.').reduce((a, b) => a * 256 + Number(b), 0);
  const [base, bits = '32'] = network.split('/');
  const size = 2 ** (32 - Number(bits));
  return /^[\d.]+$/.test(ip) && /^[\d.]+$/.test(base) && Math.floor(n(ip) / size) === Math.floor(n(base) / size);
}

function begin(body, emit) {
  const targets = body.targets?.length ? body.targets : ALLOW;
  if (ALLOW.length === 0) return [403, 'Scanning is off', 'Nothing is allowed: write allow = ["192.168.1.0/24"] into section [scan] of the configuration file'];
  if (body.ports && !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(body.ports)) return [422, 'Unprocessable Entity', `ports "${body.ports}": write numbers and ranges with commas between, for example 22,80,8000-8010`];
  const odd = targets.find((t) => t.startsWith('-'));
  if (odd) return [422, 'Unprocessable Entity', `target ${odd} is no address, network or name`];
  const out = targets.find((t) => !ALLOW.includes(t) && !ALLOW.some((a) => inside(t.split('/')[0], a)));
  if (out) return [403, 'Forbidden', `target ${out} is not inside scan.allow and is not scanned; if you may scan it, add "${out}" or a network around it to \`allow\` in section [scan]`];
  if (running().length > 0) return [409, 'Conflict', `A scan of ${running()[0].targets.join(', ')} runs already; wait until it has ended, or cancel it`];
  const now = Date.now();
  const same = scans.filter((s) => s.state === 'done' && s.targets.join() === targets.join()).at(-1);
  const scan = { id: `r${now}`, day: DAYS - 1, targets, backend: body.backend ?? (NMAP ? 'nmap' : 'connect'), origin: 'manual', state: 'running', started: iso(now), ended: null, words: '', hosts_up: 0, hosts_down: 0, ports_open: 0, changes: null, previous: same?.id ?? null, anomalies: 0, progress: { percent: 0, task: 'Ping Scan', remaining_s: null, hosts_done: 0 }, until: now + TAKES_S * 1000 };
  scans.push(scan);
  const total = sum(DAYS - 1);
  const timer = setInterval(() => {
    if (scan.state !== 'running') return clearInterval(timer);
    const part = Math.min(1, 1 - (scan.until - Date.now()) / (TAKES_S * 1000));
    scan.progress = { percent: Math.round(part * 1000) / 10, task: part < 0.15 ? 'Ping Scan' : part < 0.7 ? 'SYN Stealth Scan' : 'Service scan', remaining_s: part > 0.1 ? Math.round((scan.until - Date.now()) / 1000) : null, hosts_done: Math.floor(total.up * part * part) };
    if (part >= 1) Object.assign(scan, { state: 'done', ended: iso(Date.now()), progress: null, hosts_up: total.up, hosts_down: HOSTS - total.up, ports_open: total.open, changes: same ? 0 : null });
    return emit('scan', shown(scan));
  }, 500);
  emit('scan', shown(scan));
  return [202, shown(scan)];
}

/** [status, answer, detail]; undefined: not a path of this file. `page` is the server's way to page and filter, `text` its body. */
export function scansApi(path, method, url, text, { page, emit }) {
  const newest = [...scans].reverse();
  if (path === '/scans/state') return [200, { allow: ALLOW, nmap: NMAP, missed_scans_down: 3, schedule: OFF ? [] : [{ targets: NETWORKS, every_h: 24, next: iso(started + 5 * 3_600_000) }], running: running().map(shown), last: newest.filter((s) => s.state !== 'running').map(shown)[0] ?? null, assets: { up: OFF ? 0 : all.filter((a) => a.state !== 'down').length, down: OFF ? 0 : all.filter((a) => a.state === 'down').length, ports_open: OFF ? 0 : all.reduce((n, a) => n + a.ports_open, 0), anomalous: OFF ? 0 : 1 } }];
  if (path === '/scans/import') { const up = (text.match(/<status state="up"/g) ?? []).length; if (!text.includes('</nmaprun>')) return [422, 'Unprocessable Entity', `The file is cut short after ${up} hosts: nothing of it is kept`]; const now = Date.now(); scans.push({ id: `i${now}`, day: 0, targets: ['10.0.0.0/24'], backend: 'import', origin: 'import', state: 'done', started: iso(now - 60_000), ended: iso(now), words: '', hosts_up: up, hosts_down: 0, ports_open: 0, changes: null, previous: null, anomalies: 0, progress: null }); return [201, shown(scans.at(-1))]; }
  if (path === '/scans' && method === 'POST') return begin(JSON.parse(text || '{}'), emit);
  if (path === '/scans') return [200, page(newest.map(shown), url, [], (s) => Date.parse(s.started))];
  if (path === '/assets') {
    const by = SORTS[url.searchParams.get('sort') ?? 'last_seen'];
    const flat = OFF ? [] : all.map((a) => ({ ...a, ...Object.fromEntries(Object.entries(value).map(([k, f]) => [`_${k}`, f(a)])) }));
    const q = url.searchParams.get('q') ?? '';
    url.searchParams.set('q', q.replace(/(^|\s|-)(ip|port|service|name):/g, '$1_$2:'));
    const answer = page(flat.sort((a, b) => by(b) - by(a) || (a.key < b.key ? -1 : 1)), url, ['_ip', '_port', '_service', '_name', 'mac', 'state', 'vendor'], () => started);
    return [200, { ...answer, items: answer.items.map(({ _ip, _port, _service, _name, ...a }) => a) }];
  }
  let m = path.match(/^\/assets\/(.+)$/);
  if (m) { const host = hosts.find((h) => h.mac === decodeURIComponent(m[1])); return host && !OFF ? [200, assetDetail(host)] : [404, 'Not Found', 'no such host in the inventory']; }
  m = path.match(/^\/scans\/(\w+)(\/\w+)?$/);
  if (!m) return undefined;
  const scan = scans.find((s) => s.id === m[1]);
  if (!scan) return [404, 'Not Found', 'no such scan'];
  if (m[2] === '/cancel') {
    if (scan.state !== 'running') return [409, 'Conflict', 'The scan does not run any more'];
    Object.assign(scan, { state: 'cancelled', ended: iso(Date.now()), words: 'Cancelled; what was found until then is kept', progress: null });
    emit('scan', shown(scan));
    return [202, shown(scan)];
  }
  if (m[2] === '/hosts') return [200, page(scan.hosts_up === 0 ? [] : hosts.map((h) => [h, portsOn(h, scan.day)]).filter(([, p]) => p).map(([h, p]) => ({ key: h.mac, address: h.ip, names: [h.name], state: 'up', ports_open: p.size, ports: [...p].slice(0, 20).map(([n, s]) => `${n}/tcp ${words(s)}`), os: h.os })), url, [], () => started)];
  if (m[2] === '/diff') {
    const other = scans.find((s) => s.id === (url.searchParams.get('with') ?? scan.previous));
    if (!other) return [404, 'Not Found', 'there is no earlier scan of the same targets'];
    return [200, difference(scan, other)];
  }
  return [200, { scan: shown(scan), findings: scan.anomalies ? [finding(scan.day)] : [] }];
}
