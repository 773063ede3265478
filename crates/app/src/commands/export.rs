//! `tripline export`: rows of the store of a data directory, also while `tripline run` writes it. Owns what was asked for, the progress
//! bar, and whether the result appears; rows and forms are the store's.

use super::output::Output;
use crate::archived;
use crate::cli::Common;
use crate::config::{self, Config};
use crate::export_args::{ExportArgs, FormName};
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::wall_clock;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use record::Timestamp;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use store::civil::Place;
use store::export::{Ask, Done, ExportError, Exporter, Form, RowSource, What};
use store::{Reader, StoreConfig, TimeRange};

/// A page of an export may take longer than one for a person who waits, milliseconds.
const READ_TIMEOUT_MS: u64 = 600_000;

/// Writes what was asked for; what is not in it goes to standard error.
pub fn run(common: &Common, args: &ExportArgs) -> Result<u8> {
    let config = Config::load(common)?;
    let what = What::from(args.what);
    let (form, place) = (form(args, what), Place::parse("local").map_err(Failure::new)?);
    let range = range(&place, wall_clock(), args.since.as_deref(), args.until.as_deref())?;
    let ask = Ask::new(what, form, &args.filter, range).map_err(|e| refused(&e, args, what))?;
    refuse_terminal(form, args.write.as_deref())?;
    let reader = Arc::new(open(common, &config.store)?);
    let rows = if args.local { reader as Arc<dyn RowSource> } else { archived::rows(&config, &reader) };
    let exporter = Exporter::new(rows, alert::eve_event);
    exporter.check(&ask).plain()?;
    let bar = bar(exporter.total(&ask).plain()?, common.quiet);
    let result = write(&exporter, &ask, args.write.as_deref(), &bar);
    bar.finish_and_clear();
    let Some(done) = result? else { return Ok(EXIT_DONE) };
    for note in &done.notes {
        tracing::info!("{note}");
    }
    if done.rows == 0 {
        tracing::warn!("nothing matches: the result is empty");
    } else if args.write.is_some() {
        tracing::info!("{} rows", done.rows);
    }
    Ok(EXIT_DONE)
}

/// The store of the data directory, for reading.
pub fn open(common: &Common, store: &StoreConfig) -> Result<Reader> {
    let dir = config::data_dir(common)?;
    let store = StoreConfig { read_timeout_ms: store.read_timeout_ms.max(READ_TIMEOUT_MS), ..store.clone() };
    Reader::open(&dir, &store).plain()
}

/// As asked for, else by the file's ending.
fn form(args: &ExportArgs, what: What) -> Form {
    let name = args.write.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let ends = |ending: &str| name.as_deref().is_some_and(|name| name.ends_with(ending));
    let by_ending = || match () {
        () if ends("eve.json") => Some(FormName::Eve),
        () if ends(".json") || ends(".jsonl") || ends(".ndjson") => Some(FormName::Json),
        () if ends(".parquet") => Some(FormName::Parquet),
        () if ends(".pcapng") => Some(FormName::Pcapng),
        () if ends(".csv") => Some(FormName::Csv),
        () if ends("conn.log") => Some(FormName::Zeek),
        () => None,
    };
    args.output.or_else(by_ending).map_or(what.forms()[0], Form::from)
}

/// The times given, checked.
pub fn range(place: &Place, now: Timestamp, since: Option<&str>, until: Option<&str>) -> Result<TimeRange> {
    let moment = |name: &str, text: Option<&str>| -> Result<Option<Timestamp>> {
        text.map(|text| place.moment(text, now).context(name)).transpose()
    };
    let range = TimeRange { from: moment("--since", since)?, to: moment("--until", until)? };
    match (range.from, range.to) {
        (Some(from), Some(to)) if from > to => {
            Err(Failure::new(format!("--since {from} is after --until {to}; exchange them")))
        }
        _ => Ok(range),
    }
}

/// The store's words, with the names that are typed here.
fn refused(error: &ExportError, args: &ExportArgs, what: What) -> Failure {
    match error {
        ExportError::Refused(text) if args.filter.is_empty() || !text.contains("field") => {
            let names: Vec<&str> = what.forms().iter().map(|f| f.name()).filter(|name| *name != "jsonl").collect();
            let form = args.output.map_or("that", |form| Form::from(form).name());
            Failure::new(format!("-o {form}: {} cannot be exported so; they can as {}", what.name(), names.join(", ")))
        }
        error => Failure::new(format!("--where: {error}")),
    }
}

fn refuse_terminal(form: Form, write: Option<&Path>) -> Result<()> {
    let to_stdout = write.is_none_or(|path| path == Path::new("-"));
    if !form.is_text() && to_stdout && io::stdout().is_terminal() {
        let name = form.name();
        return Err(Failure::new(format!(
            "-o {name}: a terminal cannot show it; write a file with -w FILE, or a pipe"
        )));
    }
    Ok(())
}

/// Writes; None when a reader of standard output has seen enough.
fn write(exporter: &Exporter, ask: &Ask, path: Option<&Path>, bar: &ProgressBar) -> Result<Option<Done>> {
    let mut progress = |rows| bar.set_position(rows);
    let Some(path) = path.filter(|path| *path != Path::new("-")) else {
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        return match exporter.run(ask, Box::new(out), &mut progress) {
            Ok(done) => Ok(Some(done)),
            Err(ExportError::Write(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            Err(ExportError::Write(e)) => Err(Failure::new(format!("cannot write standard output: {e}"))),
            Err(error) => Err(Failure::new(error.to_string())),
        };
    };
    let mut output = Output::open(Some(path))?;
    let result = {
        let out: Box<dyn Write + Send + '_> = Box::new(&mut output);
        exporter.run(ask, out, &mut progress)
    };
    match result {
        Ok(done) => output.finish().map(|()| Some(done)),
        Err(ExportError::Write(e)) => Err(output.failure(&e)),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

/// On a terminal only.
fn bar(total: Option<u64>, quiet: bool) -> ProgressBar {
    let visible = !quiet && io::stderr().is_terminal();
    let target = if visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(total, target);
    let template = match total {
        Some(_) => "{bar:30} {percent} %  {human_pos} of {human_len} rows  {per_sec}  {eta} left",
        None => "{spinner} {human_pos} rows  {per_sec}  {elapsed}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
