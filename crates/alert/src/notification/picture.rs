//! The picture of a message: who to whom, as a shape. Sources left, targets in the middle, ports right; a scan is a fan, a flood a
//! funnel, a beacon one line. Transparent, in colours that read on light and dark ground; twice the size it is shown in.

use super::png::{Canvas, Colour};
use super::words;
use record::{Incident, Notice, Severity};

/// Size in pixels; shown at half of it.
pub(super) const WIDTH: usize = 1120;
/// Most height; what has few nodes takes less.
pub(super) const HEIGHT: usize = 248;
/// Least height.
const HEIGHT_MIN: usize = 72;
/// Nodes drawn in one column; of more, an even choice.
const NODES_MAX: usize = 13;
/// Most room between two of them.
const NODE_GAP: f32 = 46.0;
/// Middle of the columns when there are ports, and when there are none.
const WITH_PORTS: [f32; 3] = [24.0, 560.0, 1104.0];
const WITHOUT_PORTS: [f32; 2] = [24.0, 1104.0];

/// PNG of an incident, or of the severities of several.
pub(super) fn draw(notices: &[&Notice]) -> Vec<u8> {
    match notices {
        [one] => shape(&one.incident).png(),
        several => digest(several).png(),
    }
}

fn colour(severity: Severity) -> Colour {
    let number = words::colour_number(severity);
    [16, 8, 0].map(|shift| (number >> shift & 0xff) as f32 / 255.0)
}

/// A neutral that reads on light and dark ground.
const INK: Colour = [0.45, 0.53, 0.55];

/// Nodes one under the other around the middle.
fn column(count: usize, x: f32, height: f32) -> Vec<[f32; 2]> {
    let drawn = count.clamp(1, NODES_MAX);
    let gap = (height - 48.0) / (drawn.max(2) - 1) as f32;
    let gap = gap.min(NODE_GAP);
    let top = height / 2.0 - gap * (drawn - 1) as f32 / 2.0;
    (0..drawn).map(|i| [x, top + gap * i as f32]).collect()
}

fn shape(incident: &Incident) -> Canvas {
    let tone = colour(incident.severity);
    let ports = incident.dest_port.len();
    let xs: &[f32] = if ports > 1 { &WITH_PORTS } else { &WITHOUT_PORTS };
    let most = incident.src.len().max(incident.dest.len()).max(ports).clamp(1, NODES_MAX);
    let height = (HEIGHT_MIN + (most - 1) * NODE_GAP as usize).min(HEIGHT);
    let mut picture = Canvas::new(WIDTH, height);
    let canvas = &mut picture;
    let column = |count, x| column(count, x, height as f32);
    let sources = column(incident.src.len(), xs[0]);
    let targets = column(incident.dest.len(), xs[1]);
    join(canvas, &sources, &targets, tone, 0.75);
    if let (Some(x), true) = (xs.get(2), ports > 1) {
        let marks = column(ports, *x);
        join(canvas, &targets, &marks, tone, 0.4);
        for mark in marks {
            canvas.disc(mark, 5.0, tone, 0.9);
        }
    }
    let radius = |nodes: usize| if nodes > 7 { 7.0 } else { 11.0 };
    for target in &targets {
        canvas.disc(*target, radius(targets.len()), INK, 1.0);
    }
    for source in &sources {
        canvas.disc(*source, radius(sources.len()), tone, 1.0);
        if sources.len() <= 4 {
            canvas.ring(*source, 19.0, 3.0, tone, 0.5);
        }
    }
    picture
}

/// Every node of the longer side is joined to its place on the shorter one.
fn join(canvas: &mut Canvas, left: &[[f32; 2]], right: &[[f32; 2]], tone: Colour, opacity: f32) {
    let longer = left.len().max(right.len());
    let place = |side: &[[f32; 2]], i: usize| side[i * side.len() / longer];
    let width = if longer > 6 { 3.0 } else { 4.0 };
    for i in 0..longer {
        canvas.curve(place(left, i), place(right, i), width, tone, opacity);
    }
}

/// Several incidents: one disc each along a line, the worst first and largest.
fn digest(notices: &[&Notice]) -> Canvas {
    const HEIGHT: usize = 96;
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let drawn = notices.len().min(24);
    let step = (WIDTH as f32 - 60.0) / (drawn.max(2) - 1) as f32;
    let middle = HEIGHT as f32 / 2.0;
    canvas.curve([4.0, middle], [WIDTH as f32 - 4.0, middle], 3.0, INK, 0.45);
    for (i, notice) in notices.iter().take(drawn).enumerate() {
        let severity = notice.incident.severity;
        let radius = match severity {
            Severity::Low => 9.0,
            Severity::Medium => 13.0,
            Severity::High => 18.0,
            Severity::Critical => 24.0,
        };
        let radius = f32::min(radius, step * 0.45);
        canvas.disc([30.0 + step * i as f32, middle], radius, colour(severity), 1.0);
    }
    canvas
}
