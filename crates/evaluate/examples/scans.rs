//! The figures of anomalies over scans: how often the one changed host of twenty scans is told, and what else is. Prints a table in
//! Markdown. Arguments: seeds a row (200).

use evaluate::scans::judge;
use evaluate::simulate::scans::{Churn, ScanEvent, ScanOffice, scan_history};

fn main() {
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
