//! `tripline evaluate`: models and labelled input to figures.

use super::output::Output;
use super::train::open;
use crate::cli::{Common, EvaluateArgs, EvaluateFormat};
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::artifact;
use crate::render;
use evaluate::AssessOptions;
use std::io::Write;

/// Reads, judges, counts, writes.
pub fn run(common: &Common, args: &EvaluateArgs) -> Result<u8> {
    let given =
        args.input.labels.is_some() || !args.input.packet_labels.is_empty() || args.input.label_column.is_some();
    if !given {
        return Err(Failure::new(
            "evaluate needs to know the attacks; give --labels FILE, --packet-labels FILE, or --label-column NAME --benign VALUE",
        ));
    }
    if let Some(rate) = args.false_positive_rate.filter(|rate| !(*rate > 0.0 && *rate < 1.0)) {
        return Err(Failure::new(format!("--false-positive-rate {rate}: write a rate between 0 and 1, such as 0.01")));
    }
    let config = Config::load(common)?;
    let path = args.model.join(artifact::FILE_NAME);
    let bytes = std::fs::read(&path).map_err(|error| {
        let advice = "name the folder that `tripline train --out` wrote";
        Failure::new(format!("models {}: {error}; {advice}", path.display()))
    })?;
    let models = evaluate::recall(&bytes).context(format!("models {}", path.display()))?;
    let mut input = open(&config, common, &args.input)?;
    let options = AssessOptions { nominal_fpr: args.false_positive_rate, seed: args.seed };
    let (evaluation, charts) = evaluate::assess(&mut input, &models, &options).plain()?;
    if args.output != EvaluateFormat::Text {
        evaluation.notes.iter().for_each(|note| tracing::warn!("{note}"));
    }
    let mut output = Output::open(args.write.as_deref())?;
    let written = match args.output {
        EvaluateFormat::Text => render::evaluation_text::write(&mut output, &evaluation),
        EvaluateFormat::Html => render::evaluation_html::write(&mut output, &evaluation, &charts),
        EvaluateFormat::Json => serde_json::to_writer_pretty(&mut output, &evaluation)
            .map_err(std::io::Error::from)
            .and_then(|()| output.write_all(b"\n")),
    };
    written.map_err(|error| output.failure(&error))?;
    output.finish()?;
    Ok(EXIT_DONE)
}
