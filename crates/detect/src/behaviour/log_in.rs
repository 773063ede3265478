//! Which flows are log-ins, and what a failed one looks like at most: the services that brute force knows, by application protocol or
//! by port. Owns that table; knows no past.

use record::{AppData, AppProto, FlowRecord};

/// What a failed log-in to a service looks like at most.
pub(super) struct Service {
    pub(super) name: &'static str,
    /// Messages with payload from the client.
    pub(super) client_messages_max: u64,
    /// Messages of a client that tried to log in at all; below, it only looked who is there (monitoring, banner checks).
    pub(super) client_messages_min: u64,
    /// Payload of both sides, bytes.
    pub(super) payload_max: f64,
    /// Longest session, seconds.
    pub(super) duration_max_s: u64,
}

/// Log-in service of Windows domains.
pub(super) const KERBEROS: &str = "Kerberos";
/// HTTP, where the status tells.
pub(super) const HTTP: &str = "HTTP";

const fn service(name: &'static str, messages: [u64; 2], payload_max: f64, duration_max_s: u64) -> Service {
    let [client_messages_min, client_messages_max] = messages;
    Service { name, client_messages_max, client_messages_min, payload_max, duration_max_s }
}

/// The service of a flow by its application protocol, or by its port where the protocol has no name of its own.
pub(super) fn service_of(flow: &FlowRecord) -> Option<Service> {
    let port = flow.dest().port;
    // A refused Kerberos request is one small question and one small error; a granted ticket is larger than both.
    if port == 88 && flow.app_proto() == AppProto::Unknown {
        return Some(service(KERBEROS, [1, 2], 700.0, 10));
    }
    if flow.key.proto != super::contacts::TCP {
        return None;
    }
    match (flow.app_proto(), port) {
        (AppProto::Ssh, _) | (AppProto::Unknown, 22) => Some(service("SSH", [5, 40], 12_000.0, 60)),
        (AppProto::Http, _) => Some(service(HTTP, [1, 64], 200_000.0, 60)),
        (AppProto::Ftp, _) => by_port(21),
        (AppProto::Telnet, _) => by_port(23),
        (AppProto::Smtp, _) => by_port(25),
        (AppProto::Pop3, _) => by_port(110),
        (AppProto::Imap, _) => by_port(143),
        (AppProto::Unknown, port)
        | (AppProto::Tls, port @ (3389 | 993 | 995 | 465 | 990 | 636 | 1433 | 5432 | 3306)) => by_port(port),
        _ => None,
    }
}

/// Sizes leave room for TLS around the same dialogue.
fn by_port(port: u16) -> Option<Service> {
    Some(match port {
        21 | 990 => service("FTP", [2, 12], 4000.0, 60),
        23 | 2323 => service("Telnet", [3, 60], 4000.0, 90),
        25 | 465 | 587 => service("SMTP", [3, 12], 8000.0, 60),
        110 | 995 => service("POP3", [2, 12], 8000.0, 60),
        143 | 993 => service("IMAP", [2, 12], 8000.0, 60),
        139 | 445 => service("SMB", [3, 8], 6000.0, 60),
        389 | 636 => service("LDAP", [1, 8], 8000.0, 30),
        1433 => service("SQL Server", [2, 8], 8000.0, 30),
        1521 => service("Oracle", [2, 12], 8000.0, 30),
        3306 => service("MySQL", [1, 8], 8000.0, 30),
        5432 => service("PostgreSQL", [2, 8], 8000.0, 30),
        6379 => service("Redis", [1, 4], 1000.0, 30),
        27_017 => service("MongoDB", [2, 8], 6000.0, 30),
        3389 => service("RDP", [3, 16], 12_000.0, 60),
        5900..=5909 => service("VNC", [3, 8], 1000.0, 30),
        5985 | 5986 => service("WinRM", [2, 12], 12_000.0, 60),
        _ => return None,
    })
}

/// The name of a service whose answers to log-ins are read, as `service_of` spells it.
pub(super) fn answered(protocol: AppProto) -> Option<&'static str> {
    Some(match protocol {
        AppProto::Ftp => "FTP",
        AppProto::Smtp => "SMTP",
        AppProto::Imap => "IMAP",
        AppProto::Pop3 => "POP3",
        AppProto::Telnet => "Telnet",
        _ => return None,
    })
}

/// True when the server said that the credentials or the rights are missing.
pub(super) fn refused(flow: &FlowRecord) -> bool {
    let response = flow.app.as_ref().and_then(|a| a.response.as_ref());
    matches!(response, Some(AppData::Http(http)) if matches!(http.status, 401 | 403))
}

/// True for the path of a page that takes a name and a password.
pub(super) fn is_log_in_page(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let begins = |part: &str, word: &str| {
        part.as_bytes().get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
    };
    path.split('/').any(|part| {
        let words = [
            "login",
            "log-in",
            "log_in",
            "wp-login",
            "signin",
            "sign-in",
            "sign_in",
            "logon",
            "xmlrpc.php",
            "authenticate",
        ];
        words.iter().any(|word| begins(part, word)) || part.eq_ignore_ascii_case("auth") || begins(part, "auth.")
    })
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip};
    use super::*;

    #[test]
    fn every_service_of_the_list_is_known_by_its_port() {
        let names: Vec<_> =
            [22, 3389, 21, 25, 143, 110, 445, 23, 5900, 3306, 5432, 1433, 1521, 27_017, 6379, 389, 88, 5985]
                .into_iter()
                .filter_map(|port| service_of(&flow(0, ip(7), ip(9), port, 200, 200)).map(|s| s.name))
                .collect();
        assert_eq!(names.len(), 18, "{names:?}");
        assert!(service_of(&flow(0, ip(7), ip(9), 9999, 200, 200)).is_none());
    }

    #[test]
    fn pages_for_passwords_are_told_from_others() {
        assert!(
            ["/wp-login.php", "/user/SignIn?next=/", "/api/v1/auth", "/owa/auth.owa"].iter().all(|u| is_log_in_page(u))
        );
        assert!(["/", "/search?q=login", "/upload", "/authors/7"].iter().all(|u| !is_log_in_page(u)));
    }
}
