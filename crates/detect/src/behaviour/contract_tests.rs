//! What every exact detector must keep, iterated over the registry: silent on nothing, bounded, deterministic, and alerts
//! that a person can read.

#![allow(clippy::unwrap_used)]

use super::synthetic::{arp_reply, arp_request, contact, flow, ip, mac, run_on};
use super::{BehaviourConfig, BehaviourSet, REGISTRY};
use record::{
    AppData, AppEvent, ContactOutcome, ControlData, ControlProtocol, DhcpData, DnsData, HttpData, ImportedAlert,
    InterfaceSecond, IpAddr16, Observation, Timestamp, TlsData, TrafficClass, observation::ReceiverSecond,
};

/// A fixed stream of pseudo-random observations of every sort, hostile in its variety.
struct Stream {
    state: u64,
    ms: i64,
}

impl Stream {
    fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }
    fn address(&mut self) -> IpAddr16 {
        if self.draw(3) == 0 {
            ip(self.draw(256) as u8)
        } else {
            IpAddr16::v4([self.draw(224) as u8, self.draw(256) as u8, self.draw(256) as u8, self.draw(256) as u8])
        }
    }
    fn next(&mut self) -> Observation {
        self.ms += self.draw(20) as i64;
        let (a, b) = (self.address(), self.address());
        let port = self.draw(65_536) as u16;
        match self.draw(8) {
            0..=2 => {
                let mut c = contact(self.ms, a, b, port);
                c.proto = [6, 17, 1, 47, 132][self.draw(5) as usize];
                c.key.proto = c.proto;
                c.opening_flags = self.draw(256) as u8;
                c.outcome = [
                    ContactOutcome::Answered,
                    ContactOutcome::Refused,
                    ContactOutcome::Unanswered,
                    ContactOutcome::Midstream,
                ][self.draw(4) as usize];
                Observation::Contact(c)
            }
            3 | 4 => {
                let ports = [22, 21, 3389, 443, port];
                let to = ports[self.draw(5) as usize];
                let (out, back) = (self.draw(1 << 24), self.draw(5000));
                Observation::Flow(Box::new(flow(self.ms, a, b, to, out, back)))
            }
            5 => {
                let claimed = mac(self.draw(256) as u8);
                Observation::Arp(if self.draw(2) == 0 {
                    arp_request(self.ms, a, b)
                } else {
                    arp_reply(self.ms, a, claimed, b)
                })
            }
            6 if self.draw(2) == 0 => self.control(a, b),
            6 if self.draw(4) == 0 => self.imported(a, b),
            6 => self.dns(a, b),
            _ => self.second(a, b),
        }
    }
    fn dns(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let name =
            format!("{:x}{:x}.d{}.example{}", self.draw(1 << 60), self.draw(1 << 60), self.draw(9), self.draw(99_999));
        let data = self.message(name);
        let c = contact(self.ms, a, b, 53);
        let event = AppEvent { ts: c.ts, key: c.key, from_low: c.key.low.addr == a, src_mac: mac(1), data };
        Observation::App(Box::new(event))
    }
    /// Mostly DNS, sometimes another application's.
    fn message(&mut self, name: String) -> AppData {
        match self.draw(6) {
            0 => AppData::Tls(TlsData { sni: name, version: "1.0".into(), ..TlsData::default() }),
            1 => AppData::Http(HttpData { url: format!("/{name}?id=' or 1=1"), ..HttpData::default() }),
            2 => AppData::Dhcp(DhcpData {
                dhcp_type: ["discover", "ack"][self.draw(2) as usize].into(),
                client_mac: mac(self.draw(256) as u8),
                assigned_ip: Some(ip(self.draw(256) as u8)),
                hostname: name,
                ..DhcpData::default()
            }),
            _ => AppData::Dns(DnsData { rrname: name, rrtype: "TXT".into(), message_bytes: 120, ..DnsData::default() }),
        }
    }
    fn imported(&mut self, src: IpAddr16, dest: IpAddr16) -> Observation {
        let ts = Timestamp(self.ms * 1_000_000);
        let signature_id = self.draw(1000);
        let signature = "a signature.".to_owned();
        Observation::Imported(Box::new(ImportedAlert {
            ts,
            product: "Tool",
            src,
            dest,
            signature_id,
            signature,
            ..ImportedAlert::default()
        }))
    }
    fn control(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let code = self.draw(131) as u8;
        let data = ControlData {
            protocol: ControlProtocol::Dnp3,
            response: code >= 129,
            functions: vec![code],
            messages: 1 + self.draw(9) as u16,
            ..ControlData::default()
        };
        let c = contact(self.ms, a, b, 20_000);
        let event = AppEvent {
            ts: c.ts,
            key: c.key,
            from_low: c.key.low.addr == a,
            src_mac: mac(1),
            data: AppData::Control(data),
        };
        Observation::App(Box::new(event))
    }
    fn second(&mut self, a: IpAddr16, b: IpAddr16) -> Observation {
        let packets = self.draw(50_000);
        let class = TrafficClass::ALL[self.draw(3) as usize];
        let receiver = ReceiverSecond {
            dest: a,
            class,
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
            top_receivers: vec![receiver],
            ..InterfaceSecond::default()
        }))
    }
}

fn stream(seed: u64, length: usize) -> Vec<Observation> {
    let mut stream = Stream { state: seed, ms: 1_000_000 };
    (0..length).map(|_| stream.next()).collect()
}

#[test]
fn names_match_the_registry_and_are_distinct() {
    let config = BehaviourConfig::default();
    let names: Vec<&str> = REGISTRY.iter().map(|(_, make)| make(&config).name()).collect();
    let listed: Vec<&str> = REGISTRY.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed);
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
}

#[test]
fn nothing_in_gives_nothing_out() {
    let mut set = BehaviourSet::new(&BehaviourConfig::default());
    let mut out = Vec::new();
    set.advance(Timestamp::from_parts(1_700_000_000, 0), &mut out);
    set.advance(Timestamp::from_parts(1_700_100_000, 0), &mut out);
    set.finish(&mut out);
    assert!(out.is_empty());
    assert!(set.counters().0.is_empty());
}

#[test]
fn every_alert_can_be_read_and_grouped() {
    let input = stream(11, 60_000);
    for (name, make) in REGISTRY {
        for alert in run_on(make(&BehaviourConfig::default()).as_mut(), &input) {
            assert_eq!(alert.detector, *name);
            assert!(!alert.title.is_empty() && !alert.title.ends_with('.'), "{name}: `{}`", alert.title);
            assert!(!alert.why.is_empty(), "{name}: no reason");
            assert!(!alert.src.is_empty() || !alert.dest.is_empty() || *name == "volume", "{name}: nobody named");
            assert!(!alert.story.is_empty(), "{name}: no story");
            assert!(alert.src.len() <= 64 && alert.dest.len() <= 64 && alert.dest_port.len() <= 64, "{name}: too long");
            assert!((0.0..=1.0).contains(&alert.score), "{name}: score {}", alert.score);
            assert!(alert.first_seen <= alert.ts, "{name}: ends before it begins");
            let share: f64 = alert.why.iter().map(|w| w.share).sum();
            assert!(share <= 1.0 + 1e-9, "{name}: shares {share}");
            assert!(
                alert.why.iter().all(|w| w.value.is_finite() && w.expected.iter().all(|e| e.is_finite())),
                "{name}: {:?}",
                alert.why
            );
        }
    }
}

#[test]
fn the_same_input_gives_the_same_alerts() {
    let input = stream(5, 60_000);
    let told = || {
        let mut set = BehaviourSet::new(&BehaviourConfig::default());
        let mut out = Vec::new();
        for observation in &input {
            set.observe(observation, &mut out);
        }
        set.finish(&mut out);
        format!("{out:?}")
    };
    assert_eq!(told(), told());
}

#[test]
fn a_detector_misses_nothing_by_not_being_called_for_what_it_does_not_want() {
    let input = stream(7, 60_000);
    for (name, make) in REGISTRY {
        let config = BehaviourConfig::default();
        let everything = run_on(make(&config).as_mut(), &input);
        let wants = make(&config).wants();
        let (mut set, mut told) = (make(&config), Vec::new());
        let mut context = super::Context {
            home: super::HomeNetworks::default(),
            indicators: std::sync::Arc::default(),
            started: input[0].ts(),
            now: input[0].ts(),
        };
        for observation in &input {
            if observation.ts() > context.now {
                let entered = observation.ts().seconds() > context.now.seconds();
                context.now = observation.ts();
                if entered {
                    set.advance(context.now, &context, &mut told);
                }
            }
            if wants.has(super::Wants::sort(observation)) {
                set.observe(observation, &context, &mut told);
            }
        }
        set.finish(&context, &mut told);
        assert_eq!(format!("{everything:?}"), format!("{told:?}"), "{name}");
    }
}

#[test]
fn tables_stay_inside_their_bounds_over_a_million_random_observations() {
    let config = BehaviourConfig::default();
    let mut detectors: Vec<_> = REGISTRY.iter().map(|(_, make)| make(&config)).collect();
    let context_of = |now| super::Context {
        home: super::HomeNetworks::default(),
        indicators: std::sync::Arc::default(),
        started: Timestamp(0),
        now,
    };
    let mut stream = Stream { state: 3, ms: 0 };
    let mut out = Vec::new();
    let mut most = vec![0usize; detectors.len()];
    for i in 0..1_000_000 {
        let observation = stream.next();
        let context = context_of(observation.ts());
        for (detector, most) in detectors.iter_mut().zip(&mut most) {
            detector.observe(&observation, &context, &mut out);
            if i % 1000 == 0 {
                detector.advance(context.now, &context, &mut out);
                *most = (*most).max(detector.entries());
            }
        }
        out.clear();
    }
    for (detector, most) in detectors.iter().zip(most) {
        assert!(most <= 120_000, "{}: {most} entries", detector.name());
    }
}

#[test]
fn settings_round_trip_and_refuse_unknown_keys() {
    let text = serde_json::to_string(&BehaviourConfig::default()).unwrap();
    let back: BehaviourConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert!(serde_json::from_str::<BehaviourConfig>(r#"{"port_scan": {"pairs": 3}}"#).is_err());
    let off: BehaviourConfig = serde_json::from_str(r#"{"disabled": ["beacon"]}"#).unwrap();
    assert!(!BehaviourSet::new(&off).names().contains(&"beacon"));
}
