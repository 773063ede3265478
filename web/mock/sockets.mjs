// An invented machine's own sockets, processes and counters: what `GET /sockets` answers.

import { iso } from './world.mjs';

const NOTHING = { watching: false, alone: false, read: null, problem: null, reading_ms: 0, interfaces: [], listening: [], listening_total: 0, connected: [], connected_total: 0, processes: [], owners_hidden: 0, left_out: 0 };

const row = (proto, role, local_ip, local_port, process, pid, user, more = {}) => ({
  proto, role, local_ip, local_port, remote_ip: null, remote_port: null, loopback: local_ip.startsWith('127.'), since: iso(Date.now() - 90_000), since_start: true,
  uid: user === 'root' ? 0 : 1000, user, pid, process, exe: process ? `/usr/bin/${process}` : '', owner: pid === null ? 'hidden' : 'visible', ...more,
});

export function sockets(watching) {
  if (!watching) return NOTHING;
  const listening = [
    row('TCP', 'listening', '0.0.0.0', 22, '', null, 'root'),
    row('TCP', 'listening', '0.0.0.0', 8000, 'python3', 4711, 'alice', { since_start: false }),
    row('UDP', 'listening', '0.0.0.0', 5353, 'avahi-daemon', 512, 'avahi'),
    row('TCP', 'listening', '127.0.0.1', 7070, 'tripline', 4700, 'alice'),
  ];
  const connected = [row('TCP', 'outgoing', '192.0.2.10', 40_022, 'firefox', 3001, 'alice', { remote_ip: '198.51.100.7', remote_port: 443, since_start: false })];
  const rate = 2e6 + 1e6 * Math.sin(Date.now() / 5000);
  const one = { name: 'eth0', rx_bytes: 9e9, rx_packets: 7e6, rx_errors: 0, rx_dropped: 3, tx_bytes: 1e9, tx_packets: 4e6, tx_errors: 0, tx_dropped: 0, rx_bits_per_s: rate, tx_bits_per_s: rate / 9, rx_packets_per_s: rate / 9000, tx_packets_per_s: rate / 20_000 };
  const processes = [{ pid: 3001, process: 'firefox', exe: '/usr/bin/firefox', user: 'alice', connected: 14, listening: 0 }, { pid: 4711, process: 'python3', exe: '/usr/bin/python3', user: 'alice', connected: 0, listening: 1 }];
  return { ...NOTHING, watching, alone: true, read: iso(Date.now()), reading_ms: 1.4, interfaces: [one], listening, listening_total: listening.length, connected, connected_total: 15, processes, owners_hidden: 1 };
}
