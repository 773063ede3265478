//! What serving asks of the running process; `app` implements it. Every call returns at once: what is shown lies ready
//! in memory. Calls come from blocking threads, several at a time.

use crate::reports::ReportKeeper;
use crate::scans::ScanKeeper;
use crate::setup::SetupKeeper;
use crate::shapes::{
    FeatureView, FeedbackGiven, FeedbackPreview, HostPatch, Models, NotificationAccepted, Notifications,
    NotificationsRetried, Presets, Questions, Retraining, RuleAdded, RuleGiven, RulePreview, Settings, SettingsPatch,
    SettingsPreview, Sockets, SourcesView, Summary, SuppressionUndone, Suppressions, ThreatLists,
};
use crate::uploads::UploadKeeper;
use record::{Counters, FlowRecord, HealthItem, Incident, IpAddr16, MacAddr, PacketDetail, PacketSummary};
use std::sync::Arc;
use store::{IncidentChange, Page, Query};

/// One page of the ring of newest packets is asked for.
#[derive(Clone, Debug)]
pub struct PacketQuery {
    /// Only packets with a larger id, when given.
    pub after: Option<u64>,
    /// Only packets with a smaller id, when given: the cursor of the page before.
    pub before: Option<u64>,
    /// Filter over `store::query::PACKET_FIELDS`; `store::query::packet_matches` tests it.
    pub filter: Query,
    /// Times, as in other lists.
    pub range: store::TimeRange,
    /// 1 … 500.
    pub limit: u32,
}

/// Why the process could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LiveError {
    /// Nothing has this name.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done now.
    #[error("{0}")]
    Unavailable(String),
    /// It is not permitted.
    #[error("{0}")]
    Forbidden(String),
    /// What is there now speaks against it.
    #[error("{0}")]
    Conflict(String),
    /// What was handed over cannot be used.
    #[error("{0}")]
    Refused(String),
    /// Another machine was asked and did not accept.
    #[error("{0}")]
    FarSide(String),
    /// What was handed over is larger than what is read.
    #[error("{0}")]
    TooLarge(String),
}

/// A model of a user's own, as it was handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelUpload {
    /// The ONNX file's name, for errors.
    pub onnx_name: String,
    /// Its bytes.
    pub onnx: Vec<u8>,
    /// The manifest's name; its ending says TOML or JSON.
    pub manifest_name: String,
    /// The manifest.
    pub manifest: String,
}

/// The running process.
pub trait Live: Send + Sync {
    /// SUMMARY.
    fn summary(&self) -> Summary;
    /// Newest packets of the ring, newest first; `next_cursor` is the smallest id of the page when older ones are left.
    fn packets(&self, query: &PacketQuery) -> Page<PacketSummary>;
    /// One packet of the ring; None when it has left.
    fn packet(&self, id: u64) -> Option<PacketDetail>;
    /// Packets of a flow that are still in the ring, oldest first, at most `limit`.
    fn packets_of_flow(&self, flow: &FlowRecord, limit: usize) -> Vec<PacketSummary>;
    /// A pcapng of these packets, those that have left the ring passed over.
    ///
    /// # Errors
    /// `NotFound` when none is there any more.
    fn packets_pcap(&self, ids: &[u64]) -> Result<Vec<u8>, LiveError>;
    /// A flow's features beside what the current models hold for normal.
    fn features(&self, flow: &FlowRecord) -> Vec<FeatureView>;
    /// Models.
    fn models(&self) -> Models;
    /// Threat-intelligence lists in use.
    fn threat_lists(&self) -> ThreatLists;
    /// Sources with what each counts, and exporters.
    fn sources(&self) -> SourcesView;
    /// This machine's own sockets, processes and counters, when it is watched.
    fn sockets(&self) -> Sockets {
        Sockets::default()
    }
    /// Health lines, worst first.
    fn health(&self) -> Vec<HealthItem>;
    /// Every counter of the process by name; monotonic.
    fn counters(&self) -> Counters;
    /// Values that go up and down (`queue_store_flows`, `flow_table_entries`, `resident_memory_bytes`) by name.
    fn gauges(&self) -> Vec<(String, f64)> {
        Vec::new()
    }
    /// Population stability index of each feature, when there are enough live flows.
    fn feature_stability(&self) -> Vec<(String, f64)> {
        Vec::new()
    }
    /// Applies what a person changed, in the alert room and in the store; the changed incident.
    ///
    /// # Errors
    /// `NotFound` when there is no such incident, `Unavailable` when it could not be stored.
    fn set_incident(&self, id: &str, change: IncidentChange) -> Result<Incident, LiveError>;
    /// Keeps what a person says of a detection, with all that follows from it; the changed incident.
    ///
    /// # Errors
    /// `NotFound` when there is no such incident, `Conflict` when there is nothing to take back, `Unavailable` when it could not be
    /// stored.
    fn give_feedback(&self, id: &str, given: FeedbackGiven) -> Result<Incident, LiveError>;
    /// What each scope of a false positive would hide.
    ///
    /// # Errors
    /// `NotFound` when there is no such incident.
    fn preview_feedback(&self, id: &str) -> Result<FeedbackPreview, LiveError>;
    /// Suppressions in force, newest first.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    fn suppressions(&self) -> Result<Suppressions, LiveError>;
    /// What a rule would hide.
    ///
    /// # Errors
    /// `Refused` when it is no rule, `Unavailable` when the store does not answer.
    fn preview_rule(&self, given: RuleGiven) -> Result<RulePreview, LiveError>;
    /// Puts a rule in force, for incidents to come and for those stored.
    ///
    /// # Errors
    /// As `preview_rule`; `Conflict` when no more is kept.
    fn add_rule(&self, given: RuleGiven) -> Result<RuleAdded, LiveError>;
    /// Keeps what a person says of a host that is known.
    ///
    /// # Errors
    /// `Unavailable` when it could not be stored.
    fn set_host(&self, ip: IpAddr16, patch: HostPatch) -> Result<(), LiveError>;
    /// The maker of a network card, from its address; empty when it is not known.
    fn vendor(&self, _: MacAddr) -> String {
        String::new()
    }
    /// Country of an address as an ISO code; empty for private addresses, and where it is not known.
    fn country(&self, _: IpAddr16) -> String {
        String::new()
    }
    /// What the database of countries calls itself; None without one.
    fn country_database(&self) -> Option<String> {
        None
    }
    /// What is set, and where it comes from.
    ///
    /// # Errors
    /// `Unavailable` when a file of settings cannot be read.
    fn settings(&self) -> Result<Settings, LiveError>;
    /// Changes settings, all or none.
    ///
    /// # Errors
    /// `NotFound` for a preset of no such name, `Conflict` for a value that is fixed elsewhere, `Refused` for one that does not fit,
    /// `Unavailable` when they could not be kept.
    fn change_settings(&self, patch: &SettingsPatch) -> Result<Settings, LiveError>;
    /// What a change of settings would do; what is wrong with single values is part of the answer.
    ///
    /// # Errors
    /// `NotFound` for a preset of no such name, `Unavailable` when the files cannot be read.
    fn preview_settings(&self, patch: &SettingsPatch) -> Result<SettingsPreview, LiveError>;
    /// Named groups of settings, with what each would change.
    ///
    /// # Errors
    /// As `settings`.
    fn presets(&self) -> Result<Presets, LiveError>;
    /// Takes back the false positive or rule that a suppression follows from.
    ///
    /// # Errors
    /// As `give_feedback`; `NotFound` when there is no such suppression.
    fn undo_suppression(&self, id: u64) -> Result<SuppressionUndone, LiveError>;
    /// Incidents for which a verdict would teach most today.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    fn questions(&self) -> Result<Questions, LiveError>;
    /// Begins a training now.
    ///
    /// # Errors
    /// `Conflict` when one runs already or there is too little to learn from.
    fn retrain(&self) -> Result<Retraining, LiveError>;
    /// Puts a kept version in place of the models of a kind that judge.
    ///
    /// # Errors
    /// `NotFound` when it is not kept, `Conflict` when it is in place already or cannot be read.
    fn roll_back(&self, kind: &str, version: u64) -> Result<Models, LiveError>;
    /// Takes a user's own model in beside the members, in shadow until it is calibrated; the models with it. Reads the file and tries it,
    /// so that it may take seconds.
    ///
    /// # Errors
    /// `Refused` when the file or its manifest cannot be used, `TooLarge` when it is not read, `Conflict` when there are no models yet or
    /// a training is under way.
    fn import_model(&self, upload: ModelUpload) -> Result<Models, LiveError>;
    /// Channels and what was given up.
    ///
    /// # Errors
    /// `Unavailable` when the queue cannot be read.
    fn notifications(&self) -> Result<Notifications, LiveError>;
    /// Sends a made-up incident through a channel; returns when the far side has answered, which may take its `timeout_s`.
    ///
    /// # Errors
    /// `NotFound` when no channel has this name, `FarSide` with its words when it did not accept.
    fn test_notification(&self, channel: &str) -> Result<NotificationAccepted, LiveError>;
    /// Puts the given-up messages of a channel back into the queue.
    ///
    /// # Errors
    /// As `notifications`; `NotFound` when no channel has this name.
    fn retry_notifications(&self, channel: &str) -> Result<NotificationsRetried, LiveError>;
    /// Who keeps files handed over for an analysis of their own; None when none are taken.
    fn uploads(&self) -> Option<Arc<dyn UploadKeeper>> {
        None
    }
    /// Who scans; None where nobody does.
    fn scans(&self) -> Option<Arc<dyn ScanKeeper>> {
        None
    }
    /// Who makes and keeps reports; None where nobody does.
    fn reports(&self) -> Option<Arc<dyn ReportKeeper>> {
        None
    }
    /// Who answers the first questions; None where there are none.
    fn setup(&self) -> Option<Arc<dyn SetupKeeper>> {
        None
    }
    /// True when sources and store are open: `/readyz`.
    fn ready(&self) -> bool {
        true
    }
}
