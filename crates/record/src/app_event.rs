//! What the application layer said, as far as detection and people need it. Strings are bounded by `decode`
//! (`TEXT_BYTES_MAX`), so an event's size is bounded too.

use crate::{AdminData, ControlData, ControlProtocol, FlowKey, IpAddr16, MacAddr, Timestamp};
use serde::{Deserialize, Serialize};

/// Longest text kept of any one application field, bytes.
pub const TEXT_BYTES_MAX: usize = 512;

/// Application protocol, spelled as Suricata spells it where it has the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AppProto {
    /// Not known (yet).
    #[default]
    Unknown,
    /// DNS over UDP or TCP.
    Dns,
    /// Multicast DNS.
    Mdns,
    /// TLS over TCP.
    Tls,
    /// QUIC.
    Quic,
    /// HTTP/1.
    Http,
    /// SSH.
    Ssh,
    /// DHCP for IPv4.
    Dhcp,
    /// NTP.
    Ntp,
    /// Modbus/TCP.
    Modbus,
    /// DNP3 over TCP or UDP.
    Dnp3,
    /// FTP's control connection.
    Ftp,
    /// SMTP.
    Smtp,
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// Telnet.
    Telnet,
    /// Stratum, by which miners of crypto-currencies fetch work.
    Stratum,
    /// SNMP.
    Snmp,
}

impl AppProto {
    /// The lower-case name used in records, API and pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Dns => "dns",
            Self::Mdns => "mdns",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Dhcp => "dhcp",
            Self::Ntp => "ntp",
            Self::Modbus => "modbus",
            Self::Dnp3 => "dnp3",
            Self::Ftp => "ftp",
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Telnet => "telnet",
            Self::Stratum => "stratum",
            Self::Snmp => "snmp",
        }
    }
}

/// One application message, with the flow it travelled in.
#[derive(Clone, Debug)]
pub struct AppEvent {
    /// Capture time of the packet that completed it.
    pub ts: Timestamp,
    /// The flow.
    pub key: FlowKey,
    /// True when `key.low` sent it.
    pub from_low: bool,
    /// The link sender, zero when unknown.
    pub src_mac: MacAddr,
    /// What was said.
    pub data: AppData,
}

/// The message itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AppData {
    /// DNS query or response.
    Dns(DnsData),
    /// TLS or QUIC ClientHello.
    Tls(TlsData),
    /// HTTP/1 request or response head.
    Http(HttpData),
    /// SSH identification line.
    Ssh(SshData),
    /// DHCP message.
    Dhcp(DhcpData),
    /// NTP message.
    Ntp(NtpData),
    /// Messages of an industrial control protocol.
    Control(ControlData),
    /// A step of remote administration (SMB, DCE/RPC).
    Admin(AdminData),
    /// A step of a log-in that is not encrypted.
    Login(LoginData),
    /// A server's certificate in TLS 1.2 or older.
    Certificate(CertificateData),
}

/// DNS or mDNS message; the first question stands for the query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DnsData {
    /// True for multicast DNS.
    pub multicast: bool,
    /// True for a response.
    pub response: bool,
    /// Transaction identifier.
    pub id: u16,
    /// Queried name in lower case, no trailing dot; empty when there is no question.
    pub rrname: String,
    /// Query type by name (`A`, `TXT`), or its number.
    pub rrtype: String,
    /// Response code by name (`NOERROR`, `NXDOMAIN`); empty for queries.
    pub rcode: String,
    /// Answers: addresses, names or text, at most 16.
    pub answers: Vec<String>,
    /// Smallest time to live of the answers, seconds; 0 without answers.
    pub ttl_s: u32,
    /// Whole DNS message, bytes.
    pub message_bytes: u32,
}

/// ClientHello of TLS or QUIC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TlsData {
    /// True when it came in QUIC.
    pub quic: bool,
    /// Server name indication; empty when absent.
    pub sni: String,
    /// Application protocols offered (`h2`, `http/1.1`).
    pub alpn: Vec<String>,
    /// Highest version offered (`1.3`, `1.2`).
    pub version: String,
    /// JA4 fingerprint of the client.
    pub ja4: String,
}

/// A step of a log-in in the clear. The password is never kept, nor how long it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginData {
    /// The protocol.
    pub protocol: AppProto,
    /// True when the server says it.
    pub response: bool,
    /// User name; empty where this step does not tell it.
    pub user: String,
    /// Command or mechanism (`PASS`, `PLAIN`, `LOGIN`, `mining.subscribe`); empty for a greeting.
    pub mechanism: String,
    /// True when this step holds a password in the clear, or a server asks for one.
    pub password: bool,
    /// What the server decides; absent for other steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
}

/// The certificate that a server shows first in TLS 1.2 or older (in 1.3 it is encrypted).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CertificateData {
    /// Distinguished name of the subject.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// First second of validity, Unix time.
    pub not_before_s: i64,
    /// Last second of validity, Unix time.
    pub not_after_s: i64,
    /// True when subject and issuer are the same.
    pub self_signed: bool,
    /// Names in the subject's alternative names.
    pub names: u32,
}

/// Router advertisement of IPv6 (RFC 4861). Not an application, but it travels beside the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterData {
    /// Capture time.
    pub ts: Timestamp,
    /// The router's link-local address.
    pub router: IpAddr16,
    /// Ethernet sender of the frame.
    pub src_mac: MacAddr,
    /// Outermost VLAN.
    pub vlan: u16,
    /// How long the router may be used as default router, seconds; 0: not at all.
    pub lifetime_s: u16,
    /// Prefixes announced, at most 4.
    pub prefixes: Vec<IpAddr16>,
    /// Name servers announced (RFC 8106), at most 4.
    pub dns_servers: Vec<IpAddr16>,
}

/// Head of an HTTP/1 request or response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HttpData {
    /// True for a response.
    pub response: bool,
    /// `GET`, `POST`; empty for responses.
    pub http_method: String,
    /// Host header.
    pub hostname: String,
    /// Request target.
    pub url: String,
    /// User-Agent header.
    pub http_user_agent: String,
    /// Content-Type header.
    pub http_content_type: String,
    /// Status code; 0 for requests.
    pub status: u16,
    /// Content-Length header; 0 when absent.
    pub length: u64,
    /// Scheme of the Authorization header in lower case (`basic`, `bearer`); empty when absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authorization: String,
    /// User name of Basic authorization; the password behind it is not kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub http_user: String,
}

/// SSH identification line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SshData {
    /// Protocol version, `2.0`.
    pub proto_version: String,
    /// Software, `OpenSSH_9.6`.
    pub software_version: String,
}

/// DHCP message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DhcpData {
    /// `discover`, `offer`, `request`, `ack` and so on.
    pub dhcp_type: String,
    /// Client's Ethernet address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client_mac: MacAddr,
    /// Address assigned or requested.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub assigned_ip: Option<IpAddr16>,
    /// Server identifier.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub server_ip: Option<IpAddr16>,
    /// Name servers offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub dns_servers: Vec<IpAddr16>,
    /// Routers offered.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub routers: Vec<IpAddr16>,
    /// Host name option.
    pub hostname: String,
}

/// NTP message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NtpData {
    /// Version, 1 to 4.
    pub version: u8,
    /// Mode: 3 client, 4 server, 6 control, 7 private (monlist).
    pub mode: u8,
    /// Stratum.
    pub stratum: u8,
}

/// ARP packet for IPv4 over Ethernet. Not an application, but it travels beside the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpData {
    /// Capture time.
    pub ts: Timestamp,
    /// 1 request, 2 reply.
    pub operation: u16,
    /// Ethernet sender of the frame, which a liar may forget to match.
    pub frame_src_mac: MacAddr,
    /// Ethernet receiver of the frame.
    pub frame_dest_mac: MacAddr,
    /// Sender's claimed Ethernet address.
    pub sender_mac: MacAddr,
    /// Sender's claimed IP address.
    pub sender_ip: IpAddr16,
    /// Target's Ethernet address (zero in requests).
    pub target_mac: MacAddr,
    /// Target's IP address.
    pub target_ip: IpAddr16,
    /// Outermost VLAN.
    pub vlan: u16,
}

impl AppData {
    /// Which protocol said it.
    #[must_use]
    pub fn proto(&self) -> AppProto {
        match self {
            Self::Dns(d) if d.multicast => AppProto::Mdns,
            Self::Dns(_) => AppProto::Dns,
            Self::Tls(t) if t.quic => AppProto::Quic,
            Self::Tls(_) | Self::Certificate(_) => AppProto::Tls,
            Self::Http(_) => AppProto::Http,
            Self::Ssh(_) => AppProto::Ssh,
            Self::Dhcp(_) => AppProto::Dhcp,
            Self::Ntp(_) => AppProto::Ntp,
            Self::Control(c) => match c.protocol {
                ControlProtocol::Modbus => AppProto::Modbus,
                ControlProtocol::Dnp3 => AppProto::Dnp3,
            },
            // Told message by message; it does not name the flow's protocol, which the models would have to learn anew.
            Self::Admin(_) => AppProto::Unknown,
            Self::Login(login) => login.protocol,
        }
    }
}
