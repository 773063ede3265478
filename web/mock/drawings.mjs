// The mock's answers to the drawings: who talks to whom, incidents by time; no database of countries.

const isHome = (ip) => ip.startsWith('10.');

/** Of one host, or of the first host of an incident. */
export function graph(flows, incidents, url) {
  const incident = incidents.find((one) => one.id === url.searchParams.get('incident'));
  const of = url.searchParams.get('host') ?? incident?.src[0];
  const edges = new Map();
  const mine = flows.filter((flow) => flow.src_ip === of || flow.dest_ip === of).slice(-500);
  for (const flow of mine) {
    const key = `${flow.src_ip} ${flow.dest_ip}`;
    const edge = edges.get(key) ?? { src: flow.src_ip, dest: flow.dest_ip, flows: 0, bytes: 0, anomalous: 0, evidence: false };
    edge.flows += 1;
    edge.bytes += flow.bytes_toserver + flow.bytes_toclient;
    edge.anomalous += flow.anomalous ? 1 : 0;
    edge.evidence ||= incident?.flows.includes(flow.flow_id) ?? false;
    edges.set(key, edge);
  }
  const shown = [...edges.values()].slice(0, 31);
  const ips = [...new Set([of, ...shown.flatMap((edge) => [edge.src, edge.dest])])];
  return { nodes: ips.map((ip) => ({ ip, name: '', home: isHome(ip), subject: ip === of })), edges: shown, flows_read: mine.length, nodes_left: edges.size - shown.length, flows_left: edges.size - shown.length, more: false };
}

export function incidentCounts(incidents, url) {
  const p = url.searchParams;
  const to = Date.parse(p.get('to') ?? '') || Date.now();
  const from = Date.parse(p.get('from') ?? '') || to - 7 * 86_400_000;
  const step_s = Number(p.get('step') ?? 3600);
  const start = Math.floor(from / 1000 / step_s) * step_s * 1000;
  const kinds = new Map();
  for (const incident of incidents) {
    const at = Date.parse(incident.raised);
    if (at < from || at >= to) continue;
    const kind = kinds.get(incident.kind) ?? { kind: incident.kind, total: 0, counts: [] };
    kind.total += 1;
    kind.counts.push([Math.floor((at - start) / 1000 / step_s), 1]);
    kinds.set(incident.kind, kind);
  }
  return { from: new Date(start).toISOString(), step_s, buckets: Math.max(1, Math.ceil((to - start) / 1000 / step_s)), oldest: incidents.at(-1)?.raised ?? null, kinds: [...kinds.values()] };
}

export const countries = () => ({ available: false, database: '', items: [], cut: false });
