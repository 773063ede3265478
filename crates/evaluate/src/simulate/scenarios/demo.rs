//! Collections: the demo's office under a rotation of all attacks, and everything at its own pace.

use super::super::world::World;
use super::campaign::Campaign;
use super::office::Office;
use super::{Scenario, ScenarioInfo, Tempo, attacks, begin};

/// Office and all attacks in turn, quick enough to watch.
pub(super) struct Demo;

impl Scenario for Demo {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::collection("demo", "the office, and every attack in turn: one each 30 to 40 seconds, for ever")
    }
    fn launch(&self, start: i64, world: &mut World, _: Tempo) -> i64 {
        Office.launch(start, world, Tempo::Normal);
        Campaign::demo(attacks().collect()).begin(start, world);
        0
    }
    fn always_lively(&self) -> bool {
        true
    }
}

/// Office and all attacks at once, each with its own pauses.
pub(super) struct All;

impl Scenario for All {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::collection("all", "the office and all attacks side by side, each at its own pace")
    }
    fn launch(&self, start: i64, world: &mut World, _: Tempo) -> i64 {
        Office.launch(start, world, Tempo::Normal);
        for attack in attacks() {
            begin(attack, start, world);
        }
        0
    }
}
