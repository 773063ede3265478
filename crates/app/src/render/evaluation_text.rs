//! `evaluate` for people: one table, the vote first, then members, baselines and kinds of attack.

use evaluate::{Evaluation, Metrics};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Head of a column and what stands in it.
type Column = (&'static str, fn(&Metrics) -> Option<f64>);

/// The columns.
const COLUMNS: [Column; 10] = [
    ("ROC-AUC", |m| m.roc_auc),
    ("PR-AUC", |m| m.pr_auc),
    ("EER", |m| m.eer),
    ("TPR@1e-3", |m| m.tpr_at_fpr.get("0.001").copied().flatten()),
    ("TPR@1e-2", |m| m.tpr_at_fpr.get("0.01").copied().flatten()),
    ("precision", |m| m.precision),
    ("recall", |m| m.recall),
    ("F1", |m| m.f1),
    ("accuracy", |m| m.accuracy),
    ("FPR/nom", |m| m.realised_over_nominal_fpr),
];

/// Writes everything.
pub fn write(output: &mut impl Write, evaluation: &Evaluation) -> io::Result<()> {
    let e = evaluation;
    writeln!(
        output,
        "{} rows of {}, {} of them attacks; learned from {} rows; seed {}",
        e.rows, e.input, e.positives, e.train_rows, e.seed
    )?;
    let later = if e.split == "time" { "all rows are later than what was learned from" } else { "split as given" };
    writeln!(output, "{later}; thresholds set in training for {} % false positives", e.nominal_fpr * 100.0)?;
    if !e.data_sha256.is_empty() {
        writeln!(output, "data {}", e.data_sha256)?;
    }
    for note in &e.notes {
        writeln!(output, "note: {note}")?;
    }
    write!(output, "\n{:<24}", "")?;
    for (head, _) in COLUMNS {
        write!(output, "{head:>10}")?;
    }
    writeln!(output)?;
    row(output, "ensemble", &e.ensemble)?;
    for (title, part) in [("members", &e.members), ("baselines", &e.baselines), ("the ensemble by kind", &e.by_kind)] {
        section(output, title, part)?;
    }
    writeln!(output)?;
    alarms(output, &e.ensemble)
}

fn section(output: &mut impl Write, title: &str, part: &BTreeMap<String, Metrics>) -> io::Result<()> {
    if part.is_empty() {
        return Ok(());
    }
    writeln!(output, "{title}")?;
    for (name, metrics) in part {
        let silent = if metrics.admitted == Some(false) { " (silent)" } else { "" };
        row(output, &format!("  {name}{silent}"), metrics)?;
    }
    Ok(())
}

fn row(output: &mut impl Write, name: &str, metrics: &Metrics) -> io::Result<()> {
    write!(output, "{name:<24}")?;
    for (_, value) in COLUMNS {
        match value(metrics) {
            Some(value) => write!(output, "{value:>10.3}")?,
            None => write!(output, "{:>10}", "-")?,
        }
    }
    writeln!(output)
}

fn alarms(output: &mut impl Write, m: &Metrics) -> io::Result<()> {
    if let Some(rate) = m.false_alarms_per_hour {
        writeln!(output, "false alarms per hour: {rate:.2}")?;
    }
    if m.episodes > 0 {
        write!(output, "episodes of attack detected: {} of {}", m.episodes_detected, m.episodes)?;
        match m.time_to_detect_s {
            Some(seconds) => writeln!(output, ", half of them within {seconds:.1} s")?,
            None => writeln!(output)?,
        }
    }
    let interval = |name: &str, ends: Option<[f64; 2]>| {
        ends.map_or(String::new(), |[low, high]| format!("{name} {low:.3} to {high:.3}  "))
    };
    let both = interval("ROC-AUC", m.roc_auc_interval) + &interval("PR-AUC", m.pr_auc_interval);
    if both.is_empty() { Ok(()) } else { writeln!(output, "95 % intervals: {}", both.trim_end()) }
}
