//! CommonMark to a page. Owns headings that can be linked to, links that stay inside what is served, and that raw HTML stays text.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Text for a page.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The first heading.
pub(super) fn title(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
    line.replace('`', "")
}

/// The whole page of a text that lies at `path` in the project.
pub(super) fn page(text: &str, path: &str, contents: &str) -> String {
    let mut body = String::new();
    html::push_html(&mut body, events(text, path).into_iter());
    // What is wide scrolls by itself, by keyboard too.
    let table = "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>";
    let body =
        body.replace("<pre>", "<pre tabindex=\"0\">").replace("<table>", table).replace("</table>", "</table></div>");
    frame(&title(text), &body, contents)
}

/// A page of a text as it is.
pub(super) fn verbatim(title: &str, text: &str, contents: &str) -> String {
    let body = format!("<h1>{}</h1><pre tabindex=\"0\"><code>{}</code></pre>", escaped(title), escaped(text));
    frame(title, &body, contents)
}

/// What stands around every page.
pub(super) fn frame(title: &str, body: &str, contents: &str) -> String {
    let title = escaped(title);
    let nav = if contents.is_empty() {
        String::new()
    } else {
        format!("<nav aria-label=\"Documentation\"><details><summary>All pages</summary>{contents}</details></nav>")
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · Tripline</title>\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/tripline.svg\"><link rel=\"stylesheet\" href=\"/docs/docs.css\"></head><body><a class=\"skip\" href=\"#main\">Skip to content</a>\
         <header><a href=\"/\">Tripline</a><a href=\"/docs/\">Documentation</a></header>{nav}\
         <main id=\"main\">{body}</main></body></html>\n"
    )
}

/// The events of a text with ids at its headings and links that lead to what is served; other files of the project become plain text.
fn events<'a>(text: &'a str, path: &str) -> Vec<Event<'a>> {
    let mut events: Vec<Event> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    name_headings(&mut events);
    let mut dropped = Vec::new();
    let mut out = Vec::with_capacity(events.len());
    for event in events {
        match event {
            Event::Html(raw) | Event::InlineHtml(raw) => out.push(Event::Text(raw)),
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let to = target(&dest_url, path);
                dropped.push(to.is_none());
                out.extend(to.map(|to| Event::Start(Tag::Link { link_type, dest_url: CowStr::from(to), title, id })));
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let to = target(&dest_url, path);
                dropped.push(to.is_none());
                out.extend(to.map(|to| Event::Start(Tag::Image { link_type, dest_url: CowStr::from(to), title, id })));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if dropped.pop() == Some(false) {
                    out.push(event);
                }
            }
            other => out.push(other),
        }
    }
    out
}

fn name_headings(events: &mut [Event]) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for at in 0..events.len() {
        if !matches!(events[at], Event::Start(Tag::Heading { .. })) {
            continue;
        }
        let mut name = String::new();
        for event in &events[at + 1..] {
            match event {
                Event::End(TagEnd::Heading(_)) => break,
                Event::Text(text) | Event::Code(text) => name.push_str(text),
                _ => {}
            }
        }
        let mut name = slug(&name);
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            // Writing into a text cannot fail.
            let _ = write!(name, "-{}", *times - 1);
        }
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
            *id = Some(CowStr::from(name));
        }
    }
}

/// As forges make them: lower case, blanks to hyphens, the rest gone.
fn slug(text: &str) -> String {
    let kept = text.to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_')
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Where a link of the text leads; None: nowhere that is served.
fn target(link: &str, path: &str) -> Option<String> {
    if link.starts_with('#') || link.starts_with("http://") || link.starts_with("https://") {
        return Some(link.to_owned());
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    let place = super::served(&parts.join("/"))?;
    Some(if anchor.is_empty() { place } else { format!("{place}#{anchor}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside_and_raw_html_is_text() {
        let text = "# A `b` c\n\n[s](../../config/tripline.toml) [k](../reference/kinds.md#x) [src](../../crates/a.rs) <b onclick=x>\n\n<script>1</script>\n";
        let html = page(text, "docs/how-to/x.md", "");
        assert!(html.contains("<h1 id=\"a-b-c\">") && html.contains("<title>A b c · Tripline"), "{html}");
        assert!(
            html.contains("href=\"/docs/settings\"") && html.contains("href=\"/docs/reference/kinds#x\""),
            "{html}"
        );
        assert!(html.contains(" src ") && !html.contains("crates/a.rs"), "{html}");
        assert!(!html.contains("<b onclick") && !html.contains("<script"), "{html}");
    }
}
