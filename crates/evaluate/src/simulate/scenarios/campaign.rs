//! When attacks begin: a rotation through a list, one after the other, for ever. Owns the pauses; knows no attack.

use super::super::engine::Activity;
use super::super::world::World;
use super::{Scenario, Tempo};

const S: i64 = 1_000_000_000;

/// A rotation of attacks.
pub(super) struct Campaign {
    attacks: Vec<&'static dyn Scenario>,
    next: usize,
    tempo: Tempo,
}

impl Campaign {
    /// One attack, repeated with pauses of minutes.
    pub(super) fn alone(attack: &'static dyn Scenario) -> Self {
        Self { attacks: vec![attack], next: 0, tempo: Tempo::Normal }
    }
    /// Many attacks in turn, one beginning every 30 to 40 s.
    pub(super) fn demo(attacks: Vec<&'static dyn Scenario>) -> Self {
        Self { attacks, next: 0, tempo: Tempo::Demo }
    }
    /// Begins after a quiet time: 20 to 26 s in the demo, else a fifth of the duration, at most a minute.
    pub(super) fn begin(self, start: i64, world: &mut World) {
        let quiet = match self.tempo {
            Tempo::Demo => world.random.between(20 * S, 26 * S),
            Tempo::Normal => {
                let most = ((world.end - start) / 5).clamp(1, 60 * S);
                world.random.between(most / 2, most)
            }
        };
        world.spawn(start + quiet, self);
    }
}

impl Activity for Campaign {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        let attack = self.attacks.get(self.next % self.attacks.len().max(1))?;
        self.next += 1;
        let takes = attack.launch(now, world, self.tempo);
        let pause = match self.tempo {
            Tempo::Demo => world.random.between(31 * S, 39 * S),
            Tempo::Normal => takes + world.random.between(180 * S, 420 * S),
        };
        Some(now + pause)
    }
}
