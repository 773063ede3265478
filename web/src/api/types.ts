// The shapes of the HTTP API, named for the pages. They come from the server's own description (`npm run types`); here
// is only what that description cannot say. Knows nothing of how they are fetched.

import type { components } from './schema';

type Schemas = components['schemas'];

/**
 * As the server sends it: an absent value is null, never left out, and `expected` is a pair. The description calls the
 * first optional and the second a list.
 */
type Told<T> = T extends (infer Item)[]
  ? Told<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Key extends 'expected' ? (null extends T[Key] ? [number, number] | null : [number, number]) : Told<T[Key]> }
    : T;

export type Health = Told<Schemas['HealthItem']>;
export type Level = Health['level'];
export type Severity = Schemas['Severity'];
export type IncidentStatus = Schemas['IncidentStatus'];
export type Summary = Told<Schemas['Summary']>;
export type Flow = Told<Schemas['FlowRow']>;
export type Why = Told<Schemas['Why']>;
export type FeatureValue = Told<Schemas['FeatureView']>;
export type Packet = Told<Schemas['PacketSummary']>;
export type PacketDetail = Told<Schemas['PacketDetail']>;
export type DetailLayer = Told<Schemas['DetailLayer']>;
export type Incident = Told<Schemas['Incident']>;
export type IncidentDetail = Told<Schemas['IncidentDetail']>;
export type IncidentPatch = Partial<Told<Schemas['IncidentPatch']>>;
export type IncidentFeedback = Told<Schemas['IncidentFeedback']>;
export type FeedbackGiven = { verdict: Schemas['FeedbackVerdict'] | null; scope?: Schemas['FeedbackScope']; until?: string };
export type FeedbackScope = Schemas['FeedbackScope'];
export type FeedbackPreview = Told<Schemas['FeedbackPreview']>;
export type Suppression = Told<Schemas['SuppressionView']>;
export type SimilarIncident = Told<Schemas['SimilarIncident']>;
export type Host = Told<Schemas['HostRow']>;
export type Importance = Schemas['Importance'];
export type HostDetail = Omit<Told<Schemas['HostDetail']>, 'host'> & { host: Host; asset?: Asset | null };
export type HostPatch = Partial<{ importance: Importance; label: string; note: string }>;
/** start (seconds since 1970), bytes sent, bytes received, flows */
export type HostStep = [number, number, number, number];
export type HostCourse = { fine: HostStep[]; coarse: HostStep[]; usual_days: number; usual: { low: number; median: number; high: number }[] };
export type Kind = Schemas['Kind'];
export type SuppressionRule = { src: string[]; dest: string[]; dest_port: number[]; kind: Kind[]; domain: string[] };
export type RuleGiven = { rule: SuppressionRule; reason?: string; until?: string };
export type RulePreview = Told<Schemas['RulePreview']>;
export type SettingValue = number | boolean | string | string[] | null;
export type Setting = Omit<Told<Schemas['SettingItem']>, 'value' | 'default'> & { value: SettingValue; default: SettingValue };
export type AuditEntry = Told<Schemas['AuditEntry']>;
export type Settings = Omit<Told<Schemas['Settings']>, 'items'> & { items: Setting[] };
export type PresetChange = Omit<Told<Schemas['PresetChange']>, 'from' | 'to'> & { from: SettingValue; to: SettingValue };
export type Preset = Omit<Told<Schemas['Preset']>, 'changes'> & { changes: PresetChange[] };
export type Notifications = Told<Schemas['Notifications']>;
export type ThreatList = Told<Schemas['ThreatList']>;
export type ThreatLists = Told<Schemas['ThreatLists']>;
export type Upload = Told<Schemas['Upload']>;
export type Contents = Told<Schemas['Contents']>;
export type UploadDetail = Told<Schemas['UploadDetail']>;
export type Uploads = Told<Schemas['Uploads']>;
export type Models = Told<Schemas['Models']>;
export type Questions = Told<Schemas['Questions']>;
export type ModelMember = Told<Schemas['ModelMember']>;
export type ModelVersion = Told<Schemas['ModelVersion']>;
export type ScoreHistogram = Told<Schemas['ScoreHistogram']>;
export type ExamMarks = Told<Schemas['ExamMarks']>;
export type Drift = Told<Schemas['Drift']>;
export type Series = Told<Schemas['SeriesResult']>;
export type TopItem = Told<Schemas['TopRow']>;
export type Sources = Told<Schemas['SourcesView']>;
export type Source = Told<Schemas['SourceView']>;
export type Exporter = Told<Schemas['ExporterView']>;
export type Sockets = Told<Schemas['Sockets']>;
export type SocketRow = Told<Schemas['SocketView']>;

export type ScanProgress = { percent: number; task: string; remaining_s: number | null; hosts_done: number };
export type ScanRow = {
  id: string; targets: string[]; backend: 'nmap' | 'connect' | 'import'; origin: 'manual' | 'schedule' | 'import' | 'command'; state: 'running' | 'done' | 'incomplete' | 'failed' | 'cancelled';
  started: string; ended: string | null; words: string; hosts_up: number; hosts_down: number; ports_open: number; changes: number | null; previous: string | null; anomalies: number; progress: ScanProgress | null;
};
export type ScanSchedule = { targets: string[]; every_h: number; next: string | null };
export type ScansState = { allow: string[]; nmap: string | null; missed_scans_down: number; schedule: ScanSchedule[]; running: ScanRow[]; last: ScanRow | null; assets: { up: number; down: number; ports_open: number; anomalous: number } };
export type ScanAsked = { targets?: string[]; backend?: 'nmap' | 'connect'; ports?: string };
export type FindingReason = { feature: string; words: string; value: number; expected_low: number; expected_high: number; of: 'history' | 'group' };
export type Finding = { scan: string; at: string; key: string; score: number; p_value: number; text: string; reasons: FindingReason[]; incident: string | null };
export type ScanDetail = { scan: ScanRow; findings: Finding[] };
export type ScanHost = { key: string; address: string; names: string[]; state: string; ports_open: number; ports: string[]; os: string };
export type Asset = {
  key: string; addresses: string[]; mac: string | null; vendor: string; names: string[]; state: 'up' | 'down' | 'returned'; seen_by: 'scan' | 'traffic' | 'both'; first_seen: string; last_seen: string;
  missed_scans: number; os: string; ports_open: number; services: string[]; anomaly: Finding | null;
};
export type AssetPort = { protocol: string; port: number; state: string; service: string; version: string; first_seen: string; last_seen: string; closed: string | null; first_use: { at: string; peer: string; flow_id: number } | null };
export type AssetEvent = { at: string; scan: string; what: string; text: string; before: string; after: string };
export type AssetDetail = { asset: Asset; ports: AssetPort[]; history: AssetEvent[]; findings: Finding[] };

/** What a scan says of one service, as it is compared. Absent: not told. */
export type ScannedService = { name?: string; product?: string; version?: string; extra?: string };
export type ScannedPort = { protocol: string; port: number; state: string | null; service?: ScannedService };
export type ScannedHost = { state: string | null; addresses: { kind: string; addr: string; vendor?: string }[]; names?: string[]; ports?: ScannedPort[]; not_shown?: { state: string | null; count: number }[]; os?: { name: string; accuracy?: number }[] };
export type ScanCall = { scanner: string; version: string; args: string; started: string | null; ended: string | null };
export type ScriptChange = { before: { id: string; output: string } | null; after: { id: string; output: string } | null };
export type PortChange = { port: number; protocol: string; before: ScannedPort | null; after: ScannedPort | null; scripts: ScriptChange[] };
export type SetChange<T> = { kept: T[]; removed: T[]; added: T[] };
export type HostChange = {
  change: 'changed'; host: string; state: { before: string; after: string } | null; addresses: SetChange<{ kind: string; addr: string }>; names: SetChange<string>;
  not_shown: { before: { state: string | null; count: number }[]; after: { state: string | null; count: number }[] } | null; ports: PortChange[]; os: { before: string[]; after: string[]; equal: boolean }[]; scripts: ScriptChange[];
};
export type HostDifference = { change: 'gone' | 'new'; host: ScannedHost } | HostChange;
export type ScanDifference = { before: ScanCall; after: ScanCall; equal: boolean; hosts: HostDifference[]; pre_scripts: ScriptChange[]; post_scripts: ScriptChange[] };

/** What the application layer said: one of several records, told apart by `type`. */
export type AppData = { type: Schemas['AppData']['type'] } & Record<string, unknown>;
export type FlowDetail = Omit<Told<Schemas['FlowDetailAnswer']>, 'app' | 'app_response'> & { app: AppData | null; app_response: AppData | null };

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
  second: Told<Schemas['TickSecond']>;
  /** Events this reader was too slow for; only said when there are some. */
  lost?: number;
}

export interface LiveEvents {
  tick: Tick;
  packet: { items: Packet[]; skipped: number };
  flow: { items: Flow[]; skipped: number };
  verdict: { items: ScatterTuple[]; skipped: number };
  incident: Incident;
  health: { items: Health[] };
  scan: ScanRow;
  reset: unknown;
}
