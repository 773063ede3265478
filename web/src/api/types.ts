// The shapes of the HTTP API, version 1. Times are RFC 3339 text, sizes bytes. Knows nothing of how they are fetched.

export type Level = 'ok' | 'info' | 'warning' | 'error';
export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type IncidentStatus = 'open' | 'acknowledged' | 'closed' | 'false_positive';

export interface Health {
  name: string;
  level: Level;
  text: string;
  action: string;
}

export interface SourceState {
  name: string;
  kind: string;
  state: string;
  packets: number;
  bytes: number;
  dropped: number;
  last_event: string | null;
}

export interface ModelState {
  state: 'learning' | 'ready' | 'off' | 'failed';
  /** 0 … 1 */
  progress: number;
  eta_s: number | null;
  flows_learned: number;
  flows_needed: number;
  text: string;
}

export interface Summary {
  now: string;
  started: string;
  version: string;
  mode: 'live' | 'replay' | 'demo' | 'host';
  sources: SourceState[];
  rates: {
    packets_per_s: number;
    bits_per_s: number;
    bits_in_per_s: number;
    bits_out_per_s: number;
    flows_per_s: number;
  };
  totals: {
    packets: number;
    bytes: number;
    flows: number;
    flows_anomalous: number;
    hosts: number;
    incidents_open: number;
    drops: Record<string, number>;
    decode_errors: Record<string, number>;
  };
  model: ModelState;
  budget: { per_hour: number; used_last_hour: number; held_back_today: number; alerts_today: number };
  lag_ms: number;
  paused_ingest: boolean;
  health: Health[];
}

export interface Flow {
  flow_id: number;
  start: string;
  end: string;
  duration_ms: number;
  src_ip: string;
  src_port: number;
  dest_ip: string;
  dest_port: number;
  proto: string;
  app_proto: string;
  state: string;
  history: string;
  reason: string;
  pkts_toserver: number;
  pkts_toclient: number;
  bytes_toserver: number;
  bytes_toclient: number;
  community_id: string;
  in_iface: string;
  vlan: number;
  tunnel: string;
  host_name: string;
  /** 0 … 1; null before it was judged. */
  score: number | null;
  p_value: number | null;
  anomalous: boolean;
}

export interface Why {
  feature: string;
  value: number;
  expected: [number, number];
  unit: string;
  /** Part of the score, 0 … 1. */
  share: number;
}

export interface FeatureValue {
  feature: string;
  value: number;
  /** null until the models have learned it. */
  expected: [number, number] | null;
  unit: string;
}

export interface MemberScore {
  name: string;
  score: number;
  p_value: number;
  admitted: boolean;
}

export type AppData = { type: string } & Record<string, unknown>;

export interface Packet {
  id: number;
  timestamp: string;
  src: string;
  dest: string;
  src_ip: string | null;
  dest_ip: string | null;
  src_port: number;
  dest_port: number;
  protocol: string;
  length: number;
  info: string;
  score: number | null;
}

export interface FlowDetail {
  flow: Flow;
  statistics: Record<'forward' | 'backward' | 'both', Record<string, number>>;
  app: AppData | null;
  app_response: AppData | null;
  src_mac: string | null;
  dest_mac: string | null;
  members: MemberScore[];
  why: Why[];
  features: FeatureValue[];
  incidents: string[];
  packets: Packet[];
}

export interface Incident {
  id: string;
  kind: string;
  title: string;
  severity: Severity;
  score: number;
  first_seen: string;
  last_seen: string;
  raised: string;
  src: string[];
  dest: string[];
  dest_port: number[];
  alerts: number;
  attack: string[];
  status: IncidentStatus;
  why: Why[];
  detectors: { name: string; score: number; p_value: number }[];
  flows: number[];
  evidence: { pcap: boolean; packets: number };
  advice: string;
  over_budget: boolean;
  notes: { ts: string; text: string }[];
}

export interface IncidentDetail {
  incident: Incident;
  flows: Flow[];
  similar: Incident[];
}

export interface DetailField {
  name: string;
  label: string;
  value: string;
  offset: number;
  length: number;
}

export interface DetailLayer {
  name: string;
  offset: number;
  length: number;
  fields: DetailField[];
}

export interface PacketDetail {
  summary: Packet;
  layers: DetailLayer[];
  hex: string;
  stopped: string;
}

export interface Series {
  metric: string;
  from: string;
  step_s: number;
  /** Per-second averages; null where nothing is known. */
  values: (number | null)[];
}

export interface TopItem {
  name: string;
  bytes: number;
  packets: number;
  flows: number;
}

export interface Page<T> {
  items: T[];
  total: number;
  next_cursor: string | null;
}

/** flow_id, end_ms, duration_ms, bytes, score (null before it was judged), anomalous 0/1 */
export type ScatterTuple = [number, number, number, number, number | null, number];

export interface Tick {
  ts: string;
  summary: Summary;
  second: {
    bytes: number;
    packets: number;
    bytes_in: number;
    bytes_out: number;
    flows: number;
    flows_anomalous: number;
    bytes_by_class: Record<string, number>;
    packets_by_class?: Record<string, number>;
  };
  /** Events this reader was too slow for. */
  lost?: number;
}

export interface LiveEvents {
  tick: Tick;
  packet: { items: Packet[]; skipped: number };
  flow: { items: Flow[]; skipped: number };
  verdict: { items: ScatterTuple[]; skipped: number };
  incident: Incident;
  health: { items: Health[] };
  reset: unknown;
}
