//! Writes XML tags. Owns escaping, so that whatever a scanned host said stays text; knows no element by name.

use std::fmt::Write as _;

/// A document being written.
#[derive(Default)]
pub struct Tags {
    text: String,
    open: Vec<&'static str>,
}

impl Tags {
    /// A document with its declaration.
    pub fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// Opens an element.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, Option<&str>)]) {
        self.tag(name, attributes, ">\n");
        self.open.push(name);
    }

    /// Closes the element opened last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            let _ = writeln!(self.text, "</{name}>");
        }
    }

    /// An element without content.
    pub fn empty(&mut self, name: &'static str, attributes: &[(&str, Option<&str>)]) {
        self.tag(name, attributes, "/>\n");
    }

    /// An element with text only.
    pub fn text(&mut self, name: &'static str, text: &str) {
        self.indent();
        let _ = write!(self.text, "<{name}>");
        escape(&mut self.text, text);
        let _ = writeln!(self.text, "</{name}>");
    }

    /// The document; elements that are open are closed.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, Option<&str>)], end: &str) {
        self.indent();
        let _ = write!(self.text, "<{name}");
        for (key, value) in attributes {
            if let Some(value) = value {
                let _ = write!(self.text, " {key}=\"");
                escape(&mut self.text, value);
                self.text.push('"');
            }
        }
        self.text.push_str(end);
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n(' ', self.open.len()));
    }
}

/// Line breaks as references, because readers turn them into spaces; characters that XML cannot hold as `\xHH`.
fn escape(into: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\n' | '\r' | '\t' => _ = write!(into, "&#{};", c as u32),
            c if c < ' ' || ('\u{7f}'..='\u{9f}').contains(&c) || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                _ = write!(into, "\\x{:02X}", c as u32);
            }
            c => into.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_say_stays_text() {
        let mut tags = Tags::new();
        tags.open("a", &[("x", Some("\"><b/>&\n\u{0}é")), ("y", None)]);
        tags.text("c", "1 < 2");
        let text = tags.finish();
        assert!(text.ends_with("<a x=\"&quot;&gt;&lt;b/&gt;&amp;&#10;\\x00é\">\n <c>1 &lt; 2</c>\n</a>\n"), "{text}");
    }
}
