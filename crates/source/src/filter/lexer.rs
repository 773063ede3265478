//! Words and signs of a filter expression, with their places. Knows no grammar.

use super::FilterError;

/// Longest expression, bytes.
pub const EXPRESSION_BYTES_MAX: usize = 8192;

/// One word or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A keyword, name, number or address.
    Word(String),
    /// `and`, `or`, `not`, parentheses, operators: as written, `&&` as `and`, `||` as `or`, `!` as `not`.
    Sign(&'static str),
}

/// A token and the byte it starts at.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The token.
    pub token: Token,
    /// First byte in the expression.
    pub at: usize,
}

/// Longer signs first.
const SIGNS: &[(&str, &str)] = &[
    ("&&", "and"),
    ("||", "or"),
    ("!=", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("==", "="),
    ("<<", "<<"),
    (">>", ">>"),
    ("!", "not"),
    ("(", "("),
    (")", ")"),
    ("[", "["),
    ("]", "]"),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("&", "&"),
    ("|", "|"),
    ("^", "^"),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("%", "%"),
    (":", ":"),
];

/// Splits an expression.
///
/// # Errors
/// A sign that means nothing, or too long an expression.
pub fn split(expression: &str) -> Result<Vec<Placed>, FilterError> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        let what = format!("it has {} bytes, over {EXPRESSION_BYTES_MAX}", expression.len());
        return Err(FilterError::new("(long)", EXPRESSION_BYTES_MAX, what, "shorten it, e.g. with `net`"));
    }
    let bytes = expression.as_bytes();
    let (mut tokens, mut at, mut brackets) = (Vec::new(), 0, 0usize);
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let length = word_length(&bytes[at..], brackets > 0);
        if length > 0 {
            let word = expression[at..at + length].trim_start_matches('\\').to_ascii_lowercase();
            let token = match word.as_str() {
                "and" => Token::Sign("and"),
                "or" => Token::Sign("or"),
                "not" => Token::Sign("not"),
                _ => Token::Word(word),
            };
            tokens.push(Placed { token, at });
            at += length;
            continue;
        }
        let Some((text, sign)) = SIGNS.iter().find(|(text, _)| expression[at..].starts_with(text)) else {
            let sign = expression[at..].chars().next().unwrap_or('?');
            return Err(FilterError::new(expression, at, format!("`{sign}` means nothing here"), "remove it"));
        };
        match *sign {
            "[" => brackets += 1,
            "]" => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        tokens.push(Placed { token: Token::Sign(sign), at });
        at += text.len();
    }
    Ok(tokens)
}

/// Length of the word at the start, 0 when there is none. Inside brackets `:` separates and digits end before `-`.
fn word_length(bytes: &[u8], in_brackets: bool) -> usize {
    let escaped = usize::from(bytes.first() == Some(&b'\\'));
    let first = bytes.get(escaped).copied().unwrap_or(0);
    let double_colon = !in_brackets && bytes.starts_with(b"::");
    if !(first.is_ascii_alphanumeric() || first == b'_' || double_colon) {
        return 0;
    }
    let mut length = escaped;
    while let Some(byte) = bytes.get(length).copied() {
        let hyphen = byte == b'-'
            && bytes.get(length + 1).is_some_and(u8::is_ascii_alphanumeric)
            && (!in_brackets || first.is_ascii_alphabetic());
        let colon = byte == b':' && !in_brackets;
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || hyphen || colon) {
            break;
        }
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(text)
            .unwrap()
            .into_iter()
            .map(|p| match p.token {
                Token::Word(w) => w,
                Token::Sign(s) => s.to_owned(),
            })
            .collect()
    }

    #[test]
    fn addresses_ranges_and_offsets() {
        assert_eq!(words("host 2001:DB8::1 && !port 20-25"), ["host", "2001:db8::1", "and", "not", "port", "20-25"]);
        assert_eq!(words("tcp[12:1]>>2!=0"), ["tcp", "[", "12", ":", "1", "]", ">>", "2", "!=", "0"]);
        assert_eq!(words("ip proto \\tcp or net ::/0"), ["ip", "proto", "tcp", "or", "net", "::", "/", "0"]);
        assert_eq!(words("tcp[tcpflags]&tcp-syn==0"), ["tcp", "[", "tcpflags", "]", "&", "tcp-syn", "=", "0"]);
        assert_eq!(split("host ä").unwrap_err().position, 5);
    }
}
