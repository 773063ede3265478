//! Settings of the learned detectors. Every bound on memory and time of training is here.

use crate::DetectError;
use serde::{Deserialize, Serialize};

/// Settings of training and of the threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnsembleConfig {
    /// Fewest rows that may be learned from (default 500).
    pub rows_min: usize,
    /// Most rows used; more are sampled down by the seed (default 20,000).
    pub rows_max: usize,
    /// Share of rows held out for calibration, half for the members, half for their combination (0.1–0.8, default 0.4).
    pub held_out_fraction: f64,
    /// A row is anomalous when its combined p-value is at most this (1e-12–0.5, default 1e-3: about one benign flow in
    /// a thousand is coloured; incidents ask for far more).
    pub alpha: f64,
    /// Share of the strangest rows, by the isolation forest, kept from the other models (0–0.5, default 0.03).
    pub trim_fraction: f64,
    /// A member votes only when its false-positive rate on held-out rows, at its own 1 % threshold, is at most this
    /// (default 0.015).
    pub admission_false_positive_rate_max: f64,
    /// A member votes only when its error on forged rows (1 − area under the ROC curve) is at most this many times that of the best
    /// member (1–100, default 1.5).
    pub admission_ranking_error_ratio_max: f64,
    /// Share of ordinary rows that the costly members (neighbours) are asked about too: those that the cheap ones find
    /// strangest; 1 asks them about all (0.01–1, default 0.3).
    pub second_stage_fraction: f64,
    /// Trees of the isolation forest (1–1,000, default 100).
    pub trees: usize,
    /// Rows a tree is grown from (2–256, default 256).
    pub tree_rows: usize,
    /// Rows of the reference set of nearest neighbours and local outlier factor (32–65,536, default 2,048).
    pub reference_rows: usize,
    /// Neighbours of the local outlier factor (1–64, default 20).
    pub neighbours: usize,
    /// Rows an autoencoder is trained on (default 4,096).
    pub autoencoder_rows_max: usize,
    /// Passes over these rows (default 20).
    pub autoencoder_epochs: usize,
    /// Most steps of its training, each with 64 rows: beyond them there are fewer passes (1–1,000,000, default 768).
    pub autoencoder_steps_max: usize,
    /// Autoencoders whose errors are averaged (1–16, default 3).
    pub autoencoders: usize,
    /// Trees of the random forest that learns labelled attacks (1–1,000, default 100).
    pub labelled_trees: usize,
    /// Most labelled rows it is grown from; benign ones are drawn down first (default 50,000).
    pub labelled_rows_max: usize,
    /// Members that may vote, by name; empty: all that keep their promised rate of false positives (default empty).
    pub voting: Vec<String>,
    /// Time between two trainings of a running process, hours; 0: the first models stay (0–8,760, default 24).
    pub retrain_every_h: f64,
    /// Versions of the artifact kept, the one in place included (1–100, default 5).
    pub versions_max: u32,
}

impl Default for EnsembleConfig {
    fn default() -> Self {
        Self {
            rows_min: 500,
            rows_max: 20_000,
            held_out_fraction: 0.4,
            alpha: 1e-3,
            trim_fraction: 0.03,
            admission_false_positive_rate_max: 0.015,
            admission_ranking_error_ratio_max: 1.5,
            second_stage_fraction: 0.3,
            trees: 100,
            tree_rows: 256,
            reference_rows: 2048,
            neighbours: 20,
            autoencoder_rows_max: 4096,
            autoencoder_epochs: 20,
            autoencoder_steps_max: 768,
            autoencoders: 3,
            labelled_trees: 100,
            labelled_rows_max: 50_000,
            voting: Vec::new(),
            retrain_every_h: 24.0,
            versions_max: 5,
        }
    }
}

fn within<T: PartialOrd + ToString + Copy>(
    name: &'static str,
    value: T,
    low: T,
    high: T,
    range: &'static str,
) -> Result<(), DetectError> {
    if value >= low && value <= high {
        Ok(())
    } else {
        Err(DetectError::Setting { name, value: value.to_string(), range })
    }
}

impl EnsembleConfig {
    /// May this member vote, if it passes the gate? Those named, or, where nobody is named, those that vote `by_default`.
    #[must_use]
    pub fn may_vote(&self, member: &str, by_default: bool) -> bool {
        if self.voting.is_empty() { by_default } else { self.voting.iter().any(|name| name == member) }
    }

    /// Checks every range; the first setting out of its range is named.
    pub fn check(&self) -> Result<(), DetectError> {
        within("rows_min", self.rows_min, 100, 1_000_000, "100 to 1000000")?;
        within("rows_max", self.rows_max, self.rows_min, 10_000_000, "rows_min to 10000000")?;
        within("held_out_fraction", self.held_out_fraction, 0.1, 0.8, "0.1 to 0.8")?;
        within("alpha", self.alpha, 1e-12, 0.5, "1e-12 to 0.5")?;
        within("trim_fraction", self.trim_fraction, 0.0, 0.5, "0 to 0.5")?;
        let rate = self.admission_false_positive_rate_max;
        within("admission_false_positive_rate_max", rate, 0.01, 1.0, "0.01 to 1")?;
        let ratio = self.admission_ranking_error_ratio_max;
        within("admission_ranking_error_ratio_max", ratio, 1.0, 100.0, "1 to 100")?;
        within("second_stage_fraction", self.second_stage_fraction, 0.01, 1.0, "0.01 to 1")?;
        within("trees", self.trees, 1, 1000, "1 to 1000")?;
        within("tree_rows", self.tree_rows, 2, 256, "2 to 256")?;
        within("reference_rows", self.reference_rows, 32, 65_536, "32 to 65536")?;
        within("neighbours", self.neighbours, 1, 64, "1 to 64")?;
        within("autoencoder_rows_max", self.autoencoder_rows_max, 64, 1_000_000, "64 to 1000000")?;
        within("autoencoder_epochs", self.autoencoder_epochs, 1, 1000, "1 to 1000")?;
        within("autoencoder_steps_max", self.autoencoder_steps_max, 1, 1_000_000, "1 to 1000000")?;
        within("autoencoders", self.autoencoders, 1, 16, "1 to 16")?;
        within("labelled_trees", self.labelled_trees, 1, 1000, "1 to 1000")?;
        within("labelled_rows_max", self.labelled_rows_max, 100, 10_000_000, "100 to 10000000")?;
        within("retrain_every_h", self.retrain_every_h, 0.0, 8_760.0, "0 to 8760")?;
        within("versions_max", self.versions_max, 1, 100, "1 to 100")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range_and_a_bad_value_is_named() {
        assert_eq!(EnsembleConfig::default().check(), Ok(()));
        let wrong = EnsembleConfig { alpha: 0.0, ..EnsembleConfig::default() };
        assert!(wrong.check().is_err_and(|error| error.to_string().contains("alpha = 0")));
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(serde_json::from_str::<EnsembleConfig>(r#"{"alpha": 0.001}"#).is_ok());
        assert!(serde_json::from_str::<EnsembleConfig>(r#"{"alfa": 0.001}"#).is_err());
    }
}
