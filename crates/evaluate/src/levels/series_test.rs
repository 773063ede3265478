//! Tests of the level of series on made counters.
#![allow(clippy::unwrap_used)]
use super::super::tracks::tests::tide;
use super::*;
use record::ReceiverSecond;

fn config() -> SeriesConfig {
    let lstm = LstmSettings { hidden: 16, window_steps: 24, batch: 16, train_steps: 200, learning_rate: 0.01 };
    SeriesConfig { lstm, file_train_steps: 200, file_batch: 16, ..SeriesConfig::default() }
}

fn shown(value: f32) -> u64 {
    f64::from(value).exp_m1() as u64
}

/// One step of one interface, told in two parts a second, as two workers do; `times` is how much more than usual.
fn interface(watch: &mut SeriesWatch, step: i64, times: u64, alerts: &mut Vec<Alert>) {
    let of = tide(step, 0);
    for second in 0..10 {
        for _ in 0..2 {
            let part = |channel: usize| shown(of[channel]) * times / 20;
            let mut told =
                InterfaceSecond { ts: Timestamp::from_parts(step * 10 + second, 0), ..InterfaceSecond::default() };
            (told.bytes[0], told.packets[0], told.bytes[1]) = (part(0) * 50, part(1), part(2) * 9);
            let top = ReceiverSecond { dest: host(9), sender_top: host(8), packets: 7, ..ReceiverSecond::default() };
            told.top_receivers = vec![ReceiverSecond { packets: 3, ..ReceiverSecond::default() }, top];
            (told.bytes_out, told.bytes_in, told.flows_new, told.tcp_syn) =
                (part(4) * 50, part(5) * 50, part(6), part(7));
            watch.second(&told, alerts);
        }
    }
}

fn host(n: u8) -> IpAddr16 {
    IpAddr16::v4([10, 0, 0, n])
}

fn hosts(step: i64, loud: Option<u8>) -> Vec<HostWindow> {
    let window = |n: u8| {
        let of = tide(step, n);
        let times = if loud == Some(n) { 1 + (step as u64 * 7 % 5) * 40 } else { 1 };
        let at = |channel: usize| shown(of[channel]) * times;
        HostWindow {
            start: Timestamp::from_parts(step * 10, 0),
            length_s: 10,
            host: host(n),
            bytes_out: at(0) * 90,
            bytes_in: at(1) * 90,
            packets_out: at(2),
            packets_in: at(3),
            flows_out: at(4),
            flows_in: at(5),
            peers: at(6),
            contacts_failed: 0,
            ..HostWindow::default()
        }
    };
    (1..6).map(window).collect()
}

#[test]
fn interfaces_and_hosts_learn_and_a_break_of_either_is_told() {
    let (mut watch, mut alerts) = (SeriesWatch::new(&config(), vec!["10.0.0.0/8".parse().unwrap()]), Vec::new());
    let usual = |watch: &mut SeriesWatch, steps: std::ops::Range<i64>, alerts: &mut Vec<Alert>| {
        for step in steps {
            interface(watch, step, 1, alerts);
            watch.windows(&hosts(step, None), alerts);
        }
    };
    usual(&mut watch, 0..300, &mut alerts);
    let model = watch.material().unwrap().train(1).unwrap();
    let names: Vec<&str> = model.groups().iter().map(detect::series::Group::name).collect();
    assert_eq!(names, ["interface_series/1", "host_series/1"]);
    assert!(model.groups().iter().all(|group| group.member().admitted), "{:?}", model.groups()[0].report());
    watch.install(Arc::new(model));
    usual(&mut watch, 300..340, &mut alerts);
    assert!(alerts.is_empty() && watch.judged() > 200, "{alerts:?}");
    assert_eq!(watch.scores().iter().map(|scores| scores.seen()).sum::<u64>(), watch.judged());
    for step in 340..380 {
        interface(&mut watch, step, if step % 2 == 0 { 60 } else { 1 }, &mut alerts);
        watch.windows(&hosts(step, Some(3)), &mut alerts);
    }
    let of = |kind: Kind| alerts.iter().find(|alert| alert.kind == kind).unwrap();
    let (interface, host) = (of(Kind::AnomalousPackets), of(Kind::AnomalousHost));
    assert!(interface.title.starts_with("Interface 0 left its forecast: "), "{interface:?}");
    assert!(interface.title.ends_with("; busiest then: 10.0.0.8 to 10.0.0.9"), "{interface:?}");
    assert_eq!((&interface.src, &interface.dest), (&vec![super::tests::host(8)], &vec![super::tests::host(9)]));
    assert_eq!(host.src, [super::tests::host(3)]);
    assert!(host.title.contains("in ten seconds") && host.why[0].expected[0] < host.why[0].expected[1], "{host:?}");
    assert!(alerts.len() <= 6, "no flood of repeats: {}", alerts.len());
}

#[test]
fn a_file_learns_from_all_of_it_or_from_its_beginning() {
    let judged = |teach_ns: Option<i64>| {
        let (mut watch, mut alerts) = (SeriesWatch::new(&config(), Vec::new()), Vec::new());
        watch.hold(teach_ns);
        (0..300).for_each(|step| watch.windows(&hosts(step, None), &mut alerts));
        assert_eq!(watch.judged(), 0, "nothing is judged before it has learned");
        let model = watch.learn(1).unwrap();
        watch.judge_held(&model, &mut alerts);
        assert!(alerts.is_empty(), "{alerts:?}");
        watch.judged()
    };
    assert_eq!(judged(None), (299 - 30) * 5, "all but the first step and those that show that a series is steady");
    assert_eq!(judged(Some(2_500 * NS_PER_S)), 50 * 5);
}

#[test]
fn too_little_or_switched_off_is_silent() {
    let mut few = SeriesWatch::new(&config(), Vec::new());
    few.hold(None);
    (0..40).for_each(|step| few.windows(&hosts(step, None), &mut Vec::new()));
    assert!(few.learn(1).is_none() && few.model().is_none());
    let off = SeriesConfig { enabled: false, ..config() };
    let mut off = SeriesWatch::new(&off, Vec::new());
    (0..100).for_each(|step| off.windows(&hosts(step, None), &mut Vec::new()));
    assert!(off.material().is_none());
    let mut strangers = SeriesWatch::new(&config(), vec!["192.168.0.0/16".parse().unwrap()]);
    (0..100).for_each(|step| strangers.windows(&hosts(step, None), &mut Vec::new()));
    assert!(strangers.material().is_none());
}
