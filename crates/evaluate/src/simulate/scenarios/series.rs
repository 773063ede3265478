//! The same act again and again with pauses: guesses, probes, calls home. Owns the pauses only.

use super::super::engine::Activity;
use super::super::world::World;

/// A number of acts.
pub(super) struct Series<F> {
    left: usize,
    gap_ns: (i64, i64),
    act: F,
}

impl<F: FnMut(i64, &mut World) + Send> Series<F> {
    /// `count` acts with uniform pauses within `gap_ns`.
    pub(super) fn new(count: usize, gap_ns: (i64, i64), act: F) -> Self {
        Self { left: count, gap_ns, act }
    }
    /// About how long it takes, ns.
    pub(super) fn length_ns(&self) -> i64 {
        self.left as i64 * i64::midpoint(self.gap_ns.0, self.gap_ns.1)
    }
}

impl<F: FnMut(i64, &mut World) + Send> Activity for Series<F> {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        (self.act)(now, world);
        (self.left > 0).then(|| now + world.random.between(self.gap_ns.0, self.gap_ns.1))
    }
}
