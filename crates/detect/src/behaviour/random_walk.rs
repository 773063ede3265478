//! Threshold random walk (Jung, Paxson, Berger, Balakrishnan: Fast Portscan Detection Using Sequential Hypothesis
//! Testing, 2004): each first contact moves the log-likelihood ratio of "scanner" against "honest" up or down; the error
//! bounds fix the threshold. Owns the arithmetic; knows no address.

use serde::{Deserialize, Serialize};

/// How often honest and scanning hosts succeed, and which errors are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalkConfig {
    /// Share of first contacts that succeed for honest hosts (θ0). Default 0.8.
    pub success_honest: f64,
    /// Share that succeed for scanners (θ1). Default 0.2.
    pub success_scanner: f64,
    /// Allowed chance of calling an honest host a scanner (α). Default 1e-5.
    pub false_alarm: f64,
    /// Allowed chance of missing a scanner (β). Default 0.01.
    pub miss: f64,
}

impl Default for WalkConfig {
    fn default() -> Self {
        Self { success_honest: 0.8, success_scanner: 0.2, false_alarm: 1e-5, miss: 0.01 }
    }
}

impl WalkConfig {
    /// For traffic in which honest hosts fail often too: peer-to-peer programs ask peers that have left.
    pub(super) fn peer_to_peer() -> Self {
        Self { success_honest: 0.5, success_scanner: 0.05, ..Self::default() }
    }

    /// Steps and bounds, with the inputs forced into their open ranges so that no setting divides by zero.
    pub(super) fn walk(&self) -> WalkSteps {
        let open = |p: f64| p.clamp(1e-9, 1.0 - 1e-9);
        let (honest, scanner) = (open(self.success_honest), open(self.success_scanner));
        let (alpha, beta) = (open(self.false_alarm), open(self.miss));
        WalkSteps {
            success: (scanner / honest).ln(),
            failure: ((1.0 - scanner) / (1.0 - honest)).ln(),
            upper: ((1.0 - beta) / alpha).ln(),
            lower: (beta / (1.0 - alpha)).ln(),
        }
    }
}

/// Precomputed steps and bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct WalkSteps {
    success: f64,
    failure: f64,
    upper: f64,
    lower: f64,
}

/// One walk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walk {
    ratio: f64,
}

impl Walk {
    /// True when nothing speaks for a scanner: the story of a scan begins after the last such moment.
    pub(super) fn at_rest(self) -> bool {
        self.ratio <= 0.0
    }

    /// Takes one first contact; true when the walk stands at or above the upper bound. The walk stays between the bounds:
    /// a host that has shown itself honest starts again from the lower one.
    pub(super) fn step(&mut self, failed: bool, steps: &WalkSteps) -> bool {
        self.ratio += if failed { steps.failure } else { steps.success };
        self.ratio = self.ratio.clamp(steps.lower, steps.upper + steps.failure);
        self.ratio >= steps.upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures_until_alarm(config: WalkConfig) -> usize {
        let steps = config.walk();
        let mut walk = Walk::default();
        (1..100).find(|_| walk.step(true, &steps)).unwrap_or(0)
    }

    #[test]
    fn decides_after_the_published_number_of_failures() {
        assert_eq!(failures_until_alarm(WalkConfig::default()), 9);
        assert_eq!(failures_until_alarm(WalkConfig { false_alarm: 0.01, ..WalkConfig::default() }), 4);
        assert_eq!(failures_until_alarm(WalkConfig::peer_to_peer()), 18);
    }

    #[test]
    fn honest_walks_stay_below_the_bound() {
        let steps = WalkConfig::default().walk();
        let mut walk = Walk::default();
        let mut alarms = 0;
        let mut x = 1u64;
        for _ in 0..200_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            alarms += u32::from(walk.step((x >> 33) % 100 < 20, &steps));
        }
        assert_eq!(alarms, 0);
    }

    #[test]
    fn absurd_settings_give_no_nan() {
        let steps = WalkConfig { success_honest: 1.0, success_scanner: 0.0, false_alarm: 0.0, miss: 0.0 }.walk();
        let mut walk = Walk::default();
        assert!(!walk.step(false, &steps));
        assert!(walk.ratio.is_finite());
    }
}
