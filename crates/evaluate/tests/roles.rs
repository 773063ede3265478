//! One judge beside the same work in three places: a sensor that measures, detectors that score what comes to them as bytes, and a
//! server that tells. The incidents must be the same, and so must every flow's verdict.
#![allow(clippy::unwrap_used)]

use detect::{Ensemble, EnsembleConfig};
use evaluate::simulate::{SimulateConfig, Simulator, scenarios};
use evaluate::{
    Judge, JudgeConfig, Judged, JudgedFlow, LearnConfig, Learner, MeasuredFlow, Meter, MeterConfig, Told, score,
};
use record::wire::message::{Alert as AlertMessage, Flow, Member, Second, Verdict as VerdictMessage};
use record::wire::{Message, Names};
use record::{FrameHeader, Incident, LinkType, Observation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Frames judged at once.
const FRAMES: usize = 2_000;

/// Epochs of an office with every attack that a simulation has, one after the other.
fn epochs() -> Vec<Vec<Observation>> {
    let attacks = scenarios().iter().filter(|s| s.attack && s.kind.is_some()).map(|s| s.name.to_owned());
    let names = std::iter::once("office".to_owned()).chain(attacks).collect();
    let config = SimulateConfig {
        scenarios: names,
        duration_s: 1_800.0,
        packets_per_second_max: Some(60.0),
        ..SimulateConfig::default()
    };
    let mut simulator = Simulator::new(&config).unwrap();
    let mut meter = Meter::new(&MeterConfig::default(), 0, 1);
    let (mut frame, mut out, mut epochs) = (Vec::new(), Vec::new(), Vec::new());
    let mut frames = 0;
    while let Some((ts, _)) = simulator.next_into(&mut frame) {
        let len = frame.len() as u32;
        let header = FrameHeader { ts, offset: 0, captured_len: len, wire_len: len, link: LinkType(1), interface: 0 };
        meter.batch(&frame, &[header], &mut out);
        frames += 1;
        if frames % FRAMES == 0 {
            evaluate::replay::sort(&mut out);
            epochs.push(std::mem::take(&mut out));
        }
    }
    meter.finish(&mut out);
    evaluate::replay::sort(&mut out);
    epochs.push(out);
    epochs
}

fn ensemble() -> Arc<Ensemble> {
    let config = SimulateConfig { duration_s: 1_200.0, seed: 9, ..SimulateConfig::default() };
    let mut simulator = Simulator::new(&config).unwrap();
    let mut meter = Meter::new(&MeterConfig::default(), 0, 1);
    let (mut frame, mut out) = (Vec::new(), Vec::new());
    while let Some((ts, _)) = simulator.next_into(&mut frame) {
        let len = frame.len() as u32;
        let header = FrameHeader { ts, offset: 0, captured_len: len, wire_len: len, link: LinkType(1), interface: 0 };
        meter.batch(&frame, &[header], &mut out);
    }
    meter.finish(&mut out);
    let flows: Vec<_> =
        out.iter().filter_map(|o| if let Observation::Flow(f) = o { Some(f.as_ref()) } else { None }).collect();
    let schema = features::flow_schema();
    let mut rows = record::Matrix::with_capacity(flows.len(), schema.features.len());
    for flow in flows {
        let mut row = Vec::new();
        features::flow_vector(flow, &mut row);
        rows.push(&row);
    }
    let small = EnsembleConfig { rows_max: 2_000, autoencoder_steps_max: 64, ..EnsembleConfig::default() };
    Arc::new(Ensemble::train(schema, &rows, 1, &small, &mut |_| {}).unwrap().0)
}

fn judge(ensemble: Option<Arc<Ensemble>>) -> Judge {
    let mut judge = Judge::new(&JudgeConfig::default(), Learner::new(LearnConfig::default()));
    if let Some(ensemble) = ensemble {
        judge.install(ensemble);
    }
    judge
}

/// The newest state of each incident, and what was said of each flow.
#[derive(Default)]
struct Said {
    incidents: BTreeMap<String, Incident>,
    flows: Vec<(u64, String)>,
}

impl Said {
    fn take(&mut self, judged: Judged) {
        self.incidents.extend(judged.incidents.into_iter().map(|incident| (incident.id.clone(), incident)));
        self.flows.extend(judged.flows.into_iter().map(|f| (f.record.flow_id, format!("{:?}", f.verdict))));
    }
}

fn in_one(epochs: Vec<Vec<Observation>>, ensemble: &Arc<Ensemble>) -> Said {
    let (mut judge, mut told) = (judge(Some(Arc::clone(ensemble))), Said::default());
    for mut epoch in epochs {
        let mut judged = Judged::default();
        judge.observe(&mut epoch, &mut judged);
        told.take(judged);
    }
    let mut judged = Judged::default();
    judge.finish(&mut judged);
    told.take(judged);
    told
}

/// What a detector makes of flows that came as bytes.
fn detector(ensemble: &Ensemble, flows: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let measured = |bytes: &Vec<u8>| {
        let mut flow = Flow::decode(&bytes[..]).unwrap();
        let members = std::mem::take(&mut flow.members).into_iter().map(Member::into_score).collect();
        MeasuredFlow { record: Box::new(flow.into_record()), members }
    };
    let flows: Vec<_> = flows.iter().map(measured).collect();
    let verdicts = score(ensemble, &flows);
    verdicts.iter().map(|verdict| VerdictMessage::of(verdict.as_ref()).encode_to_vec()).collect()
}

fn in_three(epochs: Vec<Vec<Observation>>, ensemble: &Arc<Ensemble>) -> Said {
    let (mut sensor, mut server) = (judge(None), judge(None));
    let (mut told, mut names) = (Said::default(), Names::default());
    let count = epochs.len();
    let mut rest = epochs.into_iter();
    for round in 0..=count {
        let last = round == count;
        let measured = match rest.next() {
            Some(mut epoch) => sensor.measure(&mut epoch),
            None => sensor.measure_end(),
        };
        let flows: Vec<Vec<u8>> = measured
            .flows
            .iter()
            .map(|flow| Flow { members: flow.members.iter().map(Member::of).collect(), ..Flow::of(&flow.record, "a") })
            .map(|flow| flow.encode_to_vec())
            .collect();
        // Two detectors, each with every other flow.
        let of = |n: usize| detector(ensemble, &flows.iter().skip(n).step_by(2).cloned().collect::<Vec<_>>());
        let (mut even, mut odd) = (of(0).into_iter(), of(1).into_iter());
        let verdicts = (0..flows.len()).map(|n| if n % 2 == 0 { even.next() } else { odd.next() }.unwrap());
        let judged = flows.iter().zip(verdicts).map(|(flow, verdict)| JudgedFlow {
            record: Box::new(Flow::decode(&flow[..]).unwrap().into_record()),
            verdict: VerdictMessage::decode(&verdict[..]).unwrap().into_verdict(),
            in_iface: None,
        });
        let alerts = measured.alerts.iter().map(|alert| AlertMessage::of(alert).into_alert(&mut names));
        let seconds = measured.seconds.iter().map(|second| Second::of(second).into_second());
        let flows = judged.collect();
        let (alerts, seconds) = (alerts.collect(), seconds.collect());
        let mut out = Judged::default();
        server.tell(Told { now: sensor.now(), alerts, flows, seconds, last }, &mut out);
        told.take(out);
    }
    told
}

#[test]
fn three_places_tell_what_one_tells() {
    let (ensemble, epochs) = (ensemble(), epochs());
    let copy = epochs.clone();
    let (one, three) = (in_one(epochs, &ensemble), in_three(copy, &ensemble));
    assert!(one.flows.len() > 2_000, "{} flows", one.flows.len());
    assert!(one.flows.iter().any(|(_, verdict)| verdict.contains("anomalous: true")));
    assert_eq!(one.flows, three.flows);
    let kinds: std::collections::BTreeSet<_> = one.incidents.values().map(|i| i.kind.name()).collect();
    assert!(kinds.len() >= 7, "{kinds:?}");
    assert!(one.incidents.values().any(|i| i.kind.is_learned()), "{kinds:?}");
    let ids = |told: &Said| told.incidents.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&one), ids(&three));
    for (id, incident) in &one.incidents {
        assert_eq!(incident, &three.incidents[id], "{}", incident.title);
    }
}
