//! Who may do what: one table of every operation. Owns nothing else; a test finds each operation of the OpenAPI document in it, and
//! what is not in it is for admins.

use axum::http::Method;
use store::access::Role;

/// What an operation asks of who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Nothing: it is part of logging in, or says that the process lives.
    Open,
    /// At least this role.
    Role(Role),
}

const OPEN: Need = Need::Open;
const VIEWER: Need = Need::Role(Role::Viewer);
const ANALYST: Need = Need::Role(Role::Analyst);
const ADMIN: Need = Need::Role(Role::Admin);

/// Method, path as the router has it, name of the operation, what it asks.
pub(crate) type Line = (Method, &'static str, &'static str, Need);

/// The table.
pub(crate) const TABLE: &[Line] = &[
    (Method::GET, "/healthz", "healthz", OPEN),
    (Method::POST, "/api/v1/login", "login", OPEN),
    (Method::GET, "/api/v1/login/oidc", "login_oidc", OPEN),
    (Method::GET, "/api/v1/login/oidc/callback", "login_oidc_callback", OPEN),
    (Method::POST, "/api/v1/logout", "logout", VIEWER),
    (Method::GET, "/api/v1/session", "session", VIEWER),
    (Method::POST, "/api/v1/session/password", "change_password", VIEWER),
    (Method::GET, "/api/v1/setup", "setup", ADMIN),
    (Method::POST, "/api/v1/setup", "apply_setup", ADMIN),
    (Method::POST, "/api/v1/setup/preview", "preview_setup", ADMIN),
    (Method::POST, "/api/v1/setup/restart", "restart", ADMIN),
    (Method::POST, "/api/v1/setup/user", "setup_user", ADMIN),
    (Method::GET, "/api/v1/users", "users", ADMIN),
    (Method::POST, "/api/v1/users", "add_user", ADMIN),
    (Method::PATCH, "/api/v1/users/{name}", "change_user", ADMIN),
    (Method::DELETE, "/api/v1/users/{name}", "remove_user", ADMIN),
    (Method::GET, "/api/v1/tokens", "tokens", ADMIN),
    (Method::POST, "/api/v1/tokens", "add_token", ADMIN),
    (Method::DELETE, "/api/v1/tokens/{id}", "revoke_token", ADMIN),
    (Method::GET, "/api/v1/audit", "audit", ADMIN),
    (Method::GET, "/readyz", "readyz", VIEWER),
    (Method::GET, "/metrics", "metrics", VIEWER),
    (Method::GET, "/openapi.json", "openapi", VIEWER),
    (Method::GET, "/api/v1/assets", "assets", VIEWER),
    (Method::GET, "/api/v1/assets/{key}", "asset", VIEWER),
    (Method::GET, "/api/v1/captures", "captures", VIEWER),
    (Method::POST, "/api/v1/captures", "upload_capture", ANALYST),
    (Method::GET, "/api/v1/captures/{id}", "capture", VIEWER),
    (Method::DELETE, "/api/v1/captures/{id}", "delete_capture", ANALYST),
    (Method::GET, "/api/v1/countries", "countries", VIEWER),
    (Method::GET, "/api/v1/export/{what}", "export", VIEWER),
    (Method::GET, "/api/v1/flows", "flows", VIEWER),
    (Method::GET, "/api/v1/flows/scatter", "scatter", VIEWER),
    (Method::GET, "/api/v1/flows/{id}", "flow", VIEWER),
    (Method::GET, "/api/v1/graph", "graph", VIEWER),
    (Method::GET, "/api/v1/health", "health", VIEWER),
    (Method::GET, "/api/v1/hosts", "hosts", VIEWER),
    (Method::GET, "/api/v1/hosts/{ip}", "host", VIEWER),
    (Method::PATCH, "/api/v1/hosts/{ip}", "change_host", ANALYST),
    (Method::GET, "/api/v1/hosts/{ip}/course", "host_course", VIEWER),
    (Method::GET, "/api/v1/incidents", "incidents", VIEWER),
    (Method::GET, "/api/v1/incidents/counts", "incident_counts", VIEWER),
    (Method::GET, "/api/v1/incidents/{id}", "incident", VIEWER),
    (Method::PATCH, "/api/v1/incidents/{id}", "change_incident", ANALYST),
    (Method::GET, "/api/v1/incidents/{id}/feedback", "preview_feedback", VIEWER),
    (Method::GET, "/api/v1/incidents/{id}/pcap", "incident_pcap", VIEWER),
    (Method::GET, "/api/v1/live", "live", VIEWER),
    (Method::GET, "/api/v1/models", "models", VIEWER),
    (Method::POST, "/api/v1/models/import", "import_model", ADMIN),
    (Method::GET, "/api/v1/models/questions", "questions", VIEWER),
    (Method::POST, "/api/v1/models/retrain", "retrain_models", ADMIN),
    (Method::POST, "/api/v1/models/rollback", "roll_back_models", ADMIN),
    (Method::GET, "/api/v1/notifications", "notifications", VIEWER),
    (Method::POST, "/api/v1/notifications/retry", "retry_notifications", ADMIN),
    (Method::POST, "/api/v1/notifications/test", "test_notification", ADMIN),
    (Method::GET, "/api/v1/packets", "packets", VIEWER),
    (Method::GET, "/api/v1/packets/pcap", "packets_pcap", VIEWER),
    (Method::GET, "/api/v1/packets/{id}", "packet", VIEWER),
    (Method::GET, "/api/v1/presets", "presets", VIEWER),
    (Method::GET, "/api/v1/reports", "reports", VIEWER),
    (Method::POST, "/api/v1/reports", "make_report", ANALYST),
    (Method::GET, "/api/v1/reports/{id}", "report", VIEWER),
    (Method::DELETE, "/api/v1/reports/{id}", "delete_report", ANALYST),
    (Method::GET, "/api/v1/scans", "scans", VIEWER),
    (Method::POST, "/api/v1/scans", "begin_scan", ANALYST),
    (Method::POST, "/api/v1/scans/import", "import_scan", ANALYST),
    (Method::GET, "/api/v1/scans/state", "scans_state", VIEWER),
    (Method::GET, "/api/v1/scans/{id}", "scan", VIEWER),
    (Method::POST, "/api/v1/scans/{id}/cancel", "cancel_scan", ANALYST),
    (Method::GET, "/api/v1/scans/{id}/diff", "scan_diff", VIEWER),
    (Method::GET, "/api/v1/scans/{id}/hosts", "scan_hosts", VIEWER),
    (Method::GET, "/api/v1/series", "series", VIEWER),
    (Method::GET, "/api/v1/settings", "settings", VIEWER),
    (Method::PATCH, "/api/v1/settings", "change_settings", ADMIN),
    (Method::POST, "/api/v1/settings/preview", "preview_settings", ADMIN),
    (Method::GET, "/api/v1/sockets", "sockets", VIEWER),
    (Method::GET, "/api/v1/sources", "sources", VIEWER),
    (Method::GET, "/api/v1/summary", "summary", VIEWER),
    (Method::GET, "/api/v1/suppressions", "suppressions", VIEWER),
    (Method::POST, "/api/v1/suppressions", "add_suppression", ANALYST),
    (Method::POST, "/api/v1/suppressions/preview", "preview_suppression", ANALYST),
    (Method::DELETE, "/api/v1/suppressions/{id}", "undo_suppression", ANALYST),
    (Method::GET, "/api/v1/threat-lists", "threat_lists", VIEWER),
    (Method::GET, "/api/v1/top", "top", VIEWER),
];

/// The files of the log-in page; all other files are behind it.
const LOGIN_FILES: [&str; 4] = ["/login", "/login.css", "/login.js", "/tripline.svg"];

/// Name of the operation and what it asks. `template` is None where the router has no such path: a file of the page, or nothing.
pub(crate) fn need(method: &Method, template: Option<&str>, path: &str) -> (&'static str, Need) {
    // HEAD is GET without a body.
    let asked = if method == Method::HEAD { &Method::GET } else { method };
    let Some(template) = template else {
        let file = asked == Method::GET && LOGIN_FILES.contains(&path);
        return ("page", if file { Need::Open } else { VIEWER });
    };
    if asked == Method::GET && LOGIN_FILES.contains(&template) {
        return ("page", Need::Open);
    }
    // The documentation, written by us and the same for everybody.
    if asked == Method::GET && template.starts_with("/docs") {
        return ("docs", VIEWER);
    }
    let line = TABLE.iter().find(|(method, path, ..)| method == asked && *path == template);
    line.map_or(("unknown", ADMIN), |(_, _, operation, need)| (operation, *need))
}

/// Does it change nothing?
pub(crate) fn only_reads(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}
