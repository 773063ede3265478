//! A report told by mail, through the queue of notifications: a notice whose incident carries the report's id, title and summary. Owns how
//! it is recognised and what the mail says; when and how often it is tried is the queue's.

use crate::report::Report;
use record::{Cause, Incident, Message, Notice, Severity, Timestamp};
use std::path::Path;

/// Begins the id of a notice that is a report; an incident's id has hexadecimal digits only.
const PREFIX: &str = "report-";
/// A larger page is not attached: mail servers refuse from 10 MB on, and base64 makes a third more.
const PAGE_BYTES_MAX: u64 = 6 << 20;

/// The report's id when a notice tells of one.
pub fn report_of(notice: &Notice) -> Option<&str> {
    notice.incident.id.strip_prefix(PREFIX)
}

/// What goes into the queue.
pub fn notice(id: &str, report: &Report, now: Timestamp) -> Notice {
    let base = alert::notification::sample(now).incident;
    let title = format!("Report of {}: {} to {}", report.network.sensor, report.shown.from, report.shown.to);
    let incident = Incident {
        id: format!("{PREFIX}{id}"),
        title,
        severity: Severity::Low,
        advice: report.summary.join("\n"),
        src: Vec::new(),
        dest: Vec::new(),
        dest_port: Vec::new(),
        why: Vec::new(),
        attack: Vec::new(),
        ..base
    };
    Notice { incident, cause: Cause::Raised, queued: now }
}

/// Adds reports to a message; one that tells of nothing else becomes theirs.
pub fn with_reports(mut message: Message, reports: &[&Notice], data_dir: &Path, dashboard_url: &str) -> Message {
    for notice in reports {
        let (title, id) = (&notice.incident.title, report_of(notice).unwrap_or_default());
        let base = dashboard_url.trim_end_matches('/');
        let place = if base.is_empty() {
            format!("{}", data_dir.join(super::shelf::FOLDER).join(format!("{id}.html")).display())
        } else {
            format!("{base}/api/v1/reports/{id}")
        };
        if let Some(page) = whole(&data_dir.join(super::shelf::FOLDER).join(format!("{id}.html"))) {
            message.pages.push((format!("{id}.html"), page));
        }
        if message.subject.is_empty() {
            message.subject = format!("Tripline: {title}");
            "report".clone_into(&mut message.kind);
        }
        let sentences: Vec<&str> = notice.incident.advice.lines().collect();
        let sentences_text = sentences.join("\n- ");
        message.text.extend([title, "\n\n- ", &sentences_text, "\n\nThe whole report: ", &place, "\n"]);
        let html = page(title, &sentences, &place, !base.is_empty());
        message.html = match message.html.rfind("</body>") {
            Some(end) => format!("{}{html}{}", &message.html[..end], &message.html[end..]),
            None => format!(
                "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"></head><body>{html}</body></html>"
            ),
        };
    }
    message
}

/// The report's page, where it is kept and mail servers take one so large.
fn whole(path: &Path) -> Option<Vec<u8>> {
    let size = std::fs::metadata(path).ok()?.len();
    (size <= PAGE_BYTES_MAX).then(|| std::fs::read(path).ok()).flatten()
}

fn page(title: &str, sentences: &[&str], place: &str, is_link: bool) -> String {
    use crate::render::html::escape;
    let items: Vec<String> = sentences.iter().map(|sentence| format!("<li>{}</li>", escape(sentence))).collect();
    let items = items.concat();
    let place = escape(place);
    let place = if is_link { format!("<a href=\"{place}\">{place}</a>") } else { format!("<code>{place}</code>") };
    format!(
        "<div style=\"font:15px/1.5 system-ui,sans-serif;max-width:40rem\"><h1 style=\"font-size:1.2rem\">{}</h1><ul>{items}</ul><p>The whole report: {place}</p></div>",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_report_is_told_with_what_matters_and_where_it_is() {
        let mut report =
            Report { summary: vec!["No <b>incident</b>.".into(), "1 GB passed.".into()], ..Report::default() };
        report.network.sensor = "gate".into();
        let notice = notice("r1", &report, Timestamp(0));
        assert_eq!(report_of(&notice), Some("r1"));
        assert_eq!(report_of(&alert::notification::sample(Timestamp(0))), None);
        let data_dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(data_dir.path().join("reports")).unwrap();
        std::fs::write(data_dir.path().join("reports/r1.html"), "<p>whole</p>").unwrap();
        let attached = with_reports(Message::default(), &[&notice], data_dir.path(), "");
        assert_eq!(attached.pages, [("r1.html".to_owned(), b"<p>whole</p>".to_vec())]);
        std::fs::File::create(data_dir.path().join("reports/r1.html")).unwrap().set_len(PAGE_BYTES_MAX + 1).unwrap();
        assert!(with_reports(Message::default(), &[&notice], data_dir.path(), "").pages.is_empty(), "too large");
        let told = |url| with_reports(Message::default(), &[&notice], Path::new("/data"), url);
        let linked = told("https://tripline.example.net/");
        assert!(linked.subject.contains("Report of gate") && linked.text.contains("- 1 GB passed."));
        assert!(linked.html.contains("href=\"https://tripline.example.net/api/v1/reports/r1\""));
        assert!(linked.html.contains("&lt;b&gt;") && linked.picture.is_empty());
        let plain = told("");
        assert!(plain.text.contains("/data/reports/r1.html") && !plain.html.contains("href"));
        // Together with incidents: both are told in one mail.
        let other = Message { subject: "3 incidents".into(), html: "<body>x</body>".into(), ..Message::default() };
        let both = with_reports(other, &[&notice], Path::new("/data"), "");
        assert!(
            both.subject == "3 incidents" && both.html.starts_with("<body>x<div") && both.html.ends_with("</body>")
        );
    }
}
