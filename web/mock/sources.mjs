// Invented sources: what `GET /sources` answers. `few` is one interface with nothing wrong, `many` is a busy site with trouble of every kind.

import { iso } from './world.mjs';

const LINE = (level, name, text, action) => ({ name, level, text, action });
const wave = (perS, phase) => Array.from({ length: 60 }, (_, i) => Math.max(0, perS * (1 + 0.4 * Math.sin((Date.now() / 1000 + i + phase) / 6) + 0.2 * Math.sin(i * 2.3 + phase))));

export function source(name, kind, more = {}) {
  const perS = more.packets_per_s ?? 1200; const idle = more.idle_ms ?? 40; const at = iso(Date.now() - idle);
  return {
    name, kind, state: 'running', state_text: { interface: 'Capturing', collector: 'Collecting', file: 'Replaying' }[kind] ?? 'Running', level: 'ok', advice: [], last_event: at, last_received: at, idle_ms: idle, lag_ms: 46,
    units: { collector: 'datagrams', log: 'lines' }[kind] ?? 'packets', packets: 4_812_377, bytes: 3_100_000_000, packets_per_s: perS, bytes_per_s: perS * 640, recent_per_s: wave(perS, name.length), told: { flows: 88_123 },
    dropped: {}, gaps: {}, unreadable: {}, buffer_asked_bytes: 67_108_864, buffer_granted_bytes: 67_108_864, workers: 1, notes: [], exporters: [], exporters_total: more.exporters?.length ?? 0, log: null, ...more,
  };
}
const port = (n) => ({ interface: n, speed_bits_per_s: 1e9, bytes_in: 9.1e9 + n * 1e7, packets_in: 8_112_000 + n, bytes_out: 2.2e9, packets_out: 3_900_112, reported: iso(Date.now() - 12_000) });
const exporter = (address, format, more = {}) => ({
  exporter: address, format, domain: 0, level: 'ok', silent_s: 0, last_event: iso(Date.now() - 3000), datagrams: 21_000, records: 310_000, flows: 300_000, flows_per_s: 212, missing: 0, missing_unit: { netflow_v5: 'flows', ipfix: 'records' }[format] ?? 'datagrams',
  reordered: 0, restarts: 0, templates: format === 'netflow_v5' || format === 'sflow' ? 0 : 4, sets_without_template: 0, sets_read_late: 0, sampling: 1, clock_off_s: 0, ignored: {}, unreadable: {}, interfaces: [], ...more,
});

function collector() {
  const exporters = [
    exporter('192.0.2.1', 'netflow_v9', { domain: 256, level: 'warning', missing: 1204, sets_without_template: 9, sets_read_late: 2, restarts: 1 }), exporter('192.0.2.2', 'ipfix', { sampling: 0 }),
    exporter('192.0.2.9', 'sflow', { sampling: 512, interfaces: [1, 2, 3, 24].map(port) }), exporter('2001:db8::7', 'netflow_v5', { level: 'warning', silent_s: 2_520, flows_per_s: 0, last_event: iso(Date.now() - 2_520_000), clock_off_s: 3600 }),
  ];
  return source('exports at 0.0.0.0:2055, 0.0.0.0:6343', 'collector', {
    level: 'warning', packets_per_s: 84, exporters, told: { flows: 1_200_000, records: 1_240_000 }, gaps: { missing_datagrams: 1204, kernel_socket_full: 311 }, dropped: { kernel_socket_full: 311 }, unreadable: { set_truncated: 3 }, buffer_asked_bytes: 8_388_608, buffer_granted_bytes: 212_992,
    advice: [
      LINE('warning', 'exporter silent', '2001:db8::7: nothing for 42 min, longer than ever', 'See whether it still runs and still exports here; its traffic is not watched meanwhile.'),
      LINE('warning', 'collector', 'The kernel granted a receive buffer of 212992 bytes where 8388608 were asked: `sysctl -w net.core.rmem_max=8388608` and start again', 'A burst of exports may be lost in the kernel with a small buffer; losses are counted.'),
      LINE('warning', 'export gaps', '192.0.2.1: 1204 datagrams missing', 'Exports were lost on the way or in the kernel: see Sources for its drops and its buffer.'),
      LINE('info', 'templates', '192.0.2.1: 7 data sets came without their template', 'They are read when the template comes; set the exporter to repeat templates every minute.'),
    ],
  });
}
function syslog() {
  const sample = (reason, text, from, seconds) => ({ received: iso(Date.now() - seconds * 1000), from, reason, text });
  return source('syslog at udp 0.0.0.0:514, tcp 0.0.0.0:514', 'log', {
    level: 'warning', packets: 41_200, packets_per_s: 3.4, bytes: 8_400_000, lag_ms: 1_310, told: { flows: 33_000, alerts: 12 }, unreadable: { format_unknown: 1900, address_missing: 40 }, buffer_asked_bytes: 4_194_304, buffer_granted_bytes: 4_194_304,
    advice: [LINE('warning', 'logs', 'syslog at udp 0.0.0.0:514, tcp 0.0.0.0:514: 1940 of 41200 lines cannot be read: 40 address missing, 1900 format unknown', 'Sources shows some of them; docs/reference/logs.md says which formats are read.')],
    log: {
      used: 33_020, heads: 0, formats: { filterlog: 33_000, syslog: 6240 }, not_used: { 'syslog sshd': 4000, 'syslog cron': 2240 }, unreadable: { format_unknown: 1900, address_missing: 40 }, ahead: 0, too_long: 0, not_utf8: 2,
      sample: [sample('format_unknown', 'gate 12 opened by badge <b>0815</b> (not of a network at all)', '', 4), sample('format_unknown', 'gate 12 closed', '', 9), sample('address_missing', '<134>fw1 filterlog: 5,,,1000000103,em0,match,block,in,4,0x0,,64', '192.0.2.20', 61)],
    },
  });
}

export function sources(which) {
  if (which === 'none') return { sources: [] };
  if (which !== 'many') return { sources: [source('demo0', 'demo', { lag_ms: 40 + 20 * Math.sin(Date.now() / 3000), packets_per_s: 1200 + 200 * Math.sin(Date.now() / 7000) }), source('demo1', 'demo', { packets_per_s: 3, packets: 812, bytes: 91_000 })] };
  const quiet = Array.from({ length: 15 }, (_, i) => source(`eth${i + 1}`, 'interface', { packets_per_s: 40 * (i + 1) }));
  return {
    sources: [
      source('eth0', 'interface', { workers: 4, packets_per_s: 184_000, gaps: { kernel_ring_full: 4 }, dropped: { kernel_ring_full: 4 }, unreadable: { truncated: 12 }, level: 'warning', advice: [LINE('warning', 'drops', 'Packets lost since the start: 4 kernel ring full', 'Give capture more memory (capture.ring_bytes), filter traffic you do not need (-F), or use more workers.')] }),
      source('wlan0', 'interface', { state: 'failed', state_text: 'Failed', level: 'error', lag_ms: null, packets_per_s: 0, recent_per_s: [], idle_ms: 4_000_000, advice: [LINE('error', 'source', 'wlan0 ended: interface wlan0 went down or was removed', 'Bring the interface up and start Tripline again.')] }),
      collector(), syslog(),
      source('logs /var/log/zeek/current/*.log', 'log', { state: 'waiting', state_text: 'Waiting for the first line', packets: 0, bytes: 0, packets_per_s: 0, recent_per_s: Array(60).fill(0), last_event: null, last_received: null, idle_ms: null, lag_ms: null, level: 'info', told: {}, buffer_asked_bytes: 0, buffer_granted_bytes: 0, advice: [LINE('info', 'silent', 'No line has come yet: logs /var/log/zeek/current/*.log', 'Point devices here and let them through the firewall; a followed file counts from its end on (logs.from_start).')] }),
      ...quiet,
    ],
  };
}

/** As the server narrows it. */
export function told(which, params) {
  let list = sources(which).sources;
  if (params.has('name')) list = list.filter((one) => one.name === params.get('name'));
  if (params.get('brief') === 'true') list = list.map((one) => ({ ...one, exporters: [], log: null }));
  return { sources: list };
}
