//! What a user can type after `tripline user` and `tripline token`. Owns names, help and examples; does nothing: `commands` acts.

use clap::{Args, Subcommand, ValueEnum};

/// Shown below the help of `user`.
pub const USER_EXAMPLES: &str = "Examples:
  tripline user add ann --role admin             asks for the password; without a terminal one is made and shown
  echo \"$PASSWORD\" | tripline user add bob --password-stdin
  tripline user passwd ann                       ends all her sessions
  tripline user list --data-dir /var/lib/tripline

From the first user on everybody has to log in, and the dashboard may listen beside loopback. A running tripline knows at once.";

/// Shown below the help of `token`.
pub const TOKEN_EXAMPLES: &str = "Examples:
  tripline token create prometheus --read-only --days 365
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:7070/metrics
  tripline token revoke prometheus";

/// `user`.
#[derive(Debug, Clone, Args)]
pub struct UserArgs {
    /// What to do
    #[command(subcommand)]
    pub action: UserAction,
}

/// Verbs of `user`.
#[derive(Debug, Clone, Subcommand)]
pub enum UserAction {
    /// Add a user
    Add {
        /// Letters, digits and .-_@+
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do; the first user is an admin
        #[arg(long, value_enum, value_name = "ROLE")]
        role: Option<RoleArg>,
        /// Read the password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a user another password; all its sessions end
    Passwd {
        /// User
        #[arg(value_name = "NAME")]
        name: String,
        /// Read the password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a user another role; all its sessions end
    Role {
        /// User
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do
        #[arg(value_enum, value_name = "ROLE")]
        role: RoleArg,
    },
    /// Remove a user, with its sessions and the tokens that it made
    Remove {
        /// User
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the users
    List {
        /// Output format
        #[arg(short = 'o', long = "output", value_enum, default_value_t = crate::cli::ListFormat::Text)]
        output: crate::cli::ListFormat,
    },
}

/// `token`.
#[derive(Debug, Clone, Args)]
pub struct TokenArgs {
    /// What to do
    #[command(subcommand)]
    pub action: TokenAction,
}

/// Verbs of `token`.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenAction {
    /// Make a token and show it, this once
    Create {
        /// What it is for: letters, digits and .-_@+
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do
        #[arg(long, value_enum, value_name = "ROLE", default_value_t = RoleArg::Viewer)]
        role: RoleArg,
        /// It may only read, whatever its role
        #[arg(long)]
        read_only: bool,
        /// Days that it holds [default: until it is revoked]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
    },
    /// End a token
    Revoke {
        /// Its number or its name
        #[arg(value_name = "TOKEN")]
        token: String,
    },
    /// List the tokens, without their secrets
    List {
        /// Output format
        #[arg(short = 'o', long = "output", value_enum, default_value_t = crate::cli::ListFormat::Text)]
        output: crate::cli::ListFormat,
    },
}

/// Roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Look
    Viewer,
    /// Work on incidents, suppressions, scans, captures
    Analyst,
    /// Everything
    Admin,
}

impl From<RoleArg> for store::access::Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Analyst => Self::Analyst,
            RoleArg::Admin => Self::Admin,
        }
    }
}
