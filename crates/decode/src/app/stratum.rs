//! Stratum and its kin: JSON-RPC lines by which miners of crypto-currencies fetch work from a pool. Described in the pools' and miners'
//! public protocol notes; Monero's dialect logs in with `login`, Ethereum's with `eth_submitLogin`.

use super::lines::holds;
use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use crate::bytes::text;
use record::{AppData, AppProto, LoginData};

/// Stratum.
pub struct Stratum;

/// Bytes searched: a log-in is one short line.
const SEARCHED_MAX: usize = 512;
/// Longest name of a miner kept, bytes.
const USER_BYTES_MAX: usize = 128;
/// Methods that only miners and pools have, with whether the pool says them.
const METHODS: [(&str, bool); 9] = [
    ("mining.subscribe", false),
    ("mining.authorize", false),
    ("mining.submit", false),
    ("eth_submitlogin", false),
    ("eth_submitwork", false),
    ("eth_submithashrate", false),
    ("mining.notify", true),
    ("mining.set_difficulty", true),
    ("mining.set_target", true),
];

impl Protocol for Stratum {
    fn name(&self) -> &'static str {
        "stratum"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first == b'{'
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let starts = payload.is_tcp() && payload.data.len() >= 20 && payload.data[0] == b'{';
        if starts && method(searched(payload.data)).is_some() { Probe::Certain } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let data = searched(payload.data);
        let Some((name, response)) = method(data) else { return Parsed::Invalid };
        let user = match name {
            "login" => value_after(data, b"\"login\":"),
            "mining.authorize" | "eth_submitlogin" => value_after(data, b"["),
            _ => &[],
        };
        let user = text(&user[..user.len().min(USER_BYTES_MAX)]);
        let mechanism = name.to_owned();
        Parsed::Message(AppData::Login(LoginData {
            protocol: AppProto::Stratum,
            response,
            user,
            mechanism,
            ..LoginData::default()
        }))
    }
}

fn searched(data: &[u8]) -> &[u8] {
    &data[..data.len().min(SEARCHED_MAX)]
}

/// The method of a miner's or pool's line, and whether the pool says it.
fn method(data: &[u8]) -> Option<(&'static str, bool)> {
    if !holds(data, &["\"method\""]) {
        return None;
    }
    if let Some(found) = METHODS.iter().find(|(name, _)| holds(data, &[*name])) {
        return Some(*found);
    }
    // Monero's words are everybody's: only together with what a pool needs to know.
    if holds(data, &["\"login\""]) && holds(data, &["\"pass\""]) && holds(data, &["\"agent\"", "\"params\""]) {
        return Some(("login", false));
    }
    (holds(data, &["\"job_id\""]) && holds(data, &["\"blob\""])).then_some(("job", true))
}

/// The text between the next two quotes behind the last `mark`.
fn value_after<'a>(data: &'a [u8], mark: &[u8]) -> &'a [u8] {
    let Some(at) = data.windows(mark.len()).rposition(|part| part == mark) else { return &[] };
    data[at + mark.len()..].split(|b| *b == b'"').nth(1).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::login_of;

    #[test]
    fn miners_and_pools_are_told_and_other_json_is_not() {
        let subscribe = br#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#;
        assert_eq!(login_of(subscribe, 40_000, 3333).unwrap().mechanism, "mining.subscribe");
        let authorize = br#"{"params": ["wallet.worker1", "x"], "id": 2, "method": "mining.authorize"}"#;
        assert_eq!(login_of(authorize, 40_000, 3333).unwrap().user, "wallet.worker1");
        let monero =
            br#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4AbC","pass":"x","agent":"miner"}}"#;
        let login = login_of(monero, 40_000, 14_444).unwrap();
        assert_eq!((login.mechanism.as_str(), login.user.as_str()), ("login", "4AbC"));
        assert!(login_of(br#"{"id":1,"method":"login","params":{"user":"bob"}}"#, 40_000, 8080).is_none());
        assert!(login_of(br#"{"id":null,"method":"mining.notify","params":["b"]}"#, 3333, 40_000).unwrap().response);
    }
}
