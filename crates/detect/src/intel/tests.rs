//! Lists as their makers write them, in every form, and what they must not match.
#![allow(clippy::unwrap_used)]

use super::*;
use record::IpAddr16;

const MANY: usize = 1_000;

fn one(text: &str, format: ListFormat) -> (Indicators, ListReport) {
    let mut all = Indicators::default();
    let list = ListText {
        name: "test".into(),
        bytes: text.as_bytes(),
        format,
        severity: Severity::High,
        now: Timestamp::from_parts(1_700_000_000, 0),
    };
    let report = all.add(&list, MANY).unwrap();
    (all, report)
}

fn at(text: &str) -> IpAddr16 {
    text.parse().unwrap()
}

#[test]
fn plain_text_with_comments_notes_defanged_words_and_ports() {
    let text = "# a list\n\n198.51.100.7 ; seen in March\nhxxp://bad[.]example/gate.php\n203.0.113.0/24\n*.evil.example\r\n\
        192.0.2.9:4444\n[2001:db8::7]:443\nt13d1516h2_8daaf6152771_02713d6af862\n2001:db8:bad::/48\n";
    let (all, report) = one(text, ListFormat::Auto);
    assert_eq!((report.entries, report.not_matchable, report.too_broad), (8, 0, 0), "{report:?}");
    assert_eq!(all.address(at("198.51.100.7")).unwrap().note, "seen in March");
    assert!(all.address(at("203.0.113.200")).is_some() && all.address(at("203.0.114.1")).is_none());
    assert!(all.address(at("192.0.2.9")).is_some() && all.address(at("2001:db8::7")).is_some());
    assert!(all.address(at("2001:db8:bad:1::1")).is_some() && all.address(at("2001:db8:bae::1")).is_none());
    assert_eq!(all.domain("a.b.evil.example").unwrap().0, "evil.example");
    assert!(all.domain("notevil.example").is_none() && all.domain("example").is_none());
    assert!(all.url("BAD.example:80", "/gate.php").is_some() && all.url("bad.example", "/other").is_none());
    assert!(all.domain("bad.example").is_none(), "one page of a server is not the whole server");
    assert!(all.ja4("t13d1516h2_8daaf6152771_02713d6af862").is_some());
}

#[test]
fn csv_by_its_header_whatever_the_order_quotes_and_separator() {
    let feed = "################\n# a feed\n# \"first_seen_utc\",\"dst_ip\",\"dst_port\",\"malware\"\n\
        \"2022-06-04 21:24:53\",\"198.51.100.44\",\"443\",\"Emotet\"\n\"2022-06-05 01:02:03\",\"198.51.100.45\",\"8080\",\"Dridex\"\n";
    let (all, report) = one(feed, ListFormat::Auto);
    assert_eq!(report.entries, 2, "{report:?}");
    assert_eq!(all.address(at("198.51.100.45")).unwrap().note, "Dridex");
    let semicolons = "id;tags;domain\n1;phishing;bad.example\n2;c2;worse.example\n";
    let (all, report) = one(semicolons, ListFormat::Auto);
    assert_eq!((report.entries, report.not_matchable), (2, 0), "{report:?}");
    assert_eq!(all.domain("www.worse.example").unwrap().1.note, "c2");
    let (all, _) = one("2024-01-01,198.51.100.1,x\n2024-01-02,198.51.100.2,y\n", ListFormat::Csv);
    assert!(all.address(at("198.51.100.2")).is_some(), "without a header");
}

#[test]
fn hosts_files_name_what_they_block() {
    let (all, report) = one("127.0.0.1 localhost\n0.0.0.0 ads.example tracker.example # both\n", ListFormat::Auto);
    assert_eq!(report.entries, 2);
    assert!(all.domain("tracker.example").is_some() && all.address(at("0.0.0.0")).is_none());
}

#[test]
fn stix_takes_equality_and_leaves_out_what_is_over_revoked_or_more_than_it_can_test() {
    let object = |pattern: &str, more: &str| {
        format!(r#"{{"type":"indicator","name":"Emotet C2","pattern_type":"stix","pattern":"{pattern}"{more}}}"#)
    };
    let objects = [
        object("[ipv4-addr:value = '198.51.100.3']", ""),
        object("[domain-name:value = 'bad.example' OR url:value = 'http://worse.example/x']", ""),
        object("[ipv4-addr:value = '198.51.100.4']", r#","revoked":true"#),
        object("[ipv4-addr:value = '198.51.100.5']", r#","valid_until":"2020-01-01T00:00:00Z""#),
        object("[ipv4-addr:value = '198.51.100.6' AND network-traffic:dst_port = 443]", ""),
        object("[file:hashes.'SHA-256' = 'aa']", ""),
        object("[ipv4-addr:value != '198.51.100.8']", ""),
        r#"{"type":"malware","name":"Emotet"}"#.to_owned(),
    ];
    let (all, report) = one(&format!(r#"{{"type":"bundle","objects":[{}]}}"#, objects.join(",")), ListFormat::Auto);
    assert_eq!((report.entries, report.expired, report.not_matchable), (3, 2, 3), "{report:?}");
    assert_eq!(all.address(at("198.51.100.3")).unwrap().note, "Emotet C2");
    assert!(all.address(at("198.51.100.6")).is_none() && all.address(at("198.51.100.8")).is_none());
    assert!(all.url("worse.example", "/x").is_some());
}

#[test]
fn what_is_too_broad_is_refused_and_counted() {
    let (all, report) = one("0.0.0.0/0\n::/0\n.com\nco.uk\n10.0.0.0/7\n198.51.100.1\n", ListFormat::Text);
    assert_eq!((report.entries, report.too_broad), (1, 5), "{report:?}");
    assert_eq!(report.first_problem, "`0.0.0.0/0` is too broad");
    assert!(all.domain("example.com").is_none() && all.address(at("8.8.8.8")).is_none());
}

#[test]
fn the_bound_holds_over_all_lists_and_the_first_list_wins() {
    let mut all = Indicators::default();
    let list = |name: &str, bytes: &'static str, severity| ListText {
        name: name.into(),
        bytes: bytes.as_bytes(),
        severity,
        ..ListText::default()
    };
    let a = all.add(&list("a", "198.51.100.1\n198.51.100.1\n198.51.100.2", Severity::Critical), 3).unwrap();
    let b = all.add(&list("b", "198.51.100.1\n198.51.100.3\n198.51.100.4\n", Severity::Low), 3).unwrap();
    assert_eq!((a.entries, a.repeated), (2, 1));
    assert_eq!((b.entries, b.repeated, b.over_bound), (1, 1, 1));
    let hit = all.address(at("198.51.100.1")).unwrap();
    assert_eq!((hit.list, hit.severity), ("a", Severity::Critical));
    assert_eq!(all.len(), 3);
}

#[test]
fn the_longest_network_wins() {
    let (all, _) = one("203.0.0.0/16 wide\n203.0.113.0/24 narrow\n", ListFormat::Text);
    assert_eq!(all.address(at("203.0.113.9")).unwrap().note, "narrow");
    assert_eq!(all.address(at("203.0.112.9")).unwrap().note, "wide");
}

#[test]
fn wrong_files_are_said_with_their_place() {
    let add = |text: &str, format| {
        let list = ListText { name: "mine".into(), bytes: text.as_bytes(), format, ..ListText::default() };
        Indicators::default().add(&list, MANY).unwrap_err().to_string()
    };
    assert!(add("<!DOCTYPE html>\n<h1>Not found</h1>", ListFormat::Auto).contains("is it the right file?"));
    let cut = add(r#"{"type":"bundle","objects":[{"type":"indic"#, ListFormat::Auto);
    assert!(cut.contains("mine is not a STIX 2.1 bundle") && cut.contains("line 1"), "{cut}");
    let (all, report) = one("", ListFormat::Auto);
    assert!(all.is_empty() && report.entries == 0, "an empty list lists nothing and is no mistake");
}
