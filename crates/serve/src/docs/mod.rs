//! The documentation as pages under `/docs/`: the files of `docs/` and those beside it, embedded in the program and rendered as they are
//! asked for, with no script. Owns which files are pages and where each lies; how text becomes a page is `render`'s.

mod render;

use crate::{AppState, Problem};
use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "../../docs/"]
struct Files;

const STYLE: &str = include_str!("docs.css");
/// Files beside `docs/` that are pages too: place below `/docs/`, path in the project, text.
const BESIDE: [(&str, &str, &str); 5] = [
    ("readme", "README.md", include_str!("../../../../README.md")),
    ("architecture", "ARCHITECTURE.md", include_str!("../../../../ARCHITECTURE.md")),
    ("changes", "CHANGELOG.md", include_str!("../../../../CHANGELOG.md")),
    ("contributing", "CONTRIBUTING.md", include_str!("../../../../CONTRIBUTING.md")),
    ("security", "SECURITY.md", include_str!("../../../../SECURITY.md")),
];
/// The settings with their meaning, shown as they are.
const SETTINGS: (&str, &str, &str) =
    ("settings", "config/tripline.toml", include_str!("../../../../config/tripline.toml"));
/// Folders in the order of the contents, with their titles.
const PARTS: [(&str, &str); 5] = [
    ("tutorial", "Begin"),
    ("how-to", "How to"),
    ("reference", "Reference"),
    ("explanation", "Why it works"),
    ("decisions", "Decisions"),
];

/// One page.
struct Page {
    /// Below `/docs/`, without an ending.
    place: String,
    /// In the project.
    path: String,
    /// CommonMark.
    text: String,
}

/// Routes of the documentation.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|| async { html(&contents()) }))
        .route("/docs/{*place}", get(one))
}

async fn one(Path(place): Path<String>) -> Response {
    if place == "docs.css" {
        return ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], STYLE)
            .into_response();
    }
    if place == SETTINGS.0 {
        return html(&render::verbatim("Every setting", SETTINGS.2, &contents_list(&place)));
    }
    if place == "dashboard.png" {
        let picture = Files::get(&place).map(|file| file.data.into_owned()).unwrap_or_default();
        return ([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-cache")], picture).into_response();
    }
    match page(place.trim_end_matches('/')) {
        Some(page) => html(&render::page(&page.text, &page.path, &contents_list(&page.place))),
        None => {
            Problem::not_found(format!("there is no page /docs/{place}; /docs/ lists what there is")).into_response()
        }
    }
}

fn html(text: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, text.to_owned()).into_response()
}

fn page(place: &str) -> Option<Page> {
    if let Some((place, path, text)) = BESIDE.iter().find(|beside| beside.0 == place) {
        return Some(Page { place: (*place).to_owned(), path: (*path).to_owned(), text: (*text).to_owned() });
    }
    let file = Files::get(&format!("{place}.md"))?;
    let text = String::from_utf8_lossy(&file.data).into_owned();
    Some(Page { place: place.to_owned(), path: format!("docs/{place}.md"), text })
}

/// Where a file of the project is served; None when it is not.
fn served(path: &str) -> Option<String> {
    if path == SETTINGS.1 {
        return Some(format!("/docs/{}", SETTINGS.0));
    }
    if path == "docs/dashboard.png" {
        return Some("/docs/dashboard.png".to_owned());
    }
    if let Some((place, ..)) = BESIDE.iter().find(|beside| beside.1 == path) {
        return Some(format!("/docs/{place}"));
    }
    let place = path.strip_prefix("docs/")?.strip_suffix(".md")?;
    Files::get(&format!("{place}.md")).map(|_| format!("/docs/{place}"))
}

/// Every place below `/docs/` in the order of the contents, with the title of its part.
fn places() -> Vec<(&'static str, Vec<String>)> {
    let mut all: Vec<String> = Files::iter().filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect();
    all.sort_unstable();
    let mut parts = vec![("Tripline", vec!["readme".to_owned()])];
    for (folder, title) in PARTS {
        let inside = |place: &&String| place.split('/').next() == Some(folder);
        let mut places: Vec<String> = all.iter().filter(inside).cloned().collect();
        if folder == "reference" {
            places.push(SETTINGS.0.to_owned());
        }
        parts.push((title, places));
    }
    let beside = BESIDE.iter().skip(1).map(|(place, ..)| (*place).to_owned()).collect();
    parts.push(("The project", beside));
    parts
}

fn title_of(place: &str) -> String {
    if place == SETTINGS.0 {
        return "Every setting".to_owned();
    }
    page(place).map_or_else(|| place.to_owned(), |page| render::title(&page.text))
}

/// The contents as a list of links, the page that is open marked.
fn contents_list(here: &str) -> String {
    let mut list = String::new();
    for (title, places) in places() {
        list.extend(["<h2>", &render::escaped(title), "</h2><ul>"]);
        for place in places {
            let mark = if place == here { " aria-current=\"page\"" } else { "" };
            let title = render::escaped(&title_of(&place));
            list.extend(["<li><a href=\"/docs/", &place, "\"", mark, ">", &title, "</a></li>"]);
        }
        list.push_str("</ul>");
    }
    list
}

fn contents() -> String {
    render::frame(
        "Documentation",
        &format!("<h1>Documentation</h1><div class=\"contents\">{}</div>", contents_list("")),
        "",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Every page by its address.
    fn all() -> BTreeMap<String, String> {
        let mut pages = BTreeMap::from([("/docs/".to_owned(), contents())]);
        for place in places().into_iter().flat_map(|(_, places)| places) {
            let text = match page(&place) {
                Some(page) => render::page(&page.text, &page.path, &contents_list(&place)),
                None => render::verbatim("Every setting", SETTINGS.2, ""),
            };
            pages.insert(format!("/docs/{place}"), text);
        }
        pages
    }

    fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let start = format!(" {name}=\"");
        text.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn no_link_leads_nowhere() {
        let pages = all();
        let ids: BTreeMap<&str, BTreeSet<&str>> =
            pages.iter().map(|(place, text)| (place.as_str(), attributes(text, "id").into_iter().collect())).collect();
        let mut followed = 0;
        for (place, text) in &pages {
            for link in attributes(text, "href").into_iter().chain(attributes(text, "src")) {
                if link.starts_with("http")
                    || ["/docs/docs.css", "/docs/dashboard.png", "/tripline.svg", "/"].contains(&link)
                {
                    continue;
                }
                let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
                let path = if path.is_empty() { place.as_str() } else { path };
                let ids = ids.get(path).unwrap_or_else(|| panic!("{place}: {link} leads nowhere"));
                assert!(
                    anchor.is_empty() || ids.contains(anchor),
                    "{place}: {link}: there is no such heading; {ids:?}"
                );
                followed += 1;
            }
        }
        assert!(followed > 200 && Files::get("dashboard.png").is_some());
    }

    #[test]
    fn every_file_of_docs_is_a_page_with_a_title_and_no_script() {
        let pages = all();
        for name in Files::iter().filter(|name| name.ends_with(".md")) {
            let place = format!("/docs/{}", name.trim_end_matches(".md"));
            let text = pages.get(&place).unwrap_or_else(|| panic!("{place} is not in the contents"));
            assert!(
                !title_of(place.trim_start_matches("/docs/")).is_empty() && text.contains("<h1"),
                "{place} has no title"
            );
            assert!(!text.contains("<script"), "{place}");
        }
    }
}
