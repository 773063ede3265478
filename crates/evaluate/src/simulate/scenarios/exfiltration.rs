//! A large upload from a workstation to a server nobody talked to before: posts of a few megabytes over one TLS
//! connection, held to a rate that leaves the line usable.

use super::super::content::Content;
use super::super::protocols::tls;
use super::super::random::Random;
use super::super::tcp::{Dialogue, Session, Step};
use super::super::world::World;
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::collections::VecDeque;
use std::net::Ipv4Addr;

const MS: i64 = 1_000_000;
const MB: u64 = 1_000_000;
const POST: u64 = 4 * MB;

/// The scenario.
pub(super) struct Exfiltration;

impl Scenario for Exfiltration {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("exfiltration", Kind::Exfiltration, "hundreds of megabytes uploaded to a new destination")
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let desk = world.desk();
        let client = world.client(desk);
        let last = 200 + world.random.below(50) as u8;
        let server = world.outside(Ipv4Addr::new(192, 0, 2, last).into(), 443);
        let label = world.new_label(now, Kind::Exfiltration, client.ip, Some(server.ip), Some(443));
        let (bytes, rate) = match tempo {
            Tempo::Demo => (60 * MB, 3e6),
            Tempo::Normal => (world.random.between(150, 400) as u64 * MB, 2.5e6),
        };
        let r = &mut world.random;
        let upload = Upload { queue: tls::open(tls::LIBRARY_CLIENT, "drop.example.org", r).into(), left: bytes };
        let latency = [80_000, r.jitter_ns(11 * MS, 0.1)];
        let session = Session::new(world, client, server, latency, upload).rate(rate).label(label);
        world.spawn(now, session);
        (bytes as f64 / rate * 1e9) as i64
    }
}

/// Posts until nothing is left.
struct Upload {
    queue: VecDeque<Step>,
    left: u64,
}

impl Dialogue for Upload {
    fn next_step(&mut self, r: &mut Random) -> Option<Step> {
        if self.queue.is_empty() && self.left > 0 {
            let size = self.left.min(POST);
            self.left -= size;
            let think = r.jitter_ns(20 * MS, 0.5);
            self.queue.push_back(Step::client(Content::tls(Vec::new(), size, r.bits()), think));
            self.queue.push_back(Step::server(Content::tls(Vec::new(), 310, r.bits()), 8 * MS));
        }
        self.queue.pop_front()
    }
}
