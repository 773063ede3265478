//! Tests of following series.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::levels::sums::SumSettings;
use detect::series::{GroupLesson, LstmSettings};
use features::host_series_schema;

const BOUNDS: Bounds = Bounds { series_max: 4, steps_max: 200 };
const SUMS: SumSettings = SumSettings { drift: 3.0, step_max: 6.0, threshold: 30.0, half_life_s: 600.0 };

/// A tide of eight channels, each series in its own phase.
pub fn tide(step: i64, key: u8) -> Vec<f32> {
    let noise = |channel: u64| (flow::mix(step as u64 * 512 + u64::from(key) * 16 + channel) % 100) as f32 / 500.0;
    let phase = step as f32 * 0.35 + f32::from(key);
    (0..8).map(|channel| 8.0 + (phase + channel as f32 * 0.2).sin() + noise(channel)).collect()
}

fn row(step: i64, key: u8) -> Row<u8> {
    Row { key, name: u64::from(key), weight: 10.0 + f64::from(key), values: tide(step, key), busiest: None }
}

struct Under {
    followed: Followed<u8>,
    sums: Sums<u8>,
    told: Vec<Told<u8>>,
}

impl Under {
    fn new() -> Self {
        Self { followed: Followed::new(host_series_schema(), BOUNDS), sums: Sums::new(SUMS), told: Vec::new() }
    }

    fn step(&mut self, step: i64, rows: Vec<Row<u8>>) {
        self.followed.step(step, rows, &mut self.sums, &mut self.told);
    }

    fn usual(&mut self, steps: std::ops::Range<i64>) {
        steps.for_each(|step| self.step(step, (0..4).map(|key| row(step, key)).collect()));
    }

    fn trained(&mut self) -> Arc<SeriesModel> {
        let (series, names) = self.followed.pasts();
        let lesson = GroupLesson { schema: host_series_schema(), series: &series, names: &names };
        let settings = LstmSettings { hidden: 16, window_steps: 24, batch: 16, train_steps: 200, learning_rate: 0.01 };
        let model = Arc::new(SeriesModel::train(&[lesson], &[6], &settings, 1, None).unwrap());
        assert!(model.groups()[0].member().admitted, "{:?}", model.groups()[0].report());
        self.followed.install(&model);
        model
    }
}

#[test]
fn a_series_that_leaves_its_forecast_is_told_and_the_others_are_not() {
    let mut under = Under::new();
    under.usual(0..200);
    assert!(under.followed.judged() == 0 && under.told.is_empty());
    under.trained();
    under.usual(200..260);
    assert!(under.followed.judged() == 240 && under.told.is_empty(), "{:?}", under.told);
    for step in 260..300 {
        let mut rows: Vec<Row<u8>> = (0..4).map(|key| row(step, key)).collect();
        rows[2].values.iter_mut().for_each(|value| *value += 4.0 * ((step * 7 % 5) as f32 - 2.0));
        under.step(step, rows);
    }
    let told = under.told.first().unwrap();
    assert_eq!(told.key, 2);
    assert!(told.until.seconds() < 2_800 && told.enough.steps >= 5 && !told.enough.why.is_empty(), "{told:?}");
    assert!(under.told.len() <= 3 && under.told.iter().all(|told| told.key == 2), "no flood of repeats");
}

#[test]
fn silence_counts_as_nothing_and_a_long_one_begins_anew() {
    let mut under = Under::new();
    under.usual(0..200);
    under.trained();
    under.step(202, vec![row(202, 0)]);
    assert_eq!(under.followed.judged(), 12, "two silent steps and one, of four series");
    under.step(900, (0..4).map(|key| row(900, key)).collect());
    under.step(900, vec![row(900, 1)]);
    // Traffic comes back by and by: nothing of it is told for five minutes, then it is judged again.
    (901..930).for_each(|step| under.step(step, vec![row(step, 0)]));
    assert_eq!(under.followed.judged(), 12, "followed, not judged");
    under.usual(930..932);
    assert_eq!(under.followed.judged(), 20, "a step is taken once");
    assert!(under.told.is_empty(), "what comes after a long silence begins anew: {:?}", under.told);
}

#[test]
fn places_are_bounded_and_go_to_the_busiest_and_only_steady_series_teach() {
    let mut under = Under::new();
    for step in 0..100 {
        // Key 0 stirs in one step of five.
        let mut rows: Vec<Row<u8>> = (1..4).map(|key| row(step, key)).collect();
        rows.extend((step % 5 == 0).then(|| row(step, 0)));
        under.step(step, rows);
    }
    assert_eq!(under.followed.pasts().1, [1, 2, 3]);
    under.step(100, vec![Row { weight: 1.0, ..row(100, 8) }]);
    assert_eq!(under.followed.replaced(), 0, "it carries less than any");
    under.step(101, vec![Row { weight: 1e6, ..row(101, 9) }]);
    assert_eq!((under.followed.replaced(), under.followed.places.len()), (1, 4));
    under.usual(102..400);
    let (pasts, _) = under.followed.pasts();
    assert!(pasts.iter().all(|past| past.rows() <= 200), "the past is bounded");
}
