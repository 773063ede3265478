//! The forms are what their readers take: escaped, bounded, complete; a message's identity is stable.
#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::Value;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn told(url: &str) -> Told<'_> {
    Told { channel: "admins", sensor: "sensor-1", dashboard_url: url, now: NOW }
}

fn notice(id: u32, severity: Severity, title: &str) -> Notice {
    let mut notice = sample(NOW);
    notice.cause = Cause::Raised;
    notice.incident.id = format!("{id:016x}");
    notice.incident.severity = severity;
    notice.incident.title = title.to_owned();
    notice
}

fn rendered(form: Form, notices: &[Notice]) -> Message {
    render(form, "k", notices, told("https://tripline.example.net/"))
}

/// Names, hosts and titles come from the network: nothing of them may become markup, a line or a field.
const HOSTILE: &str = "a<script>alert(1)</script>\r\nBcc: x@y.z|b=c\\d \"q\" & _*`";

#[test]
fn nothing_of_a_title_becomes_markup() {
    let notices = [notice(1, Severity::High, HOSTILE)];
    let mail = rendered(Form::Mail, &notices);
    assert!(!mail.html.contains("<script>") && mail.html.contains("&lt;script&gt;"));
    let line = rendered(Form::Text, &notices).line;
    assert!(!line.contains(['\r', '\n']), "{line}");
    let cef = rendered(Form::Cef, &notices).line;
    assert!(!cef.contains(['\r', '\n']) && cef.contains("\\|b"), "{cef}");
    let telegram: Value = serde_json::from_str(&rendered(Form::Telegram, &notices).body).unwrap();
    assert!(!telegram["text"].as_str().unwrap().contains("<script>"));
    let slack: Value = serde_json::from_str(&rendered(Form::Slack, &notices).body).unwrap();
    assert!(!slack.to_string().contains("<script>"));
}

#[test]
fn every_form_fills_what_it_promises() {
    for form in Form::ALL {
        let message = rendered(form, &[notice(1, Severity::Critical, "one")]);
        let filled = [&message.text, &message.html, &message.body, &message.line].map(|text| !text.is_empty());
        let expected = match form {
            Form::Mail => [true, true, false, false],
            Form::Text | Form::Cef | Form::Eve => [false, false, false, true],
            _ => [false, false, true, false],
        };
        assert_eq!(filled, expected, "{form:?}");
        assert_eq!(message.picture.is_empty(), form != Form::Mail, "{form:?}");
        assert_eq!((message.severity, message.kind.as_str()), (Severity::Critical, "port_scan"));
        if !message.body.is_empty() {
            serde_json::from_str::<serde_json::Map<String, Value>>(&message.body).unwrap();
        }
    }
}

#[test]
fn digests_stay_within_the_services_limits_and_count_what_they_leave_out() {
    let long = "x".repeat(3_000);
    let notices: Vec<Notice> = (0..500)
        .map(|i| notice(i, if i == 400 { Severity::Critical } else { Severity::Medium }, &format!("{i} {long}")))
        .collect();
    let body = |form| rendered(form, &notices).body;
    let discord: Value = serde_json::from_str(&body(Form::Discord)).unwrap();
    let embeds = discord["embeds"].as_array().unwrap();
    assert!(embeds.len() <= 10 && discord["content"].as_str().unwrap().chars().count() <= 2_000);
    assert!(discord.to_string().chars().count() < 8_000, "embeds hold 6,000 characters of text in all");
    assert!(embeds[0]["title"].as_str().unwrap().starts_with("400 "), "the worst comes first");
    let telegram: Value = serde_json::from_str(&body(Form::Telegram)).unwrap();
    assert!(telegram["text"].as_str().unwrap().chars().count() <= 4_096);
    let ntfy: Value = serde_json::from_str(&body(Form::Ntfy)).unwrap();
    assert!(ntfy["message"].as_str().unwrap().len() <= 4_096);
    let slack: Value = serde_json::from_str(&body(Form::Slack)).unwrap();
    assert!(slack["attachments"].as_array().unwrap().len() <= 20);
    let mail = rendered(Form::Mail, &notices);
    assert_eq!(mail.kind, "digest");
    assert!(mail.text.contains("And 480 more: 480 × port scan (medium).") && mail.html.contains("And 480 more"));
    let json: Value = serde_json::from_str(&body(Form::Json)).unwrap();
    assert_eq!(json["incidents"].as_array().unwrap().len(), 500, "programs get all of them");
}

#[test]
fn the_identity_changes_with_channel_incident_and_step_only() {
    let first = notice(1, Severity::High, "a");
    let same = Notice { queued: Timestamp(7), ..notice(1, Severity::High, "b, later") };
    assert_eq!(key("mail", std::slice::from_ref(&first)), key("mail", &[same]));
    let rose = Notice { cause: Cause::Rose(Severity::Medium), ..first.clone() };
    let other = notice(2, Severity::High, "a");
    let keys = [
        key("mail", std::slice::from_ref(&first)),
        key("chat", std::slice::from_ref(&first)),
        key("mail", &[rose]),
        key("mail", std::slice::from_ref(&other)),
        key("mail", &[first, other]),
    ];
    for (i, one) in keys.iter().enumerate() {
        assert_eq!(one.len(), 32);
        assert!(keys[i + 1..].iter().all(|two| one != two), "{keys:?}");
    }
}

#[test]
fn cef_has_its_header_and_addresses_in_their_fields() {
    let mut notice = notice(1, Severity::High, "probe");
    let line = rendered(Form::Cef, std::slice::from_ref(&notice)).line;
    assert!(line.starts_with("CEF:0|Tripline|Tripline|"), "{line}");
    assert!(line.contains("|port_scan|probe|8|externalId=0000000000000001 cat=port_scan rt="), "{line}");
    assert!(line.contains(" src=192.0.2.10 dst=198.51.100.7 dpt=22 cs1Label=ATT&CK cs1=T1046 msg="), "{line}");
    notice.incident.src = vec!["2001:db8::7".parse().unwrap()];
    let line = rendered(Form::Cef, &[notice]).line;
    assert!(line.contains("c6a2=2001:db8::7 c6a2Label=Source IPv6 Address"), "{line}");
}

#[test]
fn a_story_is_told_step_by_step() {
    let mut notice = notice(1, Severity::Critical, "scan; then brute force");
    let step = |id: &str, title: &str| record::StoryStep {
        ts: NOW,
        kind: record::Kind::BruteForce,
        incident: id.to_owned(),
        title: title.to_owned(),
        severity: Severity::High,
        alerts: 1,
    };
    notice.incident.timeline = (0..20).map(|n| step(&n.to_string(), &format!("step <{n}>"))).collect();
    let mail = rendered(Form::Mail, &[notice]);
    assert!(
        mail.text.contains("- 2023-11-14 22:13:20 UTC step <19>") && !mail.text.contains("step <11>"),
        "{}",
        mail.text
    );
    assert!(mail.html.contains("step &lt;19&gt;") && !mail.html.contains("step <19>"));
}

#[test]
fn the_picture_is_a_png_whose_sums_are_right() {
    let png = rendered(Form::Mail, &[notice(1, Severity::High, "a")]).picture;
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let (mut at, mut names, mut data) = (8, Vec::new(), Vec::new());
    while at < png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        let body = &png[at + 4..at + 8 + length];
        let sum = u32::from_be_bytes(png[at + 8 + length..at + 12 + length].try_into().unwrap());
        assert_eq!(crc32fast::hash(body), sum);
        names.push(String::from_utf8(body[..4].to_vec()).unwrap());
        if body.starts_with(b"IDAT") {
            data.extend(&body[4..]);
        }
        at += 12 + length;
    }
    assert_eq!(names, ["IHDR", "IDAT", "IEND"]);
    let mut pixels = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&data[..]), &mut pixels).unwrap();
    assert_eq!(pixels.len(), picture::HEIGHT * (picture::WIDTH * 4 + 1));
    let drawn = pixels.chunks(picture::WIDTH * 4 + 1).flat_map(|row| row[1..].chunks(4)).filter(|p| p[3] > 0).count();
    assert!(drawn > 5_000 && drawn < picture::WIDTH * picture::HEIGHT / 2, "{drawn} pixels");
}

#[test]
fn a_link_is_there_when_the_dashboard_has_an_address() {
    let notices = [notice(1, Severity::High, "a")];
    let link = "https://tripline.example.net/incidents?sel=0000000000000001";
    for form in
        [Form::Mail, Form::Json, Form::Slack, Form::Teams, Form::Discord, Form::Telegram, Form::Ntfy, Form::Pagerduty]
    {
        let with = rendered(form, &notices);
        let without = render(form, "k", &notices, told(""));
        assert!(with.html.contains(link) || with.body.contains(link), "{form:?}");
        assert!(!without.html.contains("sel=") && !without.body.contains("sel="), "{form:?}");
    }
}
