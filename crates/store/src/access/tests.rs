//! Users, sessions, tokens and the audit log in a folder of their own.
#![allow(clippy::unwrap_used)]

use super::*;
use record::Timestamp;

const HOUR: i64 = 3_600_000_000_000;
const ENDS: SessionEnds = SessionEnds { idle_ns: HOUR, absolute_ns: 3 * HOUR };

fn user(name: &str, role: Role) -> User {
    User {
        name: name.to_owned(),
        role,
        password: Some("$argon2id$x".to_owned()),
        origin: "password".to_owned(),
        created: Timestamp(1),
        changed: Timestamp(1),
        login: None,
        subject: None,
    }
}

fn session(user: &str, hash: u8, now: i64) -> SessionStart<'_> {
    SessionStart {
        hash: [hash; 32],
        user,
        origin: "password",
        address: "192.0.2.1",
        now: Timestamp(now),
        instead_of: None,
    }
}

fn holds(access: &Access, hash: u8, now: i64) -> bool {
    access.session(&[hash; 32], ENDS, Timestamp(now), true).unwrap().is_some()
}

#[test]
fn an_admin_stays_while_there_are_users() {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::open(dir.path()).unwrap();
    assert!(!access.has_users().unwrap());
    assert!(access.add_user(&user("ann", Role::Viewer), false).unwrap_err().to_string().contains("admin"));
    access.add_user(&user("ann", Role::Admin), true).unwrap();
    assert!(access.add_user(&user("eve", Role::Admin), true).is_err(), "the first is added once");
    assert!(access.add_user(&user("ANN", Role::Admin), false).unwrap_err().to_string().contains("already"));
    access.add_user(&user("bob", Role::Viewer), false).unwrap();
    let demote = UserChange { role: Some(Role::Viewer), password: None };
    assert!(access.change_user("ann", &demote, Timestamp(2)).unwrap_err().to_string().contains("only admin"));
    assert!(access.remove_user("ann", true).is_err(), "bob could add nobody");
    access.remove_user("bob", false).unwrap();
    assert!(access.remove_user("ann", false).is_err());
    access.remove_user("Ann", true).unwrap();
    assert!(!access.has_users().unwrap());
    assert!(matches!(access.remove_user("ann", true), Err(AccessError::Missing { .. })));
}

#[test]
fn sessions_end_by_idleness_by_age_and_with_what_they_stand_on() {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::open(dir.path()).unwrap();
    access.add_user(&user("ann", Role::Admin), false).unwrap();
    access.start_session(&session("ann", 1, 0)).unwrap();
    assert!(holds(&access, 1, HOUR - 1) && holds(&access, 1, 2 * HOUR - 2), "used in between");
    assert!(!holds(&access, 1, 3 * HOUR), "its absolute end");
    assert!(!holds(&access, 1, 1), "what has ended does not come back");
    access.start_session(&session("ann", 2, 0)).unwrap();
    assert!(!holds(&access, 2, HOUR), "idle");
    for (hash, end) in [(3, "password"), (4, "role"), (5, "user"), (6, "logout"), (7, "next log-in")] {
        access.start_session(&session("ann", hash, 0)).unwrap();
        assert!(holds(&access, hash, 1));
        let (password, role) = (Some("$new".to_owned()), Some(Role::Admin));
        match end {
            "password" => {
                let change = UserChange { password, role: None };
                assert_eq!(access.change_user("ann", &change, Timestamp(2)).unwrap().role, Role::Admin);
            }
            "role" => drop(access.change_user("ann", &UserChange { role, password: None }, Timestamp(3)).unwrap()),
            "user" => {
                access.remove_user("ann", true).unwrap();
                access.add_user(&user("ann", Role::Admin), false).unwrap();
            }
            "logout" => access.end_session(&[hash; 32]).unwrap(),
            _ => {
                let next = SessionStart { instead_of: Some([hash; 32]), ..session("ann", 8, 1) };
                access.start_session(&next).unwrap();
            }
        }
        assert!(!holds(&access, hash, 2), "{end}");
    }
    for hash in 20..60 {
        access.start_session(&session("ann", hash, i64::from(hash))).unwrap();
    }
    assert_eq!((0..=255).filter(|hash| holds(&access, *hash, 100)).count(), 20);
    assert!(access.knows_address("ann", "192.0.2.1").unwrap() && !access.knows_address("ann", "192.0.2.2").unwrap());
    assert!(access.start_session(&session("nobody", 9, 0)).is_err());
}

#[test]
fn a_provider_takes_nobody_elses_name() {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::open(dir.path()).unwrap();
    access.add_user(&user("ann", Role::Admin), false).unwrap();
    let of = |name, subject: &str, role| User {
        password: None,
        origin: "oidc".to_owned(),
        subject: Some(subject.to_owned()),
        ..user(name, role)
    };
    assert!(access.external_user(&of("Ann", "1", Role::Viewer)).unwrap_err().to_string().contains("another user"));
    access.external_user(&of("bob", "1", Role::Viewer)).unwrap();
    assert!(access.external_user(&of("bob", "2", Role::Admin)).is_err(), "another person of the same name");
    access.start_session(&session("bob", 1, 0)).unwrap();
    access.external_user(&of("bob", "1", Role::Viewer)).unwrap();
    assert!(holds(&access, 1, 1));
    access.external_user(&of("bob", "1", Role::Analyst)).unwrap();
    assert!(!holds(&access, 1, 1), "another role, a new session");
    assert_eq!(access.user("bob").unwrap().unwrap().role, Role::Analyst);
}

#[test]
fn tokens_hold_until_their_end_and_go_with_who_made_them() {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::open(dir.path()).unwrap();
    access.add_user(&user("ann", Role::Admin), false).unwrap();
    access.add_user(&user("bob", Role::Admin), false).unwrap();
    let token = |name, hash: u8, creator, ends| NewToken {
        hash: [hash; 32],
        name,
        role: Role::Viewer,
        read_only: true,
        creator,
        created: Timestamp(0),
        ends,
    };
    let id = access.add_token(&token("scrape", 1, "ann", Some(Timestamp(HOUR)))).unwrap();
    access.add_token(&token("backup", 2, "bob", None)).unwrap();
    assert!(access.add_token(&token("Scrape", 3, "ann", None)).unwrap_err().to_string().contains("already"));
    let at = |now| access.token(&[1; 32], Timestamp(now)).unwrap();
    assert!(at(5).is_some_and(|t| t.read_only && t.used.is_none()) && at(HOUR - 1).unwrap().used.is_some());
    assert!(at(HOUR).is_none(), "its end");
    assert!(access.token(&[9; 32], Timestamp(0)).unwrap().is_none());
    assert_eq!(access.tokens().unwrap().iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["backup", "scrape"]);
    assert_eq!(access.revoke_token(&id.to_string()).unwrap().name, "scrape");
    assert!(access.revoke_token("scrape").unwrap_err().to_string().contains("scrape"));
    assert_eq!(access.remove_user("bob", false).unwrap().1, 1);
    assert!(access.token(&[2; 32], Timestamp(0)).unwrap().is_none());
}

#[test]
fn the_log_is_bounded_and_paged() {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::open(dir.path()).unwrap();
    let row = |n: i64| AuditRow {
        ts: Timestamp(n),
        who: if n % 2 == 0 { "ann" } else { "bob" }.to_owned(),
        what: "login".to_owned(),
        text: "ä".repeat(5_000),
        ..AuditRow::default()
    };
    for n in 0..5 {
        access.audit(&row(n)).unwrap();
    }
    let query = |before, about| AuditQuery { before, about, limit: 2 };
    let first = access.audit_rows(&query(None, "")).unwrap();
    assert_eq!((first[0].ts.0, first[1].ts.0, first[0].text.len()), (4, 3, 4_096));
    assert_eq!(access.audit_rows(&query(Some(first[1].id), "ANN")).unwrap()[0].ts.0, 2);
    let last = first[0].id;
    access.read(|c| c.execute("UPDATE audit SET id = ?1 WHERE id = ?2", [last + AUDIT_MAX, last])).unwrap();
    access.audit(&row(9)).unwrap();
    assert_eq!(access.audit_len().unwrap(), 2, "rows beyond the bound went");
}

#[test]
fn two_open_it_at_once_and_only_its_owner_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Access::open_if_there(dir.path()).unwrap().is_none());
    let one = Access::open(dir.path()).unwrap();
    let other = Access::open(dir.path()).unwrap();
    one.add_user(&user("ann", Role::Admin), false).unwrap();
    assert_eq!(other.user("ANN").unwrap().unwrap().name, "ann");
    for entry in std::fs::read_dir(dir.path()).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
    }
    one.read(|c| c.pragma_update(None, "user_version", 99)).unwrap();
    assert!(matches!(Access::open(dir.path()), Err(StoreError::TooNew { found: 99, .. })));
}

/// Rows of the first schema, written by hand as that version wrote them, are all there after the newest.
#[test]
fn a_database_of_the_first_schema_keeps_its_users() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ACCESS_NAME);
    let first = rusqlite::Connection::open(&path).unwrap();
    first.execute_batch(schema::STEPS[0]).unwrap();
    first
        .execute_batch(
            "INSERT INTO users VALUES ('ann', 'admin', '$argon2id$x', 'password', 1, 1, NULL, NULL);
             INSERT INTO tokens VALUES (7, x'00', 'scrape', 'viewer', 1, 'ann', 1, NULL, NULL);
             INSERT INTO audit VALUES (3, 1, 'ann', 'admin', '192.0.2.1', 'login', '', 1, 'came in');
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(first);
    let access = Access::open(dir.path()).unwrap();
    assert_eq!(access.user("ann").unwrap().unwrap().role, Role::Admin);
    assert_eq!((access.tokens().unwrap()[0].id, access.audit_len().unwrap()), (7, 1));
}
