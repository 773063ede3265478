// An invented office network for the mock server: flows, packets, incidents and counters that change. Addresses are
// private or reserved for documentation (RFC 5737), names end in example.*. Deterministic: one seed, one story.

let seed = 20260101;
export function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const pick = (list) => list[Math.floor(random() * list.length)];
const int = (low, high) => Math.floor(low + random() * (high - low + 1));
const logUniform = (low, high) => Math.exp(Math.log(low) + random() * Math.log(high / low));
export const iso = (ms) => new Date(ms).toISOString();

const CLIENTS = Array.from({ length: 24 }, (_, i) => `10.20.0.${i + 11}`);
const SERVERS = [
  ['10.20.0.2', 53, 'UDP', 'dns', ''],
  ['10.20.0.5', 445, 'TCP', 'unknown', 'files.example.org'],
  ['10.20.0.6', 22, 'TCP', 'ssh', 'build.example.org'],
  ['192.0.2.80', 443, 'TCP', 'tls', 'www.example.com'],
  ['192.0.2.81', 443, 'TCP', 'tls', 'mail.example.com'],
  ['198.51.100.20', 443, 'UDP', 'quic', 'video.example.net'],
  ['198.51.100.33', 80, 'TCP', 'http', 'updates.example.net'],
  ['203.0.113.7', 123, 'UDP', 'ntp', ''],
];
const NAMES = ['www.example.com', 'mail.example.com', 'updates.example.net', 'cdn.example.net', 'files.example.org'];

let nextFlow = 4_100_200_300_400;
export function makeFlow(end, attack = null) {
  const [ip, port, proto, app, host] = attack ? ['10.20.0.6', int(1, 9000), 'TCP', 'unknown', ''] : pick(SERVERS);
  const src = attack ?? pick(CLIENTS);
  const anomalous = attack !== null || random() < 0.004;
  const bytesOut = Math.round(attack ? 60 : logUniform(80, 40_000));
  const bytesIn = Math.round(attack ? (random() < 0.9 ? 54 : 0) : logUniform(90, app === 'quic' ? 9e6 : 6e5));
  const durationMs = attack ? random() * 2 : app === 'dns' || app === 'ntp' ? logUniform(0.4, 60) : logUniform(8, 90_000);
  const odd = anomalous && !attack;
  nextFlow += int(1, 900);
  const score = anomalous ? 0.93 + random() * 0.069 : Math.min(0.9, Math.abs(random() + random() - 0.9));
  return {
    flow_id: nextFlow, start: iso(end - durationMs), end: iso(end), duration_ms: durationMs,
    src_ip: src, src_port: int(32768, 60999), dest_ip: ip, dest_port: port, proto, app_proto: app,
    state: attack ? 'REJ' : proto === 'TCP' ? pick(['SF', 'SF', 'SF', 'S1', 'RSTO']) : 'SF',
    history: attack ? 'Sr' : proto === 'TCP' ? 'ShADadFf' : 'Dd', reason: attack ? 'rst' : proto === 'TCP' ? 'fin' : 'idle',
    pkts_toserver: Math.max(1, Math.round(bytesOut / 400)), pkts_toclient: Math.round(bytesIn / 900) + (bytesIn ? 1 : 0),
    bytes_toserver: odd ? bytesOut * 900 : bytesOut, bytes_toclient: bytesIn,
    community_id: `1:${Buffer.from(String(nextFlow * 7919)).toString('base64').slice(0, 27)}=`,
    in_iface: 'demo0', vlan: 0, tunnel: '', host_name: app === 'dns' ? pick(NAMES) : host,
    score, p_value: anomalous ? logUniform(1e-7, 1e-4) : 1 - score, anomalous,
  };
}

let nextPacket = 1;
const INFO = {
  TCP: (f) => `${f.src_port} → ${f.dest_port} [ACK] Seq=${int(1, 90000)} Ack=${int(1, 90000)} Win=501 Len=${int(0, 1448)}`,
  DNS: (f) => `Standard query 0x${int(4096, 65535).toString(16)} A ${f.host_name || 'www.example.com'}`,
  TLS: (f) => `Client Hello (SNI=${f.host_name})`,
  QUIC: (f) => `Initial, ${f.host_name}`,
  HTTP: () => 'GET /packages/index.json HTTP/1.1',
  SSH: () => 'Client: Protocol (SSH-2.0-OpenSSH_9.6)',
  NTP: () => 'NTP Version 4, client',
  ARP: () => 'Who has 10.20.0.1? Tell 10.20.0.14',
};
export function makePacket(ts, flow) {
  const app = flow.app_proto.toUpperCase();
  const protocol = random() < 0.02 ? 'ARP' : INFO[app] && random() < 0.35 ? app : flow.proto === 'UDP' ? (INFO[app] ? app : 'UDP') : 'TCP';
  const back = random() < 0.45;
  const [a, b] = back ? ['dest', 'src'] : ['src', 'dest'];
  const arp = protocol === 'ARP';
  return {
    id: nextPacket++, timestamp: iso(ts),
    src: arp ? '02:00:5e:10:00:0e' : flow[`${a}_ip`], dest: arp ? 'ff:ff:ff:ff:ff:ff' : flow[`${b}_ip`],
    src_ip: arp ? null : flow[`${a}_ip`], dest_ip: arp ? null : flow[`${b}_ip`],
    src_port: arp ? 0 : flow[`${a}_port`], dest_port: arp ? 0 : flow[`${b}_port`],
    protocol, length: arp ? 60 : int(60, 1514), info: (INFO[protocol] ?? INFO.TCP)(flow), score: flow.anomalous ? flow.score : random() < 0.5 ? flow.score : null,
  };
}

const ipBytes = (ip) => ip.split('.').map(Number);
export function packetDetail(packet) {
  const bytes = Array.from({ length: Math.min(packet.length, 1514) }, (_, i) => (i * 37 + packet.id * 11 + ((i * i) >> 3)) & 255);
  const put = (at, values) => values.forEach((v, i) => { bytes[at + i] = v; });
  put(0, [2, 0, 94, 16, 0, 14, 2, 0, 94, 16, 0, 1, packet.src_ip ? 8 : 8, packet.src_ip ? 0 : 6]);
  const field = (name, label, value, offset, length) => ({ name, label, value: String(value), offset, length });
  const layers = [{ name: 'Ethernet II', offset: 0, length: 14, fields: [
    field('eth.dst', 'Destination', '02:00:5e:10:00:0e', 0, 6), field('eth.src', 'Source', '02:00:5e:10:00:01', 6, 6),
    field('eth.type', 'Type', packet.src_ip ? 'IPv4 (0x0800)' : 'ARP (0x0806)', 12, 2)] }];
  if (!packet.src_ip) {
    layers.push({ name: 'Address Resolution Protocol', offset: 14, length: 28, fields: [
      field('arp.opcode', 'Opcode', 'request (1)', 20, 2), field('arp.src.hw_mac', 'Sender MAC address', packet.src, 22, 6),
      field('arp.src.proto_ipv4', 'Sender IP address', '10.20.0.14', 28, 4), field('arp.dst.proto_ipv4', 'Target IP address', '10.20.0.1', 38, 4)] });
    return { summary: packet, layers, hex: Buffer.from(bytes).toString('hex'), stopped: '' };
  }
  put(14, [0x45, 0, packet.length >> 8, packet.length & 255]);
  put(26, ipBytes(packet.src_ip)); put(30, ipBytes(packet.dest_ip));
  put(34, [packet.src_port >> 8, packet.src_port & 255, packet.dest_port >> 8, packet.dest_port & 255]);
  const udp = ['DNS', 'QUIC', 'NTP', 'UDP'].includes(packet.protocol);
  layers.push({ name: 'Internet Protocol Version 4', offset: 14, length: 20, fields: [
    field('ip.version', 'Version', 4, 14, 1), field('ip.len', 'Total length', packet.length - 14, 16, 2), field('ip.ttl', 'Time to live', 64, 22, 1),
    field('ip.proto', 'Protocol', udp ? 'UDP (17)' : 'TCP (6)', 23, 1), field('ip.src', 'Source address', packet.src_ip, 26, 4), field('ip.dst', 'Destination address', packet.dest_ip, 30, 4)] });
  const p = udp ? 'udp' : 'tcp';
  const fields = [field(`${p}.srcport`, 'Source port', packet.src_port, 34, 2), field(`${p}.dstport`, 'Destination port', packet.dest_port, 36, 2)];
  if (!udp) fields.push(field('tcp.seq_raw', 'Sequence number', 901233, 38, 4), field('tcp.ack_raw', 'Acknowledgment number', 412, 42, 4), field('tcp.flags', 'Flags', '0x018 (PSH, ACK)', 46, 2), field('tcp.window_size_value', 'Window', 501, 48, 2));
  layers.push({ name: udp ? 'User Datagram Protocol' : 'Transmission Control Protocol', offset: 34, length: udp ? 8 : 20, fields });
  const head = udp ? 42 : 54;
  if (packet.length > head) layers.push({ name: packet.protocol === 'TCP' || packet.protocol === 'UDP' ? 'Payload' : packet.protocol, offset: head, length: bytes.length - head, fields: [field(`${p}.payload`, 'Payload', `${bytes.length - head} bytes`, head, bytes.length - head)] });
  return { summary: packet, layers, hex: Buffer.from(bytes).toString('hex'), stopped: packet.id % 17 === 0 ? 'TLS record is longer than the packet: the rest travels in the next segment' : '' };
}

const STORIES = [
  ['port_scan', 'high', 'T1046', '10.20.0.31 asked 10.20.0.6 for 1,204 ports in 48 s; 1,197 refused', 'Ask who runs 10.20.0.31. If nobody planned a scan, take it off the network and look at what it did in the hour before.', [['distinct_ports_per_min', 1204, [1, 9], 'ports', 0.62], ['failed_ratio', 0.994, [0, 0.12], 'ratio', 0.31], ['payload_mean_bytes', 0, [38, 820], 'bytes', 0.07]], ['scan_random_walk', 'isolation_forest']],
  ['exfiltration', 'critical', 'T1048', '10.20.0.17 sent 2.4 GB to 203.0.113.66, 410 times its usual upload', 'Look at the process that owns the connection and stop the upload if nobody expects it. Keep the packets.', [['forward_bytes', 2.4e9, [2200, 5.9e6], 'bytes', 0.55], ['duration_ms', 1.9e6, [4, 92000], 'ms', 0.2], ['byte_ratio', 0.98, [0.02, 0.71], 'ratio', 0.15]], ['autoencoder', 'local_outlier_factor', 'isolation_forest']],
  ['beacon', 'medium', 'T1071.001', '10.20.0.22 calls 198.51.100.99 every 60 s with almost no jitter', 'See which program makes the calls. A monitoring agent would be known to you; an unknown one is worth a memory image.', [['interval_jitter_ratio', 0.013, [0.18, 2.4], 'ratio', 0.7], ['calls_per_hour', 60, [0, 14], 'flows', 0.2]], ['beacon_spectrum']],
  ['anomalous_flow', 'low', 'T1571', 'A TLS flow from 10.20.0.19 on port 8099 is unlike what was learned', 'Open the flow, see the name it asked for, and mark it a false positive if the service is known.', [['forward_payload_mean_bytes', 1391, [40, 610], 'bytes', 0.41], ['iat_mean_ms', 0.7, [3.1, 4100], 'ms', 0.33]], ['isolation_forest', 'autoencoder']],
  ['arp_spoof', 'critical', 'T1557.002', '02:00:5e:66:06:06 claims the address of the router 10.20.0.1', 'Find the switch port of that Ethernet address and close it. Until then, traffic may pass through it.', [['claims_per_min', 58, [0, 2], 'claims', 0.8]], ['arp_claims']],
  ['new_device', 'low', 'T1200', 'A device not seen before joined: 10.20.0.77 (02:00:5e:77:00:01)', 'If nobody in the house added it, ask.', [['days_known', 0, [1, 400], 'days', 1]], ['inventory']],
];
let storyCount = 0;
export function makeIncident(at, flows) {
  const [kind, severity, technique, title, advice, why, names] = STORIES[storyCount % STORIES.length];
  storyCount += 1;
  const src = title.match(/10\.20\.0\.\d+/)?.[0] ?? '10.20.0.50';
  const others = [...title.matchAll(/(?:10\.20\.0|203\.0\.113|198\.51\.100)\.\d+/g)].map((m) => m[0]).filter((ip) => ip !== src);
  return {
    id: (0x1f2e3d4c5b6a79n * BigInt(storyCount + 3)).toString(16).padStart(16, '0').slice(-16), kind, title, severity,
    score: { low: 0.71, medium: 0.86, high: 0.95, critical: 0.99 }[severity], first_seen: iso(at - int(20, 110) * 1000), last_seen: iso(at), raised: iso(at - 15_000),
    src: [src], dest: others.slice(0, 3), dest_port: kind === 'port_scan' ? [21, 22, 23, 25, 80, 110, 139, 443, 445, 3306, 3389, 8080] : [443], alerts: int(1, 40), attack: [technique],
    status: 'open', why: why.map(([feature, value, expected, unit, share]) => ({ feature, value, expected, unit, share })),
    detectors: names.map((name, i) => ({ name, score: 0.99 - i * 0.04, p_value: 10 ** (-6 + i) })), flows: flows.map((f) => f.flow_id),
    evidence: { pcap: kind !== 'new_device', packets: kind === 'new_device' ? 0 : int(40, 900) }, advice, over_budget: kind === 'anomalous_flow' && storyCount > 6, notes: [], domains: kind === 'beacon' ? ['updates.example.net'] : [],
  };
}
