//! Sends or captures at a steady rate and prints counts, drops and CPU time: the figures behind the ring's default size.
//! Usage: cargo run --release -p source --example live_speed -- send IFACE PACKETS_PER_S SECONDS
//!        cargo run --release -p source --example live_speed -- capture IFACE SECONDS [WORKERS]
#![allow(clippy::print_stdout)]

use source::{FrameSender, FrameSource, LiveConfig, SourceError, open_live};
use std::time::{Duration, Instant};

fn send(interface: &str, rate: u64, seconds: u64) -> Result<(), SourceError> {
    let sender = FrameSender::open(interface)?;
    // 84 bytes, a new flow every five frames.
    let frames: Vec<Vec<u8>> = (0..50_000u32)
        .map(|n| {
            let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 70, 0, 0, 0x40, 0, 64, 17, 0, 0];
            frame.extend([10, 0, (n / 1280) as u8, (n / 5) as u8, 192, 0, 2, 1]);
            frame.extend([0x80, (n / 5) as u8, 0x1b, 0x58, 0, 50, 0, 0]);
            frame.resize(84, 0);
            frame
        })
        .collect();
    let views: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let (start, mut sent) = (Instant::now(), 0u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        let due = (start.elapsed().as_micros() as u64 * rate / 1_000_000).saturating_sub(sent);
        if due < 64 {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        }
        let at = (sent % 50_000) as usize;
        let count = (due as usize).min(512).min(50_000 - at);
        sender.send(&views[at..at + count])?;
        sent += count as u64;
    }
    println!(
        "sent {sent} in {:.2} s, {:.0}/s",
        start.elapsed().as_secs_f64(),
        sent as f64 / start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn capture(interface: &str, seconds: u64, workers: usize) -> Result<(), SourceError> {
    let captures = open_live(&LiveConfig { workers, ..LiveConfig::new(interface) })?;
    std::thread::scope(|scope| {
        for mut capture in captures {
            scope.spawn(move || {
                let (start, mut headers, mut batches) = (Instant::now(), Vec::new(), 0u64);
                while start.elapsed() < Duration::from_secs(seconds) {
                    match capture.next_batch(&mut headers) {
                        Ok(_) => batches += 1,
                        Err(error) => return println!("{error}"),
                    }
                }
                let stats = capture.stats();
                let cpu = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
                let cpu_s = cpu.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9;
                println!(
                    "captured {} packets, {:?}, {} freezes, {batches} batches, {cpu_s:.2} CPU s",
                    stats.packets, stats.dropped.0, stats.freezes
                );
            });
        }
    });
    Ok(())
}

fn main() -> Result<(), SourceError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default| arguments.get(index).and_then(|n| n.parse().ok()).unwrap_or(default);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["send", interface, ..] => send(interface, number(2, 400_000), number(3, 30)),
        ["capture", interface, ..] => capture(interface, number(2, 30), number(3, 1) as usize),
        _ => {
            println!("send IFACE PACKETS_PER_S SECONDS, or capture IFACE SECONDS [WORKERS]");
            Ok(())
        }
    }
}
