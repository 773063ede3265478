//! Data in DNS names: a client sends one registered domain many distinct long names that look like data. Counts the
//! information in names not seen before, per client and domain (after Nadler's ibHH, 2023: information-based heavy
//! hitters), in fading counters and bounded sets.

use super::lru::{Lru, hash_of};
use super::set16::Set16;
use super::text::{self, alert, bytes, count, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use crate::names::split;
use record::{
    Alert, AppData, AppEvent, Counters, DnsData, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the DNS tunnel detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsTunnelConfig {
    /// Distinct names under one domain within the window. Default 40.
    pub names_min: u32,
    /// Information in them, bytes (length times character entropy). Default 1500.
    pub information_min_bytes: f64,
    /// Mean length of the part below the domain, bytes, from which on names look like data. Default 24.
    pub length_min: f64,
    /// Mean entropy, bits a character, from which on names look like data. Default 3.2.
    pub entropy_min: f64,
    /// Distinct names that are enough when nearly all of them are long, dense and asked with a type that carries data, or
    /// asked with a type that only tunnels ask for (NULL, private types). Default 6.
    pub small_names_min: u32,
    /// Information in the names and text in the answers that such a small tunnel must have moved, bytes. Default 120.
    pub small_min_bytes: f64,
    /// Text received under one domain in answers to at least twice `small_names_min` names, bytes. Default 1000.
    pub answers_min_bytes: f64,
    /// Window after which counting starts again, seconds. Default 600.
    pub window_s: u32,
    /// Pairs of client and domain remembered. Default 4096.
    pub pairs_max: usize,
    /// Sets of more than 64 names (8 KiB each). Default 256.
    pub large_sets_max: usize,
}

impl Default for DnsTunnelConfig {
    fn default() -> Self {
        Self {
            names_min: 40,
            information_min_bytes: 1500.0,
            length_min: 24.0,
            entropy_min: 3.2,
            small_names_min: 6,
            small_min_bytes: 120.0,
            answers_min_bytes: 1000.0,
            window_s: 600,
            pairs_max: 4096,
            large_sets_max: 256,
        }
    }
}

#[derive(Default)]
struct Pair {
    names: Set16,
    window_start: Timestamp,
    first: Timestamp,
    last: Timestamp,
    information: f64,
    length: f64,
    entropy: f64,
    data_types: u32,
    /// Names asked with a type that no ordinary program asks for.
    rare_types: u32,
    /// Names that are long, dense and asked with a type that carries data.
    data_names: u32,
    /// Text received in answers, bytes.
    answers: f64,
    total_names: u64,
    total_information: f64,
    servers: Vec<IpAddr16>,
    throttle: Throttle,
}

/// The detector.
pub struct DnsTunnel {
    config: DnsTunnelConfig,
    pairs: Lru<(IpAddr16, String), Pair>,
    large_sets: usize,
    capped: u64,
}

/// Record types that carry free data or a free name and that people's programs rarely ask for (a resolver follows a CNAME,
/// nobody asks for one).
fn carries_data(rrtype: &str) -> bool {
    matches!(rrtype, "TXT" | "NULL" | "KEY" | "CNAME" | "PRIVATE" | "5" | "10" | "16" | "25" | "65399" | "65535")
}

/// Types that only tunnels ask for: NULL (experimental since RFC 1035) and the private range.
fn is_rare(rrtype: &str) -> bool {
    matches!(rrtype, "NULL" | "PRIVATE" | "10" | "65399" | "65535")
}

/// True when a name is made of data rather than words: long, dense, and no service label (`_dmarc`) or reversed address.
fn is_data(below: &str, bits: f64) -> bool {
    below.len() >= 24 && bits >= 3.0 && !below.split('.').any(|label| label.starts_with('_'))
}

/// True for the reversed address that block lists and address registries are asked for.
fn is_reversed_address(below: &str) -> bool {
    below.split('.').take(4).all(|label| label.len() <= 3 && label.bytes().all(|b| b.is_ascii_hexdigit()))
        && below.split('.').count() >= 4
}

/// Shannon entropy of the bytes without dots, bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    let mut n = 0u32;
    for byte in text.bytes().filter(|b| *b != b'.') {
        counts[usize::from(byte)] += 1;
        n += 1;
    }
    let total = f64::from(n.max(1));
    counts.iter().filter(|c| **c > 0).map(|c| f64::from(*c) / total).map(|p| -p * p.log2()).sum()
}

impl DnsTunnel {
    /// Builds it.
    #[must_use]
    pub fn new(config: &DnsTunnelConfig) -> Self {
        Self { pairs: Lru::new(config.pairs_max), large_sets: 0, capped: 0, config: config.clone() }
    }

    fn query(&mut self, event: &AppEvent, dns: &DnsData, out: &mut Vec<Alert>) {
        if dns.response {
            self.answer(event, dns);
            return;
        }
        if dns.multicast || dns.rrname.rsplit('.').next() == Some("arpa") {
            return;
        }
        let Some((below, domain)) = split(&dns.rrname) else { return };
        if is_reversed_address(below) {
            return;
        }
        let ends = if event.from_low { (event.key.low, event.key.high) } else { (event.key.high, event.key.low) };
        let (client, server) = (ends.0.addr, ends.1.addr);
        let key = (client, domain.to_owned());
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        let evicted = self.pairs.evicted();
        let pair = self.pairs.touch(&key, event.ts, Pair::default);
        if event.ts.since(pair.window_start) > window_ns {
            self.large_sets -= usize::from(pair.names.count() > 64).min(self.large_sets);
            pair.renew(event.ts);
        }
        if pair.names.count() == 64 && self.large_sets >= self.config.large_sets_max {
            self.capped += 1;
            return;
        }
        if !pair.names.insert(hash_of(below) as u16) {
            return;
        }
        self.large_sets += usize::from(pair.names.count() == 65);
        pair.add(event.ts, below, &dns.rrtype);
        text::push_distinct(&mut pair.servers, server);
        if pair.is_tunnel(&self.config) && pair.throttle.due(pair.total_names, event.ts) {
            out.push(pair_alert(client, domain, pair));
        }
        if evicted != self.pairs.evicted() && self.large_sets > 0 {
            self.large_sets = self.pairs.iter().filter(|(_, p)| p.names.count() > 64).count();
        }
    }

    /// Text in an answer counts for the asker; answers of other types cost one comparison.
    fn answer(&mut self, event: &AppEvent, dns: &DnsData) {
        if dns.multicast || dns.answers.is_empty() || !matches!(dns.rrtype.as_str(), "TXT" | "NULL" | "16" | "10") {
            return;
        }
        let Some((below, domain)) = split(&dns.rrname) else { return };
        if below.starts_with('_') || is_reversed_address(below) {
            return;
        }
        let client = if event.from_low { event.key.high.addr } else { event.key.low.addr };
        if let Some(pair) = self.pairs.peek_mut(&(client, domain.to_owned())) {
            pair.answers += dns.answers.iter().map(String::len).sum::<usize>() as f64;
        }
    }
}

impl Pair {
    fn renew(&mut self, now: Timestamp) {
        self.names = Set16::default();
        self.window_start = now;
        (self.information, self.length, self.entropy, self.data_types) = (0.0, 0.0, 0.0, 0);
        (self.rare_types, self.data_names, self.answers) = (0, 0, 0.0);
        if !self.throttle.started() {
            self.first = now;
            self.total_names = 0;
            self.total_information = 0.0;
        }
    }

    fn add(&mut self, now: Timestamp, below: &str, rrtype: &str) {
        let bits = entropy(below);
        let information = below.len() as f64 * bits / 8.0;
        self.last = self.last.max(now);
        self.information += information;
        self.total_information += information;
        self.total_names += 1;
        self.length += below.len() as f64;
        self.entropy += bits;
        // Mail exchangers are asked for a domain, hardly for a long name below one.
        let data_name = is_data(below, bits) && (carries_data(rrtype) || matches!(rrtype, "MX" | "15"));
        self.data_types += u32::from(carries_data(rrtype) || data_name);
        self.data_names += u32::from(data_name);
        self.rare_types += u32::from(is_rare(rrtype));
    }

    /// Few names, but such as nothing else asks: data by their form and type, or of a type that only tunnels use; or text
    /// received in answer to many names.
    fn is_small_tunnel(&self, config: &DnsTunnelConfig) -> bool {
        let (n, least) = (self.names.count(), config.small_names_min.max(1));
        let moved = self.information + self.answers >= config.small_min_bytes;
        let form = self.data_names >= least && self.data_names * 10 >= n * 8 && moved;
        let rare = self.rare_types >= least;
        let received = n >= 2 * least && self.data_types * 10 >= n * 8 && self.answers >= config.answers_min_bytes;
        form || rare || received
    }

    /// Many names, much information, and names that look like data: long and dense, or asked with a data type.
    fn is_tunnel(&self, config: &DnsTunnelConfig) -> bool {
        let n = f64::from(self.names.count().max(1));
        let (length, entropy) = (self.length / n, self.entropy / n);
        let asks_data = f64::from(self.data_types) >= 0.5 * n;
        // Asked with a data type, even short names count; digits alone (block list look-ups) stay below 2.5 bits.
        let looks_like_data = if asks_data {
            entropy >= config.entropy_min - 0.7 && length >= config.length_min / 3.0
        } else {
            entropy >= config.entropy_min && length >= config.length_min * 1.5
        };
        let enough = if asks_data { config.names_min / 2 } else { config.names_min };
        if self.is_small_tunnel(config) {
            return true;
        }
        self.names.count() >= enough.max(1)
            && self.information >= config.information_min_bytes * if asks_data { 0.25 } else { 1.0 }
            && looks_like_data
    }
}

fn pair_alert(client: IpAddr16, domain: &str, pair: &Pair) -> Alert {
    let n = f64::from(pair.names.count().max(1));
    let mut a = alert(Kind::DnsTunnel, "dns_tunnel", pair.first, pair.last, 1e-4);
    let under = if domain.is_empty() { "no domain" } else { domain };
    let names = count(pair.total_names);
    a.title = if pair.answers > pair.total_information {
        format!("{client} received about {} in answers to {names} names under {under}", bytes(pair.answers))
    } else {
        format!("{client} sent about {} in {names} names under {under}", bytes(pair.total_information))
    };
    a.src = vec![client];
    a.dest.clone_from(&pair.servers);
    a.dest_port = vec![53];
    a.why = vec![
        why("information_in_new_names", pair.total_information, [0.0, 1500.0], "bytes", 0.4),
        why("distinct_names", pair.total_names as f64, [0.0, 39.0], "names", 0.3),
        why("name_length_mean", pair.length / n, [0.0, 24.0], "bytes", 0.2),
        why("data_record_share", f64::from(pair.data_types) / n, [0.0, 0.1], "", 0.1),
    ];
    if pair.answers > 0.0 {
        a.why[0].share = 0.3;
        a.why.push(why("text_in_answers", pair.answers, [0.0, 1000.0], "bytes", 0.1));
    }
    a.packets = pair.total_names;
    a.severity = Severity::High;
    a.story = format!("{client} {domain}");
    text::scored(a, 0.9 + 0.1 * (1.0 - 1500.0 / pair.total_information.max(1500.0)))
}

impl Behaviour for DnsTunnel {
    fn name(&self) -> &'static str {
        "dns_tunnel"
    }
    fn wants(&self) -> Wants {
        Wants::DNS
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Dns(dns) = &event.data
        {
            self.query(event, dns, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.pairs.evicted());
        counters.add("name_sets_capped", self.capped);
        counters
    }
    fn entries(&self) -> usize {
        self.pairs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, mac, run};
    use super::*;

    fn queries(n: i64, every_ms: i64, name: impl Fn(i64) -> String, rrtype: &str) -> Vec<Observation> {
        (0..n)
            .map(|i| {
                let mut c = contact(i * every_ms, ip(7), ip(1), 53);
                c.proto = 17;
                let dns = DnsData { rrname: name(i), rrtype: rrtype.into(), ..DnsData::default() };
                let from_low = c.key.low.addr == ip(7);
                let event = AppEvent { ts: c.ts, key: c.key, from_low, src_mac: mac(7), data: AppData::Dns(dns) };
                Observation::App(Box::new(event))
            })
            .collect()
    }

    fn hex(i: i64) -> String {
        let word = |k: u64| {
            (i as u64 + k).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        format!("{:016x}{:016x}{:016x}", word(1), word(2), word(3))
    }

    #[test]
    fn data_in_names_is_named_with_client_and_domain() {
        let alerts = run("dns_tunnel", &queries(300, 500, |i| format!("{}.t.example.com", hex(i)), "A"));
        assert!(
            alerts[0].title.starts_with("10.0.0.7 sent about") && alerts[0].title.ends_with("under example.com"),
            "{}",
            alerts[0].title
        );
        assert_eq!(alerts[0].src, [ip(7)]);
        let short = run("dns_tunnel", &queries(300, 500, |i| format!("{}.example.com", &hex(i)[..20]), "TXT"));
        assert!(!short.is_empty());
    }

    #[test]
    fn ordinary_names_and_content_networks_are_silent() {
        assert!(run("dns_tunnel", &queries(3000, 100, |i| format!("www.site{i}.com"), "A")).is_empty());
        assert!(
            run("dns_tunnel", &queries(3000, 100, |i| format!("e{}.dscb.akamaiedge.net", i % 500), "A")).is_empty()
        );
        assert!(
            run("dns_tunnel", &queries(3000, 100, |i| format!("{}.d.cdn.example.net", &hex(i % 30)[..32]), "A"))
                .is_empty()
        );
        assert!(run("dns_tunnel", &queries(3000, 100, |i| format!("{i}.2.0.192.in-addr.arpa"), "PTR")).is_empty());
    }

    #[test]
    fn few_names_are_enough_when_form_and_type_say_data() {
        let hidden =
            |n, rrtype| run("dns_tunnel", &queries(n, 900, |i| format!("{}.example.com", &hex(i)[..34]), rrtype));
        assert!(!hidden(8, "TXT").is_empty() && !hidden(8, "MX").is_empty());
        assert!(hidden(5, "TXT").is_empty(), "too few");
        assert!(hidden(8, "A").is_empty(), "addresses are asked for by everybody");
        let raw = run("dns_tunnel", &queries(12, 900, |i| format!("dnscat.{}", &hex(i)[..34]), "TXT"));
        assert!(raw[0].title.ends_with("under no domain"), "{}", raw[0].title);
        let null = run("dns_tunnel", &queries(10, 900, |i| format!("yrbx{i}.example.com"), "NULL"));
        assert!(!null.is_empty(), "a type that nothing else asks for");
        let keys = |i| format!("selector{i}._domainkey.mail-delivery-domain-{i}.example.com");
        assert!(run("dns_tunnel", &queries(12, 900, keys, "TXT")).is_empty(), "mail keys");
        let listed = |i| format!("{i}.2.0.192.zen.example.org");
        assert!(run("dns_tunnel", &queries(100, 900, listed, "TXT")).is_empty(), "block lists");
    }
}
