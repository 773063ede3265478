//! Charts of a report as SVG that needs no script: a course of two quantities, and stacked bars. Owns drawing; colours are the page's.

use super::html::escape;
use std::fmt::Write as _;

/// Width and height of a field, and the room for the axes.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 78.0;
const LOW: f64 = 22.0;
const TOP: f64 = 8.0;
/// Labels along the time.
const LABELS: usize = 6;
/// Kinds with a colour of their own; the rest is one.
pub const COLOURS: usize = 6;

/// One quantity over time; None: not known.
pub struct Line<'a> {
    /// Class that colours it.
    pub class: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// A value a bucket.
    pub values: &'a [Option<f64>],
}

/// The nearest round number at or above, for an axis.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= value * 0.999_999).unwrap_or(10.0 * power)
}

fn y(share: f64) -> f64 {
    HEIGHT - LOW - share * (HEIGHT - LOW - TOP)
}

/// Grid, numbers at the left, times below.
fn frame(svg: &mut String, top: f64, labels: &[String], number: &dyn Fn(f64) -> String) {
    for step in 0..=2 {
        let share = f64::from(step) / 2.0;
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/><text x=\"{1:.1}\" y=\"{2:.1}\" text-anchor=\"end\">{3}</text>",
            y(share),
            LEFT - 6.0,
            y(share) + 4.0,
            escape(&number(top * share))
        );
    }
    let every = labels.len().div_ceil(LABELS).max(1);
    for (place, label) in labels.iter().enumerate().step_by(every) {
        let x = LEFT + place as f64 / labels.len() as f64 * (WIDTH - LEFT);
        // The last one must not run out of the field.
        if x < WIDTH - 50.0 {
            let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\">{}</text>", HEIGHT - 6.0, escape(label));
        }
    }
}

fn figure(svg: &str, name: &str, key: &[(String, String)]) -> String {
    let mut text = format!(
        "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">{svg}</svg><figcaption>",
        escape(name)
    );
    for (class, name) in key {
        let _ = write!(text, "<span class=\"key\"><i class=\"{class}\"></i>{}</span>", escape(name));
    }
    text.push_str("</figcaption></figure>");
    text
}

/// Courses over each other's ground, the first filled; gaps where nobody watched.
pub fn course(name: &str, lines: &[Line], labels: &[String], number: &dyn Fn(f64) -> String) -> String {
    let highest = lines.iter().flat_map(|line| line.values.iter().flatten()).fold(0.0_f64, |a, b| a.max(*b));
    let top = round_up(highest);
    let mut svg = String::new();
    gaps(&mut svg, lines);
    frame(&mut svg, top, labels, number);
    for line in lines {
        let width = (WIDTH - LEFT) / line.values.len().max(1) as f64;
        for (begin, run) in runs(line.values) {
            // A step a bucket: that is what is known.
            let mut path = String::new();
            for (place, value) in run.iter().enumerate() {
                let (x, level) = (LEFT + (begin + place) as f64 * width, y(value / top));
                let _ = write!(path, "{}{x:.1},{level:.1} H{:.1}", if place == 0 { "M" } else { " L" }, x + width);
            }
            let (first, last) = (LEFT + begin as f64 * width, LEFT + (begin + run.len()) as f64 * width);
            let ground = y(0.0);
            let _ = write!(
                svg,
                "<path class=\"area {0}\" d=\"{path} L{last:.1},{ground:.1} L{first:.1},{ground:.1} Z\"/><path class=\"line {0}\" d=\"{path}\"/>",
                line.class
            );
        }
    }
    let key: Vec<_> = lines.iter().map(|line| (line.class.to_owned(), line.name.to_owned())).collect();
    figure(&svg, name, &key)
}

/// Runs of known values with where they begin.
fn runs(values: &[Option<f64>]) -> Vec<(usize, Vec<f64>)> {
    let mut all: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut open = false;
    for (place, value) in values.iter().enumerate() {
        match value {
            Some(value) if open => {
                if let Some((_, run)) = all.last_mut() {
                    run.push(*value);
                }
            }
            Some(value) => all.push((place, vec![*value])),
            None => {}
        }
        open = value.is_some();
    }
    all
}

/// Times of which nothing is known.
fn gaps(svg: &mut String, lines: &[Line]) {
    let Some(longest) = lines.iter().map(|line| line.values.len()).max() else { return };
    let width = (WIDTH - LEFT) / longest.max(1) as f64;
    let unknown = |place: usize| lines.iter().all(|line| line.values.get(place).is_none_or(Option::is_none));
    let mut place = 0;
    while place < longest {
        let begin = place;
        while place < longest && unknown(place) {
            place += 1;
        }
        if place > begin {
            let (x, wide) = (LEFT + begin as f64 * width, (place - begin) as f64 * width);
            let _ = write!(
                svg,
                "<rect class=\"gap\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{wide:.1}\" height=\"{:.1}\"><title>nobody watched</title></rect>",
                HEIGHT - LOW - TOP
            );
        }
        place += 1;
    }
}

/// Counts by bucket, one name over the other; each has its class.
pub fn bars(
    name: &str,
    parts: &[(String, String, Vec<u64>)],
    labels: &[String],
    number: &dyn Fn(f64) -> String,
) -> String {
    let buckets = labels.len().max(1);
    let sum = |bucket: usize| parts.iter().map(|part| part.2.get(bucket).copied().unwrap_or(0)).sum::<u64>();
    let highest = (0..buckets).map(sum).max().unwrap_or(0);
    // Counts are whole: so are the numbers beside them.
    let top = round_up(highest as f64).max(2.0).ceil();
    let top = if top % 2.0 == 0.0 { top } else { top + 1.0 };
    let mut svg = String::new();
    frame(&mut svg, top, labels, number);
    let width = (WIDTH - LEFT) / buckets as f64;
    for (bucket, label) in labels.iter().enumerate().take(buckets) {
        let mut below = 0;
        for (class, part, counts) in parts {
            let count = counts.get(bucket).copied().unwrap_or(0);
            if count > 0 {
                let (low, high) = (y(below as f64 / top), y((below + count) as f64 / top));
                let _ = write!(
                    svg,
                    "<rect class=\"bar {class}\" x=\"{:.1}\" y=\"{high:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {count} {}</title></rect>",
                    LEFT + bucket as f64 * width + width * 0.08,
                    (width * 0.84).max(1.0),
                    low - high,
                    escape(label),
                    escape(part)
                );
                below += count;
            }
        }
    }
    let key: Vec<_> = parts.iter().map(|(class, name, _)| (class.clone(), name.clone())).collect();
    figure(&svg, name, &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers_above() {
        for (value, top) in [(0.0, 1.0), (1.0, 1.0), (1.2, 1.5), (7.0, 8.0), (93.0, 100.0), (410.0, 500.0)] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}: {}", round_up(value));
        }
    }

    #[test]
    fn a_gap_breaks_the_course_and_is_marked() {
        let values = [Some(1.0), Some(2.0), None, None, Some(4.0)];
        assert_eq!(runs(&values), [(0, vec![1.0, 2.0]), (4, vec![4.0])]);
        let line = [Line { class: "a", name: "in", values: &values }];
        let labels: Vec<String> = (0..5).map(|n| format!("<{n}>")).collect();
        let svg = course("Traffic", &line, &labels, &|v| format!("{v} B"));
        assert_eq!((svg.matches("class=\"gap\"").count(), svg.matches("class=\"line a\"").count()), (1, 2));
        assert!(svg.contains("&lt;0&gt;") && !svg.contains("<0>") && !svg.contains("NaN"));
    }

    #[test]
    fn bars_stack_to_the_highest_sum() {
        let parts =
            [("k0".to_owned(), "scan".to_owned(), vec![2, 0]), ("k1".to_owned(), "beacon".to_owned(), vec![2, 1])];
        let svg = bars("Incidents", &parts, &["a".to_owned(), "b".to_owned()], &|v| format!("{v}"));
        assert_eq!(svg.matches("class=\"bar").count(), 3);
        assert!(svg.contains("<title>a: 2 scan</title>") && svg.contains(">4</text>"), "{svg}");
    }
}
