//! How sure a figure is: percentile bootstrap (Efron 1979) over whole units (hosts, or blocks of neighbouring rows), because rows
//! of one host or one minute are alike and single rows would promise too much.

use super::Ranking;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Draws for one interval.
const DRAWS: usize = 200;
/// Fewer units than this say nothing about the next one.
const UNITS_MIN: usize = 5;
/// Blocks that rows without hosts are cut into.
const BLOCKS: usize = 50;

/// Lower and upper end, 95 %.
pub type Interval = [f64; 2];

/// Which rows are drawn together.
#[derive(Clone, Debug)]
pub struct Units {
    of_row: Vec<u32>,
    count: usize,
    /// What a unit is, for the report: `source host`, `block of 500 rows`.
    pub name: String,
}

impl Units {
    /// By host, when `host_of_row` knows at least ten, otherwise blocks of neighbouring rows in the given (time) order.
    #[must_use]
    pub fn choose(host_of_row: &[Option<u64>]) -> Self {
        let mut hosts: Vec<u64> = host_of_row.iter().flatten().copied().collect();
        hosts.sort_unstable();
        hosts.dedup();
        if hosts.len() >= 10 && host_of_row.iter().all(Option::is_some) {
            let place = |host: &Option<u64>| hosts.binary_search(&host.unwrap_or(0)).unwrap_or(0) as u32;
            return Self {
                of_row: host_of_row.iter().map(place).collect(),
                count: hosts.len(),
                name: "source host".into(),
            };
        }
        let rows = host_of_row.len();
        let length = rows.div_ceil(BLOCKS).max(1);
        let of_row = (0..rows).map(|row| (row / length) as u32).collect();
        Self { of_row, count: rows.div_ceil(length), name: format!("block of {length} neighbouring rows") }
    }
}

/// 95 % intervals of ROC-AUC and PR-AUC; None when there are too few units or a kind of row is in too few draws. The same
/// seed gives the same interval.
#[must_use]
pub fn intervals(ranking: &Ranking, units: &Units, seed: u64) -> [Option<Interval>; 2] {
    if units.count < UNITS_MIN {
        return [None, None];
    }
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let (mut roc, mut precision) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
    let mut drawn = vec![0.0; units.count];
    for _ in 0..DRAWS {
        drawn.fill(0.0);
        for _ in 0..units.count {
            drawn[random.random_range(0..units.count)] += 1.0;
        }
        let curve = ranking.weighted(|row| units.of_row.get(row).map_or(0.0, |unit| drawn[*unit as usize]));
        roc.extend(curve.roc_auc());
        precision.extend(curve.pr_auc());
    }
    [middle(roc), middle(precision)]
}

/// The middle 95 % of the draws; None when more than a tenth of them had no figure.
fn middle(mut draws: Vec<f64>) -> Option<Interval> {
    if draws.len() < DRAWS - DRAWS / 10 {
        return None;
    }
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[(share * (draws.len() - 1) as f64).round() as usize];
    Some([at(0.025), at(0.975)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_interval_holds_the_figure_and_shrinks_with_rows() {
        let width = |rows: usize| {
            let mut random = Pcg64Mcg::seed_from_u64(3);
            let positive: Vec<bool> = (0..rows).map(|row| row % 4 == 0).collect();
            let noise = |p: &bool| random.random_range(0.0..1.0) + if *p { 0.3 } else { 0.0 };
            let scores: Vec<f64> = positive.iter().map(noise).collect();
            let ranking = Ranking::new(&scores, &positive);
            let [roc, pr] = intervals(&ranking, &Units::choose(&vec![None; rows]), 1);
            let (roc, area) = (roc.unwrap(), ranking.curve().roc_auc().unwrap());
            assert!(roc[0] < area && area < roc[1] && pr.is_some(), "{roc:?} {area}");
            assert_eq!(intervals(&ranking, &Units::choose(&vec![None; rows]), 1)[0], Some(roc));
            roc[1] - roc[0]
        };
        assert!(width(8_000) < width(400) / 2.0);
    }

    #[test]
    fn hosts_are_drawn_whole() {
        let hosts: Vec<Option<u64>> = (0..120).map(|row| Some(row / 10)).collect();
        let units = Units::choose(&hosts);
        assert_eq!((units.count, &*units.name), (12, "source host"));
        assert_eq!(Units::choose(&[None, Some(1)]).count, 2);
    }

    #[test]
    fn too_little_gives_none() {
        let few = Ranking::new(&[1.0, 2.0, 3.0], &[true, false, true]);
        assert_eq!(intervals(&few, &Units::choose(&[None; 3]), 1), [None, None]);
        let positive: Vec<bool> = (0..100).map(|row| row == 5).collect();
        let scores: Vec<f64> = (0..100).map(f64::from).collect();
        // One positive row: a third of the draws hold none.
        assert_eq!(intervals(&Ranking::new(&scores, &positive), &Units::choose(&vec![None; 100]), 1), [None, None]);
    }
}
