//! `evaluate -o html`: one self-contained page with ROC and precision-recall curves and score histograms, drawn as SVG without a script;
//! light and dark, on paper too.

use super::html::escape;
use evaluate::{Chart, Evaluation, Metrics};
use std::fmt::Write as _;
use std::io::{self, Write};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff;--grid:#d6dce5;--soft:#566173;\
--a:#0b62d6;--b:#c2410c;--c:#15803d;--d:#7e22ce;--e:#0e7490;--f:#a16207;--g:#be185d;--h:#4b5563;--i:#65a30d;--j:#334155}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{max-width:60rem}.soft,dt,figcaption,th{color:var(--soft)}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1.5rem}figure{margin:0}svg{width:100%;height:auto;display:block}\
.small{grid-template-columns:repeat(auto-fit,minmax(15rem,1fr))}svg text{font-size:11px;fill:var(--soft)}.frame{fill:none;stroke:var(--grid)}.grid{stroke:var(--grid);stroke-dasharray:2 3}\
.line{fill:none;stroke-width:1.4}.first{stroke-width:2.8}.benign{fill:var(--h);opacity:.55}.attack{fill:var(--b);opacity:.6}\
ul.key{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;margin:.5rem 0}ul.key i{display:inline-block;width:1.4rem;height:.22rem;vertical-align:middle;margin-right:.4rem}\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid var(--grid);white-space:nowrap}\
th:first-child,td:first-child{text-align:left}tr.vote td{font-weight:600}tr.part td{color:var(--soft);padding-top:.9rem;border-bottom-color:var(--soft)}\
dl{display:grid;grid-template-columns:14rem 1fr;gap:.2rem 1rem}dd{margin:0;overflow-wrap:anywhere}\
@media(prefers-color-scheme:dark){body{color:#dce3ec;background:#11161d;--grid:#2b3644;--soft:#93a0b2;--a:#60a5fa;--b:#fb923c;--c:#4ade80;--d:#c084fc;--e:#22d3ee;--f:#facc15;--g:#f472b6;--h:#94a3b8;--i:#a3e635;--j:#cbd5e1}}";

/// Colours of the lines, the vote first.
const COLOURS: [char; 10] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
/// Width and height of a curve's field, and its margins.
const FIELD: (f64, f64) = (420.0, 320.0);
const MARGIN: (f64, f64) = (44.0, 30.0);
/// Room above a field for the name of its axis.
const TOP: f64 = 22.0;

/// Writes the page.
pub fn write(output: &mut impl Write, evaluation: &Evaluation, charts: &[Chart]) -> io::Result<()> {
    let e = evaluation;
    let title = format!("Tripline: evaluation on {} rows of {}", e.rows, e.input);
    writeln!(
        output,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>",
        escape(&title)
    )?;
    let share = if e.rows > 0 { e.positives as f64 / e.rows as f64 * 100.0 } else { 0.0 };
    writeln!(
        output,
        "<p>{} attacks ({share:.2} %). Learned from {} rows, seed {}. Thresholds were set in training for {} % false positives, without labels.</p>",
        e.positives,
        e.train_rows,
        e.seed,
        e.nominal_fpr * 100.0
    )?;
    let ordered = vote_first(charts);
    if ordered.iter().any(|chart| !chart.roc.is_empty()) {
        curves(output, &ordered)?;
    }
    histograms(output, &ordered, e)?;
    table(output, e)?;
    about(output, e)?;
    writeln!(output, "</body></html>")
}

fn vote_first(charts: &[Chart]) -> Vec<&Chart> {
    let (vote, rest): (Vec<&Chart>, Vec<&Chart>) = charts.iter().partition(|chart| chart.name == "ensemble");
    vote.into_iter().chain(rest).collect()
}

fn words(name: &str) -> String {
    escape(&name.replace('_', " "))
}

fn curves(output: &mut impl Write, charts: &[&Chart]) -> io::Result<()> {
    writeln!(output, "<h2>Curves</h2><div class=\"charts\">")?;
    let roc = |chart: &Chart| chart.roc.clone();
    let precision = |chart: &Chart| chart.precision.clone();
    field(output, "False-positive rate", "Share of attacks caught", "ROC curves", charts, &roc)?;
    field(output, "Share of attacks caught", "Precision", "Precision-recall curves", charts, &precision)?;
    writeln!(output, "</div><ul class=\"key\">")?;
    for (place, chart) in charts.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        writeln!(output, "<li><i style=\"background:var(--{colour})\"></i>{}</li>", words(&chart.name))?;
    }
    writeln!(output, "</ul>")
}

/// One field of curves; both axes from 0 to 1.
fn field(
    output: &mut impl Write,
    across: &str,
    up: &str,
    caption: &str,
    charts: &[&Chart],
    points: &dyn Fn(&Chart) -> Vec<(f64, f64)>,
) -> io::Result<()> {
    let ((width, height), (left, low)) = (FIELD, MARGIN);
    let x = |share: f64| left + share * (width - left - 10.0);
    let y = |share: f64| height - low - share * (height - low - TOP);
    let mut svg = String::new();
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{0:.1}\" x2=\"{1:.1}\" y1=\"{2:.1}\" y2=\"{2:.1}\"/><line class=\"grid\" x1=\"{3:.1}\" x2=\"{3:.1}\" y1=\"{4:.1}\" y2=\"{5:.1}\"/>\
             <text x=\"{6:.1}\" y=\"{7:.1}\" text-anchor=\"end\">{share}</text><text x=\"{3:.1}\" y=\"{8:.1}\" text-anchor=\"middle\">{share}</text>",
            x(0.0),
            x(1.0),
            y(share),
            x(share),
            y(0.0),
            y(1.0),
            left - 6.0,
            y(share) + 4.0,
            height - low + 14.0
        );
    }
    // The vote is drawn last, over the others.
    for (place, chart) in charts.iter().enumerate().rev() {
        let path: Vec<String> = points(chart).iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
        let class = if place == 0 { "line first" } else { "line" };
        let colour = COLOURS[place % COLOURS.len()];
        let _ = write!(
            svg,
            "<polyline class=\"{class}\" stroke=\"var(--{colour})\" points=\"{}\"><title>{}</title></polyline>",
            path.join(" "),
            words(&chart.name)
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{across}</text><text x=\"{:.1}\" y=\"{:.1}\">{up}</text>",
        x(1.0),
        height - 3.0,
        left - 30.0,
        12.0
    );
    writeln!(
        output,
        "<figure><svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{caption}\">{svg}</svg><figcaption>{caption}</figcaption></figure>"
    )
}

fn histograms(output: &mut impl Write, charts: &[&Chart], e: &Evaluation) -> io::Result<()> {
    writeln!(
        output,
        "<h2>Scores</h2><ul class=\"key\"><li><i style=\"background:var(--h)\"></i>benign rows</li><li><i style=\"background:var(--b)\"></i>attacks</li></ul>\
         <div class=\"charts small\">"
    )?;
    let judged = |chart: &&&Chart| chart.name == "ensemble" || e.members.contains_key(&chart.name);
    for chart in charts.iter().filter(judged) {
        let highest = chart.bars.iter().fold(1e-9_f64, |top, (quiet, hits)| top.max(*quiet).max(*hits));
        let (width, height) = (300.0, 120.0);
        let step = width / chart.bars.len() as f64;
        let mut svg = String::new();
        for (place, (quiet, hits)) in chart.bars.iter().enumerate() {
            for (class, share) in [("benign", quiet), ("attack", hits)] {
                let tall = (share / highest).sqrt() * height;
                if tall > 0.0 {
                    let (x, y) = (place as f64 * step, height - tall);
                    let _ = write!(
                        svg,
                        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"/>",
                        step - 0.6
                    );
                }
            }
        }
        let (low, high) = (chart.range.0, chart.range.0 + chart.range.1);
        writeln!(
            output,
            "<figure><svg viewBox=\"0 0 {width} {}\" role=\"img\" aria-label=\"Scores of {name}\">{svg}<text x=\"0\" y=\"{y}\">{low:.3}</text>\
             <text x=\"{width}\" y=\"{y}\" text-anchor=\"end\">{high:.3} and more</text></svg><figcaption>{name}</figcaption></figure>",
            height + 16.0,
            y = height + 13.0,
            name = words(&chart.name)
        )?;
    }
    writeln!(output, "</div><p class=\"soft\">Heights are square roots of shares, so that rare scores can be seen.</p>")
}

fn table(output: &mut impl Write, e: &Evaluation) -> io::Result<()> {
    writeln!(
        output,
        "<h2>Figures</h2><div class=\"scroll\"><table><tr><th></th><th>ROC-AUC</th><th>95 %</th><th>PR-AUC</th><th>95 %</th><th>EER</th><th>caught at 0.1 %</th><th>caught at 1 %</th>\
         <th>precision</th><th>recall</th><th>F1</th><th>accuracy</th><th>false positives / nominal</th><th>false alarms per hour</th><th>episodes</th><th>time to detect</th></tr>"
    )?;
    row(output, "ensemble", &e.ensemble, true)?;
    for (title, part) in [("Members", &e.members), ("Baselines", &e.baselines), ("The ensemble by kind", &e.by_kind)] {
        if !part.is_empty() {
            writeln!(output, "<tr class=\"part\"><td colspan=\"16\">{title}</td></tr>")?;
        }
        for (name, metrics) in part {
            let silent = if metrics.admitted == Some(false) { " (does not vote)" } else { "" };
            row(output, &format!("{name}{silent}"), metrics, false)?;
        }
    }
    writeln!(output, "</table></div>")
}

fn row(output: &mut impl Write, name: &str, m: &Metrics, vote: bool) -> io::Result<()> {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let interval =
        |ends: Option<[f64; 2]>| ends.map_or("–".to_owned(), |[low, high]| format!("{low:.3} – {high:.3}"));
    let caught = |rate: &str| number(m.tpr_at_fpr.get(rate).copied().flatten());
    let episodes =
        if m.episodes == 0 { "–".to_owned() } else { format!("{} of {}", m.episodes_detected, m.episodes) };
    let cells = [
        number(m.roc_auc),
        interval(m.roc_auc_interval),
        number(m.pr_auc),
        interval(m.pr_auc_interval),
        number(m.eer),
        caught("0.001"),
        caught("0.01"),
        number(m.precision),
        number(m.recall),
        number(m.f1),
        number(m.accuracy),
        number(m.realised_over_nominal_fpr),
        number(m.false_alarms_per_hour),
        episodes,
        m.time_to_detect_s.map_or("–".to_owned(), |seconds| format!("{seconds:.1} s")),
    ];
    let class = if vote { " class=\"vote\"" } else { "" };
    writeln!(output, "<tr{class}><td>{}</td><td>{}</td></tr>", words(name), cells.join("</td><td>"))
}

fn about(output: &mut impl Write, e: &Evaluation) -> io::Result<()> {
    writeln!(output, "<h2>What was measured</h2><dl>")?;
    let mut line = |name: &str, value: &str| writeln!(output, "<dt>{name}</dt><dd>{}</dd>", escape(value));
    let later =
        if e.split == "time" { "every row is later than what was learned from" } else { "as the files were given" };
    line("Split", later)?;
    if let Some((first, last)) = e.first.zip(e.last) {
        line("Time of the rows", &format!("{first} to {last}"))?;
    }
    line("Intervals", &format!("95 %, bootstrap by {}", e.units))?;
    line("SHA-256 of the data", &e.data_sha256)?;
    line("SHA-256 of the training data", &e.train_sha256)?;
    for note in &e.notes {
        line("Note", note)?;
    }
    writeln!(output, "</dl>")
}
