//! The mail as HTML: tables and styles in place, because mail programs read no more than that; dark where the reader's program
//! is. The picture travels in the mail (`cid:picture`); nothing is loaded from anywhere.

use super::{Told, picture, words};
use crate::units::parts;
use record::{Cause, Incident, Notice, Severity, Why};
use std::fmt::Write;

/// Reasons told.
const REASONS_MAX: usize = 6;

/// Colours of the dark side, and what a phone's width changes. Programs that drop this show the light side.
const STYLE: &str = "
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .paper { background: #0b1213 !important; } .card { background: #121b1d !important; border-color: #263639 !important; }
  .ink { color: #e4ecea !important; } .ink2 { color: #a7b8b8 !important; }
  .line { border-color: #263639 !important; } .tint { background: #182325 !important; } .track { background: #263639 !important; }
  .low { color: #9fb1b5 !important; } .medium { color: #e0ac4b !important; }
  .high { color: #f58a4e !important; } .critical { color: #ff6fa6 !important; }
  .button { background: #7fd0bf !important; color: #06211c !important; }
}
@media (max-width: 480px) {
  .pad { padding-left: 18px !important; padding-right: 18px !important; } .paper { padding: 0 !important; }
  .card { border-radius: 0 !important; border-left: 0 !important; border-right: 0 !important; }
  .title { font-size: 19px !important; }
}";

const SANS: &str = "font-family:'IBM Plex Sans',-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";
const MONO: &str = "font-family:'IBM Plex Mono',ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace";

/// The whole page.
pub(super) fn page(notices: &[&Notice], told: Told<'_>) -> String {
    let Some(worst) = notices.first() else { return String::new() };
    let mut out = String::with_capacity(16 << 10);
    let title = escape(&words::subject(notices));
    put(
        &mut out,
        format_args!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"supported-color-schemes\" content=\"light dark\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body class=\"paper\" style=\"margin:0;padding:0;background:#eaeeee\">\
         <div style=\"display:none;max-height:0;overflow:hidden\">{}</div>\
         <table role=\"presentation\" class=\"paper\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"background:#eaeeee\"><tr>\
         <td class=\"paper\" align=\"center\" style=\"padding:24px 12px\">\
         <table role=\"presentation\" class=\"card\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"max-width:600px;\
         background:#fbfcfc;border:1px solid #cfd8d8;border-radius:8px;overflow:hidden;{SANS}\">\
         <tr><td height=\"5\" style=\"height:5px;line-height:5px;font-size:0;background:{}\">&nbsp;</td></tr>",
            escape(&preheader(notices)),
            words::colour(worst.incident.severity),
        ),
    );
    brand(&mut out, told, worst);
    if notices.len() == 1 {
        one(&mut out, worst, told);
    } else {
        several(&mut out, notices, told);
    }
    foot(&mut out, notices, told);
    out.push_str("</table></td></tr></table></body></html>");
    out
}

/// What lists of mails show after the subject.
fn preheader(notices: &[&Notice]) -> String {
    match notices {
        [one] => one.incident.why.iter().take(2).map(crate::units::reason).collect::<Vec<_>>().join("; "),
        several => several.iter().take(3).map(|n| n.incident.title.as_str()).collect::<Vec<_>>().join("; "),
    }
}

fn brand(out: &mut String, told: Told<'_>, worst: &Notice) {
    put(
        out,
        format_args!(
            "<tr><td class=\"pad\" style=\"padding:18px 28px 0\"><table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr>\
         <td class=\"ink\" style=\"color:#12201f;font-size:14px;font-weight:600;{SANS}\">Tripline</td>\
         <td class=\"ink2\" align=\"right\" style=\"color:#53656a;font-size:13px;{SANS}\">{}</td></tr></table></td></tr>",
            escape(told.sensor)
        ),
    );
    if worst.cause == Cause::Raised {
        return;
    }
    put(
        out,
        format_args!(
            "<tr><td class=\"pad\" style=\"padding:14px 28px 0\"><table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr>\
         <td class=\"tint ink\" style=\"background:#e3e9e9;color:#12201f;border-radius:5px;padding:9px 12px;font-size:14px;line-height:20px;{SANS}\">{}</td>\
         </tr></table></td></tr>",
            escape(&words::cause(worst.cause))
        ),
    );
}

/// Severity and kind, the title, the picture, who and when, why, what to do, where.
fn one(out: &mut String, notice: &Notice, told: Told<'_>) {
    let incident = &notice.incident;
    row(out, "16px 28px 0", &label(incident));
    let title = escape(&incident.title);
    row(
        out,
        "6px 28px 0",
        &format!(
            "<div class=\"title ink\" style=\"color:#12201f;font-size:22px;line-height:29px;font-weight:600;overflow-wrap:anywhere;{SANS}\">{title}</div>"
        ),
    );
    row(
        out,
        "18px 28px 0",
        &format!(
            "<img src=\"cid:picture\" width=\"{}\" alt=\"{}\" style=\"display:block;width:100%;max-width:{0}px;height:auto;border:0\">",
            picture::WIDTH / 2,
            escape(&words::parties(incident).iter().map(|(n, v)| format!("{n} {v}")).collect::<Vec<_>>().join(", "))
        ),
    );
    row(out, "2px 28px 0", &columns(incident));
    let techniques =
        if incident.attack.is_empty() { String::new() } else { format!(" · ATT&CK {}", incident.attack.join(", ")) };
    let when = format!("{}{techniques}", words::span(incident));
    row(
        out,
        "14px 28px 0",
        &format!(
            "<div class=\"ink2\" style=\"color:#53656a;font-size:13px;line-height:19px;{SANS}\">{}</div>",
            escape(&when)
        ),
    );
    if !incident.timeline.is_empty() {
        row(out, "22px 28px 0", &(heading("Step by step") + &story(incident)));
    }
    if !incident.why.is_empty() {
        row(out, "22px 28px 0", &(heading("Why") + &reasons(incident)));
    }
    if !incident.advice.is_empty() {
        let advice = escape(&incident.advice);
        row(
            out,
            "22px 28px 0",
            &format!(
                "{}<div class=\"ink\" style=\"color:#12201f;font-size:15px;line-height:23px;{SANS}\">{advice}</div>",
                heading("What to do next")
            ),
        );
    }
    if let Some(link) = told.link(incident) {
        row(out, "22px 28px 0", &button(&link, "Open the incident"));
    }
}

/// `High · Port scan`.
fn label(incident: &Incident) -> String {
    let severity = incident.severity;
    format!(
        "<span class=\"{}\" style=\"color:{};font-size:13px;line-height:18px;font-weight:600;{SANS}\">{}</span>\
         <span class=\"ink2\" style=\"color:#53656a;font-size:13px;line-height:18px;{SANS}\"> · {}</span>",
        severity.name(),
        text_colour(severity),
        words::severity(severity),
        words::kind(incident.kind)
    )
}

/// Darker than the picture's: text needs the contrast.
const fn text_colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "#53676c",
        Severity::Medium => "#8a5a00",
        Severity::High => "#ac3d07",
        Severity::Critical => "#a80d4d",
    }
}

/// The steps of a story with their times.
fn story(incident: &Incident) -> String {
    let mut out = String::from("<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\">");
    for step in words::steps(incident) {
        put(
            &mut out,
            format_args!(
                "<tr><td class=\"line\" style=\"border-top:1px solid #cfd8d8;padding:9px 0\">\
                 <div class=\"ink2\" style=\"color:#53656a;font-size:12px;line-height:17px;{SANS}\">{} · {}</div>\
                 <div class=\"ink\" style=\"color:#12201f;font-size:14px;line-height:20px;overflow-wrap:anywhere;{SANS}\">{}</div></td></tr>",
                words::time(step.ts),
                words::kind(step.kind),
                escape(&step.title)
            ),
        );
    }
    out + "</table>"
}

/// Under the picture's columns: left, middle or right, as its nodes are.
fn columns(incident: &Incident) -> String {
    let columns: Vec<_> = words::parties(incident).into_iter().filter(|(name, _)| *name != "Port").collect();
    let mut out = String::from("<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr>");
    let last = columns.len().saturating_sub(1);
    for (i, (name, value)) in columns.iter().enumerate() {
        let align = if i == 0 {
            "left"
        } else if i == last {
            "right"
        } else {
            "center"
        };
        let port = if *name == "To" && incident.dest_port.len() == 1 {
            format!(", port {}", incident.dest_port[0])
        } else {
            String::new()
        };
        put(
            &mut out,
            format_args!(
                "<td align=\"{align}\" valign=\"top\" width=\"{}%\"><div class=\"ink2\" style=\"color:#53656a;font-size:12px;line-height:17px;{SANS}\">{name}</div>\
             <div class=\"ink\" style=\"color:#12201f;font-size:13px;line-height:19px;overflow-wrap:anywhere;{MONO}\">{}{port}</div></td>",
                100 / columns.len().max(1),
                escape(value)
            ),
        );
    }
    out + "</tr></table>"
}

/// What was seen beside what is usual, with a bar for the share of each in the score.
fn reasons(incident: &Incident) -> String {
    let head = |text: &str, align: &str| {
        format!(
            "<td class=\"ink2 line\" align=\"{align}\" style=\"color:#53656a;font-size:12px;padding:0 0 5px;border-bottom:1px solid #cfd8d8;{SANS}\">{text}</td>"
        )
    };
    let mut out = format!(
        "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr>{}{}{}</tr>",
        head("What counts", "left"),
        head("Seen", "right"),
        head("Usual", "right")
    );
    for why in incident.why.iter().take(REASONS_MAX) {
        out.push_str(&reason(why, incident.severity));
    }
    out + "</table>"
}

fn reason(why: &Why, severity: Severity) -> String {
    let (name, seen, usual) = parts(why);
    let share = (why.share.clamp(0.0, 1.0) * 100.0).round().max(1.0);
    let bar = format!(
        "<table role=\"presentation\" class=\"track\" width=\"120\" cellpadding=\"0\" cellspacing=\"0\" style=\"background:#e3e9e9;border-radius:2px;margin-top:5px\"><tr>\
         <td width=\"{share}%\" height=\"4\" style=\"height:4px;line-height:4px;font-size:0;background:{};border-radius:2px\">&nbsp;</td>\
         <td style=\"height:4px;line-height:4px;font-size:0\">&nbsp;</td></tr></table>",
        words::colour(severity)
    );
    let name = name.split_at_checked(1).map_or(name.clone(), |(first, rest)| first.to_uppercase() + rest);
    let cell = format!(
        "line ink\" style=\"color:#12201f;font-size:14px;line-height:19px;padding:9px 0 10px;border-bottom:1px solid #cfd8d8;{SANS}"
    );
    format!(
        "<tr><td class=\"{cell}\">{}{bar}</td><td class=\"{cell};padding-left:12px;white-space:nowrap;font-weight:600\" align=\"right\" valign=\"top\">{}</td>\
         <td class=\"{cell};padding-left:12px;white-space:nowrap\" align=\"right\" valign=\"top\">{}</td></tr>",
        escape(&name),
        escape(&seen),
        escape(&usual)
    )
}

/// Several incidents: the picture, then a short block each.
fn several(out: &mut String, notices: &[&Notice], told: Told<'_>) {
    row(
        out,
        "16px 28px 0",
        &format!(
            "<div class=\"title ink\" style=\"color:#12201f;font-size:22px;line-height:29px;font-weight:600;{SANS}\">{} incidents: {}</div>",
            notices.len(),
            words::by_severity(notices)
        ),
    );
    row(
        out,
        "8px 28px 0",
        &format!(
            "<img src=\"cid:picture\" width=\"{}\" alt=\"{}\" style=\"display:block;width:100%;max-width:{0}px;height:auto;border:0\">",
            picture::WIDTH / 2,
            words::by_severity(notices)
        ),
    );
    for notice in notices.iter().take(words::DETAILS_MAX) {
        let incident = &notice.incident;
        let title = escape(&incident.title);
        let title = told.link(incident).map_or(title.clone(), |link| {
            format!(
                "<a class=\"ink\" href=\"{}\" style=\"color:#12201f;text-decoration:underline\">{title}</a>",
                escape(&link)
            )
        });
        let worse = words::cause(notice.cause);
        let under =
            [words::span(incident), worse].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" · ");
        row(
            out,
            "0 28px",
            &format!(
                "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr><td class=\"line\" style=\"border-top:1px solid #cfd8d8;padding:12px 0\">\
             {}<div class=\"ink\" style=\"color:#12201f;font-size:15px;line-height:21px;overflow-wrap:anywhere;{SANS}\">{title}</div>\
             <div class=\"ink2\" style=\"color:#53656a;font-size:13px;line-height:19px;{SANS}\">{}</div></td></tr></table>",
                label(incident),
                escape(&under)
            ),
        );
    }
    if let Some(rest) = words::rest(notices) {
        row(
            out,
            "4px 28px 0",
            &format!(
                "<div class=\"ink2\" style=\"color:#53656a;font-size:14px;line-height:21px;{SANS}\">{}</div>",
                escape(&rest)
            ),
        );
    }
}

fn foot(out: &mut String, notices: &[&Notice], told: Told<'_>) {
    let number = match notices {
        [one] => format!(" Incident {}.", one.incident.id),
        _ => String::new(),
    };
    let text = format!(
        "You get this from the channel \u{201c}{}\u{201d} of Tripline on {}.{number}",
        told.channel, told.sensor
    );
    put(
        out,
        format_args!(
            "<tr><td class=\"pad\" style=\"padding:24px 28px 22px\"><div class=\"ink2 line\" style=\"color:#53656a;border-top:1px solid #cfd8d8;padding-top:14px;\
         font-size:12px;line-height:18px;overflow-wrap:anywhere;{SANS}\">{}</div></td></tr>",
            escape(&text)
        ),
    );
}

fn heading(text: &str) -> String {
    format!(
        "<div class=\"ink\" style=\"color:#12201f;font-size:15px;line-height:20px;font-weight:600;padding-bottom:8px;{SANS}\">{text}</div>"
    )
}

fn button(link: &str, text: &str) -> String {
    format!(
        "<a class=\"button\" href=\"{}\" style=\"display:inline-block;background:#0c6358;color:#ffffff;font-size:15px;line-height:20px;font-weight:600;\
         text-decoration:none;border-radius:5px;padding:11px 18px;{SANS}\">{text}</a>",
        escape(link)
    )
}

fn row(out: &mut String, padding: &str, inner: &str) {
    put(out, format_args!("<tr><td class=\"pad\" style=\"padding:{padding}\">{inner}</td></tr>"));
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _ = out.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
