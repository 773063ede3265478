//! `tripline user`: users of the dashboard, also while it runs. Owns how a password is asked for: twice without echo on a terminal, from
//! standard input when told so, else it is made and shown once.

use crate::cli::{Common, ListFormat};
use crate::config::{Config, data_dir};
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::wall_clock;
use crate::user_args::{UserAction, UserArgs};
use serde_json::json;
use serve::auth::{check_password, hash_password, is_user_name, new_password};
use std::io::{BufRead, IsTerminal};
use store::access::{Access, AuditRow, Role, User, UserChange};

/// Bytes read of standard input.
const LINE_BYTES_MAX: u64 = 4_096;

/// Adds, changes, removes, lists.
pub fn run(common: &Common, args: &UserArgs) -> Result<u8> {
    let dir = data_dir(common)?;
    let config = Config::load_in(common, &dir)?;
    let access = Access::open(&dir).plain()?;
    match &args.action {
        UserAction::Add { name, role, password_stdin } => {
            add(&config, &access, name, role.map(Role::from), *password_stdin)?;
        }
        UserAction::Passwd { name, password_stdin } => passwd(&config, &access, name, *password_stdin)?,
        UserAction::Role { name, role } => change_role(&access, name, Role::from(*role))?,
        UserAction::Remove { name } => remove(&access, name)?,
        UserAction::List { output } => list(&access, *output)?,
    }
    Ok(EXIT_DONE)
}

/// A line of the audit log: whoever may write this folder needs no log-in.
pub fn write_down(access: &Access, what: &str, subject: &str, text: &str) -> Result<()> {
    let row = AuditRow {
        ts: wall_clock(),
        who: "command line".to_owned(),
        what: what.to_owned(),
        subject: subject.to_owned(),
        done: true,
        text: text.to_owned(),
        ..AuditRow::default()
    };
    access.audit(&row).plain()
}

fn add(config: &Config, access: &Access, name: &str, role: Option<Role>, from_stdin: bool) -> Result<()> {
    if !is_user_name(name) {
        return Err(Failure::new(format!("`{name}`: a user's name has 1 to 64 letters, digits and .-_@+")));
    }
    if access.user(name).plain()?.is_some() {
        return Err(Failure::new(format!("there is a user `{name}` already; tripline user passwd {name}")));
    }
    let first = !access.has_users().plain()?;
    let role = role.unwrap_or(if first { Role::Admin } else { Role::Viewer });
    let (password, made) = ask(config, name, from_stdin)?;
    let now = wall_clock();
    let user = User {
        name: name.to_owned(),
        role,
        password: Some(hashed(&password)?),
        origin: "password".to_owned(),
        subject: None,
        created: now,
        changed: now,
        login: None,
    };
    access.add_user(&user, false).plain()?;
    write_down(access, "add_user", name, &format!("user {name} added, {}", role.name()))?;
    println!("user {name} added, {}", role.name());
    show(made.as_deref());
    if first {
        println!("from now on everybody has to log in");
    }
    Ok(())
}

fn passwd(config: &Config, access: &Access, name: &str, from_stdin: bool) -> Result<()> {
    let user = access.user(name).plain()?;
    let user = user.ok_or_else(|| Failure::new(format!("there is no user `{name}`; tripline user list")))?;
    if user.password.is_none() {
        return Err(Failure::new(format!("`{name}` comes in by the identity provider and has no password here")));
    }
    let (password, made) = ask(config, name, from_stdin)?;
    let change = UserChange { role: None, password: Some(hashed(&password)?) };
    access.change_user(name, &change, wall_clock()).plain()?;
    write_down(access, "change_user", name, "new password")?;
    println!("user {name}: new password, all sessions ended");
    show(made.as_deref());
    Ok(())
}

fn change_role(access: &Access, name: &str, role: Role) -> Result<()> {
    let before = access.change_user(name, &UserChange { role: Some(role), password: None }, wall_clock()).plain()?;
    let text = format!("role from {} to {}", before.role.name(), role.name());
    write_down(access, "change_user", name, &text)?;
    println!("user {name}: {text}, all sessions ended");
    Ok(())
}

fn remove(access: &Access, name: &str) -> Result<()> {
    let (user, tokens) = access.remove_user(name, true).plain()?;
    write_down(access, "remove_user", name, &format!("user {name} removed, {tokens} tokens ended"))?;
    println!("user {} removed; {tokens} tokens that it made ended", user.name);
    if !access.has_users().plain()? {
        println!("there are no users now: the dashboard answers on this machine alone, without a log-in");
    }
    Ok(())
}

fn list(access: &Access, output: ListFormat) -> Result<()> {
    let users = access.users().plain()?;
    if output == ListFormat::Json {
        let items: Vec<_> = users
            .iter()
            .map(
                |u| json!({"name": u.name, "role": u.role, "origin": u.origin, "created": u.created, "login": u.login}),
            )
            .collect();
        println!("{}", json!({ "items": items }));
        return Ok(());
    }
    if users.is_empty() {
        println!("there are no users: tripline user add NAME");
    }
    for user in users {
        let login = user.login.map_or_else(|| "never".to_owned(), |at| at.to_string());
        println!("{:<24} {:<8} {:<9} last log-in {login}", user.name, user.role.name(), user.origin);
    }
    Ok(())
}

fn hashed(password: &str) -> Result<String> {
    hash_password(password).map_err(|problem| Failure::new(problem.detail))
}

/// The password, and the same again when it was made here.
fn ask(config: &Config, name: &str, from_stdin: bool) -> Result<(String, Option<String>)> {
    let check = |password: &str| check_password(&config.serve.login, name, password).map_err(Failure::new);
    if from_stdin {
        let mut line = String::new();
        std::io::Read::take(std::io::stdin().lock(), LINE_BYTES_MAX).read_line(&mut line).context("standard input")?;
        let password = line.trim_end_matches(['\r', '\n']).to_owned();
        check(&password)?;
        return Ok((password, None));
    }
    if !std::io::stdin().is_terminal() {
        let made = new_password().map_err(|problem| Failure::new(problem.detail))?;
        return Ok((made.clone(), Some(made)));
    }
    let read = |prompt: String| rpassword::prompt_password(prompt).context("the terminal");
    let password = read(format!("Password for {name}: "))?;
    check(&password)?;
    if read("The same again: ".to_owned())? != password {
        return Err(Failure::new("these were two passwords; nothing was changed"));
    }
    Ok((password, None))
}

fn show(made: Option<&str>) {
    if let Some(password) = made {
        println!("password, shown this once: {password}");
    }
}
