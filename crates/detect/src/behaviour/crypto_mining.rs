//! Mining of crypto-currencies (ATT&CK T1496): a home host speaks Stratum or a dialect of it with a pool. Told once a pair, again as it
//! goes on. Owns the story; the protocol is `decode`'s. Mining inside TLS is not seen here.

use super::lru::Lru;
use super::text::{self, alert, count, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, AppEvent, AppProto, Counters, IpAddr16, Kind, LoginData, Observation, Severity, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of mining.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CryptoMiningConfig {
    /// Pairs of miner and pool remembered. Default 1024.
    pub pairs_max: usize,
}

impl Default for CryptoMiningConfig {
    fn default() -> Self {
        Self { pairs_max: 1024 }
    }
}

#[derive(Default)]
struct Pair {
    first: Timestamp,
    last: Timestamp,
    messages: u64,
    user: String,
    method: String,
    throttle: Throttle,
}

/// The detector.
pub struct CryptoMining {
    pairs: Lru<(IpAddr16, IpAddr16, u16), Pair>,
}

impl CryptoMining {
    /// Builds it.
    #[must_use]
    pub fn new(config: &CryptoMiningConfig) -> Self {
        Self { pairs: Lru::new(config.pairs_max) }
    }

    fn message(&mut self, event: &AppEvent, login: &LoginData, context: &Context, out: &mut Vec<Alert>) {
        let (low, high) = (event.key.low, event.key.high);
        let (from, to) = if event.from_low { (low, high) } else { (high, low) };
        let (miner, pool) = if login.response { (to, from) } else { (from, to) };
        if !context.home.contains(miner.addr) {
            return;
        }
        let key = (miner.addr, pool.addr, pool.port);
        let pair = self.pairs.touch(&key, event.ts, || Pair { first: event.ts, ..Pair::default() });
        pair.last = pair.last.max(event.ts);
        pair.messages += 1;
        if pair.user.is_empty() {
            pair.user = login.user.chars().take(24).collect();
        }
        if pair.method.is_empty() {
            pair.method.clone_from(&login.mechanism);
        }
        if pair.throttle.due(pair.messages, event.ts) {
            out.push(story(key, pair));
        }
    }
}

fn story((miner, pool, port): (IpAddr16, IpAddr16, u16), pair: &Pair) -> Alert {
    let mut a = alert(Kind::ProtocolMisuse, "crypto_mining", pair.first, pair.last, 1e-5);
    let user = if pair.user.is_empty() { String::new() } else { format!(" as {}", pair.user) };
    a.title = format!("{miner} mines crypto-currency at {pool} {}{user} ({})", text::port(port), pair.method);
    a.src = vec![miner];
    a.dest = vec![pool];
    a.dest_port = vec![port];
    a.why = vec![why("mining_messages", pair.messages as f64, [0.0, 0.0], "messages", 1.0)];
    a.packets = pair.messages;
    a.severity = Severity::High;
    a.story = format!("{miner} {pool} {}", count(u64::from(port)));
    a.attack = vec!["T1496"];
    text::scored(a, 0.95)
}

impl Behaviour for CryptoMining {
    fn name(&self) -> &'static str {
        "crypto_mining"
    }
    fn wants(&self) -> Wants {
        Wants::LOGIN
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Login(login) = &event.data
            && login.protocol == AppProto::Stratum
        {
            self.message(event, login, context, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.pairs.evicted());
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

    fn says(ms: i64, miner: IpAddr16, protocol: AppProto) -> Observation {
        let c = contact(ms, miner, IpAddr16::v4([203, 0, 113, 9]), 3333);
        let login = LoginData { protocol, mechanism: "mining.subscribe".into(), ..LoginData::default() };
        let from_low = c.key.low.addr == miner;
        Observation::App(Box::new(AppEvent {
            ts: c.ts,
            key: c.key,
            from_low,
            src_mac: mac(7),
            data: AppData::Login(login),
        }))
    }

    #[test]
    fn a_miner_inside_is_told_and_nothing_else() {
        let alerts = run("crypto_mining", &[says(0, ip(7), AppProto::Stratum), says(9, ip(7), AppProto::Stratum)]);
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].title, "10.0.0.7 mines crypto-currency at 203.0.113.9 port 3333 (mining.subscribe)");
        assert!(run("crypto_mining", &[says(0, ip(7), AppProto::Ftp)]).is_empty());
        assert!(run("crypto_mining", &[says(0, IpAddr16::v4([198, 51, 100, 7]), AppProto::Stratum)]).is_empty());
    }
}
