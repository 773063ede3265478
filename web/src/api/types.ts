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
/** Fields of the decode tree, when they were asked for with the row. */
export type PacketFields = Told<Schemas['PacketFields']>;
export type Packet = Told<Schemas['PacketSummary']> & { fields?: PacketFields };
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
export type HostDetail = Omit<Told<Schemas['HostDetail']>, 'host'> & { host: Host };
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
export type ChannelPatch = { name: string; set: Record<string, unknown> | null };
export type SettingsPatch = { values?: Record<string, SettingValue>; preset?: string; channels?: ChannelPatch[]; version?: string };
export type SettingsPreview = Told<Schemas['SettingsPreview']>;
export type SetupInterface = Told<Schemas['SetupInterface']>;
export type Setup = Omit<Told<Schemas['Setup']>, 'presets'> & { presets: Preset[] };
export type SetupGiven = { interfaces?: string[]; home?: string[]; preset?: string; channel?: ChannelPatch; version?: string; skip?: boolean };
export type SetupPreview = Omit<Told<Schemas['SetupPreview']>, 'settings'> & { settings: SettingsPreview };
export type Notifications = Told<Schemas['Notifications']>;
export type ThreatList = Told<Schemas['ThreatList']>;
export type ThreatLists = Told<Schemas['ThreatLists']>;
export type Report = Told<Schemas['ReportRow']>;
export type Reports = Told<Schemas['Reports']>;
export type Upload = Told<Schemas['Upload']>;
export type Contents = Told<Schemas['Contents']>;
export type UploadDetail = Told<Schemas['UploadDetail']>;
export type Uploads = Told<Schemas['Uploads']>;
export type Role = Schemas['Role'];
export type Session = Told<Schemas['SessionView']>;
export type User = Told<Schemas['UserView']>;
export type UserMade = Told<Schemas['UserMade']>;
export type Token = Told<Schemas['TokenView']>;
export type TokenMade = Told<Schemas['TokenMade']>;
export type AuditRow = Told<Schemas['AuditRow']>;
export type Models = Told<Schemas['Models']>;
export type Questions = Told<Schemas['Questions']>;
export type ModelMember = Told<Schemas['ModelMember']>;
export type ModelVersion = Told<Schemas['ModelVersion']>;
export type ScoreHistogram = Told<Schemas['ScoreHistogram']>;
export type ExamMarks = Told<Schemas['ExamMarks']>;
export type Drift = Told<Schemas['Drift']>;
export type Series = Told<Schemas['SeriesResult']>;
export type Graph = Told<Schemas['Graph']>;
export type GraphNode = Told<Schemas['GraphNode']>;
export type GraphEdge = Told<Schemas['GraphEdge']>;
export type IncidentCounts = Omit<Told<Schemas['IncidentCounts']>, 'kinds'> & { kinds: { kind: string; total: number; counts: [number, number][] }[] };
export type Countries = Told<Schemas['CountriesView']>;
export type TopItem = Told<Schemas['TopRow']>;
export type Sources = Told<Schemas['SourcesView']>;
export type Source = Told<Schemas['SourceView']>;
export type Exporter = Told<Schemas['ExporterView']>;
export type Sockets = Told<Schemas['Sockets']>;
export type SocketRow = Told<Schemas['SocketView']>;

export type ScanRow = Told<Schemas['ScanRow']>;
export type ScansState = Told<Schemas['ScansState']>;
export type ScanAsked = { targets?: string[]; backend?: 'nmap' | 'connect'; ports?: string };
export type Finding = Told<Schemas['Finding']>;
export type FindingReason = Told<Schemas['FindingReason']>;
export type ScanDetail = Told<Schemas['ScanDetail']>;
export type ScanHost = Told<Schemas['ScanHostRow']>;
export type Asset = Told<Schemas['AssetRow']>;
export type AssetPort = Told<Schemas['AssetPortRow']>;
export type AssetEvent = Told<Schemas['AssetEvent']>;
export type AssetDetail = Told<Schemas['AssetDetail']>;

/** What a scan says of one service, as it is compared. Absent: not told. */
export type ScannedService = { name?: string; product?: string; version?: string; extra?: string };
export type ScannedPort = { protocol: string; port: number; state: string | null; service?: ScannedService };
export type ScannedHost = { state: string | null; addresses: { kind: string; addr: string; vendor?: string }[]; names?: string[]; ports?: ScannedPort[]; not_shown?: { state: string | null; count: number }[]; os?: { name: string; accuracy?: number }[] };
export type ScriptChange = { before: { id: string; output: string } | null; after: { id: string; output: string } | null };
export type PortChange = { port: number; protocol: string; before: ScannedPort | null; after: ScannedPort | null; scripts: ScriptChange[] };
export type SetChange<T> = { kept: T[]; removed: T[]; added: T[] };
export type HostChange = {
  change: 'changed'; host: string; state: { before: string; after: string } | null; addresses: SetChange<{ kind: string; addr: string }>; names: SetChange<string>;
  not_shown: { before: { state: string | null; count: number }[]; after: { state: string | null; count: number }[] } | null; ports: PortChange[]; os: { before: string[]; after: string[]; equal: boolean }[]; scripts: ScriptChange[];
};
export type HostDifference = { change: 'gone' | 'new'; host: ScannedHost } | HostChange;
/** The description leaves the lists of a difference open. */
export type ScanDifference = Omit<Told<Schemas['ScanDifference']>, 'hosts' | 'pre_scripts' | 'post_scripts'> & { hosts: HostDifference[]; pre_scripts: ScriptChange[]; post_scripts: ScriptChange[] };

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
