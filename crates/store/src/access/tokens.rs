//! Tokens of the API: what programs show in place of a log-in. Owns their end and their scope; the token itself is never here.

use super::{Access, AccessError, Role};
use crate::StoreError;
use record::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// Tokens that there may be.
pub const TOKENS_MAX: i64 = 1_000;
/// A use is written down when the last one is so old.
const USED_STEP_NS: i64 = 60_000_000_000;

/// One token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Number.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// May it only look?
    pub read_only: bool,
    /// Who made it.
    pub creator: String,
    /// When.
    pub created: Timestamp,
    /// Until when it holds.
    pub ends: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub used: Option<Timestamp>,
}

/// A token that is made.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// The rest; `id` and `used` are not read.
    pub name: &'a str,
    /// What it may do.
    pub role: Role,
    /// May it only look?
    pub read_only: bool,
    /// Who makes it.
    pub creator: &'a str,
    /// When.
    pub created: Timestamp,
    /// Until when it holds.
    pub ends: Option<Timestamp>,
}

const COLUMNS: &str = "id, name, role, read_only, creator, created_ns, ends_ns, used_ns";

fn read(row: &Row) -> rusqlite::Result<Token> {
    let role: String = row.get(2)?;
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::parse(&role).unwrap_or(Role::Viewer),
        read_only: row.get(3)?,
        creator: row.get(4)?,
        created: Timestamp(row.get(5)?),
        ends: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        used: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    })
}

impl Access {
    /// Keeps a new one; gives its number.
    ///
    /// # Errors
    /// The name is taken, or the bound, or the database's.
    pub fn add_token(&self, token: &NewToken<'_>) -> Result<i64, AccessError> {
        self.write(|c| {
            let failed = self.failed();
            let (there, taken): (i64, bool) = c
                .query_row("SELECT count(*), coalesce(max(name = ?1 COLLATE NOCASE), 0) FROM tokens", [token.name], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .map_err(&failed)?;
            if taken {
                return Err(AccessError::Refused(format!("there is a token `{}` already", token.name)));
            }
            if there >= TOKENS_MAX {
                return Err(AccessError::Refused(format!("there are {TOKENS_MAX} tokens, which is the most")));
            }
            c.execute(
                "INSERT INTO tokens (hash, name, role, read_only, creator, created_ns, ends_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    token.hash.as_slice(),
                    token.name,
                    token.role.name(),
                    token.read_only,
                    token.creator,
                    token.created.0,
                    token.ends.map(|t| t.0)
                ],
            )
            .map_err(&failed)?;
            Ok(c.last_insert_rowid())
        })
    }

    /// All, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(|c| {
            c.prepare(&format!("SELECT {COLUMNS} FROM tokens ORDER BY id DESC"))?.query_map([], read)?.collect()
        })
    }

    /// The token of a secret, while it holds; its use is written down.
    ///
    /// # Errors
    /// The database's.
    pub fn token(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<Token>, StoreError> {
        self.read(|c| {
            let found = c
                .prepare_cached(&format!("SELECT {COLUMNS} FROM tokens WHERE hash = ?1"))?
                .query_row([hash.as_slice()], read)
                .optional()?;
            let Some(token) = found.filter(|token| token.ends.is_none_or(|ends| now < ends)) else { return Ok(None) };
            if token.used.is_none_or(|used| now.0 - used.0 > USED_STEP_NS) {
                c.prepare_cached("UPDATE tokens SET used_ns = ?2 WHERE id = ?1")?.execute(params![token.id, now.0])?;
            }
            Ok(Some(token))
        })
    }

    /// Ends one, by its number or its name; gives it.
    ///
    /// # Errors
    /// There is none, or the database's.
    pub fn revoke_token(&self, which: &str) -> Result<Token, AccessError> {
        self.write(|c| {
            let failed = self.failed();
            let found = c
                .query_row(
                    &format!("SELECT {COLUMNS} FROM tokens WHERE CAST(id AS TEXT) = ?1 OR name = ?1 ORDER BY name = ?1 DESC LIMIT 1"),
                    [which],
                    read,
                )
                .optional()
                .map_err(&failed)?;
            let missing = || AccessError::Missing { what: "token", name: which.to_owned() };
            let token = found.ok_or_else(missing)?;
            c.execute("DELETE FROM tokens WHERE id = ?1", [token.id]).map_err(&failed)?;
            Ok(token)
        })
    }
}
