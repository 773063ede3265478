CREATE TABLE flow_marks (wall_s INTEGER PRIMARY KEY, last_row INTEGER NOT NULL);
CREATE TABLE incidents (
  id TEXT PRIMARY KEY,
  raised_ns INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  kind TEXT NOT NULL, title TEXT NOT NULL, severity INTEGER NOT NULL, status TEXT NOT NULL, score REAL NOT NULL,
  alerts INTEGER NOT NULL, over_budget INTEGER NOT NULL, feedback TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL
, suppressed_by INTEGER, part_of TEXT) WITHOUT ROWID;
INSERT INTO incidents VALUES ('0000000000000001', 1760000406000000321, 1760000401000000000, 1760000411000000000, 'port_scan', '10.0.0.1 did number 1', 2, 'open', 0.9, 3, 0, '', '{"id":"0000000000000001","kind":"port_scan","title":"10.0.0.1 did number 1","severity":"high","score":0.9,"first_seen":"2025-10-09T09:00:01.000000Z","last_seen":"2025-10-09T09:00:11.000000Z","raised":"2025-10-09T09:00:06.000000Z","src":["10.0.0.1"],"dest":["192.0.2.1","2001:db8::1"],"dest_port":[22,443],"alerts":3,"attack":["T1046"],"status":"open","why":[{"feature":"duration_ms","value":9000000.0,"expected":[0.0,1.5],"unit":"ms","share":0.6}],"detectors":[{"name":"port_scan","score":1.0,"p_value":0.00001}],"flows":[8919],"evidence":{"pcap":false,"packets":0},"advice":"Look.","over_budget":false,"notes":[],"domains":[]}', NULL, NULL);
CREATE TABLE incident_flows (
  flow_id INTEGER NOT NULL, incident TEXT NOT NULL, PRIMARY KEY (flow_id, incident)
) WITHOUT ROWID;
INSERT INTO incident_flows VALUES (56433, '0000000000000001');
CREATE TABLE hosts (
  ip BLOB PRIMARY KEY,
  mac TEXT, name TEXT NOT NULL, home INTEGER NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  flows_out INTEGER NOT NULL, flows_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL
, services TEXT NOT NULL DEFAULT '[]') WITHOUT ROWID;
INSERT INTO hosts VALUES (X'00000000000000000000FFFF0A000001', '02:00:00:00:00:09', 'desk', 1, 1760000401000000000, 1760000501000000000, 5, 1, 1000, 200, '[]');
CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE series (
  step_s INTEGER NOT NULL, metric INTEGER NOT NULL, ts_s INTEGER NOT NULL,
  total REAL NOT NULL, seconds INTEGER NOT NULL,
  PRIMARY KEY (step_s, metric, ts_s)
) WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO settings VALUES ('kept', 'yes');
CREATE TABLE flows (
  row INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL,
  start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
  src BLOB NOT NULL, src_port INTEGER NOT NULL, dest BLOB NOT NULL, dest_port INTEGER NOT NULL,
  proto TEXT NOT NULL, app_proto TEXT NOT NULL, state TEXT NOT NULL, history TEXT NOT NULL, reason TEXT NOT NULL,
  pkts_toserver INTEGER NOT NULL, pkts_toclient INTEGER NOT NULL,
  bytes_toserver INTEGER NOT NULL, bytes_toclient INTEGER NOT NULL,
  community_id TEXT NOT NULL, in_iface TEXT NOT NULL, vlan INTEGER NOT NULL, tunnel TEXT NOT NULL,
  host_name TEXT NOT NULL,
  score REAL, p_value REAL, anomalous INTEGER NOT NULL DEFAULT 0,
  record BLOB NOT NULL, verdict BLOB
, process TEXT NOT NULL DEFAULT '', process_id INTEGER);
INSERT INTO flows VALUES (1, 56433, 1760000405499999877, 1760000407000000000, X'00000000000000000000FFFF0A000007', 40007, X'00000000000000000000FFFFC0000201', 443, 'TCP', 'tls', 'SF', 'ShADadFf', 'fin', 3, 2, 2146, 132, '1:id7=', 'eth0', 0, 'none', 'host7.example.org', NULL, NULL, 0, X'010685D5A3F81B0203E2100000000003C0BC9207C184B5A2851000C0ACC20603C1FCA8C98A10C282D2C3B4EB8D23BFC003C1EC9C82821000F0F50300010100010300000000028401000000000000000000000000000000000001A01F040003C0BC9207C184B5A2851000C0ACC206000000030000000087AD4B0002000000000100000000000001557B2274797065223A22746C73222C2271756963223A66616C73652C22736E69223A22686F7374372E6578616D706C652E6F7267222C22616C706E223A5B5D2C2276657273696F6E223A22222C226A6134223A22227D00', NULL, '', NULL);
CREATE TABLE flow_segments (segment INTEGER PRIMARY KEY, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL);
INSERT INTO flow_segments VALUES (0, 1760000407000000000, 1760000407000000000);
CREATE TABLE busy (
  what INTEGER NOT NULL, start_s INTEGER NOT NULL, name BLOB NOT NULL,
  bytes INTEGER NOT NULL, packets INTEGER NOT NULL, flows INTEGER NOT NULL,
  PRIMARY KEY (what, start_s, name)
) WITHOUT ROWID;
CREATE TABLE feedback (
  id INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, incident TEXT NOT NULL, body TEXT NOT NULL,
  columns INTEGER NOT NULL, vectors BLOB NOT NULL
);
INSERT INTO feedback VALUES (1, 1760000409000000000, '0000000000000001', '{}', 0, X'');
CREATE TABLE host_profiles (
  ip BLOB PRIMARY KEY, importance INTEGER NOT NULL DEFAULT 1, label TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  changed_ns INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO host_profiles VALUES (X'00000000000000000000FFFF0A000001', 3, 'The shop', '', 1760000409000000000);
CREATE TABLE host_series (
  ip BLOB NOT NULL, step_s INTEGER NOT NULL, ts_s INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, flows INTEGER NOT NULL,
  PRIMARY KEY (ip, step_s, ts_s)
) WITHOUT ROWID;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL
);
INSERT INTO audit VALUES (1, 1760000409000000000, 'host', '10.0.0.1', 'said');
CREATE TABLE "incident_ips" (
  ip BLOB NOT NULL, raised_ns INTEGER NOT NULL, incident TEXT NOT NULL, role INTEGER NOT NULL, open INTEGER NOT NULL,
  PRIMARY KEY (ip, raised_ns, incident, role)
) WITHOUT ROWID;
INSERT INTO incident_ips VALUES (X'00000000000000000000FFFF0A000001', 1760000406000000321, '0000000000000001', 0, 3);
CREATE TABLE incident_tags (
  tag TEXT NOT NULL, value TEXT NOT NULL COLLATE NOCASE, raised_ns INTEGER NOT NULL, incident TEXT NOT NULL,
  PRIMARY KEY (tag, value, raised_ns, incident)
) WITHOUT ROWID;
CREATE INDEX incident_flows_incident ON incident_flows (incident);
CREATE INDEX hosts_first ON hosts (first_ns, ip);
CREATE INDEX hosts_last ON hosts (last_ns);
CREATE UNIQUE INDEX flows_end ON flows (end_ns, flow_id);
CREATE INDEX flows_id ON flows ((row >> 15), flow_id);
CREATE INDEX flows_src ON flows ((row >> 15), src, end_ns, flow_id);
CREATE INDEX flows_dest ON flows ((row >> 15), dest, end_ns, flow_id);
CREATE INDEX flows_anomalous ON flows (end_ns, flow_id) WHERE anomalous = 1;
CREATE INDEX hosts_bytes ON hosts (bytes_in + bytes_out, ip);
CREATE INDEX host_series_age ON host_series (step_s, ts_s);
CREATE INDEX incidents_raised ON incidents (raised_ns, id, last_ns, first_ns);
CREATE INDEX incidents_status ON incidents (
  status COLLATE NOCASE, over_budget, raised_ns, id, last_ns, first_ns, severity, kind COLLATE NOCASE, part_of);
CREATE INDEX incidents_kind ON incidents (
  kind COLLATE NOCASE, raised_ns, id, last_ns, first_ns, status COLLATE NOCASE, over_budget, severity, part_of);
CREATE INDEX incidents_suppressed ON incidents (suppressed_by, raised_ns, id) WHERE suppressed_by IS NOT NULL;
CREATE INDEX incidents_last ON incidents (last_ns);
CREATE INDEX incident_ips_incident ON incident_ips (incident, ip, role);
CREATE INDEX incident_ips_open ON incident_ips (ip, open, incident) WHERE open > 0;
CREATE INDEX incident_tags_incident ON incident_tags (incident, tag, value);
PRAGMA user_version = 5;
