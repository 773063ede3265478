//! The nouns that travel from room to room, with their units, limits and serialisation.
//!
//! This room owns what things are called and nothing that happens to them. It knows no clock, file, socket or thread,
//! and imports no other room. Field names are Suricata EVE's wherever EVE has the thing; units come last.

mod admin;
pub mod analysis;
pub mod app_event;
pub mod asset;
pub mod control;
pub mod counters;
pub mod exported;
pub mod feature;
pub mod feedback;
pub mod flow_record;
pub mod host;
pub mod incident;
pub mod kafka;
pub mod kind;
pub mod logged;
pub mod net;
pub mod notification;
pub mod observation;
pub mod packet;
pub mod packet_detail;
pub mod prefix;
pub mod scan;
pub mod scan_run;
pub mod series;
pub mod socket;
pub mod timestamp;
pub mod verdict;
pub mod window;
pub mod wire;

pub use admin::{AdminData, AdminProtocol, AdminStep};
pub use analysis::{Analysis, AnalysisInput, Contents, LargeFlow, LogInput, ProtocolTotal, TrainedOn, UnreadableLine};
pub use app_event::{
    AppData, AppEvent, AppProto, ArpData, CertificateData, DhcpData, DnsData, HttpData, LoginData, NtpData, RouterData,
    SshData, TlsData,
};
pub use asset::{Asset, AssetChange, AssetEvent, AssetPort, AssetState, Finding, FindingReason, InventoryChange};
pub use control::{ControlData, ControlProtocol};
pub use counters::{Counters, HealthItem, HealthLevel};
pub use exported::{ExportFormat, ExportedCounters, ExportedFlow, ExportedSide, ExporterState, FlowOrigin};
pub use feature::{Feature, FeatureKind, Matrix, Schema};
pub use feedback::{FeedbackScope, FeedbackVerdict, IncidentFeedback, Suppression, SuppressionRule};
pub use flow_record::{
    AppSummary, Direction, DirectionStats, EndReason, FlowBrief, FlowRecord, HistoryText, Moments, TcpState,
};
pub use host::{HOST_SERVICES_MAX, HostRecord, HostService, Importance};
pub use incident::{DetectorScore, Evidence, Incident, IncidentStatus, Note, Severity, StoryStep, Why};
pub use kafka::{KafkaConnection, KafkaSecurity, Password, SaslMechanism};
pub use kind::Kind;
pub use logged::{Extent, FirewallAction, ImportedAlert, LogEntry, LoggedFlow};
pub use net::{Endpoint, FlowKey, IpAddr16, LinkType, MacAddr};
pub use notification::{Cause, Form, Message, Notice};
pub use observation::{Contact, ContactOutcome, InterfaceSecond, Observation, ReceiverSecond, TrafficClass};
pub use packet::{DecodeErrorKind, FrameHeader, Layer, PacketMeta, PacketSample, TcpFlags, Tunnel};
pub use packet_detail::{DetailField, DetailLayer, PacketDetail, PacketSummary};
pub use prefix::Prefix;
pub use scan_run::{ScanBackend, ScanOrigin, ScanProgress, ScanRow, ScanState};
pub use series::{SeriesPoint, SeriesResult};
pub use socket::{Process, SocketChange, SocketEvent, SocketOwner};
pub use timestamp::Timestamp;
pub use verdict::{Alert, KnownAttack, MemberScore, Verdict};
pub use window::HostWindow;
