//! Series of one kind being followed, step by step: their bounded past, which of them are steady enough to be forecast, and
//! each step against its forecast. Owns places and pasts; knows nothing of what the channels mean or what is told.

use super::sums::{Enough, Step, Sums};
use crate::watch::MemberWatch;
use detect::series::{SeriesModel, Tracks};
use record::{IpAddr16, Matrix, Schema, Timestamp, timestamp::NS_PER_S};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Length of a step, seconds: that of the shorter windows of hosts.
pub const STEP_S: i64 = 10;
/// Steps of silence that count as zero; after a longer one a series begins anew.
const SILENT_STEPS_MAX: i64 = 6;
/// A series is forecast when something happened in at least this share of its steps…
const STEADY_SHARE: f64 = 0.5;
/// …and it has so many.
const STEADY_STEPS_MIN: usize = 30;
/// Steps after an interruption that are followed and not judged, five minutes: a flow counts when it is reported, so what ends by
/// its idle timeout is missing at first.
const UNJUDGED_STEPS: usize = 30;
/// What a series carried counts half after about 70 steps, when places are given away.
const WEIGHT_KEPT: f64 = 0.99;
/// Series of one step whose median evidence is taken for the network's own.
const SERIES_SHARED_MIN: usize = 5;

/// How many, and how long a past.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Series followed at once.
    pub series_max: usize,
    /// Steps of the past kept of each.
    pub steps_max: usize,
}

/// What one series did in one step.
pub struct Row<K> {
    /// The series.
    pub key: K,
    /// A number that stands for it in a model.
    pub name: u64,
    /// How much it carried, for who keeps a place.
    pub weight: f64,
    /// Channels.
    pub values: Vec<f32>,
    /// Who sent most to whom in it, where that is known.
    pub busiest: Option<(IpAddr16, IpAddr16)>,
}

/// One series in its place.
struct Place<K> {
    key: K,
    name: u64,
    weight: f64,
    past: VecDeque<f32>,
    active: usize,
    /// Its place among those forecast.
    track: Option<usize>,
    row: Vec<f32>,
    busiest: Option<(IpAddr16, IpAddr16)>,
}

/// A model being used.
struct Judging {
    model: Arc<SeriesModel>,
    tracks: Tracks,
    /// Key of each track.
    places: Vec<usize>,
}

/// The series of one kind.
pub struct Followed<K> {
    schema: &'static Schema,
    bounds: Bounds,
    places: Vec<Place<K>>,
    by_key: BTreeMap<K, usize>,
    judging: Option<Judging>,
    step: Option<i64>,
    /// Steps still not judged, after an interruption.
    unjudged: usize,
    judged: u64,
    scores: MemberWatch,
    replaced: u64,
}

/// A series that was told of.
#[derive(Debug)]
pub struct Told<K> {
    /// The series.
    pub key: K,
    /// End of the step.
    pub until: Timestamp,
    /// The evidence.
    pub enough: Enough,
    /// Who sent most to whom in the step.
    pub busiest: Option<(IpAddr16, IpAddr16)>,
}

impl<K: Ord + Copy> Followed<K> {
    /// None yet.
    pub fn new(schema: &'static Schema, bounds: Bounds) -> Self {
        let bounds = Bounds { series_max: bounds.series_max.max(1), steps_max: bounds.steps_max.max(1) };
        let (places, by_key) = (Vec::new(), BTreeMap::new());
        Self {
            schema,
            bounds,
            places,
            by_key,
            judging: None,
            step: None,
            unjudged: 0,
            judged: 0,
            scores: MemberWatch::default(),
            replaced: 0,
        }
    }

    /// Steps judged so far.
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// How the words of the model in place are spread.
    pub fn scores(&self) -> &MemberWatch {
        &self.scores
    }

    /// Series that lost their place to busier ones.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Judges by this model from now on, where it knows these channels; each series is followed along its newest past first.
    pub fn install(&mut self, model: &Arc<SeriesModel>) {
        self.places.iter_mut().for_each(|place| place.track = None);
        let Some(group) = model.group(self.schema) else {
            self.judging = None;
            return;
        };
        let tracks = group.forecaster().tracks(0);
        self.judging = Some(Judging { model: Arc::clone(model), tracks, places: Vec::new() });
        self.scores = MemberWatch::default();
        self.give_tracks();
    }

    /// The past of every steady series, with its name.
    pub fn pasts(&self) -> (Vec<Matrix>, Vec<u64>) {
        let past = |place: &Place<K>| Matrix { values: place.past.iter().copied().collect(), columns: self.channels() };
        let steady = self.places.iter().filter(|place| place.is_steady(self.channels()));
        steady.map(|place| (past(place), place.name)).unzip()
    }

    /// Takes all rows of one step, whose number is its start in units of `STEP_S`; series that are not among them did nothing.
    pub fn step(&mut self, number: i64, rows: Vec<Row<K>>, sums: &mut Sums<K>, told: &mut Vec<Told<K>>) {
        match self.step {
            Some(last) if number <= last => return,
            Some(last) if number - last > SILENT_STEPS_MAX => self.forget(),
            Some(last) => (last + 1..number).for_each(|silent| self.one(silent, Vec::new(), sums, told)),
            // The first step is rarely whole.
            None => {
                self.step = Some(number);
                return;
            }
        }
        self.one(number, rows, sums, told);
        self.step = Some(number);
    }

    fn channels(&self) -> usize {
        self.schema.features.len()
    }

    /// What comes next does not continue what was seen.
    pub fn interrupt(&mut self) {
        self.unjudged = UNJUDGED_STEPS;
    }

    /// What came before a long silence says nothing of what comes after it.
    fn forget(&mut self) {
        self.interrupt();
        let Some(judging) = &mut self.judging else { return };
        let Some(group) = judging.model.group(self.schema) else { return };
        (0..judging.places.len()).for_each(|track| group.forecaster().reset(&mut judging.tracks, track));
    }

    fn one(&mut self, number: i64, rows: Vec<Row<K>>, sums: &mut Sums<K>, told: &mut Vec<Told<K>>) {
        let channels = self.channels();
        for place in &mut self.places {
            place.row.clear();
            place.row.resize(channels, 0.0);
            place.busiest = None;
            place.weight *= WEIGHT_KEPT;
        }
        for row in rows {
            if let Some(at) = self.place_of(&row) {
                let place = &mut self.places[at];
                (place.row, place.busiest, place.weight) = (row.values, row.busiest, place.weight + row.weight);
            }
        }
        self.judge(number, sums, told);
        self.unjudged = self.unjudged.saturating_sub(1);
        for place in &mut self.places {
            place.remember(channels, self.bounds.steps_max);
        }
        self.give_tracks();
    }

    /// The place of a series; a busier newcomer takes that of the quietest.
    fn place_of(&mut self, row: &Row<K>) -> Option<usize> {
        if let Some(at) = self.by_key.get(&row.key) {
            return Some(*at);
        }
        let new = Place {
            key: row.key,
            name: row.name,
            weight: 0.0,
            past: VecDeque::new(),
            active: 0,
            track: None,
            row: Vec::new(),
            busiest: None,
        };
        if self.places.len() < self.bounds.series_max {
            self.places.push(new);
            self.by_key.insert(row.key, self.places.len() - 1);
            return Some(self.places.len() - 1);
        }
        let by_weight = |a: &usize, b: &usize| self.places[*a].weight.total_cmp(&self.places[*b].weight);
        let quietest = (0..self.places.len()).min_by(by_weight)?;
        if self.places[quietest].weight >= row.weight {
            return None;
        }
        self.replaced += 1;
        let old = std::mem::replace(&mut self.places[quietest], new);
        self.by_key.remove(&old.key);
        self.by_key.insert(row.key, quietest);
        // Its track stays with the place; the newcomer is forecast as soon as it is steady.
        self.places[quietest].track = old.track;
        self.reset_track(old.track);
        Some(quietest)
    }

    fn reset_track(&mut self, track: Option<usize>) {
        let (Some(judging), Some(track)) = (&mut self.judging, track) else { return };
        if let Some(group) = judging.model.group(self.schema) {
            group.forecaster().reset(&mut judging.tracks, track);
        }
    }

    /// Steady series without a track get one, in the state that their newest past brings them to.
    fn give_tracks(&mut self) {
        let channels = self.channels();
        let Some(judging) = &mut self.judging else { return };
        let Some(group) = judging.model.group(self.schema) else { return };
        for (at, place) in self.places.iter_mut().enumerate() {
            if place.track.is_none() && place.is_steady(channels) {
                let past = Matrix { values: place.past.iter().copied().collect(), columns: channels };
                group.forecaster().join(&mut judging.tracks, &past);
                place.track = Some(judging.places.len());
                judging.places.push(at);
            }
        }
    }

    fn judge(&mut self, number: i64, sums: &mut Sums<K>, told: &mut Vec<Told<K>>) {
        let Some(judging) = &mut self.judging else { return };
        let Some(group) = judging.model.group(self.schema).filter(|_| !judging.places.is_empty()) else { return };
        let rows: Vec<f32> = judging.places.iter().flat_map(|at| self.places[*at].row.iter().copied()).collect();
        if self.unjudged > 0 {
            return group.forecaster().advance(&mut judging.tracks, &rows);
        }
        let surprises = group.judge(&judging.tracks, &rows);
        let p_values: Vec<f64> = surprises.iter().map(|surprise| group.p_value(surprise.score)).collect();
        let shared = super::shared(&p_values, SERIES_SHARED_MIN);
        let (from, channels) = (Timestamp::from_parts(number * STEP_S, 0), self.schema.features.len());
        let until = from.plus_ns(STEP_S * NS_PER_S);
        for (track, at) in judging.places.iter().enumerate() {
            let place = &self.places[*at];
            if place.past.len() < STEADY_STEPS_MIN * channels {
                continue;
            }
            self.judged += 1;
            let (p_value, score) = (p_values[track], surprises[track].score);
            self.scores.see(p_value);
            let step = Step { from, until, p_value, usual: group.usual(place.name).max(shared), score };
            let why = || group.explain(&judging.tracks, track, &place.row, self.schema);
            if let Some(enough) = sums.add(place.key, &step, why).filter(|_| group.member().admitted) {
                told.push(Told { key: place.key, until, enough, busiest: place.busiest });
            }
        }
        group.forecaster().advance(&mut judging.tracks, &rows);
    }
}

/// Something happened in this step.
fn is_active(row: &[f32]) -> bool {
    row.iter().any(|value| *value > 0.0)
}

impl<K> Place<K> {
    fn is_steady(&self, channels: usize) -> bool {
        let steps = self.past.len() / channels;
        steps >= STEADY_STEPS_MIN && self.active as f64 >= STEADY_SHARE * steps as f64
    }

    fn remember(&mut self, channels: usize, steps_max: usize) {
        if self.past.len() >= steps_max * channels {
            let oldest: Vec<f32> = self.past.drain(..channels).collect();
            self.active -= usize::from(is_active(&oldest));
        }
        self.active += usize::from(is_active(&self.row));
        self.past.extend(&self.row);
    }
}

#[cfg(test)]
#[path = "tracks_test.rs"]
pub mod tests;
