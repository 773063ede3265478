//! `tripline demo`: the dashboard on generated traffic with attacks in it. Detectors and models learn from a generated past first, so
//! that the page is alive and judged within seconds.

use crate::cli::{Common, DemoArgs};
use crate::commands::run::duration;
use crate::config::{Config, data_dir_apart};
use crate::failure::{Context, EXIT_DONE, Result};
use crate::live::{self, OpenSource, Plan, Reloader, wall_clock};
use evaluate::simulate::{SimulateConfig, Simulator};
use serve::shapes::Mode;

/// Generated past, seconds: a little more than the hour that the slowest detector wants to know.
const PAST_S: f64 = 3_900.0;

/// The generated office's own IPv6 network (a documentation prefix, RFC 3849).
const OFFICE_IPV6: &str = "2001:db8:20::/64";

/// Runs the demo.
pub fn run(common: &Common, args: &DemoArgs) -> Result<u8> {
    // Made-up history never mixes with a network's own.
    let data_dir = data_dir_apart(common, "demo")?;
    let read = Config::load_in(common, &data_dir)?;
    let mut config = read.clone();
    config.networks.home.push(OFFICE_IPV6.to_owned());
    let listen = args.listen.unwrap_or(config.serve.listen);
    live::door::check_listen(&config, &data_dir, listen)?;
    let now = wall_clock();
    let traffic = SimulateConfig {
        scenarios: vec!["demo".to_owned()],
        duration_s: f64::INFINITY,
        seed: args.seed,
        start: now,
        ..SimulateConfig::default()
    };
    let past = SimulateConfig {
        scenarios: vec!["office".to_owned()],
        duration_s: PAST_S,
        start: now.plus_ns(-(PAST_S * 1e9) as i64),
        ..traffic.clone()
    };
    let plan = Plan {
        mode: Mode::Demo,
        sources: vec![OpenSource::simulated(Simulator::new(&traffic).plain()?)],
        filter: None,
        reload: Reloader::new(common, &data_dir, &read, &config),
        data_dir,
        listen,
        duration: duration(args.duration.as_deref())?,
        notices: Vec::new(),
        part: crate::live::roles::Part::All,
        past: Some(Simulator::new(&past).plain()?),
    };
    live::run(&config, plan)?;
    Ok(EXIT_DONE)
}
