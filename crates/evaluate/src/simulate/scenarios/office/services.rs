//! What stays in the office: files, mail, shells, printing, backups.

use super::super::super::protocols::{http, mail, smb, ssh};
use super::super::super::tcp::{Dialogue, Outcome, SERVER, Session};
use super::super::super::world::{BACKUP, FILES, MAIL, PRINTER, World};

/// A connection from a host's next port to a server of the office.
fn connect(host: usize, server: usize, port: u16, script: impl Dialogue + 'static, world: &mut World) -> Session {
    let (client, server) = (world.client(host), world.lan(server, port));
    let latency = world.lan_latency();
    Session::new(world, client, server, latency, script)
}

/// Reads or writes a few documents on the share.
pub(super) fn open_files(now: i64, host: usize, world: &mut World) {
    let upload = world.random.chance(0.3);
    let count = 1 + world.random.below(4);
    let script = smb::Files::new(count, 30_000.0, upload, &mut world.random);
    let session = connect(host, FILES, 445, script, world).rate(40e6);
    world.spawn(now, session);
}

/// The file server copies what changed to the backup.
pub(super) fn sync_files(now: i64, host: usize, world: &mut World) {
    back_up(now, host, BACKUP, (4, 600_000.0), world);
}

/// Writes so many files of about so many bytes to the backup.
pub(super) fn back_up(now: i64, host: usize, to: usize, (files, bytes): (usize, f64), world: &mut World) {
    let script = smb::Files::new(files, bytes, true, &mut world.random);
    let session = connect(host, to, 445, script, world).rate(12e6);
    world.spawn(now, session);
}

/// Looks for new mail.
pub(super) fn check_mail(now: i64, host: usize, world: &mut World) {
    let steps = mail::check(&mut world.random).into_iter();
    let session = connect(host, MAIL, 143, steps, world).outcome(Outcome::Fin(SERVER));
    world.spawn(now, session);
}

/// Sends a message.
pub(super) fn send_mail(now: i64, host: usize, world: &mut World) {
    let name = world.hosts[host].name.clone();
    let steps = mail::send(&name, &mut world.random).into_iter();
    let session = connect(host, MAIL, 25, steps, world).outcome(Outcome::Fin(SERVER));
    world.spawn(now, session);
}

/// Works in a terminal on the file server.
pub(super) fn shell(now: i64, host: usize, world: &mut World) {
    let commands = 2 + world.random.below(12);
    let script = ssh::Terminal::new(commands, &mut world.random);
    let session = connect(host, FILES, 22, script, world);
    world.spawn(now, session);
}

/// Prints a document.
pub(super) fn print(now: i64, host: usize, world: &mut World) {
    let size = world.random.log_normal(180_000.0, 1.0).clamp(5_000.0, 2e7) as u64;
    let steps = http::print_job("printer.office.test", size, &mut world.random).into_iter();
    let session = connect(host, PRINTER, 631, steps, world).rate(3e6);
    world.spawn(now, session);
}

/// Tries a service that is not there: a share on the printer, a machine that is off.
pub(super) fn knock(now: i64, host: usize, world: &mut World) {
    let outcome = if world.random.chance(0.8) { Outcome::Refused } else { Outcome::Silent(3) };
    let session = connect(host, PRINTER, 445, Vec::new().into_iter(), world).outcome(outcome);
    world.spawn(now, session);
}
