//! What differs between two texts, as a unified difference. Pure; secrets are masked before (`mask`).

/// Lines shown around a change.
const CONTEXT: usize = 3;
/// Pairs of lines that are compared; beyond it everything between the first and the last change is one.
const PAIRS_MAX: usize = 4_000_000;

/// One line of either text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Both(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// Unified, with three lines around each change; empty when nothing differs.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let lines = compare(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let changed: Vec<usize> = (0..lines.len()).filter(|i| !matches!(lines[*i], Line::Both(_))).collect();
    let Some(&first) = changed.first() else { return String::new() };
    let mut hunks = vec![(first, first)];
    for at in changed {
        match hunks.last_mut() {
            Some((_, last)) if at <= *last + 2 * CONTEXT + 1 => *last = at,
            _ => hunks.push((at, at)),
        }
    }
    let mut text = format!("--- {name}\n+++ {name}\n");
    for (first, last) in hunks {
        hunk(&lines, first.saturating_sub(CONTEXT), (last + CONTEXT + 1).min(lines.len()), &mut text);
    }
    text
}

fn hunk(lines: &[Line], from: usize, to: usize, text: &mut String) {
    let count = |range: &[Line], skipped: fn(&Line) -> bool| range.iter().filter(|line| !skipped(line)).count();
    let (not_old, not_new) = (|line: &Line| matches!(line, Line::New(_)), |line: &Line| matches!(line, Line::Old(_)));
    let span = |skipped: fn(&Line) -> bool| {
        let (before, here) = (count(&lines[..from], skipped), count(&lines[from..to], skipped));
        format!("{},{here}", if here == 0 { before } else { before + 1 })
    };
    text.extend(["@@ -", &span(not_old), " +", &span(not_new), " @@\n"]);
    for line in &lines[from..to] {
        let (mark, words) = match line {
            Line::Both(words) => (' ', words),
            Line::Old(words) => ('-', words),
            Line::New(words) => ('+', words),
        };
        text.push(mark);
        text.push_str(words);
        text.push('\n');
    }
}

/// The lines of both in order, by the longest common subsequence of what lies between the common beginning and end.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines: Vec<Line> = old[..head].iter().copied().map(Line::Both).collect();
    if a.len().saturating_mul(b.len()) > PAIRS_MAX {
        lines.extend(a.iter().copied().map(Line::Old).chain(b.iter().copied().map(Line::New)));
    } else {
        middle(a, b, &mut lines);
    }
    lines.extend(old[old.len() - tail..].iter().copied().map(Line::Both));
    lines
}

fn middle<'a>(a: &[&'a str], b: &[&'a str], lines: &mut Vec<Line<'a>>) {
    let width = b.len() + 1;
    // Length of the longest common subsequence of what follows each pair.
    let mut longest = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(Line::Both(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            lines.push(Line::Old(a[i]));
            i += 1;
        } else {
            lines.push(Line::New(b[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_its_neighbours_and_numbers() {
        assert_eq!(unified("f", "a\nb\n", "a\nb\n"), "");
        let old: String = (1..=20).map(|n: u32| n.to_string() + "\n").collect();
        let new = old.replace("\n10\n", "\nten\n").replace("\n20\n", "\n20\n21\n");
        let wanted = "--- f\n+++ f\n@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n@@ -18,3 +18,4 @@\n 18\n 19\n 20\n+21\n";
        assert_eq!(unified("f", &old, &new), wanted);
        assert_eq!(unified("f", "", "x\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+x\n");
        assert_eq!(unified("f", "x\n", ""), "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-x\n");
    }

    #[test]
    fn both_texts_can_be_read_back_from_the_lines() {
        let (old, new) = (["a", "b", "c", "a", "d"], ["b", "x", "a", "d", "e"]);
        let lines = compare(&old, &new);
        let side = |skip: fn(&Line) -> bool| -> Vec<&str> {
            let words = |line: &Line| match line {
                Line::Both(w) | Line::Old(w) | Line::New(w) => w.to_owned().to_string().leak() as &str,
            };
            lines.iter().filter(|line| !skip(line)).map(words).collect()
        };
        assert_eq!(side(|line| matches!(line, Line::New(_))), old);
        assert_eq!(side(|line| matches!(line, Line::Old(_))), new);
    }
}
