// What is in the mock's capture: a scanner that asks many ports, and a download beside it.
const iso = (ms) => new Date(ms).toISOString();

const host = (ip, name, out, into, flowsOut, flowsIn, now) => ({
  ip, name, mac: null, home: ip.startsWith('10.'), first_seen: iso(now - 90_000), last_seen: iso(now - 60_000),
  bytes_out: out, bytes_in: into, flows_out: flowsOut, flows_in: flowsIn, services: [],
});

const flow = (n, port, app, name, out, into, now) => ({
  flow_id: 9_000 + n, start: iso(now - 90_000 + n * 20), end: iso(now - 80_000 + n * 25), src_ip: '10.0.0.66', src_port: 40_000 + n, dest_ip: '10.0.0.9', dest_port: port,
  proto: 'TCP', app_proto: app, host_name: name, state: app === 'unknown' ? 'REJ' : 'SF', pkts_toserver: 2, pkts_toclient: 2, bytes_toserver: out, bytes_toclient: into,
});

export const captureContents = (now) => ({
  hosts: [host('10.0.0.9', 'files', 61_000, 55_000, 0, 997, now), host('10.0.0.66', '', 55_000, 61_000, 997, 0, now)],
  protocols: [
    { name: 'TCP', bytes: 90_000, packets: 1_980, flows: 995 },
    { name: 'http', bytes: 26_000, packets: 31, flows: 2 },
  ],
  flows: [flow(1, 80, 'http', 'files.example', 900, 25_100, now), ...Array.from({ length: 24 }, (_, n) => flow(n + 2, 1_000 + n, 'unknown', '', 60, 60, now))],
});
