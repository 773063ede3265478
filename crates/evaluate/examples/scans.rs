//! The figures of anomalies over scans: how often the one changed host of twenty scans is told, and what else is. Prints a table in
//! Markdown. Arguments: seeds a row (200), or `large` for the time that 30 scans of 3,000 hosts with 100,000 ports take.

use evaluate::scans::{ScanStory, judge, scan_alerts};
use evaluate::simulate::scans::{Churn, ScanEvent, ScanOffice, scan_history};
use record::scan::ScannedPort;
use std::time::Instant;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("large") {
        return large();
    }
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200);
    println!("| office | churn | event | told | strangest | others told a scan | scans with others told |");
    println!("|--:|---|---|--:|--:|--:|--:|");
    for hosts in [5, 20, 250] {
        for churn in [Churn::None, Churn::Usual, Churn::Lively] {
            for event in [
                ScanEvent::Nothing,
                ScanEvent::UpgradeOfAll,
                ScanEvent::OnePort,
                ScanEvent::ThreePorts,
                ScanEvent::ServiceMoved,
                ScanEvent::AnotherRole,
            ] {
                row(hosts, churn, event, seeds);
            }
        }
    }
}

fn row(hosts: usize, churn: Churn, event: ScanEvent, seeds: u64) {
    let (mut told, mut first, mut others, mut scans_with_others) = (0, 0, 0, 0);
    for seed in 0..seeds {
        let office = ScanOffice { hosts, scans: 20, churn, event, seed };
        let (mut scans, victim) = scan_history(&office);
        let Some(current) = scans.pop() else { continue };
        let judged = judge(&scans, &current, 1);
        let is_victim = |key: &str| key == victim && !matches!(event, ScanEvent::Nothing | ScanEvent::UpgradeOfAll);
        let false_ones = judged.findings.iter().filter(|f| f.anomalous && !is_victim(&f.key)).count();
        told += u64::from(judged.findings.iter().any(|f| f.anomalous && is_victim(&f.key)));
        first += u64::from(judged.findings.first().is_some_and(|f| f.score > 0.0 && is_victim(&f.key)));
        others += false_ones as u64;
        scans_with_others += u64::from(false_ones > 0);
        if std::env::var_os("SHOW_FALSE").is_some() {
            judged.findings.iter().filter(|f| f.anomalous && !is_victim(&f.key)).for_each(|f| eprintln!("{}", f.text));
        }
    }
    let percent = |n: u64| n as f64 * 100.0 / seeds as f64;
    let of_one = |n: u64| {
        if matches!(event, ScanEvent::Nothing | ScanEvent::UpgradeOfAll) {
            String::new()
        } else {
            format!("{:.1} %", percent(n))
        }
    };
    println!(
        "| {hosts} | {churn:?} | {event:?} | {} | {} | {:.3} | {:.1} % |",
        of_one(told),
        of_one(first),
        others as f64 / seeds as f64,
        percent(scans_with_others)
    );
}

fn large() {
    let office = ScanOffice { hosts: 3000, scans: 31, churn: Churn::Lively, event: ScanEvent::OnePort, seed: 1 };
    let (mut scans, victim) = scan_history(&office);
    for host in scans.iter_mut().flat_map(|scan| &mut scan.hosts) {
        let few = host.ports.clone();
        let more = (0..28).map(|n| ScannedPort { port: 10_000 + n, ..few[0].clone() });
        host.ports.extend(more);
        host.not_shown[0].count -= 28;
    }
    let Some(current) = scans.pop() else { return };
    let ports: usize = current.hosts.iter().map(|host| host.ports.len()).sum();
    let memory = |name: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status.lines().find(|line| line.starts_with(name)).map(str::to_owned).unwrap_or_default()
    };
    let before = memory("VmRSS");
    let begin = Instant::now();
    let judged = judge(&scans, &current, 1);
    let judging = begin.elapsed();
    let story =
        ScanStory { history: &scans, current: &current, judgement: &judged, first_uses: &[], missed_scans_down: 3 };
    let alerts = scan_alerts(&story).len();
    let place = judged.findings.iter().position(|finding| finding.key == victim);
    println!(
        "{} hosts up, {ports} ports, {} scans before: judged in {judging:.2?}, {alerts} alerts in {:.2?}",
        current.hosts.len(),
        scans.len(),
        begin.elapsed().saturating_sub(judging)
    );
    println!("the changed host is at place {place:?}; before: {before}, most: {}", memory("VmHWM"));
}
