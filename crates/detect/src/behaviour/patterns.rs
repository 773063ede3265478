//! Many short texts looked for in one pass, whatever their case: each place of the text is looked up by its first three bytes, and only
//! patterns that begin with these are compared. Owns the table; knows not what a pattern means.

/// Bytes that are looked up; no pattern may be shorter.
const HEAD_BYTES: usize = 3;
/// Places of the table, as bits: a hundred patterns fill a fortieth of it.
const PLACES_BITS: u32 = 12;
/// End of a chain.
const NONE: u8 = u8::MAX;

struct Pattern {
    text: &'static str,
    class: usize,
    points: u32,
    /// The next pattern of the same place.
    next: u8,
}

/// A set of patterns with their points in each of `N` classes.
pub(super) struct Patterns<const N: usize> {
    heads: Box<[u8; 1 << PLACES_BITS]>,
    patterns: Vec<Pattern>,
}

/// Place of three bytes, in lower case.
fn place(head: [u8; HEAD_BYTES]) -> usize {
    let [a, b, c] = head.map(|byte| u32::from(byte.to_ascii_lowercase()));
    ((a | b << 8 | c << 16).wrapping_mul(0x9e37_79b1) >> (32 - PLACES_BITS)) as usize
}

impl<const N: usize> Patterns<N> {
    /// From (class, text, points). What is shorter than three bytes, or one pattern too many, is left out; the tests see to it
    /// that none is.
    pub(super) fn new(list: impl Iterator<Item = (usize, &'static str, u32)>) -> Self {
        let mut set = Self { heads: Box::new([NONE; 1 << PLACES_BITS]), patterns: Vec::new() };
        for (class, text, points) in list {
            let Some(head) = text.as_bytes().first_chunk().copied().filter(|_| set.patterns.len() < usize::from(NONE))
            else {
                continue;
            };
            let next = std::mem::replace(&mut set.heads[place(head)], set.patterns.len() as u8);
            set.patterns.push(Pattern { text, class, points, next });
        }
        set
    }

    /// Patterns held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Raises the points of each class to those of its patterns that the text holds.
    pub(super) fn find(&self, text: &str, points: &mut [u32; N]) {
        let text = text.as_bytes();
        for at in 0..text.len() {
            let Some(head) = text[at..].first_chunk().copied() else { break };
            let mut next = self.heads[place(head)];
            while let Some(pattern) = self.patterns.get(usize::from(next)) {
                let there = text.get(at..at + pattern.text.len());
                if there.is_some_and(|there| there.eq_ignore_ascii_case(pattern.text.as_bytes())) {
                    points[pattern.class] = points[pattern.class].max(pattern.points);
                }
                next = pattern.next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_search_for_each_would_find() {
        let list = [(0, "abc", 1), (0, "abcd", 2), (1, "bcd", 1), (1, "xyz ", 3), (2, "()(", 1)];
        let set = Patterns::<3>::new(list.into_iter());
        assert_eq!(set.len(), list.len());
        for text in ["", "ab", "abc", "ABCD", "zabcabcd", "xyz", "XYZ ()(", "()()(", "äbcd", "bcd\u{0}xyz "] {
            let (mut found, mut expected) = ([0; 3], [0; 3]);
            set.find(text, &mut found);
            let lower = text.to_ascii_lowercase();
            for (class, _, points) in list.iter().filter(|(_, pattern, _)| lower.contains(pattern)) {
                expected[*class] = expected[*class].max(*points);
            }
            assert_eq!(found, expected, "{text}");
        }
    }
}
