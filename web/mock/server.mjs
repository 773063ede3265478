// A stand-in for the server, for development and tests of the dashboard: docs/reference/api.md over an invented network,
// with the built assets under the same content policy as the real thing. `node mock/server.mjs [--port N] [--quiet-net]`.

import { captureContents } from './contents.mjs';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countries, graph, incidentCounts } from './drawings.mjs';
import { askModels, models } from './models.mjs';
import { assetOf, scansApi } from './scans.mjs';
import { changeSettings, course, HOST_FIELDS, hostRows, logRule, presets, previewSettings, ruleCovers, ruleProblem, ruleWords, sayOfHost, settings, setup, SORTS } from './settings.mjs';
import { sockets } from './sockets.mjs';
import { told } from './sources.mjs';
import { iso, makeFlow, makeIncident, makePacket, packetDetail, random } from './world.mjs';

const option = (name, fallback) => { const at = process.argv.indexOf(name); return at < 0 ? fallback : process.argv[at + 1]; };
const PORT = Number(option('--port', 7070));
const QUIET = process.argv.includes('--quiet-net');
const LEARN_S = Number(option('--learn', QUIET ? 240 : 0));
const HISTORY = Number(option('--history', QUIET ? 0 : 60_000));
const ASSETS = fileURLToPath(new URL('../../crates/serve/assets/', import.meta.url));
const CSP = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const started = Date.now();
const flows = []; const packets = []; const incidents = []; const seconds = [];
const CLASSES = ['tcp', 'udp', 'icmp', 'ip', 'arp', 'other'];
const totals = { packets: 0, bytes: 0, anomalous: 0 };

/** The same second always has the same traffic, so that a chart asked twice does not flicker. */
function secondAt(ts) {
  const t = Math.floor(ts / 1000);
  let salt = 0;
  const random = () => { salt += 1; const x = Math.sin(t * 12.9898 + salt * 78.233) * 43758.5453; return x - Math.floor(x); };
  const swell = 1 + 0.35 * Math.sin(t / 40) + 0.2 * Math.sin(t / 7) + 0.25 * random();
  const burst = Math.floor(t / 97) % 3 === 0 && t % 97 < 12 ? 2.6 : 1;
  const quiet = QUIET ? 0.01 : 1;
  const bytes = { tcp: 3.1e6 * swell * burst * quiet, udp: 1.2e6 * (1 + 0.5 * Math.sin(t / 23) + 0.2 * random()) * quiet, icmp: 9e3 * random() * quiet, ip: 4e3 * random() * quiet, arp: 2.4e3 * (0.6 + random()) * quiet, other: 900 * random() * quiet };
  const sizes = { tcp: 820, udp: 610, icmp: 98, ip: 120, arp: 60, other: 90 };
  const packets_by_class = Object.fromEntries(CLASSES.map((c) => [c, Math.round(bytes[c] / sizes[c])]));
  const bytes_by_class = Object.fromEntries(CLASSES.map((c) => [c, Math.round(bytes[c])]));
  const sum = (o) => Object.values(o).reduce((a, b) => a + b, 0);
  const all = sum(bytes_by_class);
  return { bytes: all, packets: sum(packets_by_class), bytes_in: Math.round(all * 0.72), bytes_out: Math.round(all * 0.28), flows: QUIET ? 1 : 60, flows_anomalous: 0, bytes_by_class, packets_by_class };
}

function keep(list, item, max) { list.push(item); if (list.length > max) list.splice(0, list.length - max); }
for (let i = HISTORY; i > 0; i -= 1) flows.push(makeFlow(started - i * 60 * (0.7 + 0.6 * random())));
flows.sort((a, b) => Date.parse(a.end) - Date.parse(b.end));
if (!QUIET) {
  for (const [minutes, n] of [[52, 0], [31, 1], [14, 2], [6, 3], [3.2, 4], [1.1, 5]]) {
    void n;
    const at = started - minutes * 60_000;
    const mine = Array.from({ length: 12 }, () => makeFlow(at, '10.20.0.31'));
    mine.forEach((f) => flows.push(f));
    incidents.unshift(makeIncident(at, mine));
  }
}
totals.anomalous = flows.filter((f) => f.anomalous).length;

function model() {
  const s = (Date.now() - started) / 1000;
  if (s >= LEARN_S) return { state: 'ready', progress: 1, eta_s: null, flows_learned: 20000, flows_needed: 20000, text: 'Trained on 20,000 flows of this network.' };
  return { state: 'learning', progress: s / LEARN_S, eta_s: Math.ceil(LEARN_S - s), flows_learned: Math.round((20000 * s) / LEARN_S), flows_needed: 20000, text: 'Learning what is normal here; exact detectors already speak.' };
}
function health() {
  const items = [{ name: 'capture', level: 'ok', text: 'Capturing on demo0.', action: '' }];
  const m = model();
  if (m.state === 'learning') items.push({ name: 'models', level: 'info', text: 'The models are still learning.', action: 'Nothing to do: scans, floods and ARP spoofing are already recognised.' });
  if (process.argv.includes('--drops')) items.push({ name: 'drops', level: 'warning', text: 'The kernel dropped 1.2 % of packets in the last minute.', action: 'Give the capture more memory (source.ring_mib) or a filter that leaves out bulk traffic.' });
  return items;
}
function summary() {
  const last = seconds.slice(-3);
  const mean = (f) => (last.length ? last.reduce((a, s) => a + f(s.second), 0) / last.length : 0);
  const now = Date.now();
  return {
    now: iso(now), started: iso(started), version: '0.1.0', mode: option('--mode', 'demo'),
    sources: [{ name: 'demo0', kind: 'simulate', state: 'running', packets: totals.packets, bytes: totals.bytes, dropped: 0, last_event: iso(now) }, { name: 'demo1', kind: 'simulate', state: 'running', packets: 812, bytes: 91_000, dropped: 0, last_event: iso(now - 900) }],
    rates: { packets_per_s: mean((s) => s.packets), bits_per_s: 8 * mean((s) => s.bytes), bits_in_per_s: 8 * mean((s) => s.bytes_in), bits_out_per_s: 8 * mean((s) => s.bytes_out), flows_per_s: QUIET ? 1 : 60 },
    totals: { packets: totals.packets, bytes: totals.bytes, flows: flows.length, flows_anomalous: totals.anomalous, hosts: 33, incidents_open: incidents.filter((i) => i.status === 'open').length, drops: process.argv.includes('--drops') ? { kernel: 41_233 } : {}, decode_errors: { truncated: 3 } },
    model: model(), budget: { per_hour: 4, used_last_hour: Math.min(4, incidents.length), held_back_today: 3, alerts_today: incidents.length }, lag_ms: 40 + 60 * random(), paused_ingest: false, health: health(),
  };
}

const COMPARE = { '>=': (a, b) => a >= b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '<': (a, b) => a < b };
function cidr(ip, block) {
  const [base, bits] = block.split('/');
  const n = (t) => t.split('.').reduce((a, b) => a * 256 + Number(b), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(n(ip) / size) === Math.floor(n(base) / size);
}
function matches(value, want) {
  if (Array.isArray(value)) return value.some((v) => matches(v, want));
  const op = Object.keys(COMPARE).find((o) => want.startsWith(o));
  if (op) return value !== null && COMPARE[op](Number(value), Number(want.slice(op.length)));
  if (/^[\d.]+\/\d+$/.test(want)) return typeof value === 'string' && cidr(value, want);
  if (want.includes('*')) return new RegExp(`^${want.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i').test(String(value));
  return String(value).toLowerCase() === want.toLowerCase();
}
const ALIAS = { step: (o) => Boolean(o.part_of), story: (o) => o.part_of ?? o.id, src_ip: (o) => o.src_ip ?? o.src, dest_ip: (o) => o.dest_ip ?? o.dest, ip: (o) => o.ip ? [o.ip] : [o.src_ip ?? o.src, o.dest_ip ?? o.dest].flat(), port: (o) => [o.src_port, o.dest_port].flat(), bytes: (o) => o.bytes_toserver + o.bytes_toclient };
class Bad extends Error {}
function filter(q, known) {
  const tests = (q ?? '').split(/\s+/).filter(Boolean).map((token) => {
    const not = token.startsWith('-');
    const body = not ? token.slice(1) : token;
    const colon = body.indexOf(':');
    if (colon < 0) return (o) => JSON.stringify(o).toLowerCase().includes(body.toLowerCase()) !== not;
    const field = body.slice(0, colon); const want = body.slice(colon + 1);
    if (!ALIAS[field] && !known.includes(field)) throw new Bad(`Unknown field "${field}". Known: ${[...Object.keys(ALIAS), ...known].join(', ')}.`);
    return (o) => matches(ALIAS[field] ? ALIAS[field](o) : o[field], want) !== not;
  });
  return (o) => tests.every((t) => t(o));
}
function page(list, url, known, timeOf) {
  const p = url.searchParams;
  const test = filter(p.get('q'), known);
  const from = Date.parse(p.get('from') ?? '') || -Infinity; const to = Date.parse(p.get('to') ?? '') || Infinity;
  const limit = Math.min(500, Number(p.get('limit') ?? 100)); const after = Number(p.get('cursor') ?? 0);
  const all = list.filter((o) => { const t = timeOf(o); return t >= from && t <= to && test(o); });
  const items = all.slice(after, after + limit);
  return { items, total: all.length, next_cursor: after + limit < all.length ? String(after + limit) : null };
}
const tuple = (f) => [f.flow_id, Date.parse(f.end), f.duration_ms, f.bytes_toserver + f.bytes_toclient, f.score, f.anomalous ? 1 : 0];

const FEATURES = [['forward_payload_mean_bytes', 'bytes', 40, 610], ['backward_payload_mean_bytes', 'bytes', 44, 1380], ['duration_ms', 'ms', 4, 92_000], ['iat_mean_ms', 'ms', 3.1, 4100], ['iat_std_ms', 'ms', 0, 9000], ['forward_packets', 'packets', 2, 120], ['backward_packets', 'packets', 1, 640], ['syn_ratio', 'ratio', 0, 0.4], ['byte_ratio', 'ratio', 0.02, 0.71], ['retransmission_ratio', 'ratio', 0, 0.06], ['init_window_forward', 'bytes', 8192, 65535], ['idle_mean_ms', 'ms', 0, 14000]];
function flowDetail(f) {
  const stats = (packetsN, bytesN) => ({ packets: packetsN, bytes: bytesN, payload_mean_bytes: bytesN / Math.max(1, packetsN) - 54, payload_std_bytes: 212.4, payload_max_bytes: 1448, iat_mean_ms: f.duration_ms / Math.max(1, packetsN), iat_std_ms: 4.21, iat_max_ms: f.duration_ms / 3, header_bytes: packetsN * 40, retransmissions: 0, missed_bytes: 0, init_window: 64240, flag_syn: 1, flag_ack: packetsN, flag_psh: 2, flag_fin: 1, flag_rst: 0 });
  const features = FEATURES.map(([feature, unit, low, high], i) => ({ feature, unit, expected: [low, high], value: f.anomalous && i < 3 ? high * (1.8 + i) : low + (high - low) * ((f.flow_id * (i + 3)) % 97) / 130 }));
  const app = f.app_proto === 'tls' || f.app_proto === 'quic' ? { type: 'tls', quic: f.app_proto === 'quic', sni: f.host_name, alpn: ['h2', 'http/1.1'], version: '1.3', ja4: 't13d1516h2_8daaf6152771_02713d6af862' } : f.app_proto === 'dns' ? { type: 'dns', multicast: false, response: false, id: 4711, rrname: f.host_name, rrtype: 'A', rcode: '', answers: [], ttl_s: 0, message_bytes: 44 } : f.app_proto === 'http' ? { type: 'http', response: false, http_method: 'GET', hostname: f.host_name, url: '/packages/index.json', http_user_agent: 'apt/2.6', http_content_type: '', status: 0, length: 0 } : null;
  const response = app?.type === 'dns' ? { ...app, response: true, rcode: 'NOERROR', answers: ['192.0.2.80'], ttl_s: 300, message_bytes: 60 } : null;
  const s = f.score ?? 0;
  return { flow: f, statistics: { forward: stats(f.pkts_toserver, f.bytes_toserver), backward: stats(f.pkts_toclient, f.bytes_toclient), both: { duration_ms: f.duration_ms, packets: f.pkts_toserver + f.pkts_toclient, bytes_per_s: (f.bytes_toserver + f.bytes_toclient) / Math.max(0.001, f.duration_ms / 1000), handshake_ms: 1.24, subflows: 1 } }, app, app_response: response, src_mac: '02:00:5e:10:00:0e', dest_mac: '02:00:5e:10:00:01',
    members: [['isolation_forest', s], ['local_outlier_factor', Math.max(0, s - 0.05)], ['autoencoder', Math.max(0, s - 0.01)]].map(([name, score], i) => ({ name, score, p_value: f.anomalous ? 10 ** -(5 - i) : 1 - score, admitted: i !== 1 || f.flow_id % 2 === 0 })),
    why: f.anomalous ? features.slice(0, 3).map((x, i) => ({ ...x, share: [0.52, 0.24, 0.11][i] })) : [], features, incidents: incidents.filter((i) => i.flows.includes(f.flow_id)).map((i) => i.id), packets: packets.filter((p) => p.src_ip === f.src_ip && p.dest_ip === f.dest_ip).slice(-8) };
}

function series(url) {
  const p = url.searchParams; const to = Date.parse(p.get('to') ?? '') || Date.now(); const from = Date.parse(p.get('from') ?? '') || to - 300_000;
  const step = Number(p.get('step') ?? 0) || Math.max(1, Math.ceil((to - from) / 1000 / 600));
  const first = Math.floor(from / 1000 / step) * step * 1000; const n = Math.max(1, Math.min(3600, Math.ceil((to - first) / 1000 / step)));
  const rows = Array.from({ length: n }, (_, i) => secondAt(first + i * step * 1000));
  const read = (m) => rows.map((r, i) => { if (first + i * 1000 * step > Date.now() || (QUIET && first + i * 1000 * step < started)) return null; const [k, c] = m.split('.'); return c ? r[`${k}_by_class`]?.[c] ?? null : r[k] ?? 0; });
  const out = (p.get('metric') ?? 'bytes').split(',').map((metric) => ({ metric, from: iso(first), step_s: step, values: read(metric) }));
  return out.length === 1 ? out[0] : out;
}
function top(what) {
  const sums = new Map();
  for (const f of flows.slice(-8000)) {
    const names = what === 'hosts' ? [f.src_ip, f.dest_ip] : what === 'ports' ? [`${f.proto.toLowerCase()}/${f.dest_port}`] : [f.app_proto === 'unknown' ? f.proto.toLowerCase() : f.app_proto];
    for (const name of names) { const s = sums.get(name) ?? { name, bytes: 0, packets: 0, flows: 0 }; s.bytes += f.bytes_toserver + f.bytes_toclient; s.packets += f.pkts_toserver + f.pkts_toclient; s.flows += 1; sums.set(name, s); }
  }
  return { items: [...sums.values()].sort((a, b) => b.bytes - a.bytes).slice(0, 20) };
}

const readers = new Set(); const buffer = []; let sequence = 0;
function emit(event, data) {
  sequence += 1;
  const item = { id: sequence, event, text: `id: ${sequence}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n` };
  keep(buffer, item, 4096);
  for (const r of readers) if (r.events.has(event)) r.response.write(item.text);
}
function openStream(request, response, url) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const reader = { response, events: new Set((url.searchParams.get('events') ?? 'tick,incident,health').split(',')) };
  const last = Number(request.headers['last-event-id'] ?? NaN);
  if (Number.isFinite(last)) {
    if (buffer.length && last < buffer[0].id - 1) response.write('event: reset\ndata: {}\n\n');
    for (const item of buffer) if (item.id > last && reader.events.has(item.event)) response.write(item.text);
  }
  readers.add(reader);
  response.write(': hello\n\n');
  request.on('close', () => readers.delete(reader));
}

setInterval(() => {
  const ts = Date.now(); const second = secondAt(ts);
  totals.packets += second.packets; totals.bytes += second.bytes;
  keep(seconds, { ts, second }, 600);
  emit('tick', { ts: iso(ts), summary: summary(), second });
}, 1000);
setInterval(() => {
  const now = Date.now();
  const fresh = Array.from({ length: QUIET ? (random() < 0.2 ? 1 : 0) : 15 }, () => makeFlow(now - random() * 200));
  if (fresh.length === 0) return;
  for (const f of fresh) { keep(flows, f, 80_000); if (f.anomalous) totals.anomalous += 1; }
  const burst = Array.from({ length: 40 }, () => makePacket(now - random() * 240, fresh[Math.floor(random() * fresh.length)])).sort((a, b) => a.timestamp.localeCompare(b.timestamp)).map((p, i, all) => ({ ...p, id: Math.min(...all.map((x) => x.id)) + i }));
  for (const p of burst) keep(packets, p, 20_000);
  emit('flow', { items: fresh, skipped: 0 });
  emit('verdict', { items: fresh.map(tuple), skipped: 0 });
  emit('packet', { items: burst, skipped: Math.round(random() * 900) });
}, 250);
if (!QUIET) setInterval(() => {
  const at = Date.now(); const mine = Array.from({ length: 14 }, () => makeFlow(at - random() * 900, '10.20.0.31'));
  mine.forEach((f) => keep(flows, f, 80_000)); totals.anomalous += mine.length;
  emit('verdict', { items: mine.map(tuple), skipped: 0 });
  const incident = makeIncident(at, mine); incidents.unshift(incident); if (incidents.length > 300) incidents.pop();
  emit('incident', incident);
}, Number(option('--incident-every', 25)) * 1000);

function body(request) { return new Promise((resolve) => { let text = ''; request.on('data', (c) => { text += c; }); request.on('end', () => resolve(text)); }); }
const json = (response, data, status = 200) => { response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', 'cache-control': 'no-store' }); response.end(JSON.stringify(data)); };
const problem = (response, status, title, detail) => json(response, { type: 'about:blank', title, status, detail }, status);
const FLOW_FIELDS = Object.keys(makeFlow(started)); const PACKET_FIELDS = ['id', 'src', 'dest', 'src_ip', 'dest_ip', 'src_port', 'dest_port', 'protocol', 'length', 'info', 'score'];
const INCIDENT_FIELDS = ['suppressed_by', 'domains', 'id', 'kind', 'title', 'severity', 'score', 'src', 'dest', 'dest_port', 'status', 'attack', 'alerts', 'over_budget'];

/** What people called false positives; a stand-in for the server's rules: same kind, and the scope's hosts. */
const hidden = []; let said = 0;
const SCOPES = { pair: (a, b) => a.src[0] === b.src[0] && a.dest[0] === b.dest[0], host_service: (a, b) => a.src[0] === b.src[0], everywhere: () => true };
const like = (scope, a) => incidents.filter((b) => b === a || (b.kind === a.kind && b.status === 'open' && SCOPES[scope](a, b)));
const words = (scope, i) => `${i.kind.replaceAll('_', ' ')} from ${scope === 'everywhere' ? 'any host' : i.src[0]}${scope === 'pair' ? ` to ${i.dest[0] ?? 'anywhere'}` : ''}`;
const preview = (i) => ({ scopes: Object.keys(SCOPES).map((scope) => ({ scope, text: words(scope, i), incidents: like(scope, i).length, alerts: like(scope, i).reduce((n, x) => n + x.alerts, 0) })) });
function takeBack(known) {
  hidden.splice(hidden.indexOf(known), 1);
  const back = incidents.filter((i) => i.suppressed_by === known.id);
  for (const i of back) { i.status = 'open'; delete i.suppressed_by; delete i.feedback; emit('incident', i); }
  return back.length;
}
function say(i, { verdict, scope = 'pair', until = null }) {
  const old = hidden.find((h) => h.incident === i.id); if (old) takeBack(old);
  delete i.feedback;
  if (!verdict) return;
  said += 1;
  i.feedback = { id: said, verdict, scope: verdict === 'false_positive' ? scope : null, until, at: iso(Date.now()) };
  if (verdict !== 'false_positive') return;
  const text = words(scope, i); const all = like(scope, i);
  for (const one of all) { one.status = 'false_positive'; one.suppressed_by = said; if (one !== i) emit('incident', one); }
  hidden.push({ id: said, incident: i.id, kind: i.kind, scope, src: i.src, dest: i.dest, dest_port: i.dest_port, features: [], created: iso(Date.now()), until, text, title: i.title, active: true, incidents: all.length });
}

async function api(path, request, response, url) {
  const fail = option('--fail', ''); if (fail && fail.split(',').some((f) => path.startsWith(f))) return problem(response, 503, 'The store is not answering', 'The disk that holds the data directory is full: free some space, Tripline goes on by itself.');
  const slow = option('--slow', ''); if (slow) await new Promise((r) => setTimeout(r, Number(slow)));
  let m;
  if (path === '/live') return openStream(request, response, url);
  if (path === '/summary') return json(response, summary());
  if (path === '/health') return json(response, { status: 'ok', items: health(), counters: {} });
  if (path === '/sockets') return json(response, sockets(option('--mode', 'demo') === 'host'));
  if (path === '/sources') return json(response, told(option('--sources', 'few'), url.searchParams));
  if (path === '/series') return json(response, series(url));
  if (path === '/top') return json(response, top(url.searchParams.get('what')));
  if (path === '/flows/scatter') { const n = Number(url.searchParams.get('limit') ?? 50000); const from = Date.parse(url.searchParams.get('from') ?? '') || 0; const all = flows.filter((f) => Date.parse(f.end) >= from); return json(response, { points: all.slice(-n).reverse().map(tuple), total: all.length }); }
  if (path === '/flows') return json(response, page([...flows].reverse(), url, FLOW_FIELDS, (f) => Date.parse(f.end)));
  if ((m = path.match(/^\/flows\/(\d+)$/))) { const f = flows.find((x) => x.flow_id === Number(m[1])); return f ? json(response, flowDetail(f)) : problem(response, 404, 'No such flow', 'It may have left the store by retention.'); }
  if (path === '/graph') return json(response, graph(flows, incidents, url));
  if (path === '/incidents/counts') return json(response, incidentCounts(incidents, url));
  if (path === '/countries') return json(response, countries());
  if (path === '/incidents') return json(response, page(incidents, url, INCIDENT_FIELDS, (i) => Date.parse(i.last_seen)));
  if ((m = path.match(/^\/incidents\/(\w+)\/pcap$/)) || path === '/packets/pcap') { response.writeHead(200, { 'content-type': 'application/x-pcapng', 'content-disposition': 'attachment; filename="tripline.pcapng"' }); return response.end(Buffer.from('0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000', 'hex')); }
  if ((m = path.match(/^\/incidents\/(\w+)$/))) {
    const i = incidents.find((x) => x.id === m[1]); if (!i) return problem(response, 404, 'No such incident', '');
    if (request.method === 'PATCH') { const change = JSON.parse(await body(request)); if (change.status) i.status = change.status; if (change.note) i.notes.push({ ts: iso(Date.now()), text: change.note }); if (change.feedback) say(i, change.feedback); emit('incident', i); return json(response, i); }
    return json(response, { incident: i, countries: {}, flows: flows.filter((f) => i.flows.includes(f.flow_id)).reverse(), similar: incidents.filter((x) => x.kind === i.kind && x.id !== i.id).slice(0, 5).map((x) => ({ ...x, same: ['kind', ...(x.src[0] === i.src[0] ? ['source'] : [])] })) });
  }
  if ((m = path.match(/^\/incidents\/(\w+)\/feedback$/))) { const i = incidents.find((x) => x.id === m[1]); return i ? json(response, preview(i)) : problem(response, 404, 'No such incident', ''); }
  if (path === '/suppressions/preview' || (path === '/suppressions' && request.method === 'POST')) {
    const given = JSON.parse(await body(request)); const wrong = ruleProblem(given.rule);
    if (wrong) return problem(response, 422, 'Unprocessable Entity', wrong);
    const all = incidents.filter((i) => ['open', 'acknowledged'].includes(i.status) && !i.suppressed_by && ruleCovers(given.rule, i));
    if (path.endsWith('preview')) return json(response, { text: ruleWords(given.rule), incidents: all.length, alerts: all.reduce((n, i) => n + i.alerts, 0), examples: all.slice(0, 5).map(({ id, title }) => ({ id, title })) });
    said += 1;
    const made = { id: said, incident: '', kind: null, scope: null, src: [], dest: [], dest_port: [], features: [], created: iso(Date.now()), until: given.until ?? null, text: ruleWords(given.rule), title: ruleWords(given.rule), active: true, incidents: all.length, rule: given.rule, reason: given.reason };
    for (const i of all) { i.status = 'false_positive'; i.suppressed_by = said; emit('incident', i); }
    hidden.push(made); logRule(`${made.text}: ${made.reason}`);
    return json(response, made, 201);
  }
  if (path === '/suppressions') return json(response, { items: [...hidden].reverse() });
  if (path === '/settings' && request.method === 'PATCH') { const [status, answer] = changeSettings(JSON.parse(await body(request))); return status < 400 ? json(response, answer) : problem(response, status, status === 409 ? 'Conflict' : 'Unprocessable Entity', answer); }
  if (path === '/settings/preview') return json(response, previewSettings(JSON.parse(await body(request))));
  if (path === '/setup') return json(response, setup());
  if (path === '/settings') return json(response, settings());
  const upload = { id: '18ea5b6e9f8a3630', name: 'night.pcap', bytes: 148_872, received: iso(started), phase: 'done', packets_read: 2011, packets_total: 2011, incidents: 1, severity_max: 'high', error: null };
  if (path === '/reports') return json(response, { reports: [{ id: 'r1', from: iso(started - 86_400_000), to: iso(started), made: iso(started), bytes: 24_310, formats: ['html', 'json', 'csv'], incidents: 3, origin: 'schedule', words: '3 incidents were raised (1 high, 2 medium); 2 are still open.' }], every: 'day', at: '07:00', zone: 'local', next: iso(started + 86_400_000), mail_channels: ['mail'], keep: 60, trouble: '' });
  if (path === '/captures') return json(response, { items: [upload], bytes: upload.bytes, bytes_max: 4 * 2 ** 30, upload_bytes_max: 2 ** 30 });
  if (path === `/captures/${upload.id}`) return json(response, { upload, analysis: { input: { packets: 2011, bytes: 116_000, first: iso(started - 90_000), last: iso(started - 60_000), drops: {}, decode_errors: {}, notes: [] }, flows: 997, hosts: 2, trained_on: { flows: 990, how: 'whole_input' }, contents: captureContents(started), incidents: incidents.slice(0, 1), held_back: [] } });
  if (path === '/threat-lists') return json(response, { entries: 41_207, entries_max: 1_000_000, lists: [['page-test', '/etc/tripline/bad.txt', 'critical', 2, 1, 1, null], ['feed', 'https://feed.example/indicators.csv', 'high', 41_205, 312, 0, 'the server answered 503 Service Unavailable; the content of 3 hours ago stays in use']].map(([name, from, severity, entries, repeated, too_broad, problem]) => ({ name, from, severity, entries, repeated, not_matchable: 0, too_broad, expired: 0, over_bound: 0, first_problem: too_broad ? 'line 4: 0.0.0.0/0 is too broad' : '', read: iso(Date.now() - (problem ? 10_800_000 : 90_000)), problem })) });
  if (path === '/notifications') return json(response, { lost: 0, failed: [], channels: [['mail', 'email', 'ops@example.org', 'idle', 'Ready.', ''], ['pager', 'webhook', 'https://hooks.example.net', 'failing', 'The far side does not accept; tried again.', 'connection refused']].map(([name, kind, target, state, text, last_error]) => ({ name, kind, target, severity_min: 'high', kinds: [], state, text, waiting: state === 'failing' ? 2 : 0, accepted: 12, dropped: 0, failed: 0, last_accepted: iso(Date.now() - 600_000), said: '250 OK', last_error, failures: 0, next_try: null })) });
  if (path === '/notifications/test') { const { channel } = JSON.parse(await body(request)); return channel === 'mail' ? json(response, { channel, said: '250 2.0.0 queued' }) : problem(response, 502, 'Bad Gateway', 'connection refused'); }
  if (path === '/presets') return json(response, presets());
  if (path === '/hosts') { const by = SORTS[url.searchParams.get('sort') ?? 'first_seen']; return json(response, page(hostRows(flows, incidents, Date.now()).sort((a, b) => by(b) - by(a) || (a.ip < b.ip ? 1 : -1)), url, HOST_FIELDS, (h) => Date.parse(h.last_seen))); }
  if ((m = path.match(/^\/hosts\/([\w.:%]+)\/course$/))) return json(response, course(decodeURIComponent(m[1]), Date.now()));
  if ((m = path.match(/^\/hosts\/([\w.:%]+)$/))) {
    const ip = decodeURIComponent(m[1]); const one = () => hostRows(flows, incidents, Date.now()).find((h) => h.ip === ip);
    if (!one()) return problem(response, 404, 'Not Found', `${ip} has not been seen`);
    if (request.method === 'PATCH') { sayOfHost(ip, JSON.parse(await body(request))); return json(response, one()); }
    const mine = flows.filter((f) => f.src_ip === ip || f.dest_ip === ip).slice(-400).reverse(); const peers = new Map();
    for (const f of mine) { const other = f.src_ip === ip ? f.dest_ip : f.src_ip; const p = peers.get(other) ?? { ip: other, flows: 0, bytes: 0 }; p.flows += 1; p.bytes += f.bytes_toserver + f.bytes_toclient; peers.set(other, p); }
    const host = one();
    return json(response, { host, asset: assetOf(ip), incidents: incidents.filter((i) => [...i.src, ...i.dest].includes(ip)).slice(0, 50), flows: mine.slice(0, 100), peers: [...peers.values()].sort((a, b) => b.bytes - a.bytes).slice(0, 50), services: host.services.map((x) => ({ ...x, proto: x.proto === 6 ? 'TCP' : 'UDP' })) });
  }
  if ((m = path.match(/^\/suppressions\/(\d+)$/)) && request.method === 'DELETE') { const known = hidden.find((h) => h.id === Number(m[1])); return known ? json(response, { incidents: takeBack(known) }) : problem(response, 404, 'No such suppression', ''); }
  if (/^\/(scans|assets)(\/|$)/.test(path)) { const answer = scansApi(path, request.method, url, await body(request), { page, emit }); if (answer) return answer[0] < 400 ? json(response, answer[1], answer[0]) : problem(response, answer[0], answer[1], answer[2]); }
  if (path === '/models') return json(response, models(model(), started));
  if (path === '/models/questions') { const open = incidents.filter((i) => i.status === 'open' && !i.feedback && !i.suppressed_by && i.flows.length > 0).slice(0, 3); return json(response, { per_day: 5, answered_today: 0, items: open.map((incident) => ({ incident, doubt: 0.7, text: '3 of 5 detectors flag it, the vote counted; the vote\'s p is 0.0008, its threshold 0.001' })) }); }
  if (path.startsWith('/models/')) { const [status, answer] = askModels(path.slice(8), await body(request)); return status < 400 ? json(response, answer ?? models(model(), started), status) : problem(response, status, answer, ''); }
  if (path === '/packets') { const after = Number(url.searchParams.get('after') ?? 0); return json(response, page([...packets].reverse().filter((p) => p.id > after), url, PACKET_FIELDS, (p) => Date.parse(p.timestamp))); }
  if ((m = path.match(/^\/packets\/(\d+)$/))) { const p = packets.find((x) => x.id === Number(m[1])); return p ? json(response, packetDetail(p)) : problem(response, 404, 'The packet left the ring', 'Pause earlier, or open the incident: its packets are kept.'); }
  if ((m = path.match(/^\/export\/(\w+)$/))) { response.writeHead(200, { 'content-type': 'text/csv', 'content-disposition': `attachment; filename="${m[1]}.csv"` }); return response.end('id\n'); }
  return problem(response, 404, 'No such path', path);
}
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
async function asset(path, response) {
  const file = normalize(path).replace(/^\/+/, '');
  for (const name of [file || 'index.html', 'index.html']) {
    try { const data = await readFile(join(ASSETS, name)); response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream', 'content-security-policy': CSP, 'x-content-type-options': 'nosniff' }); return response.end(data); } catch { if (extname(file)) break; }
  }
  response.writeHead(404); response.end();
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  try {
    if (url.pathname.startsWith('/api/v1')) await api(url.pathname.slice(7), request, response, url);
    else await asset(decodeURIComponent(url.pathname), response);
  } catch (error) {
    if (error instanceof Bad) problem(response, 400, 'Unknown field', error.message);
    else { console.error(error); if (!response.headersSent) problem(response, 500, 'Mock failed', String(error)); }
  }
}).listen(PORT, '127.0.0.1', () => console.log(`mock on http://127.0.0.1:${PORT}`));
