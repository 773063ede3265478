//! A generated past for the demo: the detectors and the models know the office before the first packet is shown. Owns the loop;
//! judging is `evaluate`'s.

use super::simulated::SimulatedSource;
use evaluate::simulate::Simulator;
use evaluate::{Judge, Meter, MeterConfig};
use source::FrameSource;

/// Plays a simulation through a meter of its own into the judge, as past.
pub fn play(past: Simulator, meter: &MeterConfig, judge: &mut Judge) {
    let mut meter = Meter::new(meter, 0, 1);
    let mut source = SimulatedSource::new(past, "past");
    let (mut headers, mut out) = (Vec::new(), Vec::new());
    while let Ok(Some(bytes)) = source.next_batch(&mut headers) {
        meter.batch(bytes, &headers, &mut out);
        judge.warm(&mut out);
    }
    meter.finish(&mut out);
    evaluate::replay::sort(&mut out);
    judge.warm(&mut out);
}
