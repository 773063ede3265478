//! Log-ins of protocols of plain lines, word by word. Owns splitting and spelling that FTP, SMTP, IMAP and POP3 share (RFC 959, 5321, 3501,
//! 1939; AUTH: RFC 4616, 4954). A password is never kept, nor how long it was: only that one went by.

use crate::bytes::text;
use record::{AppProto, LoginData};

/// Longest line that is looked at, bytes: commands are short, and mail is not searched.
const LINE_BYTES_MAX: usize = 512;
/// Longest text of the base-64 alphabet that is read, bytes.
const BASE64_BYTES_MAX: usize = 400;

/// The first line of a payload without its end; None when it is empty, or holds bytes that no line of commands has.
pub(super) fn first_line(data: &[u8]) -> Option<&[u8]> {
    let cut = &data[..data.len().min(LINE_BYTES_MAX)];
    let line = cut.split(|b| matches!(b, b'\r' | b'\n')).next()?;
    let plain = line.iter().all(|b| (b' '..0x7f).contains(b) || *b >= 0x80 || *b == b'\t');
    (!line.is_empty() && plain).then_some(line)
}

/// The word at the start of a line and what follows it.
pub(super) fn word(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|b| *b == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[]),
    }
}

/// True when `line` holds one of `words`, whatever their case. The words are in lower case.
pub(super) fn holds(line: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| line.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
}

/// What a client says: that it logs in as `user`; with a password or without.
pub(super) fn asks(protocol: AppProto, mechanism: &str, user: &[u8], password: bool) -> LoginData {
    LoginData { protocol, mechanism: mechanism.to_owned(), user: text(user), password, ..LoginData::default() }
}

/// What a server says of it.
pub(super) fn answers(protocol: AppProto, accepted: Option<bool>) -> LoginData {
    LoginData { protocol, response: true, accepted, ..LoginData::default() }
}

/// `AUTH PLAIN` and `AUTHENTICATE PLAIN` with their answer behind them, or `LOGIN` with the name behind it; `rest` begins at the mechanism.
pub(super) fn authenticate(protocol: AppProto, rest: &[u8]) -> LoginData {
    let (mechanism, initial) = word(rest);
    let name = text(&mechanism.to_ascii_uppercase());
    let answer = base64(initial);
    match name.as_str() {
        // authorization identity, zero, user, zero, password.
        "PLAIN" => {
            let user = answer.split(|b| *b == 0).nth(1).unwrap_or(&[]).to_vec();
            asks(protocol, &name, &user, !answer.is_empty())
        }
        "LOGIN" => asks(protocol, &name, &answer, false),
        // The others (CRAM-MD5, SCRAM, GSSAPI, tokens) send no password.
        _ => asks(protocol, &name, &[], false),
    }
}

/// Bytes behind base 64 (RFC 4648), up to the first byte that is none; nothing for `=` alone.
pub(super) fn base64(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in data.iter().take(BASE64_BYTES_MAX) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_up_to_its_end() {
        assert_eq!(base64(b"AHVzZXIAcGFzcw=="), b"\0user\0pass");
        assert_eq!(base64(b"="), b"");
        assert_eq!(base64(b"dXNlcg==\r\n"), b"user");
    }

    #[test]
    fn the_password_of_plain_is_not_kept() {
        let login = authenticate(AppProto::Smtp, b"plain AHVzZXIAcGFzcw==");
        assert_eq!((login.user.as_str(), login.password, login.mechanism.as_str()), ("user", true, "PLAIN"));
        assert!(!format!("{login:?}").contains("pass\""));
        assert!(!authenticate(AppProto::Smtp, b"CRAM-MD5").password);
    }
}
