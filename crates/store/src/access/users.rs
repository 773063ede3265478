//! Users: their role and the hash of their password. Owns that one admin stays while there are users, and that whoever loses a role,
//! a password or the user loses the sessions with it.

use super::{Access, AccessError, Role};
use crate::StoreError;
use record::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Users that there may be.
pub const USERS_MAX: i64 = 1_000;

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name; upper and lower case are one.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Hash of the password as a PHC string; None: comes in by an identity provider alone.
    pub password: Option<String>,
    /// `password`, `oidc`.
    pub origin: String,
    /// Who it is for the identity provider, which never gives this to anybody else; names it may.
    pub subject: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When its role or password was set last.
    pub changed: Timestamp,
    /// When it came in last.
    pub login: Option<Timestamp>,
}

/// What becomes of a user; None stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Role.
    pub role: Option<Role>,
    /// Hash of the new password.
    pub password: Option<String>,
}

const COLUMNS: &str = "name, role, password, origin, created_ns, changed_ns, login_ns, subject";

fn read(row: &Row) -> rusqlite::Result<User> {
    let role: String = row.get(1)?;
    Ok(User {
        name: row.get(0)?,
        // A role that this version does not know may do the least.
        role: Role::parse(&role).unwrap_or(Role::Viewer),
        password: row.get(2)?,
        origin: row.get(3)?,
        created: Timestamp(row.get(4)?),
        changed: Timestamp(row.get(5)?),
        login: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        subject: row.get(7)?,
    })
}

fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE name = ?1"))?
        .query_row([name], read)
        .optional()
}

fn admins(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM users WHERE role = 'admin'", [], |row| row.get(0))
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))
}

impl Access {
    /// Is there anyone who could log in?
    ///
    /// # Errors
    /// The database's.
    pub fn has_users(&self) -> Result<bool, StoreError> {
        self.read(|c| c.prepare_cached("SELECT EXISTS (SELECT 1 FROM users)")?.query_row([], |row| row.get(0)))
    }

    /// By name.
    ///
    /// # Errors
    /// The database's.
    pub fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.read(|c| find(c, name))
    }

    /// All, by name.
    ///
    /// # Errors
    /// The database's.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|c| c.prepare(&format!("SELECT {COLUMNS} FROM users ORDER BY name"))?.query_map([], read)?.collect())
    }

    /// Adds one. The first must be an admin; `only_first`: and there must be none yet, decided in the transaction that adds it.
    ///
    /// # Errors
    /// It is there already, or the bound, or the database's.
    pub fn add_user(&self, user: &User, only_first: bool) -> Result<(), AccessError> {
        self.write(|c| {
            let failed = self.failed();
            let there = count(c).map_err(&failed)?;
            if only_first && there > 0 {
                return Err(AccessError::Refused("there are users already: log in as an admin".to_owned()));
            }
            if there == 0 && user.role != Role::Admin {
                let text = "the first user must be an admin: somebody has to add the others";
                return Err(AccessError::Refused(text.to_owned()));
            }
            if there >= USERS_MAX {
                return Err(AccessError::Refused(format!("there are {USERS_MAX} users, which is the most")));
            }
            if find(c, &user.name).map_err(&failed)?.is_some() {
                return Err(AccessError::Refused(format!("there is a user `{}` already", user.name)));
            }
            c.execute(
                "INSERT INTO users (name, role, password, origin, created_ns, changed_ns, subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![user.name, user.role.name(), user.password, user.origin, user.created.0, user.changed.0, user.subject],
            )
            .map_err(&failed)?;
            Ok(())
        })
    }

    /// One whom an identity provider names comes in: added, or given the role it has there now (its other sessions end when that changes).
    /// A name that is somebody else's here is never taken over.
    ///
    /// # Errors
    /// The name is taken, the bound, or the database's.
    pub fn external_user(&self, user: &User) -> Result<(), AccessError> {
        self.write(|c| {
            let failed = self.failed();
            let Some(there) = find(c, &user.name).map_err(&failed)? else {
                if count(c).map_err(&failed)? >= USERS_MAX {
                    return Err(AccessError::Refused(format!("there are {USERS_MAX} users, which is the most")));
                }
                c.execute(
                    "INSERT INTO users (name, role, origin, created_ns, changed_ns, subject) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
                    params![user.name, user.role.name(), user.origin, user.created.0, user.subject],
                )
                .map_err(&failed)?;
                return Ok(());
            };
            if there.origin != user.origin || there.subject != user.subject {
                let text = format!("`{}` is the name of another user here; an admin can remove that one", user.name);
                return Err(AccessError::Refused(text));
            }
            if there.role != user.role {
                c.execute(
                    "UPDATE users SET role = ?2, changed_ns = ?3 WHERE name = ?1",
                    params![user.name, user.role.name(), user.created.0],
                )
                .and_then(|_| c.execute("DELETE FROM sessions WHERE user = ?1", [&user.name]))
                .map_err(&failed)?;
            }
            Ok(())
        })
    }

    /// Changes one; its sessions end. Gives what it was before.
    ///
    /// # Errors
    /// There is none, or it is the last admin, or the database's.
    pub fn change_user(&self, name: &str, change: &UserChange, now: Timestamp) -> Result<User, AccessError> {
        self.write(|c| {
            let failed = self.failed();
            let missing = || AccessError::Missing { what: "user", name: name.to_owned() };
            let before = find(c, name).map_err(&failed)?.ok_or_else(missing)?;
            let role = change.role.unwrap_or(before.role);
            let last = before.role == Role::Admin && role != Role::Admin && admins(c).map_err(&failed)? == 1;
            if last {
                let text = format!("`{}` is the only admin; make another one first", before.name);
                return Err(AccessError::Refused(text));
            }
            let password = change.password.as_ref().or(before.password.as_ref());
            c.execute(
                "UPDATE users SET role = ?2, password = ?3, changed_ns = ?4 WHERE name = ?1",
                params![name, role.name(), password, now.0],
            )
            .and_then(|_| c.execute("DELETE FROM sessions WHERE user = ?1", [name]))
            .map_err(&failed)?;
            Ok(before)
        })
    }

    /// Removes one, with its sessions and the tokens it made; gives it and their number. The last admin goes only as the last user of
    /// all, and only where `last_too`.
    ///
    /// # Errors
    /// There is none, or it is the last admin, or the database's.
    pub fn remove_user(&self, name: &str, last_too: bool) -> Result<(User, usize), AccessError> {
        self.write(|c| {
            let failed = self.failed();
            let missing = || AccessError::Missing { what: "user", name: name.to_owned() };
            let user = find(c, name).map_err(&failed)?.ok_or_else(missing)?;
            let last_admin = user.role == Role::Admin && admins(c).map_err(&failed)? == 1;
            if last_admin && !(last_too && count(c).map_err(&failed)? == 1) {
                let text = format!("`{}` is the only admin; make another one first", user.name);
                return Err(AccessError::Refused(text));
            }
            let delete = |text: &str| c.execute(text, [name]).map_err(&failed);
            delete("DELETE FROM users WHERE name = ?1")?;
            delete("DELETE FROM sessions WHERE user = ?1")?;
            delete("DELETE FROM known WHERE user = ?1")?;
            let tokens = delete("DELETE FROM tokens WHERE creator = ?1")?;
            Ok((user, tokens))
        })
    }
}
