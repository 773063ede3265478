//! What the running process answers to the API: `serve::Live` over the shared numbers, the packet rings and the judge's channel.
//! Owns the translation; every call returns at once.

use super::desk::Desk;
use super::evidence;
use super::feedback::Verdicts;
use super::first_start;
use super::judging::lock;
use super::models_view;
use super::notify::Outbox;
use super::packet_ring::{KeptPacket, PacketRing};
use super::requests::{Change, Request};
use super::status::{ModelState, Scores, Status};
use super::uploads::Keeper;
use super::versions::NoReturn;
use crate::usage::cpu_seconds_and_peak_bytes;
use crossbeam_channel::Sender;
use decode::{DecodeConfig, Decoder};
use record::{
    Counters, FlowKey, FlowRecord, HealthItem, Incident, IpAddr16, MacAddr, PacketDetail, PacketMeta, PacketSummary,
};
use serve::shapes::{
    Budget, FeatureView, FeedbackGiven, FeedbackPreview, HostPatch, ModelPhase, ModelSummary, Models,
    NotificationAccepted, Notifications, NotificationsRetried, Presets, Questions, Rates, Retraining, RuleAdded,
    RuleGiven, RulePreview, Settings, SettingsPatch, SettingsPreview, Summary, SuppressionUndone, Suppressions, Totals,
};
use serve::{Live, LiveError, ModelUpload, PacketQuery};
use std::sync::{Arc, Mutex};
use store::{IncidentChange, Page, Reader};

/// Packets looked at for one page of a filtered list.
const LOOKED_AT_MAX: usize = 200_000;

/// The implementation of `serve::Live`.
pub struct Answers {
    /// Shared numbers.
    pub status: Arc<Mutex<Status>>,
    /// Shared scores.
    pub scores: Arc<Mutex<Scores>>,
    /// Newest packets.
    pub rings: Vec<Arc<Mutex<PacketRing>>>,
    /// To the judge.
    pub requests: Sender<Request>,
    /// What people said.
    pub verdicts: Arc<Mutex<Verdicts>>,
    /// Notifications.
    pub outbox: Arc<Outbox>,
    /// The store's reading side, for incidents that the judge let go.
    pub reader: Arc<Reader>,
    /// Settings and what else people set.
    pub desk: Arc<Desk>,
    /// Files handed over; None when none are taken.
    pub uploads: Option<Arc<Keeper>>,
    /// Scans.
    pub scans: Arc<super::scans::ScanDesk>,
    /// Reports.
    pub reports: Arc<super::reporting::ReportDesk>,
    /// Bytes kept of a packet.
    pub snap_len: usize,
    /// Where the models are kept; empty when they are not.
    pub artifact: String,
    /// Seed of the models.
    pub seed: u64,
}

/// SUMMARY from the shared numbers.
pub fn summary(status: &Status) -> Summary {
    let (packets, bytes, decode_errors) = status.totals();
    let second = &status.second;
    Summary {
        now: status.now,
        started: status.started,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: status.mode,
        sources: super::sources::summary(&status.sources),
        rates: Rates {
            packets_per_s: second.packets as f64,
            bits_per_s: second.bytes as f64 * 8.0,
            bits_in_per_s: second.bytes_in as f64 * 8.0,
            bits_out_per_s: second.bytes_out as f64 * 8.0,
            flows_per_s: second.flows as f64,
        },
        totals: Totals {
            packets,
            bytes,
            flows: status.flows,
            flows_anomalous: status.flows_anomalous,
            hosts: status.hosts,
            incidents_open: status.incidents_open,
            drops: status.drops(),
            decode_errors,
        },
        model: model(status),
        budget: Budget {
            per_hour: status.budget.per_hour,
            used_last_hour: status.budget.used_last_hour,
            held_back_today: status.budget.held_back_today,
            alerts_today: status.budget.alerts_today,
        },
        lag_ms: status.lag_ms as f64,
        paused_ingest: false,
        health: status.health(),
    }
}

fn model(status: &Status) -> ModelSummary {
    let text = status.health().into_iter().find(|h| h.name == "models").map_or(String::new(), |h| h.text);
    let learned = status.flows_learned;
    let base = ModelSummary { flows_learned: learned, flows_needed: learned, text, ..ModelSummary::default() };
    match &status.model {
        ModelState::Ready => ModelSummary { state: ModelPhase::Ready, progress: 1.0, ..base },
        ModelState::Training(share) => ModelSummary { state: ModelPhase::Learning, progress: *share, ..base },
        ModelState::Learning(p) => ModelSummary {
            state: ModelPhase::Learning,
            progress: p.fraction,
            eta_s: p.eta_s,
            flows_learned: p.flows,
            flows_needed: p.flows_needed,
            ..base
        },
        ModelState::Failed(_) => ModelSummary { state: ModelPhase::Failed, ..base },
        ModelState::Off => ModelSummary { state: ModelPhase::Off, ..base },
    }
}

/// The newest packets after `after`, at most `max`, and the newest number seen.
pub fn packet_summaries(
    rings: &[Arc<Mutex<PacketRing>>],
    scores: &Mutex<Scores>,
    after: u64,
    max: usize,
) -> (Vec<PacketSummary>, u64) {
    let mut packets: Vec<KeptPacket> =
        rings.iter().flat_map(|ring| lock(ring).newest(after, u64::MAX, max, |_| true)).collect();
    packets.sort_by_key(|p| std::cmp::Reverse(p.id));
    packets.truncate(max);
    let newest = packets.first().map_or(after, |p| p.id);
    (packets.iter().map(|p| summarize(p, scores)).collect(), newest)
}

fn summarize(packet: &KeptPacket, scores: &Mutex<Scores>) -> PacketSummary {
    let mut meta = PacketMeta::default();
    Decoder::new(DecodeConfig::default()).decode(&packet.header, &packet.data, &mut meta);
    let mut summary = decode::packet_summary(packet.id, &meta, &packet.data);
    summary.score = if packet.key == FlowKey::default() { None } else { lock(scores).get(&packet.key) };
    summary
}

impl Answers {
    fn find(&self, id: u64) -> Option<KeptPacket> {
        self.rings.iter().find_map(|ring| lock(ring).get(id))
    }
}

impl Live for Answers {
    fn summary(&self) -> Summary {
        summary(&lock(&self.status))
    }

    fn uploads(&self) -> Option<Arc<dyn serve::UploadKeeper>> {
        self.uploads.clone().map(|keeper| keeper as Arc<dyn serve::UploadKeeper>)
    }

    fn scans(&self) -> Option<Arc<dyn serve::ScanKeeper>> {
        Some(Arc::new(super::scans::Keeper(Arc::clone(&self.scans))))
    }

    fn reports(&self) -> Option<Arc<dyn serve::ReportKeeper>> {
        Some(Arc::clone(&self.reports) as Arc<dyn serve::ReportKeeper>)
    }

    fn packets(&self, query: &PacketQuery) -> Page<PacketSummary> {
        let (after, before) = (query.after.unwrap_or(0), query.before.unwrap_or(u64::MAX));
        let limit = query.limit as usize;
        let in_range = |p: &KeptPacket| {
            query.range.from.is_none_or(|from| p.header.ts >= from) && query.range.to.is_none_or(|to| p.header.ts <= to)
        };
        let mut found = Vec::new();
        let mut total = 0_u64;
        for ring in &self.rings {
            let newest = lock(ring).newest(after, before, LOOKED_AT_MAX, in_range);
            total += newest.len() as u64;
            let matching = newest.iter().map(|p| summarize(p, &self.scores));
            found.extend(matching.filter(|s| store::query::packet_matches(&query.filter, s)).take(limit + 1));
        }
        found.sort_by_key(|p| std::cmp::Reverse(p.id));
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| more).map(|p| p.id.to_string());
        Page { items: found, total, total_exact: false, next_cursor }
    }

    fn packet(&self, id: u64) -> Option<PacketDetail> {
        let packet = self.find(id)?;
        let dissection = decode::dissect(&packet.header, &packet.data);
        Some(PacketDetail {
            summary: summarize(&packet, &self.scores),
            layers: dissection.layers,
            hex: packet.data.iter().fold(String::new(), |mut hex, byte| {
                hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
                hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
                hex
            }),
            stopped: dissection.stopped,
        })
    }

    fn packets_of_flow(&self, flow: &FlowRecord, limit: usize) -> Vec<PacketSummary> {
        let mut packets: Vec<KeptPacket> = self
            .rings
            .iter()
            .flat_map(|ring| lock(ring).matching(flow.start, limit, |key, _, _| *key == flow.key))
            .filter(|p| p.header.ts <= flow.end)
            .collect();
        packets.sort_by_key(|p| (p.header.ts, p.id));
        packets.iter().map(|p| summarize(p, &self.scores)).collect()
    }

    fn packets_pcap(&self, ids: &[u64]) -> Result<Vec<u8>, LiveError> {
        let packets: Vec<KeptPacket> = ids.iter().filter_map(|id| self.find(*id)).collect();
        if packets.is_empty() {
            return Err(LiveError::NotFound("these packets have left the ring of newest packets".to_owned()));
        }
        evidence::pcapng(&packets, self.snap_len, "Packets chosen on the Packets page of Tripline")
            .map_err(|e| LiveError::Unavailable(e.to_string()))
    }

    fn features(&self, flow: &FlowRecord) -> Vec<FeatureView> {
        let mut row = Vec::new();
        features::flow_vector(flow, &mut row);
        let Some(ensemble) = lock(&self.status).ensemble.clone() else {
            let schema = features::flow_schema();
            return schema
                .features
                .iter()
                .zip(row)
                .map(|(feature, value)| FeatureView {
                    feature: feature.name.to_string(),
                    value: feature.kind.shown(value),
                    expected: None,
                    unit: feature.unit.to_string(),
                })
                .collect();
        };
        let views = ensemble.describe(&row).into_iter();
        views
            .map(|w| FeatureView { feature: w.feature, value: w.value, expected: Some(w.expected), unit: w.unit })
            .collect()
    }

    fn models(&self) -> Models {
        let status = lock(&self.status);
        let model = model(&status);
        let ensemble = status.ensemble.clone();
        let (retraining, live) = (status.retraining.clone(), Arc::clone(&status.models));
        let mut beside = super::side_models::members(&status);
        beside.extend(super::level_words::members(&status));
        drop(status);
        let members = ensemble.iter().flat_map(|e| e.members()).map(|member| models_view::member(member, &live));
        let kept = !self.artifact.is_empty();
        Models {
            state: model.state,
            progress: model.progress,
            eta_s: model.eta_s,
            text: model.text,
            trained_on: ensemble.as_deref().map(super::versions::trained_on),
            version: ensemble.as_deref().filter(|_| kept).map(|e| super::versions::note_of(e).version),
            members: members
                .chain(ensemble.iter().flat_map(|e| e.guests()).map(|guest| models_view::guest(guest, &live)))
                .chain(ensemble.iter().filter_map(|e| e.known()).map(models_view::known_channel))
                .chain(beside.into_iter().map(|member| live.with_scores(member)))
                .collect(),
            schema: features::flow_schema().name.to_string(),
            seed: self.seed,
            artifact: self.artifact.clone(),
            live: live.live.clone(),
            agreement: live.agreement.clone(),
            drift: live.drift.clone(),
            stability: live.stability.clone(),
            data: live.data.clone(),
            retraining,
            challenge: live.challenge.clone(),
            versions: live.versions.clone(),
            events: live.events.clone(),
            can_import: kept && ensemble.is_some(),
        }
    }

    fn threat_lists(&self) -> serve::shapes::ThreatLists {
        lock(&self.status).threat_lists.clone()
    }
    fn sources(&self) -> serve::shapes::SourcesView {
        let status = lock(&self.status);
        super::sources::view(&status.sources, std::time::Instant::now())
    }

    fn sockets(&self) -> serve::shapes::Sockets {
        let host = lock(&self.status).host.clone();
        super::host_view::sockets(host.as_ref())
    }

    fn health(&self) -> Vec<HealthItem> {
        lock(&self.status).health()
    }

    fn counters(&self) -> Counters {
        let status = lock(&self.status);
        let (packets, bytes, errors) = status.totals();
        let mut counters = Counters::default();
        counters.add("packets", packets);
        counters.add("bytes", bytes);
        counters.add("flows", status.flows);
        counters.add("flows_anomalous", status.flows_anomalous);
        let sampling = status.sampling();
        counters.add("packet_level_taken", sampling.taken);
        counters.add("packet_level_skipped", sampling.skipped);
        counters.add("packet_level_judged", status.packets_judged);
        counters.add("host_level_judged", status.windows_judged);
        counters.add("series_level_judged", status.steps_judged);
        if let Some((rows, aside)) = status.csv_logs.as_ref().map(|logs| logs.written()) {
            counters.add("csv_rows_written", rows);
            counters.add("csv_files_put_aside", aside);
        }
        status.archive.iter().for_each(|archive| archive.count(&mut counters));
        counters.merge(&status.mongodb.as_ref().map(|sink| sink.counters()).unwrap_or_default());
        counters.add("store_flows_written", status.store.flows_written);
        counters.add("store_incidents_written", status.store.incidents_written);
        for (reason, n) in status.drops().0 {
            counters.add(&format!("dropped.{reason}"), n);
        }
        for (name, n) in self.outbox.counters() {
            counters.add(&name, n);
        }
        for (kind, n) in errors.0 {
            counters.add(&format!("decode_errors.{kind}"), n);
        }
        counters
    }

    fn gauges(&self) -> Vec<(String, f64)> {
        let status = lock(&self.status);
        let live: u64 = status.sources.iter().map(|s| s.meter.flow.flows_live).sum();
        let (_, peak) = cpu_seconds_and_peak_bytes();
        vec![
            ("flow_table_entries".to_owned(), live as f64),
            ("queue_parcels".to_owned(), status.queue as f64),
            ("queue_store_flows".to_owned(), status.store.waiting_flows as f64),
            ("spool_flows".to_owned(), status.store.spooled_flows as f64),
            ("spool_bytes".to_owned(), status.store.spooled_bytes as f64),
            ("mongodb_waiting".to_owned(), status.mongodb.as_ref().map_or(0, |sink| sink.waiting()) as f64),
            ("lag_milliseconds".to_owned(), status.lag_ms as f64),
            ("database_bytes".to_owned(), status.store.database_bytes as f64),
            ("resident_memory_peak_bytes".to_owned(), peak as f64),
        ]
    }

    fn feature_stability(&self) -> Vec<(String, f64)> {
        let live = Arc::clone(&lock(&self.status).models);
        let features = live.stability.iter().flat_map(|stability| &stability.features);
        features.map(|told| (told.feature.clone(), told.psi)).collect()
    }

    fn set_incident(&self, id: &str, change: IncidentChange) -> Result<Incident, LiveError> {
        self.stored(id)?;
        let what = change;
        let ask = |reply| Request::Change(Box::new(Change { id: id.to_owned(), what, reply }));
        match self.ask(ask)? {
            Some(incident) => Ok(incident),
            None => Ok(self.stored(id)?.incident),
        }
    }

    fn give_feedback(&self, id: &str, given: FeedbackGiven) -> Result<Incident, LiveError> {
        self.say(id, given)
    }

    fn preview_feedback(&self, id: &str) -> Result<FeedbackPreview, LiveError> {
        self.preview(id)
    }

    fn suppressions(&self) -> Result<Suppressions, LiveError> {
        self.hidden_by_each()
    }

    fn undo_suppression(&self, id: u64) -> Result<SuppressionUndone, LiveError> {
        let found = lock(&self.verdicts).get(id).and_then(|s| s.suppression.clone());
        let suppression = found.ok_or_else(|| LiveError::NotFound(format!("there is no suppression {id}")))?;
        let incidents = if suppression.rule.is_some() { self.take_rule_back(id)? } else { self.take_back(id)? };
        Ok(SuppressionUndone { incidents })
    }

    fn preview_rule(&self, given: RuleGiven) -> Result<RulePreview, LiveError> {
        self.rule_preview(given)
    }

    fn add_rule(&self, given: RuleGiven) -> Result<RuleAdded, LiveError> {
        self.rule(given)
    }

    fn set_host(&self, ip: IpAddr16, patch: HostPatch) -> Result<(), LiveError> {
        self.say_of_host(ip, patch)
    }

    fn vendor(&self, mac: MacAddr) -> String {
        self.desk.vendors.name(mac)
    }

    fn country(&self, ip: IpAddr16) -> String {
        self.desk.countries.of(ip)
    }

    fn country_database(&self) -> Option<String> {
        self.desk.countries.name()
    }

    fn settings(&self) -> Result<Settings, LiveError> {
        let can_restart = first_start::can_restart(lock(&self.status).mode);
        Ok(Settings { can_restart, ..self.desk.settings()? })
    }

    fn change_settings(&self, patch: &SettingsPatch) -> Result<Settings, LiveError> {
        self.desk.change(patch)?;
        self.settings()
    }

    fn preview_settings(&self, patch: &SettingsPatch) -> Result<SettingsPreview, LiveError> {
        self.desk.preview(patch)
    }

    fn setup(&self) -> Option<Arc<dyn serve::SetupKeeper>> {
        let (desk, status) = (Arc::clone(&self.desk), Arc::clone(&self.status));
        Some(Arc::new(first_start::FirstStart { desk, status }))
    }

    fn presets(&self) -> Result<Presets, LiveError> {
        self.desk.presets()
    }

    fn notifications(&self) -> Result<Notifications, LiveError> {
        self.outbox.view()
    }

    fn test_notification(&self, channel: &str) -> Result<NotificationAccepted, LiveError> {
        self.outbox.test(channel)
    }

    fn retry_notifications(&self, channel: &str) -> Result<NotificationsRetried, LiveError> {
        self.outbox.retry(channel)
    }

    fn retrain(&self) -> Result<Retraining, LiveError> {
        self.ask(Request::Retrain)?.map_err(LiveError::Conflict)?;
        Ok(lock(&self.status).retraining.clone())
    }

    fn roll_back(&self, kind: &str, version: u64) -> Result<Models, LiveError> {
        self.ask(|reply| Request::RollBack(kind.to_owned(), version, reply))?.map_err(|why| match why {
            NoReturn::NotKept(why) => LiveError::NotFound(why),
            NoReturn::Refused(why) => LiveError::Conflict(why),
        })?;
        Ok(self.models())
    }

    fn questions(&self) -> Result<Questions, LiveError> {
        self.ask_people()
    }

    fn import_model(&self, upload: ModelUpload) -> Result<Models, LiveError> {
        self.take_in(&upload)
    }
}
