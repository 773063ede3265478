//! Sessions: who came in, from where, until when. Owns their ends and how many a user may have; the secret itself is never here.

use super::{Access, AccessError, Role};
use crate::StoreError;
use record::Timestamp;
use rusqlite::{OptionalExtension, params};

/// Sessions of one user at once; the one unused for longest goes.
const SESSIONS_OF_USER_MAX: i64 = 20;
/// Addresses remembered of one user; the oldest goes.
const KNOWN_OF_USER_MAX: i64 = 16;
/// A use is written down when the last one is so old: a page asks many times a second.
const USED_STEP_NS: i64 = 60_000_000_000;

/// A session that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its user.
    pub user: String,
    /// What the user may do now.
    pub role: Role,
    /// How it came in: `password`, `oidc`.
    pub origin: String,
    /// Has it a password that can be changed?
    pub has_password: bool,
    /// When it came in.
    pub created: Timestamp,
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct SessionStart<'a> {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// Its user.
    pub user: &'a str,
    /// `password`, `oidc`.
    pub origin: &'a str,
    /// From where.
    pub address: &'a str,
    /// When.
    pub now: Timestamp,
    /// SHA-256 of the session that it takes the place of.
    pub instead_of: Option<[u8; 32]>,
}

/// How long sessions last, ns.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnds {
    /// Without use.
    pub idle_ns: i64,
    /// At most.
    pub absolute_ns: i64,
}

impl Access {
    /// Begins one; those over the bound of its user end.
    ///
    /// # Errors
    /// The user is gone, or the database's.
    pub fn start_session(&self, start: &SessionStart<'_>) -> Result<(), AccessError> {
        self.write(|c| {
            let failed = self.failed();
            let known = c
                .execute("UPDATE users SET login_ns = ?2 WHERE name = ?1", params![start.user, start.now.0])
                .map_err(&failed)?;
            if known == 0 {
                return Err(AccessError::Missing { what: "user", name: start.user.to_owned() });
            }
            if let Some(old) = start.instead_of {
                c.execute("DELETE FROM sessions WHERE hash = ?1", [old.as_slice()]).map_err(&failed)?;
            }
            c.execute(
                "INSERT INTO sessions (hash, user, origin, address, created_ns, used_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                params![start.hash.as_slice(), start.user, start.origin, start.address, start.now.0],
            )
            .map_err(&failed)?;
            c.execute(
                "DELETE FROM sessions WHERE user = ?1 AND hash NOT IN
                   (SELECT hash FROM sessions WHERE user = ?1 ORDER BY used_ns DESC, created_ns DESC LIMIT ?2)",
                params![start.user, SESSIONS_OF_USER_MAX],
            )
            .map_err(&failed)?;
            c.execute(
                "INSERT OR REPLACE INTO known (user, address, at_ns) VALUES (?1, ?2, ?3)",
                params![start.user, start.address, start.now.0],
            )
            .map_err(&failed)?;
            c.execute(
                "DELETE FROM known WHERE user = ?1 AND address NOT IN
                   (SELECT address FROM known WHERE user = ?1 ORDER BY at_ns DESC LIMIT ?2)",
                params![start.user, KNOWN_OF_USER_MAX],
            )
            .map_err(&failed)?;
            Ok(())
        })
    }

    /// The session of a secret, while it holds; its use is written down.
    ///
    /// # Errors
    /// The database's.
    pub fn session(
        &self,
        hash: &[u8; 32],
        ends: SessionEnds,
        now: Timestamp,
        used: bool,
    ) -> Result<Option<Session>, StoreError> {
        self.read(|c| {
            let found = c
                .prepare_cached(
                    "SELECT u.name, u.role, s.origin, u.password IS NOT NULL, s.created_ns, s.used_ns
                     FROM sessions s JOIN users u ON u.name = s.user WHERE s.hash = ?1",
                )?
                .query_row([hash.as_slice()], |row| {
                    let role: String = row.get(1)?;
                    let session = Session {
                        user: row.get(0)?,
                        role: Role::parse(&role).unwrap_or(Role::Viewer),
                        origin: row.get(2)?,
                        has_password: row.get(3)?,
                        created: Timestamp(row.get(4)?),
                    };
                    Ok((session, row.get::<_, i64>(5)?))
                })
                .optional()?;
            let Some((session, last)) = found else { return Ok(None) };
            let over = now.0 >= session.created.0.saturating_add(ends.absolute_ns)
                || now.0 >= last.saturating_add(ends.idle_ns);
            if over {
                c.prepare_cached("DELETE FROM sessions WHERE hash = ?1")?.execute([hash.as_slice()])?;
                return Ok(None);
            }
            if used && now.0 - last > USED_STEP_NS {
                c.prepare_cached("UPDATE sessions SET used_ns = ?2 WHERE hash = ?1")?
                    .execute(params![hash.as_slice(), now.0])?;
            }
            Ok(Some(session))
        })
    }

    /// Ends one.
    ///
    /// # Errors
    /// The database's.
    pub fn end_session(&self, hash: &[u8; 32]) -> Result<(), StoreError> {
        self.read(|c| c.execute("DELETE FROM sessions WHERE hash = ?1", [hash.as_slice()]).map(drop))
    }

    /// Has this user come in from this address before?
    ///
    /// # Errors
    /// The database's.
    pub fn knows_address(&self, user: &str, address: &str) -> Result<bool, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT EXISTS (SELECT 1 FROM known WHERE user = ?1 AND address = ?2)")?
                .query_row([user, address], |row| row.get(0))
        })
    }
}
