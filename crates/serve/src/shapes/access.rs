//! Shapes of log-in, users, tokens.

use record::Timestamp;
use serde::{Deserialize, Serialize};
use store::access::{Role, Token, User};
use utoipa::ToSchema;

/// A log-in.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginGiven {
    /// User.
    #[schema(max_length = 64)]
    pub name: String,
    /// Password.
    #[schema(max_length = 256)]
    pub password: String,
}

/// Who asks, and what it may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Name; null where nobody has to log in, as long as there are no users.
    pub user: Option<String>,
    /// What it may do.
    pub role: Role,
    /// How it came in: `password`, `oidc`, `token`, `proxy`; empty where nobody has to log in.
    pub via: String,
    /// To be sent as the header `x-tripline-csrf` with every request that changes something; null where none is asked for.
    pub csrf: Option<String>,
    /// Has it a password that can be changed here?
    pub has_password: bool,
    /// May it only read, whatever its role?
    pub read_only: bool,
}

/// A new password of one's own.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordGiven {
    /// The password until now.
    #[schema(max_length = 256)]
    pub current: String,
    /// The new one.
    #[schema(max_length = 256)]
    pub password: String,
}

/// One user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserView {
    /// Name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// `password` or `oidc`.
    pub origin: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it came in last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub login: Option<Timestamp>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        let User { name, role, origin, created, login, .. } = user;
        Self { name, role, origin, created, login }
    }
}

/// All users.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Users {
    /// By name.
    pub items: Vec<UserView>,
}

/// A user to be made.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserGiven {
    /// Name: letters, digits and `.-_@+`.
    #[schema(max_length = 64)]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its password; without one, one is made and told once.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub password: Option<String>,
}

/// A user that was made or changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserMade {
    /// The user.
    pub user: UserView,
    /// The password that was made for it; told this once.
    pub password: Option<String>,
}

/// What becomes of a user; at least one.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// What it may do.
    #[serde(default)]
    pub role: Option<Role>,
    /// Its new password.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub password: Option<String>,
    /// True: a new password is made and told once.
    #[serde(default)]
    pub new_password: bool,
}

/// One API token, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Number.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// May it only read?
    pub read_only: bool,
    /// Who made it.
    pub creator: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Until when it holds; null: until it is revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends: Option<Timestamp>,
    /// When it was used last, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used: Option<Timestamp>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        let Token { id, name, role, read_only, creator, created, ends, used } = token;
        Self { id, name, role, read_only, creator, created, ends, used }
    }
}

/// All tokens.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Tokens {
    /// Newest first.
    pub items: Vec<TokenView>,
}

/// A token to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenGiven {
    /// What it is for.
    #[schema(max_length = 64)]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// May it only read?
    #[serde(default)]
    pub read_only: bool,
    /// Days that it holds, 1 to 3650; null: until it is revoked.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
}

/// A token that was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenMade {
    /// About it.
    pub token: TokenView,
    /// The token; told this once.
    pub secret: String,
}
