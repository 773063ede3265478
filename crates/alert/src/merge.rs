//! Bounded, deduplicated, sorted lists, and how the reasons and scores of two alerts of one story become one.

use record::{DetectorScore, Why};

/// Reasons shown in an incident.
const WHY_MAX: usize = 8;
/// Detectors named in an incident.
const DETECTORS_MAX: usize = 16;

/// Adds `more` to a sorted list of distinct things, at most `max`; says how many found no room.
pub(crate) fn merge_sorted<T: Ord + Clone>(list: &mut Vec<T>, more: &[T], max: usize) -> u64 {
    let mut refused = 0;
    for item in more {
        if let Err(at) = list.binary_search(item) {
            if list.len() < max {
                list.insert(at, item.clone());
            } else {
                refused += 1;
            }
        }
    }
    refused
}

/// The newer alert's reasons stand first (it knows the whole story so far); older reasons that it does not repeat follow
/// with what is left of the share.
pub(crate) fn merge_why(list: &mut Vec<Why>, newer: &[Why]) {
    if newer.is_empty() {
        return;
    }
    let mut merged: Vec<Why> = newer.to_vec();
    let used: f64 = merged.iter().map(|w| w.share).sum();
    let kept: Vec<&Why> = list.iter().filter(|old| !newer.iter().any(|n| n.feature == old.feature)).collect();
    let old_total: f64 = kept.iter().map(|w| w.share).sum();
    let left = (1.0 - used).max(0.0);
    let scale = if old_total > left { left / old_total } else { 1.0 };
    merged.extend(kept.into_iter().map(|w| Why { share: w.share * scale, ..w.clone() }));
    merged.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.feature.cmp(&b.feature)));
    merged.truncate(WHY_MAX);
    *list = merged;
}

/// Keeps each detector once, with its highest score and lowest p-value, by name.
pub(crate) fn merge_detectors(list: &mut Vec<DetectorScore>, newer: &[DetectorScore]) {
    for score in newer {
        if let Some(known) = list.iter_mut().find(|d| d.name == score.name) {
            known.score = known.score.max(score.score);
            known.p_value = known.p_value.min(score.p_value);
        } else if list.len() < DETECTORS_MAX {
            list.push(score.clone());
        }
    }
    list.sort_by(|a, b| a.p_value.total_cmp(&b.p_value).then_with(|| a.name.cmp(&b.name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(feature: &str, share: f64) -> Why {
        Why { feature: feature.into(), value: 1.0, expected: [0.0, 1.0], unit: String::new(), share }
    }

    #[test]
    fn lists_stay_sorted_distinct_and_bounded() {
        let mut list = vec![3, 5];
        assert_eq!(merge_sorted(&mut list, &[5, 1, 9, 4], 4), 1);
        assert_eq!(list, [1, 3, 5, 9]);
    }

    #[test]
    fn shares_never_add_to_more_than_one() {
        let mut list = vec![why("a", 0.6), why("b", 0.4)];
        merge_why(&mut list, &[why("b", 0.7), why("c", 0.1)]);
        let total: f64 = list.iter().map(|w| w.share).sum();
        assert!(total <= 1.0 + 1e-9);
        assert_eq!(list[0].feature, "b");
        assert!(list.iter().any(|w| w.feature == "a" && (w.share - 0.2).abs() < 1e-9));
    }

    #[test]
    fn a_detector_stands_once_with_its_best() {
        let score = |name: &str, score, p_value| DetectorScore { name: name.into(), score, p_value };
        let mut list = vec![score("ensemble", 0.5, 1e-3)];
        merge_detectors(&mut list, &[score("ensemble", 0.4, 1e-6), score("port_scan", 0.9, 1e-5)]);
        assert_eq!(list, [score("ensemble", 0.5, 1e-6), score("port_scan", 0.9, 1e-5)]);
    }
}
