//! `tripline token`: what programs show in place of a log-in, also while the dashboard runs.

use super::user::write_down;
use crate::cli::{Common, ListFormat};
use crate::config::data_dir;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::wall_clock;
use crate::user_args::{TokenAction, TokenArgs};
use serde_json::json;
use serve::auth::{is_user_name, new_token, secret_hash};
use store::access::{Access, NewToken, Role};

/// One day, ns.
const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// Makes, ends, lists.
pub fn run(common: &Common, args: &TokenArgs) -> Result<u8> {
    let access = Access::open(&data_dir(common)?).plain()?;
    match &args.action {
        TokenAction::Create { name, role, read_only, days } => {
            create(&access, name, Role::from(*role), *read_only, *days)?;
        }
        TokenAction::Revoke { token } => {
            let ended = access.revoke_token(token).plain()?;
            write_down(&access, "revoke_token", &ended.name, "token ended")?;
            println!("token {} ended", ended.name);
        }
        TokenAction::List { output } => list(&access, *output)?,
    }
    Ok(EXIT_DONE)
}

fn create(access: &Access, name: &str, role: Role, read_only: bool, days: Option<u32>) -> Result<()> {
    if !is_user_name(name) {
        return Err(Failure::new(format!("`{name}`: a token's name has 1 to 64 letters, digits and .-_@+")));
    }
    let secret = new_token().map_err(|problem| Failure::new(problem.detail))?;
    let created = wall_clock();
    let ends = days.map(|days| created.plus_ns(i64::from(days) * DAY_NS));
    let hash = secret_hash(&secret);
    access.add_token(&NewToken { hash, name, role, read_only, creator: "", created, ends }).plain()?;
    write_down(access, "add_token", name, &format!("token {name} made, {}", role.name()))?;
    // The token alone on standard output: a script keeps it.
    eprintln!("token {name}, {}{}; shown this once:", role.name(), if read_only { ", reads only" } else { "" });
    println!("{secret}");
    if !access.has_users().plain()? {
        eprintln!("there are no users yet: until there are, nobody has to show it");
    }
    Ok(())
}

fn list(access: &Access, output: ListFormat) -> Result<()> {
    let tokens = access.tokens().plain()?;
    if output == ListFormat::Json {
        let items: Vec<_> = tokens
            .iter()
            .map(|t| {
                json!({"id": t.id, "name": t.name, "role": t.role, "read_only": t.read_only, "creator": t.creator,
                    "created": t.created, "ends": t.ends, "used": t.used})
            })
            .collect();
        println!("{}", json!({ "items": items }));
        return Ok(());
    }
    for token in tokens {
        let ends = token.ends.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let used = token.used.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let kind = if token.read_only { "reads" } else { "all" };
        let (id, name, role) = (token.id, token.name, token.role.name());
        println!("{id:>4} {name:<24} {role:<8} {kind:<5} ends {ends}, used {used}");
    }
    Ok(())
}
