//! SMTP submission within the office (RFC 5321) and IMAP with a preauthenticated connection (RFC 3501).
//! Owns the command lines; no passwords, no people: senders are machines.

use super::super::content::{Body, Content};
use super::super::random::Random;
use super::super::tcp::Step;

const MS: i64 = 1_000_000;

fn line(text: &str) -> Content {
    Content::bytes(text.as_bytes().to_vec())
}

/// One message handed to the mail server.
pub(in super::super) fn send(client: &str, r: &mut Random) -> Vec<Step> {
    let size = r.log_normal(9_000.0, 1.3).clamp(300.0, 5e6) as u64;
    let head = format!(
        "From: <{client}@example.test>\r\nTo: <office@example.test>\r\nSubject: Weekly report\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    );
    let mut r2 = |ms: i64| r.jitter_ns(ms * MS, 0.6);
    let mut steps = vec![
        Step::server(line("220 mail.example.test ESMTP\r\n"), r2(15)),
        Step::client(line(&format!("EHLO {client}.example.test\r\n")), r2(2)),
        Step::server(line("250-mail.example.test\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 PIPELINING\r\n"), r2(2)),
        Step::client(line(&format!("MAIL FROM:<{client}@example.test>\r\n")), r2(2)),
        Step::server(line("250 2.1.0 Ok\r\n"), r2(3)),
        Step::client(line("RCPT TO:<office@example.test>\r\n"), r2(1)),
        Step::server(line("250 2.1.5 Ok\r\n"), r2(5)),
        Step::client(line("DATA\r\n"), r2(1)),
        Step::server(line("354 End data with <CR><LF>.<CR><LF>\r\n"), r2(2)),
    ];
    let (body, done, bye) = (r2(6), r2(20), r2(2));
    steps.push(Step::client(Content::with_body(head.into_bytes(), Body::Text, size, r.bits()), body));
    steps.push(Step::client(line("\r\n.\r\n"), MS / 10));
    steps.push(Step::server(line("250 2.0.0 Ok: queued\r\n"), done));
    steps.push(Step::client(line("QUIT\r\n"), bye));
    steps.push(Step::server(line("221 2.0.0 Bye\r\n"), MS));
    steps
}

/// A mailbox check that fetches what is new.
pub(in super::super) fn check(r: &mut Random) -> Vec<Step> {
    let mut steps = vec![
        Step::server(
            line("* PREAUTH [CAPABILITY IMAP4rev1 IDLE] mail.example.test ready\r\n"),
            r.jitter_ns(10 * MS, 0.5),
        ),
        Step::client(line("a1 SELECT INBOX\r\n"), 2 * MS),
        Step::server(
            line("* 142 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 1700000000] ok\r\na1 OK [READ-WRITE] done\r\n"),
            r.jitter_ns(6 * MS, 0.5),
        ),
    ];
    for i in 2..2 + r.below(4) {
        let size = r.log_normal(6_000.0, 1.2).clamp(200.0, 2e6) as u64;
        let head = format!("* {} FETCH (BODY[] {{{size}}}\r\n", 140 + i);
        steps.push(Step::client(line(&format!("a{i} FETCH {} BODY[]\r\n", 140 + i)), r.jitter_ns(30 * MS, 0.8)));
        let body = Content::with_body(head.into_bytes(), Body::Text, size, r.bits());
        steps.push(Step::server(body, r.jitter_ns(8 * MS, 0.6)));
        steps.push(Step::server(line(&format!(")\r\na{i} OK done\r\n")), MS / 10));
    }
    steps.push(Step::client(line("a9 LOGOUT\r\n"), r.jitter_ns(40 * MS, 0.5)));
    steps.push(Step::server(line("* BYE\r\na9 OK done\r\n"), 2 * MS));
    steps
}
