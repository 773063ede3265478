//! Which items of two lists belong together: the longest common run first, then the same on both sides of it, as Python's difflib and so
//! ndiff do. Owns that rule; knows nothing of what the items are.

use std::ops::Range;

/// One step from the first list to the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Items of the first list.
    pub before: Range<usize>,
    /// Items of the second that stand in their place.
    pub after: Range<usize>,
    /// They are the same.
    pub equal: bool,
}

/// The steps, in order; none is empty on both sides.
pub fn steps<T: PartialEq>(a: &[T], b: &[T]) -> Vec<Step> {
    let mut blocks = Vec::new();
    let mut todo = vec![(0..a.len(), 0..b.len())];
    while let Some((of_a, of_b)) = todo.pop() {
        let (i, j, length) = longest(a, b, &of_a, &of_b);
        if length > 0 {
            blocks.push((i, j, length));
            todo.push((of_a.start..i, of_b.start..j));
            todo.push((i + length..of_a.end, j + length..of_b.end));
        }
    }
    blocks.sort_unstable();
    blocks.push((a.len(), b.len(), 0));
    let (mut found, mut i, mut j): (Vec<Step>, _, _) = (Vec::new(), 0, 0);
    for (at_a, at_b, length) in blocks {
        if i < at_a || j < at_b {
            found.push(Step { before: i..at_a, after: j..at_b, equal: false });
        }
        (i, j) = (at_a + length, at_b + length);
        match found.last_mut() {
            // Blocks that touch are one.
            Some(last) if last.equal && length > 0 => (last.before.end, last.after.end) = (i, j),
            _ if length > 0 => found.push(Step { before: at_a..i, after: at_b..j, equal: true }),
            _ => {}
        }
    }
    found
}

/// The longest common run; of several the first in `a`, of those the first in `b`.
fn longest<T: PartialEq>(a: &[T], b: &[T], of_a: &Range<usize>, of_b: &Range<usize>) -> (usize, usize, usize) {
    let mut best = (of_a.start, of_b.start, 0);
    // Lengths of the runs that end at each place of `b`, for the item of `a` before this one.
    let mut before = vec![0_usize; of_b.len()];
    for i in of_a.clone() {
        let mut now = vec![0; of_b.len()];
        for j in of_b.clone() {
            if a[i] == b[j] {
                let at = j - of_b.start;
                let length = 1 + at.checked_sub(1).map_or(0, |previous| before[previous]);
                now[at] = length;
                if length > best.2 {
                    best = (i + 1 - length, j + 1 - length, length);
                }
            }
        }
        before = now;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_from_one_list_to_the_other() {
        let say = |a: &str, b: &str| -> Vec<String> {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let piece = |list: &[char], range: &Range<usize>| list[range.clone()].iter().collect::<String>();
            steps(&a, &b)
                .iter()
                .map(|s| {
                    if s.equal {
                        piece(&a, &s.before)
                    } else {
                        format!("-{}+{}", piece(&a, &s.before), piece(&b, &s.after))
                    }
                })
                .collect()
        };
        assert_eq!(say("abc", "abc"), ["abc"]);
        assert_eq!(say("", "ab"), ["-+ab"]);
        assert_eq!(say("qabxcd", "abycdf"), ["-q+", "ab", "-x+y", "cd", "-+f"]);
        assert_eq!(say("ab", "ba"), ["-+b", "a", "-b+"]);
        assert!(say("", "").is_empty());
    }
}
