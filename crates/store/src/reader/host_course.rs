//! The course of a host and what is usual in it: quantiles by hour of the day over whole days before the last one.

use crate::rows::{HostCourse, HostStep, UsualHour};
use crate::write::host_series::{COARSE_S, FINE_S};
use record::IpAddr16;
use rusqlite::{Connection, Row, params};

/// Fewest whole days of which something is usual.
const DAYS_MIN: i64 = 3;
const S_PER_DAY: i64 = 86_400;
const HOURS: usize = 24;

/// The course of one host.
pub(super) fn course(connection: &Connection, ip: IpAddr16) -> rusqlite::Result<HostCourse> {
    let (fine, coarse) = (steps(connection, ip, FINE_S)?, steps(connection, ip, COARSE_S)?);
    let (usual_days, usual) = usual(&coarse);
    Ok(HostCourse { fine, coarse, usual_days, usual })
}

fn steps(connection: &Connection, ip: IpAddr16, step_s: i64) -> rusqlite::Result<Vec<HostStep>> {
    let mut statement = connection.prepare_cached(
        "SELECT ts_s, bytes_out, bytes_in, flows FROM host_series WHERE ip = ?1 AND step_s = ?2 ORDER BY ts_s",
    )?;
    let count = |row: &Row, index: usize| row.get::<_, i64>(index).map(|n| n as u64);
    let read = |row: &Row| Ok(HostStep(row.get(0)?, count(row, 1)?, count(row, 2)?, count(row, 3)?));
    statement.query_map(params![ip.0.as_slice(), step_s], read)?.collect()
}

/// The day of the newest step is what is compared, the whole days before it are what it is compared with; an hour without a step moved
/// nothing.
fn usual(coarse: &[HostStep]) -> (u32, Vec<UsualHour>) {
    let (Some(first), Some(last)) = (coarse.first(), coarse.last()) else { return (0, Vec::new()) };
    let today = last.0.div_euclid(S_PER_DAY);
    // The day on which it was first heard of is no whole one.
    let since = first.0.div_euclid(S_PER_DAY) + 1;
    let days = today - since;
    if days < DAYS_MIN {
        return (0, Vec::new());
    }
    let mut moved = vec![vec![0_u64; days as usize]; HOURS];
    for HostStep(ts_s, out, received, _) in coarse {
        let (day, hour) = (ts_s.div_euclid(S_PER_DAY) - since, ts_s.rem_euclid(S_PER_DAY) / COARSE_S);
        if let Some(cell) = usize::try_from(day).ok().and_then(|day| moved[hour as usize].get_mut(day)) {
            *cell += out + received;
        }
    }
    let hour = |mut days: Vec<u64>| {
        days.sort_unstable();
        let at = |share: f64| days[((days.len() - 1) as f64 * share).round() as usize];
        UsualHour { low: at(0.1), median: at(0.5), high: at(0.9) }
    };
    (days as u32, moved.into_iter().map(hour).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_usual_by_the_whole_days_before() {
        let step = |day: i64, hour: i64, bytes: u64| HostStep(day * S_PER_DAY + hour * COARSE_S, bytes, 0, 1);
        let mut coarse = vec![step(0, 9, 7)];
        for day in 1..=10 {
            coarse.push(step(day, 9, 100 * day as u64));
        }
        coarse.push(step(11, 9, 99_999));
        let (days, usual) = super::usual(&coarse);
        assert_eq!(days, 10);
        assert_eq!(usual[9], UsualHour { low: 200, median: 600, high: 900 });
        assert_eq!(usual[10], UsualHour::default(), "an hour without traffic");
        assert_eq!(super::usual(&coarse[..3]).0, 0, "two days are too few");
    }
}
