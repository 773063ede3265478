//! What this process used: processor time and peak memory, from /proc. Owns the reading; judges nothing.

/// Processor seconds (user and system) and peak resident bytes of this process. Zero where /proc is not there.
pub fn cpu_seconds_and_peak_bytes() -> (f64, u64) {
    (cpu_seconds().unwrap_or(0.0), peak_bytes().unwrap_or(0))
}

fn cpu_seconds() -> Option<f64> {
    // Fields 14 and 15, counted after the command's closing bracket because the name may hold spaces (proc(5)).
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // The kernel's USER_HZ has been 100 on every Linux architecture that Rust builds for.
    Some(ticks as f64 / 100.0)
}

fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let (cpu, peak) = cpu_seconds_and_peak_bytes();
        assert!(cpu >= 0.0 && peak > 1 << 20, "{cpu} s, {peak} bytes");
    }
}
