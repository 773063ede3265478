//! False ARP claims: a device says that another device's address is its own. Watches who claims which address, and counts
//! what honest changes of hands (DHCP, failover, new hardware) do not do: two devices claiming at once, answers that
//! nobody asked for, several stolen addresses. Virtual router addresses (VRRP, HSRP, GLBP) change hands by design.

use super::lru::Lru;
use super::text::{self, alert, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, ArpData, Counters, DetectorScore, IpAddr16, Kind, MacAddr, Observation, Severity, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// A reply within this time of a matching request was asked for, ns.
const ASKED_NS: i64 = 5 * NS_PER_S;
/// A lease this young explains a change of hands, ns.
const LEASE_NS: i64 = 600 * NS_PER_S;
/// False claims after this long without any are told as a new story, however small: an attacker who comes back does not
/// have to outdo its first visit, ns.
const QUIET_NS: i64 = 300 * NS_PER_S;

/// Settings of the ARP detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArpSpoofConfig {
    /// A holder heard within this time still holds its address, seconds. Long, because on a
    /// switch port a host is only heard when it asks; an honest successor does nothing else suspicious. Default 43200.
    pub holder_s: u32,
    /// Evidence against a device is counted over this time, seconds. Default 120.
    pub window_s: u32,
    /// Unasked answers that, with one contested address, make an alert. Default 3.
    pub unasked_min: u32,
    /// Unasked answers that make an alert without a known holder. Default 6.
    pub unasked_alone_min: u32,
    /// Changes back and forth of one address that make an alert. Default 2.
    pub flips_min: u32,
    /// Addresses, devices, requests and leases remembered, each. Default 16384.
    pub entries_max: usize,
}

impl Default for ArpSpoofConfig {
    fn default() -> Self {
        Self {
            holder_s: 43_200,
            window_s: 120,
            unasked_min: 3,
            unasked_alone_min: 6,
            flips_min: 2,
            entries_max: 16_384,
        }
    }
}

/// Who holds an address, and who contests it.
#[derive(Clone, Copy)]
struct Holding {
    holder: MacAddr,
    holder_last: Timestamp,
    challenger: Option<MacAddr>,
    challenger_first: Timestamp,
    latest_was_challenger: bool,
    flips: u32,
}

/// One device's record as a suspect.
#[derive(Default)]
struct Speaker {
    own: Option<IpAddr16>,
    window_start: Timestamp,
    unasked: u32,
    claimed_unasked: Vec<IpAddr16>,
    told_to: Vec<IpAddr16>,
    /// Addresses that it gave as its own.
    spoken_as: Vec<IpAddr16>,
    /// Those of them whose holder it then asked for: nobody asks for himself.
    asked_for: Vec<IpAddr16>,
    contested: Vec<(IpAddr16, MacAddr)>,
    flips: u32,
    mismatched: u32,
    packets: u64,
    first: Timestamp,
    /// When its record last was that of a liar.
    guilty_last: Timestamp,
    throttle: Throttle,
}

/// The detector.
pub struct ArpSpoof {
    config: ArpSpoofConfig,
    holdings: Lru<(u16, IpAddr16), Holding>,
    speakers: Lru<MacAddr, Speaker>,
    asked: Lru<(IpAddr16, IpAddr16), ()>,
    leases: Lru<IpAddr16, MacAddr>,
}

/// True for addresses of router redundancy protocols: VRRP and CARP (RFC 9568), HSRP, GLBP.
fn is_virtual_router(mac: MacAddr) -> bool {
    let b = mac.0;
    b[..4] == [0, 0, 0x5e, 0]
        || b[..5] == [0, 0, 0x0c, 0x07, 0xac]
        || b[..4] == [0, 0, 0x0c, 0x9f]
        || b[..3] == [0, 0x07, 0xb4]
}

impl ArpSpoof {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ArpSpoofConfig) -> Self {
        let n = config.entries_max;
        Self {
            holdings: Lru::new(n),
            speakers: Lru::new(n),
            asked: Lru::new(n),
            leases: Lru::new(n),
            config: config.clone(),
        }
    }

    fn arp(&mut self, arp: &ArpData, now: Timestamp, out: &mut Vec<Alert>) {
        let (mac, ip) = (arp.sender_mac, arp.sender_ip);
        if ip.is_not_one_host() || mac.is_zero() || mac.is_group() || is_virtual_router(mac) {
            return;
        }
        let announcement = ip == arp.target_ip || arp.target_ip.is_not_one_host();
        if arp.operation == 1 && !announcement {
            self.asked.touch(&(ip, arp.target_ip), arp.ts, || ());
        }
        self.asked.expire(now, ASKED_NS, |_, ()| {});
        // A broadcast reply is an announcement in other words.
        let unasked = arp.operation == 2
            && !announcement
            && !arp.frame_dest_mac.is_group()
            && self.asked.peek(&(arp.target_ip, ip)).is_none();
        let contested = self.hold(arp, now);
        self.note(arp, unasked, contested, now);
        let suspect = contested.map_or(mac, |(suspect, _, _)| suspect);
        self.judge(suspect, arp, now, out);
    }

    /// Brings the address's holding up to date; Some(suspect, holder, flipped) while the address is contested.
    fn hold(&mut self, arp: &ArpData, now: Timestamp) -> Option<(MacAddr, MacAddr, bool)> {
        let (mac, ip) = (arp.sender_mac, arp.sender_ip);
        let leased = self.leases.peek(&ip) == Some(&mac);
        let holder_ns = i64::from(self.config.holder_s) * NS_PER_S;
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        let fresh = Holding {
            holder: mac,
            holder_last: now,
            challenger: None,
            challenger_first: now,
            latest_was_challenger: false,
            flips: 0,
        };
        let first_claim = |mac: &MacAddr| self.speakers.peek(mac).and_then(|s| s.own);
        let returning = first_claim(&mac) == Some(ip);
        let h = self.holdings.touch(&(arp.vlan, ip), now, || fresh);
        if h.holder == mac {
            let flipped = h.latest_was_challenger;
            h.flips += u32::from(flipped);
            h.latest_was_challenger = false;
            h.holder_last = now;
            return h.challenger.filter(|_| flipped).map(|c| (c, mac, true));
        }
        let silent_since_challenge = h.holder_last < h.challenger_first && now.since(h.challenger_first) > window_ns;
        let abandoned = now.since(h.holder_last) > holder_ns || (h.challenger == Some(mac) && silent_since_challenge);
        if leased || abandoned {
            *h = fresh;
            return None;
        }
        if returning && first_claim(&h.holder).is_some_and(|own| own != ip) {
            // The address is the speaker's own from before; who held it is the one that took it.
            let taker = h.holder;
            *h = fresh;
            return Some((taker, mac, true));
        }
        if h.challenger != Some(mac) {
            h.challenger = Some(mac);
            h.challenger_first = now;
            h.flips = 0;
        }
        let flipped = !h.latest_was_challenger && h.flips > 0;
        h.latest_was_challenger = true;
        Some((mac, h.holder, flipped))
    }

    /// Writes this packet into the records of its sender and of the suspect.
    fn note(&mut self, arp: &ArpData, unasked: bool, contested: Option<(MacAddr, MacAddr, bool)>, now: Timestamp) {
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        let (mac, ip) = (arp.sender_mac, arp.sender_ip);
        let speaker = self.speakers.touch(&mac, now, Speaker::default);
        speaker.renew(now, window_ns);
        if arp.operation == 1 && ip != arp.target_ip && speaker.spoken_as.contains(&arp.target_ip) {
            push_distinct(&mut speaker.asked_for, arp.target_ip);
            speaker.own = speaker.own.filter(|own| *own != arp.target_ip);
        }
        if arp.operation == 1 || unasked {
            push_distinct(&mut speaker.spoken_as, ip);
        }
        if speaker.own.is_none() && contested.is_none() && !unasked {
            speaker.own = Some(ip);
        }
        if unasked {
            speaker.unasked += 1;
            push_distinct(&mut speaker.claimed_unasked, ip);
            push_distinct(&mut speaker.told_to, arp.target_ip);
        }
        let forged = arp.frame_src_mac != mac && !arp.frame_src_mac.is_zero();
        speaker.mismatched += u32::from(forged && arp.operation == 2);
        speaker.packets += u64::from(unasked || contested.is_some());
        if let Some((suspect, holder, flipped)) = contested {
            let speaker = self.speakers.touch(&suspect, now, Speaker::default);
            speaker.renew(now, window_ns);
            if !speaker.contested.iter().any(|(known, _)| *known == ip) {
                push_distinct(&mut speaker.contested, (ip, holder));
            }
            speaker.flips += u32::from(flipped);
        }
    }

    /// Weighs the suspect's record.
    fn judge(&mut self, suspect: MacAddr, arp: &ArpData, now: Timestamp, out: &mut Vec<Alert>) {
        let config = &self.config;
        let Some(speaker) = self.speakers.peek_mut(&suspect) else { return };
        let contested = speaker.contested.len();
        let active = speaker.unasked >= 2 || speaker.flips >= 1 || speaker.mismatched >= 1;
        let several = contested >= 2 && active;
        let one = contested >= 1 && speaker.unasked >= config.unasked_min;
        let duel = contested >= 1 && speaker.flips >= config.flips_min;
        let blind = speaker.unasked >= config.unasked_alone_min && speaker.claimed_unasked.len() >= 2;
        // It answers for an address and asks for its holder: it knows that another device has it.
        let betrayed = speaker.unasked >= 1 && speaker.asked_for.iter().any(|ip| speaker.claimed_unasked.contains(ip));
        if !(several || one || duel || blind || betrayed) {
            return;
        }
        speaker.resume(now);
        if speaker.throttle.due(speaker.packets.max(1), now) {
            out.push(speaker_alert(suspect, speaker, arp.ts));
        }
    }
}

impl Speaker {
    /// The record is that of a liar now; after a long silence that is a new story.
    fn resume(&mut self, now: Timestamp) {
        if self.throttle.started() && now.since(self.guilty_last) > QUIET_NS {
            self.throttle = Throttle::default();
            self.packets = u64::from(self.unasked.max(1));
            self.first = self.window_start;
        }
        self.guilty_last = now;
    }

    /// Starts a new counting window when the old one is over.
    fn renew(&mut self, now: Timestamp, window_ns: i64) {
        if self.first == Timestamp(0) {
            self.first = now;
            self.window_start = now;
        }
        if now.since(self.window_start) > window_ns {
            self.window_start = now;
            self.unasked = 0;
            self.flips = 0;
            self.mismatched = 0;
            self.contested.clear();
            self.claimed_unasked.clear();
            self.spoken_as.clear();
            self.asked_for.clear();
            if !self.throttle.started() {
                self.first = now;
            }
        }
    }
}

fn speaker_alert(mac: MacAddr, speaker: &Speaker, ts: Timestamp) -> Alert {
    let mut a = alert(Kind::ArpSpoof, "arp_spoof", speaker.first.min(ts), ts, 1e-4);
    let own = speaker.own.filter(|ip| !speaker.contested.iter().any(|(c, _)| c == ip));
    let who = own.map_or_else(|| mac.to_string(), |ip| format!("{ip} ({mac})"));
    let claimed: Vec<IpAddr16> = if speaker.contested.is_empty() {
        speaker.claimed_unasked.clone()
    } else {
        speaker.contested.iter().map(|(ip, _)| *ip).collect()
    };
    a.title = match (speaker.contested.as_slice(), claimed.as_slice()) {
        ([(ip, holder)], _) => format!("{who} claims the address {ip}, which {holder} holds"),
        ([], [ip]) => format!("{who} answers for the address {ip} unasked, and itself asks who has it"),
        ([], list) => format!("{who} claims {} addresses in ARP answers that nobody asked for", list.len()),
        (list, _) => format!("{who} claims {} addresses that other devices hold", list.len()),
    };
    a.why = vec![
        why("contested_addresses", speaker.contested.len() as f64, [0.0, 0.0], "addresses", 0.4),
        why("unasked_arp_answers", f64::from(speaker.unasked), [0.0, 2.0], "answers", 0.3),
        why("ownership_changes", f64::from(speaker.flips), [0.0, 1.0], "changes", 0.2),
        why("sender_mismatches", f64::from(speaker.mismatched), [0.0, 0.0], "packets", 0.1),
    ];
    a.src = own.into_iter().collect();
    a.dest = claimed;
    speaker.told_to.iter().for_each(|ip| push_distinct(&mut a.dest, *ip));
    a.packets = speaker.packets;
    let several = speaker.contested.len() >= 2;
    a.severity = if several { Severity::Critical } else { Severity::High };
    a.story = mac.to_string();
    a.detectors = vec![DetectorScore { name: "arp_spoof".to_owned(), score: 0.0, p_value: 1e-4 }];
    text::scored(a, if several { 0.99 } else { 0.95 })
}

impl Behaviour for ArpSpoof {
    fn name(&self) -> &'static str {
        "arp_spoof"
    }
    fn wants(&self) -> Wants {
        Wants::ARP | Wants::DHCP
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Arp(arp) => self.arp(arp, context.now, out),
            Observation::App(event) => {
                if let AppData::Dhcp(dhcp) = &event.data
                    && dhcp.dhcp_type.eq_ignore_ascii_case("ack")
                    && let Some(ip) = dhcp.assigned_ip
                {
                    *self.leases.touch(&ip, context.now, || dhcp.client_mac) = dhcp.client_mac;
                }
            }
            _ => {}
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, _out: &mut Vec<Alert>) {
        self.leases.expire(now, LEASE_NS, |_, _| {});
        self.asked.expire(now, ASKED_NS, |_, ()| {});
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("addresses_evicted", self.holdings.evicted());
        counters.add("devices_evicted", self.speakers.evicted());
        counters.add("requests_evicted", self.asked.evicted());
        counters.add("leases_evicted", self.leases.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.holdings.len() + self.speakers.len() + self.asked.len() + self.leases.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::synthetic::{arp_reply, arp_request, ip, mac, run};
    use super::*;

    fn honest() -> Vec<Observation> {
        [1u8, 2, 66].iter().map(|n| Observation::Arp(arp_request(i64::from(*n), ip(*n), ip(200)))).collect()
    }

    #[test]
    fn an_attacker_who_comes_back_is_told_again() {
        let mut input = honest();
        for (start_ms, packets) in [(10_000, 200), (2_000_000, 20)] {
            for i in 0..packets {
                input.push(Observation::Arp(arp_reply(start_ms + i * 2000, ip(1), mac(66), ip(2))));
                input.push(Observation::Arp(arp_reply(start_ms + 10 + i * 2000, ip(2), mac(66), ip(1))));
            }
        }
        let alerts = run("arp_spoof", &input);
        let again = alerts.iter().find(|a| a.ts >= Timestamp::from_parts(2000, 0)).unwrap();
        assert!(again.ts <= Timestamp::from_parts(2010, 0), "{:?}", again.ts);
        assert!(again.first_seen >= Timestamp::from_parts(2000, 0), "{:?}", again.first_seen);
    }

    #[test]
    fn poisoning_both_sides_is_named_with_the_attackers_own_address() {
        let mut input = honest();
        for i in 0..10 {
            input.push(Observation::Arp(arp_reply(10_000 + i * 2000, ip(1), mac(66), ip(2))));
            input.push(Observation::Arp(arp_reply(10_010 + i * 2000, ip(2), mac(66), ip(1))));
        }
        let alerts = run("arp_spoof", &input);
        assert_eq!(alerts[0].title, "10.0.0.66 (02:00:00:00:00:42) claims 2 addresses that other devices hold");
        assert_eq!(alerts[0].src, [ip(66)]);
        assert!(alerts[0].dest.contains(&ip(1)) && alerts[0].dest.contains(&ip(2)));
        assert!(alerts[0].ts <= Timestamp(13_000_000_000));
        assert!(alerts.iter().all(|a| a.story == alerts[0].story));
    }

    #[test]
    fn who_answers_for_an_address_and_asks_for_it_gives_itself_away() {
        let mut first = arp_request(1000, ip(1), ip(7));
        (first.sender_mac, first.frame_src_mac) = (mac(66), mac(66));
        let input = [first, arp_reply(1010, ip(1), mac(66), ip(7)), arp_request(9000, ip(66), ip(1))];
        let alerts = run("arp_spoof", &input.map(Observation::Arp));
        assert_eq!(
            alerts[0].title,
            "10.0.0.66 (02:00:00:00:00:42) answers for the address 10.0.0.1 unasked, and itself asks who has it"
        );
        let without = [input[1], input[2]].map(Observation::Arp);
        assert!(!run("arp_spoof", &without).is_empty(), "the answer alone is a claim");
        assert!(run("arp_spoof", &[first, input[2]].map(Observation::Arp)).is_empty(), "an address given up");
    }

    #[test]
    fn two_devices_with_one_address_are_named() {
        let mut input = honest();
        for i in 0..6 {
            let mut claim = arp_request(1000 + i * 1000, ip(1), ip(200));
            if i % 2 == 0 {
                (claim.sender_mac, claim.frame_src_mac) = (mac(99), mac(99));
            }
            input.push(Observation::Arp(claim));
        }
        assert!(
            run("arp_spoof", &input)[0].title.contains("claims the address 10.0.0.1, which 02:00:00:00:00:01 holds")
        );
    }

    #[test]
    fn honest_changes_of_hands_are_silent() {
        let quiet = |name: &str, more: Vec<ArpData>| {
            let mut input = honest();
            input.extend(more.into_iter().map(Observation::Arp));
            assert!(run("arp_spoof", &input).is_empty(), "{name}");
        };
        let replies = (0..50).map(|i| arp_reply(10_000 + i * 100, ip(1), mac(1), ip(2))).collect();
        quiet("a holder that answers", replies);
        let failover = (0..20)
            .map(|i| {
                let mut a = arp_request(60_000 + i * 1000, ip(1), ip(1));
                (a.sender_mac, a.frame_src_mac) = (mac(50), mac(50));
                a
            })
            .collect();
        quiet("a failover that announces itself", failover);
        let mut later = Vec::new();
        for i in 0..10 {
            later.push(ArpData {
                sender_mac: mac(70),
                frame_src_mac: mac(70),
                ..arp_request(900_000 + i * 1000, ip(1), ip(9))
            });
        }
        quiet("an address reused after a long silence", later);
        let mut virtual_router = Vec::new();
        for i in 0..20 {
            let m = MacAddr([0, 0, 0x5e, 0, 1, 7]);
            virtual_router.push(ArpData { sender_mac: m, ..arp_reply(10_000 + i * 100, ip(1), mac(50), ip(2)) });
        }
        quiet("a virtual router", virtual_router);
        let proxy = (0..200u8).map(|i| arp_reply(10_000 + i64::from(i), ip(i), mac(66), ip(2))).map(|a| {
            let mut ask = arp_request(a.ts.0 / 1_000_000 - 1, ip(2), a.sender_ip);
            ask.sender_mac = mac(2);
            [ask, a]
        });
        quiet(
            "a proxy that answers for strangers",
            proxy.flatten().filter(|a| !matches!(a.sender_ip.0[15], 1 | 66)).filter(|a| a.target_ip != ip(1)).collect(),
        );
    }
}
