//! TOR (ATT&CK T1090.003): a home host joins the anonymity network, or fetches its directory. A TOR client greets its first relays with a
//! server name that it makes up (`www.` + 4 to 25 letters of base 32 + `.com` or `.net`) and never looks up; relays listen on 9001 by habit and,
//! up to TLS 1.2, show a certificate of two such names. Signs add up to points, as in `odd_service`. Owns the signs and points; the model of
//! names is `crate::names`. Bridges that look like something else (obfs4, meek) are not seen.

use super::lru::{Lru, hash_of};
use super::text::{self, alert, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use crate::names::NameModel;
use record::{Alert, AppData, AppEvent, Counters, IpAddr16, Kind, Observation, Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// Settings of the detector of TOR.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TorConfig {
    /// Points needed. A made-up server name that was not looked up counts 1, each further one 1, a relay's port 1, a relay's
    /// certificate 2, a request for the directory 3. Default 3.
    pub points_min: f64,
    /// Hosts remembered. Default 4096.
    pub hosts_max: usize,
    /// Names remembered from look-ups. Default 32768.
    pub names_max: usize,
}

impl Default for TorConfig {
    fn default() -> Self {
        Self { points_min: 3.0, hosts_max: 4096, names_max: 32_768 }
    }
}

/// Ports that relays take by habit.
const RELAY_PORTS: [u16; 2] = [9001, 9030];
/// How much stranger than one ordinary name in fifty a server name must be, log-odds: brands are strange, too.
const NAME_MARGIN: f32 = 1.0;

#[derive(Default)]
struct Host {
    first: Timestamp,
    last: Timestamp,
    names: Vec<String>,
    relays: Vec<IpAddr16>,
    ports: Vec<u16>,
    relay_port: bool,
    certificate: bool,
    directory: bool,
    signs: u64,
    throttle: Throttle,
}

impl Host {
    fn points(&self) -> f64 {
        self.names.len().min(3) as f64
            + f64::from(u8::from(self.relay_port))
            + 2.0 * f64::from(u8::from(self.certificate))
            + 3.0 * f64::from(u8::from(self.directory))
    }
}

/// The detector.
pub struct Tor {
    config: TorConfig,
    model: Option<&'static NameModel>,
    hosts: Lru<IpAddr16, Host>,
    named: Lru<u64, ()>,
}

/// `www.`, letters of base 32, `.com` or `.net`: the letters between.
fn middle(name: &str) -> Option<&str> {
    let label = name.strip_prefix("www.")?;
    let label = label.strip_suffix(".com").or_else(|| label.strip_suffix(".net"))?;
    let plain = label.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b));
    (plain && (4..=25).contains(&label.len())).then_some(label)
}

impl Tor {
    /// Builds it.
    #[must_use]
    pub fn new(config: &TorConfig) -> Self {
        Self {
            model: NameModel::shipped(),
            hosts: Lru::new(config.hosts_max),
            named: Lru::new(config.names_max),
            config: config.clone(),
        }
    }

    fn is_made_up(&self, label: &str) -> bool {
        label.len() >= 8 && self.model.is_some_and(|m| m.score(label) > m.generated_from() + NAME_MARGIN)
    }

    fn sign(
        &mut self,
        event: &AppEvent,
        from_client: bool,
        context: &Context,
        set: impl FnOnce(&mut Host),
        out: &mut Vec<Alert>,
    ) {
        let (low, high) = (event.key.low, event.key.high);
        let (client, relay) = if event.from_low == from_client { (low, high) } else { (high, low) };
        if !context.home.contains(client.addr) || context.home.contains(relay.addr) {
            return;
        }
        let host = self.hosts.touch(&client.addr, event.ts, || Host { first: event.ts, ..Host::default() });
        set(host);
        host.last = host.last.max(event.ts);
        host.signs += 1;
        // A port alone is anybody's.
        host.relay_port |= RELAY_PORTS.contains(&relay.port);
        push_distinct(&mut host.relays, relay.addr);
        push_distinct(&mut host.ports, relay.port);
        if host.points() >= self.config.points_min && host.throttle.due(host.signs, event.ts) {
            out.push(story(client.addr, host, self.config.points_min));
        }
    }
}

fn story(client: IpAddr16, host: &Host, points_min: f64) -> Alert {
    let mut a = alert(Kind::ProtocolMisuse, "tor", host.first, host.last, 1e-3);
    let how = if host.directory {
        "asks for its directory".to_owned()
    } else {
        format!("greets relays by made-up names such as {}", host.names.first().map_or("", String::as_str))
    };
    a.title = format!("{client} uses the TOR network: it {how}");
    a.src = vec![client];
    a.dest.clone_from(&host.relays);
    a.dest_port.clone_from(&host.ports);
    let points = host.points().max(points_min);
    let flag = |set: bool| f64::from(u8::from(set));
    a.why = vec![
        why(
            "made_up_server_names",
            host.names.len() as f64,
            [0.0, 0.0],
            "names",
            host.names.len().min(3) as f64 / points,
        ),
        why("relay_port", flag(host.relay_port), [0.0, 0.0], text::YES_NO, flag(host.relay_port) / points),
        why(
            "relay_certificate",
            flag(host.certificate),
            [0.0, 0.0],
            text::YES_NO,
            2.0 * flag(host.certificate) / points,
        ),
        why("tor_directory", flag(host.directory), [0.0, 0.0], text::YES_NO, 3.0 * flag(host.directory) / points),
    ];
    a.why.retain(|w| w.value > 0.0);
    a.packets = host.signs;
    a.severity = Severity::Medium;
    a.story = format!("{client}");
    a.attack = vec!["T1090.003"];
    text::scored(a, 0.8)
}

impl Behaviour for Tor {
    fn name(&self) -> &'static str {
        "tor"
    }
    fn wants(&self) -> Wants {
        Wants::DNS | Wants::TLS | Wants::HTTP | Wants::CERTIFICATE
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        let Observation::App(event) = observation else { return };
        match &event.data {
            AppData::Dns(dns) if middle(&dns.rrname).is_some() => {
                self.named.touch(&hash_of(dns.rrname.as_str()), event.ts, || ());
            }
            AppData::Tls(tls)
                if !tls.quic
                    && middle(&tls.sni).is_some_and(|label| self.is_made_up(label))
                    && self.named.peek(&hash_of(tls.sni.as_str())).is_none() =>
            {
                self.sign(event, true, context, |host| push_distinct(&mut host.names, tls.sni.clone()), out);
            }
            AppData::Http(http) if !http.response && http.url.starts_with("/tor/") => {
                self.sign(event, true, context, |host| host.directory = true, out);
            }
            AppData::Certificate(shown) if !shown.self_signed => {
                let of =
                    |name: &str| name.strip_prefix("CN=").and_then(middle).is_some_and(|label| self.is_made_up(label));
                if of(&shown.subject) && of(&shown.issuer) {
                    self.sign(event, false, context, |host| host.certificate = true, out);
                }
            }
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("hosts_evicted", self.hosts.evicted());
        counters.add("names_evicted", self.named.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.hosts.len() + self.named.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, mac, run};
    use super::*;
    use record::{CertificateData, DnsData, HttpData, TlsData};

    fn says(ms: i64, relay: u8, port: u16, from_relay: bool, data: AppData) -> Observation {
        let relay = IpAddr16::v4([203, 0, 113, relay]);
        let c = contact(ms, ip(7), relay, port);
        let from_low = (c.key.low.addr == ip(7)) != from_relay;
        Observation::App(Box::new(AppEvent { ts: c.ts, key: c.key, from_low, src_mac: mac(7), data }))
    }

    fn hello(ms: i64, relay: u8, port: u16, sni: &str) -> Observation {
        says(ms, relay, port, false, AppData::Tls(TlsData { sni: sni.into(), ..TlsData::default() }))
    }

    const MADE_UP: [&str; 3] = ["www.q7xkz3vbwjh5.com", "www.xjwqkzvbnphtd.net", "www.zk2vq6xwj4rtb.com"];

    #[test]
    fn relays_greeted_by_made_up_names_are_told() {
        let seen: Vec<_> = MADE_UP.iter().zip(1..).map(|(name, n)| hello(i64::from(n), n, 443, name)).collect();
        assert!(run("tor", &seen[..2]).is_empty(), "two points");
        assert!(run("tor", &seen)[0].title.starts_with("10.0.0.7 uses the TOR network"));
        let two = [hello(0, 1, 9001, MADE_UP[0]), hello(1, 2, 9001, MADE_UP[1])];
        assert_eq!(run("tor", &two).len(), 1, "two names and the port");
        let shown = CertificateData {
            subject: format!("CN={}", MADE_UP[1]),
            issuer: format!("CN={}", MADE_UP[2]),
            ..CertificateData::default()
        };
        let old = [hello(0, 1, 443, MADE_UP[0]), says(1, 1, 443, true, AppData::Certificate(shown))];
        assert_eq!(run("tor", &old).len(), 1, "a name and a certificate");
        let directory = HttpData { url: "/tor/server/all.z".into(), ..HttpData::default() };
        assert_eq!(run("tor", &[says(0, 1, 80, false, AppData::Http(directory))]).len(), 1);
    }

    #[test]
    fn names_that_were_looked_up_and_ordinary_sites_are_silent() {
        let mut seen = Vec::new();
        for (name, n) in MADE_UP.iter().zip(1..) {
            let dns = DnsData { rrname: (*name).into(), ..DnsData::default() };
            seen.push(says(i64::from(n), 53, 53, false, AppData::Dns(dns)));
            seen.push(hello(i64::from(n) + 1, n, 443, name));
        }
        assert!(run("tor", &seen).is_empty());
        let sites = ["www.facebook.com", "www.speedtest.net", "www.pluralsight.com", "www.redditstatic.com"];
        let seen: Vec<_> = sites.iter().zip(1..).map(|(name, n)| hello(i64::from(n), n, 443, name)).collect();
        assert!(run("tor", &seen).is_empty());
    }
}
