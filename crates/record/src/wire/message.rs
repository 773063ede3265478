//! The messages as `tripline.proto` has them. Owns field numbers, which never change their meaning; fields are only added.

use prost::Message;

/// Flows of one epoch of one sensor whose originators fall on one partition. Topic `tripline.flows`.
#[derive(Clone, PartialEq, Message)]
pub struct FlowBatch {
    /// Version of the meaning.
    #[prost(uint32, tag = "1")]
    pub schema: u32,
    /// Name of the sensor.
    #[prost(string, tag = "2")]
    pub sensor: String,
    /// Start of the sensor's process, ns since 1970: epochs are counted from there.
    #[prost(uint64, tag = "3")]
    pub run: u64,
    /// Number of the epoch, from 1.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
    /// Partition that it was written to.
    #[prost(uint32, tag = "5")]
    pub partition: u32,
    /// Flows.
    #[prost(message, repeated, tag = "6")]
    pub flows: Vec<Flow>,
}

/// A batch with what a detector said of it. Topic `tripline.verdicts`.
#[derive(Clone, PartialEq, Message)]
pub struct JudgedBatch {
    /// Version of the meaning.
    #[prost(uint32, tag = "1")]
    pub schema: u32,
    /// The `FlowBatch` as it came, byte for byte.
    #[prost(bytes = "vec", tag = "2")]
    pub batch: Vec<u8>,
    /// One a flow, in their order; none while there are no models.
    #[prost(message, repeated, tag = "3")]
    pub verdicts: Vec<Verdict>,
    /// Name of the detector.
    #[prost(string, tag = "4")]
    pub detector: String,
    /// SHA-256 of the models' file, hexadecimal; empty while there is none.
    #[prost(string, tag = "5")]
    pub models: String,
}

/// What a sensor saw in one epoch beside flows. Topic `tripline.sensors`.
#[derive(Clone, PartialEq, Message)]
pub struct Epoch {
    /// Version of the meaning.
    #[prost(uint32, tag = "1")]
    pub schema: u32,
    /// Name of the sensor.
    #[prost(string, tag = "2")]
    pub sensor: String,
    /// As in `FlowBatch`.
    #[prost(uint64, tag = "3")]
    pub run: u64,
    /// As in `FlowBatch`.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
    /// Capture time, ns since 1970.
    #[prost(sfixed64, tag = "5")]
    pub now_ns: i64,
    /// The flow batches of this epoch.
    #[prost(message, repeated, tag = "6")]
    pub parts: Vec<Part>,
    /// What exact detectors said.
    #[prost(message, repeated, tag = "7")]
    pub alerts: Vec<Alert>,
    /// Seconds of interfaces.
    #[prost(message, repeated, tag = "8")]
    pub seconds: Vec<Second>,
    /// Host windows that closed.
    #[prost(message, repeated, tag = "9")]
    pub windows: Vec<Window>,
    /// True in the last epoch of a run: the input ended.
    #[prost(bool, tag = "10")]
    pub last: bool,
    /// Flows that the sensor could not hand on (its spool was full), since its start.
    #[prost(uint64, tag = "11")]
    pub flows_dropped: u64,
    /// Packets that the sensor's kernel dropped, since its start.
    #[prost(uint64, tag = "12")]
    pub packets_dropped: u64,
    /// True where the same round of the sensor goes on in the next epoch.
    #[prost(bool, tag = "13")]
    pub more: bool,
}

/// One flow batch of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Part {
    /// Partition of `tripline.flows`.
    #[prost(uint32, tag = "1")]
    pub partition: u32,
    /// Flows in it.
    #[prost(uint32, tag = "2")]
    pub flows: u32,
}

/// Count, sum, sum of squares, smallest and largest; absent when empty.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Moments {
    /// Values.
    #[prost(uint64, tag = "1")]
    pub count: u64,
    /// Sum.
    #[prost(double, tag = "2")]
    pub sum: f64,
    /// Sum of squares.
    #[prost(double, tag = "3")]
    pub sum_squares: f64,
    /// Smallest.
    #[prost(double, tag = "4")]
    pub min: f64,
    /// Largest.
    #[prost(double, tag = "5")]
    pub max: f64,
}

/// One direction's statistics, as `record::DirectionStats`.
#[derive(Clone, PartialEq, Message)]
pub struct Direction {
    /// Packets.
    #[prost(uint64, tag = "1")]
    pub packets: u64,
    /// Bytes on the wire.
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
    /// Bytes of IP.
    #[prost(uint64, tag = "3")]
    pub ip_bytes: u64,
    /// Payload per packet, bytes.
    #[prost(message, optional, tag = "4")]
    pub payload: Option<Moments>,
    /// Time between packets, ns.
    #[prost(message, optional, tag = "5")]
    pub iat: Option<Moments>,
    /// Header bytes.
    #[prost(uint64, tag = "6")]
    pub header_bytes: u64,
    /// Packets with payload.
    #[prost(uint64, tag = "7")]
    pub packets_with_payload: u64,
    /// Smallest transport header, bytes.
    #[prost(uint32, tag = "8")]
    pub segment_size_min: u32,
    /// Window of the first packet.
    #[prost(uint32, tag = "9")]
    pub init_window: u32,
    /// TCP flags, FIN first, eight counts.
    #[prost(uint32, repeated, tag = "10")]
    pub flags: Vec<u32>,
    /// Segments sent again.
    #[prost(uint32, tag = "11")]
    pub retransmissions: u32,
    /// Bytes missing by sequence number.
    #[prost(uint64, tag = "12")]
    pub missed_bytes: u64,
    /// Bytes in bulks.
    #[prost(uint64, tag = "13")]
    pub bulk_bytes: u64,
    /// Packets in bulks.
    #[prost(uint64, tag = "14")]
    pub bulk_packets: u64,
    /// Bulks.
    #[prost(uint32, tag = "15")]
    pub bulks: u32,
    /// Time in bulks, ns.
    #[prost(uint64, tag = "16")]
    pub bulk_duration_ns: u64,
}

/// One report of a flow, as `record::FlowRecord`; names as in the API.
#[derive(Clone, PartialEq, Message)]
pub struct Flow {
    /// Identity, a hash of its content.
    #[prost(fixed64, tag = "1")]
    pub flow_id: u64,
    /// Originator, 4 or 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub src_ip: Vec<u8>,
    /// Its port.
    #[prost(uint32, tag = "3")]
    pub src_port: u32,
    /// Responder.
    #[prost(bytes = "vec", tag = "4")]
    pub dest_ip: Vec<u8>,
    /// Its port.
    #[prost(uint32, tag = "5")]
    pub dest_port: u32,
    /// IP protocol number.
    #[prost(uint32, tag = "6")]
    pub proto: u32,
    /// First packet of this report, ns since 1970.
    #[prost(sfixed64, tag = "7")]
    pub start_ns: i64,
    /// Last packet.
    #[prost(sfixed64, tag = "8")]
    pub end_ns: i64,
    /// First packet of the flow.
    #[prost(sfixed64, tag = "9")]
    pub first_seen_ns: i64,
    /// Number of the report.
    #[prost(uint32, tag = "10")]
    pub report: u32,
    /// Originator to responder.
    #[prost(message, optional, tag = "11")]
    pub forward: Option<Direction>,
    /// Responder to originator.
    #[prost(message, optional, tag = "12")]
    pub backward: Option<Direction>,
    /// Payload per packet of both directions.
    #[prost(message, optional, tag = "13")]
    pub payload: Option<Moments>,
    /// Time between packets of either direction, ns.
    #[prost(message, optional, tag = "14")]
    pub iat: Option<Moments>,
    /// Busy spans, ns.
    #[prost(message, optional, tag = "15")]
    pub active: Option<Moments>,
    /// Idle gaps, ns.
    #[prost(message, optional, tag = "16")]
    pub idle: Option<Moments>,
    /// Sub-flows.
    #[prost(uint32, tag = "17")]
    pub subflows: u32,
    /// Why it was written.
    #[prost(string, tag = "18")]
    pub reason: String,
    /// Zeek's connection state.
    #[prost(string, tag = "19")]
    pub state: String,
    /// Zeek's history.
    #[prost(string, tag = "20")]
    pub history: String,
    /// TCP flags of the originator.
    #[prost(uint32, tag = "21")]
    pub tcp_flags_forward: u32,
    /// TCP flags of the responder.
    #[prost(uint32, tag = "22")]
    pub tcp_flags_backward: u32,
    /// First ICMP type.
    #[prost(uint32, tag = "23")]
    pub icmp_type: u32,
    /// First ICMP code.
    #[prost(uint32, tag = "24")]
    pub icmp_code: u32,
    /// Round trip of the handshake, ns.
    #[prost(uint64, tag = "25")]
    pub handshake_ns: u64,
    /// Outermost VLAN.
    #[prost(uint32, tag = "26")]
    pub vlan: u32,
    /// Interface index in its source.
    #[prost(uint32, tag = "27")]
    pub interface: u32,
    /// Outermost tunnel by name.
    #[prost(string, tag = "28")]
    pub tunnel: String,
    /// Who measured it: `packets`, `export`, `log`.
    #[prost(string, tag = "29")]
    pub origin: String,
    /// The exporter, where one did.
    #[prost(bytes = "vec", tag = "30")]
    pub exporter: Vec<u8>,
    /// Its sampling.
    #[prost(uint32, tag = "31")]
    pub sampling: u32,
    /// Link address of the originator.
    #[prost(bytes = "vec", tag = "32")]
    pub src_mac: Vec<u8>,
    /// Of the responder.
    #[prost(bytes = "vec", tag = "33")]
    pub dest_mac: Vec<u8>,
    /// Application protocol; empty when nothing was recognised.
    #[prost(string, tag = "34")]
    pub app_proto: String,
    /// First message of the client, JSON as in the API; empty when there is none.
    #[prost(bytes = "vec", tag = "35")]
    pub app_request: Vec<u8>,
    /// First message of the server.
    #[prost(bytes = "vec", tag = "36")]
    pub app_response: Vec<u8>,
    /// Process of the sensor's machine.
    #[prost(message, optional, tag = "37")]
    pub process: Option<Process>,
    /// Name of the interface.
    #[prost(string, tag = "38")]
    pub in_iface: String,
    /// What the packet level said of its packets.
    #[prost(message, repeated, tag = "39")]
    pub members: Vec<Member>,
}

/// A process.
#[derive(Clone, PartialEq, Message)]
pub struct Process {
    /// Identifier.
    #[prost(uint32, tag = "1")]
    pub pid: u32,
    /// Name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Program.
    #[prost(string, tag = "3")]
    pub exe: String,
}

/// One member's view.
#[derive(Clone, PartialEq, Message)]
pub struct Member {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Raw score.
    #[prost(float, tag = "2")]
    pub score: f32,
    /// p-value.
    #[prost(double, tag = "3")]
    pub p_value: f64,
    /// Votes.
    #[prost(bool, tag = "4")]
    pub admitted: bool,
}

/// A reason.
#[derive(Clone, PartialEq, Message)]
pub struct Why {
    /// Feature.
    #[prost(string, tag = "1")]
    pub feature: String,
    /// Value.
    #[prost(double, tag = "2")]
    pub value: f64,
    /// Lowest expected.
    #[prost(double, tag = "3")]
    pub expected_low: f64,
    /// Highest expected.
    #[prost(double, tag = "4")]
    pub expected_high: f64,
    /// Unit.
    #[prost(string, tag = "5")]
    pub unit: String,
    /// Share of the score.
    #[prost(double, tag = "6")]
    pub share: f64,
}

/// What the models said of one flow.
#[derive(Clone, PartialEq, Message)]
pub struct Verdict {
    /// The flow.
    #[prost(fixed64, tag = "1")]
    pub flow_id: u64,
    /// Its end, ns since 1970.
    #[prost(sfixed64, tag = "2")]
    pub ts_ns: i64,
    /// 0 to 1.
    #[prost(float, tag = "3")]
    pub score: f32,
    /// Combined p-value.
    #[prost(double, tag = "4")]
    pub p_value: f64,
    /// Of the novelty channel.
    #[prost(double, tag = "5")]
    pub novelty_p_value: f64,
    /// Above the threshold.
    #[prost(bool, tag = "6")]
    pub anomalous: bool,
    /// Members.
    #[prost(message, repeated, tag = "7")]
    pub members: Vec<Member>,
    /// Reasons.
    #[prost(message, repeated, tag = "8")]
    pub why: Vec<Why>,
    /// Kind of the known attack; empty without that channel.
    #[prost(string, tag = "9")]
    pub known_kind: String,
    /// Its probability.
    #[prost(float, tag = "10")]
    pub known_probability: f32,
    /// Its p-value.
    #[prost(double, tag = "11")]
    pub known_p_value: f64,
    /// True where the flow was judged; flows that others measured are not.
    #[prost(bool, tag = "12")]
    pub judged: bool,
}

/// What an exact detector said.
#[derive(Clone, PartialEq, Message)]
pub struct Alert {
    /// Last evidence, ns since 1970.
    #[prost(sfixed64, tag = "1")]
    pub ts_ns: i64,
    /// First evidence.
    #[prost(sfixed64, tag = "2")]
    pub first_seen_ns: i64,
    /// Kind by name.
    #[prost(string, tag = "3")]
    pub kind: String,
    /// Detector.
    #[prost(string, tag = "4")]
    pub detector: String,
    /// Sources.
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub src_ip: Vec<Vec<u8>>,
    /// Targets.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub dest_ip: Vec<Vec<u8>>,
    /// Ports.
    #[prost(uint32, repeated, tag = "7")]
    pub dest_port: Vec<u32>,
    /// 0 to 1.
    #[prost(float, tag = "8")]
    pub score: f32,
    /// Severity by name.
    #[prost(string, tag = "9")]
    pub severity: String,
    /// Plain words.
    #[prost(string, tag = "10")]
    pub title: String,
    /// Reasons.
    #[prost(message, repeated, tag = "11")]
    pub why: Vec<Why>,
    /// Scores behind it.
    #[prost(message, repeated, tag = "12")]
    pub detectors: Vec<Scored>,
    /// Flows.
    #[prost(fixed64, repeated, tag = "13")]
    pub flows: Vec<u64>,
    /// Packets of evidence.
    #[prost(uint64, tag = "14")]
    pub packets: u64,
    /// Story.
    #[prost(string, tag = "15")]
    pub story: String,
    /// ATT&CK techniques.
    #[prost(string, repeated, tag = "16")]
    pub attack: Vec<String>,
}

/// One detector's part of an alert.
#[derive(Clone, PartialEq, Message)]
pub struct Scored {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Score.
    #[prost(double, tag = "2")]
    pub score: f64,
    /// p-value.
    #[prost(double, tag = "3")]
    pub p_value: f64,
}

/// One second of one interface.
#[derive(Clone, PartialEq, Message)]
pub struct Second {
    /// Start, ns since 1970.
    #[prost(sfixed64, tag = "1")]
    pub ts_ns: i64,
    /// Interface index.
    #[prost(uint32, tag = "2")]
    pub interface: u32,
    /// Packets by class: tcp, udp, icmp, ip, arp, other.
    #[prost(uint64, repeated, tag = "3")]
    pub packets: Vec<u64>,
    /// Wire bytes by class.
    #[prost(uint64, repeated, tag = "4")]
    pub bytes: Vec<u64>,
    /// Packets out.
    #[prost(uint64, tag = "5")]
    pub packets_out: u64,
    /// Packets in.
    #[prost(uint64, tag = "6")]
    pub packets_in: u64,
    /// Bytes out.
    #[prost(uint64, tag = "7")]
    pub bytes_out: u64,
    /// Bytes in.
    #[prost(uint64, tag = "8")]
    pub bytes_in: u64,
    /// TCP openings.
    #[prost(uint64, tag = "9")]
    pub tcp_syn: u64,
    /// Flows that began.
    #[prost(uint64, tag = "10")]
    pub flows_new: u64,
}

/// One host's behaviour in one window, as `record::HostWindow`.
#[derive(Clone, PartialEq, Message)]
pub struct Window {
    /// Start, ns since 1970.
    #[prost(sfixed64, tag = "1")]
    pub start_ns: i64,
    /// Length, seconds.
    #[prost(uint32, tag = "2")]
    pub length_s: u32,
    /// The host.
    #[prost(bytes = "vec", tag = "3")]
    pub host: Vec<u8>,
    /// Flows it opened.
    #[prost(uint64, tag = "4")]
    pub flows_out: u64,
    /// Flows opened to it.
    #[prost(uint64, tag = "5")]
    pub flows_in: u64,
    /// Openings refused or unanswered.
    #[prost(uint64, tag = "6")]
    pub contacts_failed: u64,
    /// Openings answered.
    #[prost(uint64, tag = "7")]
    pub contacts_answered: u64,
    /// New peers that failed.
    #[prost(uint64, tag = "8")]
    pub first_contacts_failed: u64,
    /// New peers.
    #[prost(uint64, tag = "9")]
    pub peers_new: u64,
    /// Peers.
    #[prost(uint64, tag = "10")]
    pub peers: u64,
    /// Services.
    #[prost(uint64, tag = "11")]
    pub services: u64,
    /// Ports.
    #[prost(uint64, tag = "12")]
    pub ports: u64,
    /// Bytes sent.
    #[prost(uint64, tag = "13")]
    pub bytes_out: u64,
    /// Bytes received.
    #[prost(uint64, tag = "14")]
    pub bytes_in: u64,
    /// Packets sent.
    #[prost(uint64, tag = "15")]
    pub packets_out: u64,
    /// Packets received.
    #[prost(uint64, tag = "16")]
    pub packets_in: u64,
    /// DNS queries.
    #[prost(uint64, tag = "17")]
    pub dns_queries: u64,
    /// NXDOMAIN answers.
    #[prost(uint64, tag = "18")]
    pub dns_nxdomain: u64,
    /// Distinct names asked for.
    #[prost(uint64, tag = "19")]
    pub dns_names: u64,
    /// Bytes of these names.
    #[prost(uint64, tag = "20")]
    pub dns_name_bytes: u64,
    /// ClientHellos.
    #[prost(uint64, tag = "21")]
    pub tls_hellos: u64,
    /// Distinct server names.
    #[prost(uint64, tag = "22")]
    pub tls_names: u64,
}
