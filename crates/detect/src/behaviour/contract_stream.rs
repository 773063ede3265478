//! A fixed stream of pseudo-random observations of every sort, hostile in its variety, for the contract tests. Mostly single observations
//! that have nothing to do with each other; now and then a scene, for detectors that look at two sorts together.

#![allow(clippy::unwrap_used)]

use super::synthetic::{arp_reply, arp_request, contact, flow, ip, mac};
use crate::intel::{Indicators, ListText};
use record::{
    AdminData, AdminStep, AppData, AppEvent, AppProto, AppSummary, CertificateData, Contact, ContactOutcome,
    ControlData, ControlProtocol, DhcpData, DnsData, Endpoint, FlowRecord, HttpData, ImportedAlert, InterfaceSecond,
    IpAddr16, LoginData, MacAddr, NtpData, Observation, PacketSample, Process, RouterData, SocketChange, SocketEvent,
    SocketOwner, SshData, TcpFlags, Timestamp, TlsData, TrafficClass, observation::ReceiverSecond, timestamp::NS_PER_S,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// An address outside that a list names.
const LISTED: IpAddr16 = IpAddr16::v4([198, 51, 100, 7]);

/// One observation in so many is of this machine itself.
const HOST_EVERY: u64 = 40;

/// Lists that name `LISTED` and a domain of the stream.
pub(super) fn lists() -> Arc<Indicators> {
    let text = "198.51.100.7\nlisted.example\n";
    let mut lists = Indicators::default();
    lists.add(&ListText { name: "list".into(), bytes: text.as_bytes(), ..ListText::default() }, 10).unwrap();
    Arc::new(lists)
}

/// The first `length` observations of a stream.
pub(super) fn stream(seed: u64, length: usize) -> Vec<Observation> {
    let mut stream = Stream::new(seed, 1_000_000);
    // As much of everything else as without what this machine says of itself.
    let (mut all, mut rest) = (Vec::with_capacity(length), length);
    while rest > 0 {
        let observation = stream.next();
        rest -= usize::from(!is_aside(&observation));
        all.push(observation);
    }
    all
}

fn is_aside(observation: &Observation) -> bool {
    match observation {
        Observation::Socket(_) => true,
        Observation::Second(second) => !second.counted_on.is_empty(),
        _ => false,
    }
}

/// The stream.
pub(super) struct Stream {
    state: u64,
    ms: i64,
    /// Numbers for what this machine says of itself.
    aside: u64,
    calls: u64,
    /// What is left of a scene.
    scene: VecDeque<Observation>,
}

impl Stream {
    pub(super) fn new(seed: u64, ms: i64) -> Self {
        Self { state: seed, ms, aside: !seed, calls: 0, scene: VecDeque::new() }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.draw(of.len() as u64) as usize]
    }

    fn address(&mut self) -> IpAddr16 {
        match self.draw(24) {
            0..=7 => ip(self.draw(256) as u8),
            8 => LISTED,
            _ => IpAddr16::v4([self.draw(224) as u8, self.draw(256) as u8, self.draw(256) as u8, self.draw(256) as u8]),
        }
    }

    /// Any port, often a service's.
    fn port(&mut self) -> u16 {
        let any = self.draw(65_536) as u16;
        self.one_of(&[22, 21, 53, 80, 88, 443, 445, 3389, 4444, any, any, any])
    }

    pub(super) fn next(&mut self) -> Observation {
        if let Some(ahead) = self.scene.pop_front() {
            return ahead;
        }
        self.calls += 1;
        if self.calls.is_multiple_of(HOST_EVERY) {
            return self.host_aside();
        }
        self.ms += self.draw(20) as i64;
        let (a, b) = (self.address(), self.address());
        match self.draw(40) {
            0..=13 => Observation::Contact(self.contact(a, b)),
            14..=21 => Observation::Flow(Box::new(self.flow(a, b))),
            22..=25 => self.arp(a, b),
            26..=31 => self.app(a, b),
            32 if self.draw(4) == 0 => self.stations(),
            32 => self.scene(),
            33 => self.router(a),
            34 => self.packet(a, b),
            35 => self.imported(a, b),
            _ => self.second(a, b),
        }
    }

    fn imported(&mut self, src: IpAddr16, dest: IpAddr16) -> Observation {
        Observation::Imported(Box::new(ImportedAlert {
            ts: Timestamp(self.ms * 1_000_000),
            product: "Tool",
            src,
            dest,
            signature_id: self.draw(1000),
            signature: "a signature.".to_owned(),
            ..ImportedAlert::default()
        }))
    }

    fn contact(&mut self, a: IpAddr16, b: IpAddr16) -> Contact {
        let port = self.port();
        let mut c = contact(self.ms, a, b, port);
        c.proto = self.one_of(&[6, 6, 17, 1, 47, 132]);
        c.key.proto = c.proto;
        let any = self.draw(256) as u8;
        c.opening_flags = self.one_of(&[TcpFlags::SYN, any]);
        c.outcome = self.one_of(&[
            ContactOutcome::Answered,
            ContactOutcome::Refused,
            ContactOutcome::Unanswered,
            ContactOutcome::Midstream,
        ]);
        c
    }

    fn flow(&mut self, a: IpAddr16, b: IpAddr16) -> FlowRecord {
        let (much, little) = (self.draw(1 << 24), self.draw(5000));
        let (out, back) = self.one_of(&[(much, little), (little, much), (little, little)]);
        let port = self.port();
        let mut f = flow(self.ms, a, b, port, out, back);
        f.key.proto = self.one_of(&[6, 6, 17, 1]);
        f.icmp_type = 8 * u8::from(f.key.proto == 1);
        f.report = self.one_of(&[0, 0, 1]);
        f.first_seen = f.start.plus_ns(-(self.draw(900) as i64) * NS_PER_S);
        f.start = f.first_seen;
        for _ in 0..self.draw(7) {
            f.idle.add(30.0 * NS_PER_S as f64);
            f.forward.iat.add(30.0 * NS_PER_S as f64);
        }
        if self.draw(2) == 0 {
            f.history.push(b'S');
        }
        if self.draw(4) == 0 {
            f.src_mac = MacAddr([0; 6]);
        }
        if self.draw(4) == 0 {
            // A request that drags on: many small pieces, next to nothing back.
            (f.forward.packets_with_payload, f.forward.payload.sum) = (20, 200.0);
            (f.backward.packets_with_payload, f.backward.payload.sum) = (0, 0.0);
        }
        if self.draw(2) == 0 {
            let proto = self.one_of(&[AppProto::Tls, AppProto::Http, AppProto::Ssh]);
            f.app = Some(Box::new(AppSummary { proto, ..AppSummary::default() }));
        }
        f
    }

    fn arp(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let claimed = mac(self.draw(256) as u8);
        Observation::Arp(if self.draw(2) == 0 { arp_request(self.ms, a, b) } else { arp_reply(self.ms, a, claimed, b) })
    }

    /// `a` says something to `b`.
    fn says(&mut self, a: IpAddr16, b: IpAddr16, port: u16, data: AppData) -> Observation {
        let c = contact(self.ms, a, b, port);
        let event = AppEvent { ts: c.ts, key: c.key, from_low: c.key.low.addr == a, src_mac: mac(1), data };
        Observation::App(Box::new(event))
    }

    fn app(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let port = self.port();
        let name = match self.draw(8) {
            0 => "listed.example".to_owned(),
            1 => "www.qrwkzvjx3b7dhp.com".to_owned(),
            _ => format!(
                "{:x}{:x}.d{}.example{}",
                self.draw(1 << 60),
                self.draw(1 << 60),
                self.draw(9),
                self.draw(99_999)
            ),
        };
        let data = match self.draw(12) {
            0..=2 => self.dns(name),
            3 => {
                // One that nobody looks up.
                let sni = if self.draw(4) == 0 { "www.xqzkjvwpbf2l4t.com".to_owned() } else { name };
                AppData::Tls(TlsData { sni, version: "1.0".into(), ..TlsData::default() })
            }
            4 => self.http(name),
            5 => self.dhcp(name),
            6 => AppData::Ssh(SshData::default()),
            7 => AppData::Ntp(NtpData::default()),
            8 => self.admin(),
            9 => self.login(name),
            10 => self.certificate(),
            _ => self.control(),
        };
        self.says(a, b, port, data)
    }

    fn dns(&mut self, name: String) -> AppData {
        let response = self.draw(2) == 0;
        let exists = self.draw(2) == 0;
        AppData::Dns(DnsData {
            response,
            rrname: name,
            rrtype: "TXT".into(),
            rcode: if !response {
                ""
            } else if exists {
                "NOERROR"
            } else {
                "NXDOMAIN"
            }
            .into(),
            answers: if response && exists { vec![self.address().to_string()] } else { Vec::new() },
            message_bytes: 120,
            ..DnsData::default()
        })
    }

    fn http(&mut self, name: String) -> AppData {
        let (method, url) = [
            ("GET", format!("/{name}?id=' or 1=1")),
            ("POST", "/login.php".to_owned()),
            ("GET", "/tor/server/all".to_owned()),
        ][self.draw(3) as usize]
            .clone();
        let basic = self.draw(4) == 0;
        AppData::Http(HttpData {
            http_method: method.into(),
            hostname: name,
            url,
            authorization: if basic { "basic".into() } else { String::new() },
            http_user: if basic { "user".into() } else { String::new() },
            ..HttpData::default()
        })
    }

    fn dhcp(&mut self, hostname: String) -> AppData {
        let other = ip(self.draw(256) as u8);
        AppData::Dhcp(DhcpData {
            dhcp_type: self.one_of(&["discover", "offer", "ack"]).into(),
            client_mac: mac(self.draw(256) as u8),
            assigned_ip: Some(ip(self.draw(256) as u8)),
            server_ip: Some(ip(self.draw(4) as u8)),
            routers: vec![other],
            hostname,
            ..DhcpData::default()
        })
    }

    fn admin(&mut self) -> AppData {
        let (step, name) = self.one_of(&[
            (AdminStep::LogonRefused, ""),
            (AdminStep::Share, "\\\\srv\\admin$"),
            (AdminStep::File, "updater.exe"),
            (AdminStep::Bind, "svcctl"),
            (AdminStep::Call, ""),
        ]);
        let operation = self.draw(20) as u16;
        AppData::Admin(AdminData { step, name: name.into(), operation, writes: true, ..AdminData::default() })
    }

    fn login(&mut self, user: String) -> AppData {
        let protocol = self.one_of(&[AppProto::Ftp, AppProto::Imap, AppProto::Stratum]);
        let password = self.draw(2) == 0;
        AppData::Login(LoginData { protocol, user, mechanism: "LOGIN".into(), password, ..LoginData::default() })
    }

    fn certificate(&mut self) -> AppData {
        let name = self.one_of(&["CN=www.xqzkjvwpbf2l4t.com", "CN=www.vkq7jzxwpfbh3d.net", "CN=printer"]);
        AppData::Certificate(CertificateData {
            subject: name.into(),
            issuer: "CN=www.qjvkzxwpfbh3d7.net".into(),
            not_after_s: self.draw(3000) as i64,
            self_signed: self.draw(2) == 0,
            ..CertificateData::default()
        })
    }

    fn control(&mut self) -> AppData {
        let code = self.draw(131) as u8;
        AppData::Control(ControlData {
            protocol: ControlProtocol::Dnp3,
            response: code >= 129,
            functions: vec![code],
            messages: 1 + self.draw(9) as u16,
            ..ControlData::default()
        })
    }

    /// A master polls four stations, two of which then talk to each other.
    fn stations(&mut self) -> Observation {
        let station = |n: u8| IpAddr16::v4([172, 16, 9, n]);
        for _ in 0..6 {
            for n in 1..=4 {
                let data = AppData::Control(ControlData { functions: vec![1], messages: 1, ..ControlData::default() });
                let polls = self.says(station(200), station(n), 502, data);
                self.scene.push_back(polls);
            }
        }
        self.ms += 2_000;
        let talk = contact(self.ms, station(1), station(2), 4444);
        self.scene.push_back(Observation::Contact(talk));
        self.scene.push_back(Observation::Flow(Box::new(flow(self.ms, station(1), station(2), 4444, 100, 100))));
        Observation::Contact(contact(self.ms - 2_000, station(200), station(1), 502))
    }

    /// Somebody calls a server, which fetches much from a neighbour of the caller; or a host greets one outside again and again without
    /// a name, over connections of no known protocol.
    fn scene(&mut self) -> Observation {
        let (home, near) = (ip(self.draw(256) as u8), self.draw(250) as u8);
        let outside = |n: u8| IpAddr16::v4([203, 0, 113, n]);
        let answered = |c: Contact| Observation::Contact(Contact { outcome: ContactOutcome::Answered, ..c });
        let mut f = flow(self.ms, home, outside(near + 1), 4444, 100, 900_000);
        f.first_seen = f.start;
        if self.draw(2) == 0 {
            self.scene.push_back(answered(contact(self.ms, home, outside(near + 1), 4444)));
            self.scene.push_back(Observation::Flow(Box::new(f)));
            let data = TlsData { ja4: "t13i0607_program".into(), ..TlsData::default() };
            let mut calls = flow(self.ms, home, outside(near), 443, 600, 900);
            let request = Some(AppData::Tls(data));
            calls.app = Some(Box::new(AppSummary { proto: AppProto::Tls, request, ..AppSummary::default() }));
            self.scene.push_back(Observation::Flow(Box::new(calls)));
            self.refusals(outside(near), home);
            return answered(contact(self.ms, outside(near), home, 445));
        }
        for visit in 0..8 {
            self.ms += 11_000;
            let hello = TlsData { version: "1.0".into(), ..TlsData::default() };
            let greets = self.says(home, outside(near + 1), 4444, AppData::Tls(hello));
            self.scene.push_back(greets);
            let (end, flow_id) = (Timestamp(self.ms * 1_000_000), f.flow_id + visit);
            self.scene.push_back(Observation::Flow(Box::new(FlowRecord { end, start: end, flow_id, ..f.clone() })));
        }
        answered(contact(self.ms - 88_000, home, outside(near + 1), 4444))
    }

    /// A server that refuses the same client again and again.
    fn refusals(&mut self, server: IpAddr16, client: IpAddr16) {
        for _ in 0..24 {
            self.ms += 200;
            let c = contact(self.ms, client, server, 21);
            let data =
                LoginData { protocol: AppProto::Ftp, response: true, accepted: Some(false), ..LoginData::default() };
            let from_low = c.key.low.addr == server;
            let event = AppEvent { ts: c.ts, key: c.key, from_low, src_mac: mac(1), data: AppData::Login(data) };
            self.scene.push_back(Observation::App(Box::new(event)));
        }
    }

    fn router(&mut self, router: IpAddr16) -> Observation {
        let ts = Timestamp(self.ms * 1_000_000);
        let src_mac = mac(self.draw(256) as u8);
        Observation::Router(Box::new(RouterData { ts, router, src_mac, lifetime_s: 1800, ..RouterData::default() }))
    }

    fn packet(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let c = contact(self.ms, a, b, 80);
        Observation::Packet(PacketSample {
            ts: c.ts,
            key: c.key,
            from_low: c.key.low.addr == a,
            has_flow: true,
            src_mac: mac(1),
            dest_mac: mac(2),
            wire_len: 60,
            count: 1,
        })
    }

    /// From numbers of its own, so that the rest of the stream is what it was without.
    fn host_aside(&mut self) -> Observation {
        std::mem::swap(&mut self.state, &mut self.aside);
        let (a, b) = (self.address(), self.address());
        let observation = self.host(a, b);
        std::mem::swap(&mut self.state, &mut self.aside);
        observation
    }

    /// What this machine says of itself: a second of its counters, or a socket that came or went.
    fn host(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let ts = Timestamp(self.ms * 1_000_000);
        if self.draw(4) == 0 {
            let (bytes_in, packets_in) = (self.draw(1 << 25), self.draw(1 << 15));
            let ts = Timestamp::from_parts(ts.seconds(), 0);
            let counted_on = format!("eth{}", self.draw(3));
            let second = InterfaceSecond { ts, counted_on, bytes_in, packets_in, ..InterfaceSecond::default() };
            return Observation::Second(Box::new(second));
        }
        let (pid, local, remote) = (self.draw(50) as u32, self.port(), self.port());
        let process = Process { pid, name: format!("p{pid}"), exe: String::new() };
        let listening = self.draw(3) == 0;
        let proto = self.one_of(&[6, 6, 17]);
        Observation::Socket(Box::new(SocketEvent {
            ts,
            change: self.one_of(&[SocketChange::Opened, SocketChange::Opened, SocketChange::Closed]),
            since: ts,
            proto,
            local: Endpoint { addr: a, port: local },
            remote: if listening { Endpoint::default() } else { Endpoint { addr: b, port: remote } },
            listening,
            incoming: self.draw(4) == 0,
            first_reading: self.draw(20) == 0,
            handed_out: local >= 32_768,
            host: a,
            uid: Some(pid % 3),
            user: format!("u{}", pid % 3),
            owner: if pid == 0 { SocketOwner::Hidden } else { SocketOwner::Process(Arc::new(process)) },
        }))
    }

    fn second(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let packets = self.draw(50_000);
        let receiver = ReceiverSecond {
            dest: a,
            class: TrafficClass::ALL[self.draw(3) as usize],
            packets,
            bytes: packets * 60,
            tcp_syn: self.draw(packets + 1),
            packets_back: self.draw(packets + 1),
            senders: self.draw(1000) as u32,
            sender_top: b,
            sender_top_packets: self.draw(packets + 1),
            dest_port: 80,
            dest_port_packets: packets,
            src_port: 53,
            src_port_packets: self.draw(packets + 1),
        };
        let ts = Timestamp::from_parts(self.ms / 1000, 0);
        Observation::Second(Box::new(InterfaceSecond {
            ts,
            packets: [packets / 7; TrafficClass::COUNT],
            bytes: [packets * 9; TrafficClass::COUNT],
            top_receivers: vec![receiver],
            ..InterfaceSecond::default()
        }))
    }
}
