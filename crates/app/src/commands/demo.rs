//! `tripline demo`: the dashboard on generated traffic with attacks in it. The models learn from a generated past first, so that the
//! page is alive and judged within seconds.

use crate::cli::{Common, DemoArgs};
use crate::commands::run::duration;
use crate::config::{Config, data_dir};
use crate::failure::{Context, EXIT_DONE, Result};
use crate::live::{self, Lesson, OpenSource, Plan, wall_clock};
use evaluate::simulate::{SimulateConfig, Simulator};
use evaluate::{LearnConfig, Learner, Meter, MeterConfig};
use record::{FrameHeader, LinkType, Observation, Timestamp};
use serve::shapes::Mode;

/// Generated past that the models learn from, seconds: some ten thousand flows, simulated in about a second.
const PAST_S: f64 = 900.0;
/// Frames decoded at once.
const BATCH_FRAMES: usize = 256;

/// Runs the demo.
pub fn run(common: &Common, args: &DemoArgs) -> Result<u8> {
    let config = Config::load(common)?;
    let listen = args.listen.unwrap_or(config.serve.listen);
    serve::check_listen(listen).plain()?;
    let now = wall_clock();
    let simulate = SimulateConfig {
        scenarios: vec!["demo".to_owned()], duration_s: f64::INFINITY, seed: args.seed, start: now, ..SimulateConfig::default()
    };
    let past = SimulateConfig {
        scenarios: vec!["office".to_owned()], duration_s: PAST_S, start: now.plus_ns(-(PAST_S * 1e9) as i64), ..simulate.clone()
    };
    let meter = MeterConfig { home: config.home()?, ..MeterConfig::default() };
    let (learn, models, seed) = (config.learn, config.models.clone(), args.seed);
    let lesson = move || {
        let learner = learn_past(&past, &meter, learn)?;
        let (_, packets, until) = learner.seen();
        Ok(Lesson { rows: learner.rows().clone(), packets, from: Some(past.start), until, seed, config: models, keep_in: None })
    };
    let plan = Plan {
        mode: Mode::Demo,
        sources: vec![OpenSource::simulated(Simulator::new(&simulate).plain()?)],
        filter: None,
        // Made-up history never mixes with a network's own.
        data_dir: data_dir(common)?.join("demo"),
        listen,
        duration: duration(args.duration.as_deref())?,
        notices: Vec::new(),
        lesson: Some(Box::new(lesson)),
    };
    live::run(&config, plan)?;
    Ok(EXIT_DONE)
}

/// Plays the past through a meter into a learner.
fn learn_past(past: &SimulateConfig, meter: &MeterConfig, learn: LearnConfig) -> std::result::Result<Learner, String> {
    let mut simulator = Simulator::new(past).map_err(|e| e.to_string())?;
    let mut meter = Meter::new(meter, 0, 1);
    let mut learner = Learner::new(learn);
    let (mut bytes, mut headers, mut frame, mut out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    loop {
        let next = simulator.next_into(&mut frame);
        if let Some((ts, _)) = next {
            push(ts, &frame, &mut bytes, &mut headers);
        }
        if headers.len() == BATCH_FRAMES || next.is_none() {
            meter.batch(&bytes, &headers, &mut out);
            if next.is_none() {
                meter.finish(&mut out);
            }
            for observation in out.drain(..) {
                if let Observation::Flow(flow) = observation {
                    learner.learn(&flow);
                }
            }
            bytes.clear();
            headers.clear();
        }
        if next.is_none() {
            return Ok(learner);
        }
    }
}

fn push(ts: Timestamp, frame: &[u8], bytes: &mut Vec<u8>, headers: &mut Vec<FrameHeader>) {
    let len = frame.len() as u32;
    headers.push(FrameHeader { ts, offset: bytes.len(), captured_len: len, wire_len: len, link: LinkType::ETHERNET, interface: 0 });
    bytes.extend_from_slice(frame);
}
