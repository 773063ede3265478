//! A new router of IPv6 (ATT&CK T1557): an advertisement makes every host of the wire send its traffic, or its name look-ups, to the
//! advertiser. Routers seen in the learning time are known; one that comes later is told, and many are one story. Owns which
//! routers are known; a router is an address together with its Ethernet address.

use super::lru::{Lru, hash_of};
use super::text::{self, alert, plural, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{Alert, Counters, IpAddr16, Kind, Observation, RouterData, Severity, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};

/// Settings of the detector of rogue routers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RogueRouterConfig {
    /// Learning time in which routers are taken as known, seconds: routers speak every few minutes. Default 1800.
    pub learning_s: u32,
    /// New routers in the learning time that are an attack all the same. Default 6.
    pub learning_routers_max: u32,
    /// Routers remembered. Default 1024.
    pub routers_max: usize,
}

impl Default for RogueRouterConfig {
    fn default() -> Self {
        Self { learning_s: 1800, learning_routers_max: 6, routers_max: 1024 }
    }
}

/// The detector.
pub struct RogueRouter {
    config: RogueRouterConfig,
    /// Hash of the pair of addresses; true for one that was told.
    routers: Lru<u64, bool>,
    known: Vec<IpAddr16>,
    first: Timestamp,
    last: Timestamp,
    strangers: Vec<IpAddr16>,
    count: u64,
    messages: u64,
    throttle: Throttle,
}

impl RogueRouter {
    /// Builds it.
    #[must_use]
    pub fn new(config: &RogueRouterConfig) -> Self {
        Self {
            routers: Lru::new(config.routers_max),
            config: config.clone(),
            known: Vec::new(),
            first: Timestamp(0),
            last: Timestamp(0),
            strangers: Vec::new(),
            count: 0,
            messages: 0,
            throttle: Throttle::default(),
        }
    }

    fn advertisement(&mut self, router: &RouterData, context: &Context, out: &mut Vec<Alert>) {
        // Neither a default router nor a name server: it takes nothing over.
        if router.lifetime_s == 0 && router.dns_servers.is_empty() {
            return;
        }
        let id = hash_of(&(router.router, router.src_mac.0));
        let seen = self.routers.peek(&id).copied();
        let learning = router.ts.since(context.started) <= i64::from(self.config.learning_s) * NS_PER_S;
        let known_max = self.config.learning_routers_max as usize;
        let is_known = seen == Some(false) || (seen.is_none() && learning && self.known.len() < known_max);
        self.routers.touch(&id, router.ts, || !is_known);
        if is_known {
            push_distinct(&mut self.known, router.router);
            return;
        }
        if self.messages == 0 {
            self.first = router.ts;
        }
        self.last = self.last.max(router.ts);
        self.messages += 1;
        self.count += u64::from(seen.is_none());
        push_distinct(&mut self.strangers, router.router);
        if self.throttle.due(self.count, router.ts) {
            out.push(self.story(router));
        }
    }

    fn story(&self, latest: &RouterData) -> Alert {
        let mut a = alert(Kind::ProtocolMisuse, "rogue_router", self.first, self.last, 1e-3);
        let known = match self.known.as_slice() {
            [] => "where no router of IPv6 was".to_owned(),
            [one] => format!("beside {one}"),
            more => format!("beside {} known ones", more.len()),
        };
        a.title = if self.count > 1 {
            format!("{} of IPv6 announce themselves {known}", plural(self.count, "new router", "new routers"))
        } else {
            format!("{} ({}) announces itself as router of IPv6 {known}", latest.router, latest.src_mac)
        };
        a.src.clone_from(&self.strangers);
        a.dest.clone_from(&self.known);
        a.why = vec![
            why("new_routers", self.count as f64, [0.0, 0.0], "routers", 0.7),
            why("router_lifetime", f64::from(latest.lifetime_s), [0.0, 0.0], "s", 0.2),
            why("router_name_servers", latest.dns_servers.len() as f64, [0.0, 0.0], "servers", 0.1),
        ];
        a.packets = self.messages;
        a.severity = if self.known.is_empty() { Severity::Medium } else { Severity::High };
        "routers".clone_into(&mut a.story);
        a.attack = vec!["T1557"];
        text::scored(a, 0.8)
    }
}

impl Behaviour for RogueRouter {
    fn name(&self) -> &'static str {
        "rogue_router"
    }
    fn wants(&self) -> Wants {
        Wants::ROUTER
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Router(router) = observation {
            self.advertisement(router, context, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("routers_evicted", self.routers.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.routers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{mac, run};
    use super::*;

    fn advertisement(s: i64, n: u8, lifetime_s: u16) -> Observation {
        let mut router = [0u8; 16];
        (router[0], router[1], router[15]) = (0xfe, 0x80, n);
        Observation::Router(Box::new(RouterData {
            ts: Timestamp::from_parts(s, 0),
            router: IpAddr16(router),
            src_mac: mac(n),
            lifetime_s,
            ..RouterData::default()
        }))
    }

    #[test]
    fn a_router_that_comes_later_is_told_and_a_flood_is_one_story() {
        let mut seen: Vec<_> = (0..40).map(|n| advertisement(n * 200, 1, 1800)).collect();
        assert!(run("rogue_router", &seen).is_empty());
        seen.push(advertisement(8001, 66, 1800));
        let alerts = run("rogue_router", &seen);
        assert_eq!(alerts[0].title, "fe80::42 (02:00:00:00:00:42) announces itself as router of IPv6 beside fe80::1");
        seen.extend((100..250u8).map(|n| advertisement(8001 + i64::from(n), n, 1800)));
        let alerts = run("rogue_router", &seen);
        assert!(alerts.len() < 12 && alerts.iter().all(|a| a.story == "routers"), "{}", alerts.len());
    }

    #[test]
    fn a_flood_while_learning_is_told_and_one_that_leaves_is_not() {
        let flood: Vec<_> = (1..30u8).map(|n| advertisement(i64::from(n), n, 1800)).collect();
        assert!(!run("rogue_router", &flood).is_empty());
        assert!(run("rogue_router", &[advertisement(0, 1, 1800), advertisement(4000, 2, 0)]).is_empty());
    }
}
