//! Tests of the host level on made minutes.
#![allow(clippy::unwrap_used)]
use super::*;

fn host(n: u8) -> IpAddr16 {
    IpAddr16::v4([10, 0, 0, n])
}

fn config() -> HostConfig {
    HostConfig { rows_min: 100, ..HostConfig::default() }
}

/// Twelve hosts in one minute; each does about as much as it always does. `busy` opens very many flows.
fn minute(at: i64, busy: Option<u8>) -> Vec<HostWindow> {
    let window = |n: u8| {
        let noise = |salt: u64| flow::mix(at as u64 * 64 + u64::from(n) + (salt << 32)) % 12;
        let flows = if busy == Some(n) { 900 } else { 8 + noise(1) };
        HostWindow {
            start: Timestamp::from_parts(at * 60, 0),
            length_s: 60,
            host: host(n),
            flows_out: flows,
            contacts_answered: flows,
            peers: 3 + noise(2) / 3,
            services: if busy == Some(n) { 800 } else { 4 + noise(3) / 3 },
            ports: 2,
            bytes_out: 20_000 + 3_000 * noise(4),
            bytes_in: 90_000 + 9_000 * noise(5),
            packets_out: 200 + 10 * noise(6),
            packets_in: 300 + 10 * noise(7),
            ..HostWindow::default()
        }
    };
    (0..12).map(window).collect()
}

fn trained() -> HostWatch {
    let mut watch = HostWatch::new(&config(), Vec::new());
    let mut alerts = Vec::new();
    (0..60).for_each(|at| watch.observe(&minute(at, None), &mut alerts));
    let model = watch.material().unwrap().train(1).unwrap();
    assert!(model.member().admitted && alerts.is_empty(), "{:?}", model.member());
    watch.install(Arc::new(model));
    watch
}

#[test]
fn a_host_that_changes_is_told_of_once_with_its_reason() {
    let (mut watch, mut alerts) = (trained(), Vec::new());
    (60..120).for_each(|at| watch.observe(&minute(at, None), &mut alerts));
    assert!(alerts.is_empty() && watch.judged() == 720, "{alerts:?}");
    let scores = watch.scores();
    assert!(scores.seen() == 720 && scores.flagged < 30 && scores.ordinary[0] > 300, "{scores:?}");
    (120..130).for_each(|at| watch.observe(&minute(at, Some(4)), &mut alerts));
    let told = alerts.first().unwrap();
    assert_eq!((told.kind, told.src.as_slice()), (Kind::AnomalousHost, &[host(4)][..]));
    assert!(
        told.title.contains("10.0.0.4 behaved unlike the hosts learned") && told.title.contains("usual"),
        "{told:?}"
    );
    let why = &told.why[0];
    assert!(why.value > why.expected[1] && ["flows_out", "services"].contains(&why.feature.as_str()), "{why:?}");
    assert!(alerts.len() <= 2 && alerts.iter().all(|alert| alert.src == [host(4)]), "no flood of repeats");
}

#[test]
fn what_all_hosts_do_at_once_is_no_hosts_own() {
    let (mut watch, mut alerts) = (trained(), Vec::new());
    for at in 60..90 {
        let mut all = minute(at, None);
        for window in &mut all {
            window.bytes_in *= 200;
        }
        watch.observe(&all, &mut alerts);
    }
    assert!(alerts.is_empty(), "{alerts:?}");
}

#[test]
fn a_file_learns_from_all_of_it_or_from_its_beginning() {
    let minutes = |watch: &mut HostWatch| {
        let mut alerts = Vec::new();
        (0..120).for_each(|at| watch.observe(&minute(at, (at >= 110).then_some(4)), &mut alerts));
        assert!(alerts.is_empty() && watch.judged() == 0, "nothing is judged before it has learned");
    };
    let told = |watch: &mut HostWatch| {
        let mut alerts = Vec::new();
        let model = watch.learn(1).unwrap();
        watch.judge_held(&model, &mut alerts);
        (alerts.iter().map(|alert| alert.src[0]).collect::<std::collections::BTreeSet<_>>(), watch.judged())
    };
    let mut whole = HostWatch::new(&config(), Vec::new());
    whole.hold(None);
    minutes(&mut whole);
    let (hosts, judged) = told(&mut whole);
    assert!(
        judged == 119 * 12 && hosts.iter().all(|told| *told == host(4)),
        "what was learned is hardly strange: {hosts:?}"
    );
    let mut first = HostWatch::new(&config(), Vec::new());
    first.hold(Some(3_600 * NS_PER_S));
    minutes(&mut first);
    assert_eq!(told(&mut first), ([host(4)].into(), 60 * 12));
}

#[test]
fn strangers_hosts_that_sent_nothing_and_other_windows_do_not_count() {
    let mut watch = HostWatch::new(&config(), vec!["10.0.0.0/29".parse().unwrap()]);
    let mut windows: Vec<HostWindow> = (0..3).flat_map(|at| minute(at, None)).collect();
    windows[13].packets_out = 0;
    windows[14].length_s = 10;
    watch.observe(&windows, &mut Vec::new());
    assert_eq!(watch.lesson.times.len(), 8 * 2 - 2, "the first minute is left out");
    let off = HostConfig { enabled: false, ..config() };
    let mut off = HostWatch::new(&off, Vec::new());
    (0..60).for_each(|at| off.observe(&minute(at, None), &mut Vec::new()));
    assert!(off.material().is_none() && off.model().is_none());
    let mut few = HostWatch::new(&config(), Vec::new());
    few.hold(None);
    few.observe(&minute(1, None), &mut Vec::new());
    assert!(few.learn(1).is_none(), "too little to learn from");
}
