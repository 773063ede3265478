//! Remote administration as intruders do it: a program copied to an administrative share and started by the service control manager,
//! WMI, scheduled tasks, a copy of the directory's passwords asked by a host that is no domain controller, the list of all RPC services,
//! and the transaction that only an implant answers to. The analytics are those of MITRE's BZAR and CAR (2014-11-005, 2016-03-001,
//! 2021-05-012). Needs SMB and DCE/RPC in the clear; encrypted SMB 3 shows none of it, `lateral_movement` then sees the contacts.

use super::lru::Lru;
use super::remote_admin_story::{Action, Story};
use super::watch::Watch;
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{
    AdminData, AdminStep, Alert, AppData, AppEvent, Contact, ContactOutcome, Counters, FlowKey, IpAddr16, Observation,
    Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Known steps read from a memory at most: a bound on what a file can claim.
const KNOWN_READ_MAX: usize = 1 << 22;
/// Calls remembered of a connection whose beginning was not seen.
const CALLS_KEPT: usize = 8;

/// Settings of the detector of remote administration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteAdminConfig {
    /// What a host has done to another for this long is its work, seconds. Default 86400.
    pub learn_s: u32,
    /// A copied program and the service that starts it belong together within this time, seconds. Default 600.
    pub window_s: u32,
    /// Steps of pairs of hosts remembered. Default 16384.
    pub known_max: usize,
    /// Connections followed at once. Default 4096.
    pub connections_max: usize,
}

impl Default for RemoteAdminConfig {
    fn default() -> Self {
        Self { learn_s: 86_400, window_s: 600, known_max: 16_384, connections_max: 4096 }
    }
}

/// What a connection has shown so far.
#[derive(Default)]
struct Connection {
    /// The share in use is an administrative one (`ADMIN$`, `C$`).
    administrative: bool,
    bound: String,
    calls: Vec<u16>,
}

/// The detector.
pub struct RemoteAdmin {
    config: RemoteAdminConfig,
    connections: Lru<FlowKey, Connection>,
    /// Time watched when a host first did this to another, ns.
    known: Lru<(IpAddr16, IpAddr16, Action), i64>,
    /// When a program was last copied.
    copied: Lru<(IpAddr16, IpAddr16), Timestamp>,
    /// Hosts that answer on Kerberos' port: domain controllers, which copy the directory to each other.
    controllers: Lru<IpAddr16, ()>,
    stories: Lru<(IpAddr16, bool), Story>,
    watch: Watch,
}

impl RemoteAdmin {
    /// Builds it.
    #[must_use]
    pub fn new(config: &RemoteAdminConfig) -> Self {
        Self {
            connections: Lru::new(config.connections_max),
            known: Lru::new(config.known_max),
            copied: Lru::new(config.connections_max),
            controllers: Lru::new(1024),
            stories: Lru::new(1024),
            watch: Watch::default(),
            config: config.clone(),
        }
    }

    fn message(&mut self, event: &AppEvent, data: &AdminData, context: &Context, out: &mut Vec<Alert>) {
        if data.response {
            return;
        }
        let (client, server) =
            if event.from_low { (event.key.low, event.key.high) } else { (event.key.high, event.key.low) };
        let connection = self.connections.touch(&event.key, event.ts, Connection::default);
        let Some(action) = connection.action(data) else { return };
        self.act((client.addr, server.addr), server.port, action, &data.name, (event.ts, context), out);
    }

    fn act(
        &mut self,
        (client, server): (IpAddr16, IpAddr16),
        port: u16,
        action: Action,
        name: &str,
        (ts, context): (Timestamp, &Context),
        out: &mut Vec<Alert>,
    ) {
        self.watch.hear(context.now);
        let watched_ns = self.watch.watched_ns();
        let learn_ns = i64::from(self.config.learn_s) * NS_PER_S;
        let key = (client, server, action);
        let first = self.known.peek(&key).copied();
        self.known.touch(&key, ts, || watched_ns);
        if action == Action::ProgramCopied {
            *self.copied.touch(&(client, server), ts, || ts) = ts;
        }
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        let copied = self.copied.peek(&(client, server)).is_some_and(|at| ts.since(*at) <= window_ns);
        let accepted = first.is_some_and(|at_ns| watched_ns - at_ns > learn_ns);
        let learning = watched_ns < learn_ns;
        let controller = self.controllers.peek(&client).is_some();
        let told = self.stories.peek(&(client, action == Action::Listing)).is_some();
        let severity = match action {
            Action::Implant => Some(Severity::High),
            Action::Replication => (!controller).then_some(Severity::High),
            _ if accepted => None,
            Action::Tool => Some(Severity::High),
            Action::ProgramCopied | Action::Listing => Some(Severity::Medium),
            Action::Service | Action::Task if copied => Some(Severity::High),
            Action::Service | Action::Task => ((first.is_none() && !learning) || told).then_some(Severity::Low),
            Action::ProgramOpened => (first.is_none() || told).then_some(Severity::Low),
            // Monitoring asks by WMI too, and is met once, when the watch begins.
            Action::Wmi if learning => (first.is_none() || told).then_some(Severity::Low),
            Action::Wmi => (first.is_none() || told).then_some(Severity::Medium),
        };
        if let Some(severity) = severity {
            let story = self.stories.touch(&(client, action == Action::Listing), ts, || Story::new(ts));
            if story.add(server, port, action, name, ts, severity) {
                out.push(story.alert(client, watched_ns));
            }
        }
    }

    fn contact(&mut self, contact: &Contact) {
        if contact.dest_port == 88 && contact.outcome == ContactOutcome::Answered {
            self.controllers.touch(&contact.dest, contact.ts, || ());
        }
    }
}

impl Connection {
    fn action(&mut self, data: &AdminData) -> Option<Action> {
        match data.step {
            AdminStep::ReservedTransaction => Some(Action::Implant),
            AdminStep::Share => {
                self.administrative = is_administrative(&data.name);
                None
            }
            AdminStep::File => self.file(data),
            AdminStep::Bind => {
                self.bound.clone_from(&data.name);
                match data.name.as_str() {
                    "svcctl" => Some(Action::Service),
                    "atsvc" | "itaskschedulerservice" => Some(Action::Task),
                    "iwbemservices" | "iwbemlevel1login" => Some(Action::Wmi),
                    _ => None,
                }
            }
            AdminStep::Call => self.call(data.operation),
            AdminStep::Other | AdminStep::LogonRefused => None,
        }
    }

    fn file(&self, data: &AdminData) -> Option<Action> {
        let name = data.name.trim_start_matches('\\').trim_start_matches("pipe\\");
        let tools = ["psexesvc", "remcom_", "remcomsvc", "paexec", "csexec", "winexesvc"];
        if tools.iter().any(|tool| name.starts_with(tool)) {
            return Some(Action::Tool);
        }
        match name {
            "svcctl" => return Some(Action::Service),
            "atsvc" => return Some(Action::Task),
            _ => {}
        }
        let program = [".exe", ".dll", ".sys", ".bat", ".cmd", ".ps1", ".vbs", ".scr", ".hta"];
        let of_interest = self.administrative && program.iter().any(|ending| name.ends_with(ending));
        of_interest.then_some(if data.writes { Action::ProgramCopied } else { Action::ProgramOpened })
    }

    fn call(&mut self, operation: u16) -> Option<Action> {
        match (self.bound.as_str(), operation) {
            // ept_lookup: the whole list; clients that want one service ask ept_map.
            ("epmapper", 2) => return Some(Action::Listing),
            // DsGetNCChanges.
            ("drsuapi", 3) => return Some(Action::Replication),
            _ => {}
        }
        if self.bound.is_empty() {
            if self.calls.len() >= CALLS_KEPT {
                self.calls.remove(0);
            }
            self.calls.push(operation);
            // DsDomainControllerInfo, DsCrackNames, DsGetNCChanges in this order: the interface is told by how it is used.
            let mut wanted = [16, 12, 3].iter().peekable();
            for call in &self.calls {
                if wanted.peek() == Some(&call) {
                    wanted.next();
                }
            }
            return (wanted.next().is_none() && operation == 3).then_some(Action::Replication);
        }
        None
    }
}

/// `\\host\admin$`, `\\host\c$`.
fn is_administrative(share: &str) -> bool {
    let name = share.rsplit('\\').next().unwrap_or_default();
    name == "admin$" || (name.len() == 2 && name.ends_with('$') && name.as_bytes()[0].is_ascii_alphabetic())
}

impl Behaviour for RemoteAdmin {
    fn name(&self) -> &'static str {
        "remote_admin"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT | Wants::OTHER_APP
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::App(event) => {
                if let AppData::Admin(data) = &event.data {
                    self.message(event, data, context, out);
                }
            }
            Observation::Contact(contact) => self.contact(contact),
            _ => {}
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, _out: &mut Vec<Alert>) {
        self.watch.hear(now);
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        let clients: Vec<_> = self.stories.iter().map(|(key, _)| *key).collect();
        for key in clients {
            if let Some(story) = self.stories.peek_mut(&key)
                && story.settled(context.now)
            {
                out.push(story.alert(key.0, self.watch.watched_ns()));
            }
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("steps_evicted", self.known.evicted());
        counters.add("connections_evicted", self.connections.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.connections.len() + self.known.len() + self.copied.len() + self.controllers.len() + self.stories.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        if self.watch.is_new() {
            return None;
        }
        let mut writer = Writer::default();
        writer.bytes.extend(self.watch.watched_ns().to_le_bytes());
        writer.u32(self.known.len() as u32);
        for ((client, server, action), first) in self.known.iter() {
            writer.bytes.extend(client.0);
            writer.bytes.extend(server.0);
            writer.bytes.push(*action as u8);
            writer.bytes.extend(first.to_le_bytes());
        }
        Some(writer.bytes)
    }
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let watched_ns = reader.u64()?.cast_signed();
        for _ in 0..reader.count(0, KNOWN_READ_MAX, "known steps")? {
            let (mut client, mut server) = ([0; 16], [0; 16]);
            client.copy_from_slice(reader.take(16)?);
            server.copy_from_slice(reader.take(16)?);
            let action = Action::from_byte(reader.take(1)?[0])
                .ok_or_else(|| DetectError::Damaged("a known step is of no known sort".to_owned()))?;
            let first_ns = reader.u64()?.cast_signed();
            self.known.touch(&(IpAddr16(client), IpAddr16(server), action), Timestamp(0), || first_ns);
        }
        self.watch.resume(watched_ns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, mac, quiet_day, run};
    use super::*;
    use record::{AdminProtocol, Kind};

    /// After `quiet_day`.
    const DAY_MS: i64 = 86_400_000 + 900_000;

    fn step(ms: i64, src: u8, dest: u8, step: AdminStep, name: &str) -> Observation {
        let c = contact(ms, ip(src), ip(dest), 445);
        let data = AdminData { step, name: name.to_owned(), writes: true, ..AdminData::default() };
        let event = AppEvent {
            ts: c.ts,
            key: c.key,
            from_low: c.key.low.addr == ip(src),
            src_mac: mac(src),
            data: AppData::Admin(data),
        };
        Observation::App(Box::new(event))
    }

    fn call(ms: i64, src: u8, operation: u16) -> Observation {
        let Observation::App(mut event) = step(ms, src, 9, AdminStep::Call, "") else {
            return step(0, 0, 0, AdminStep::Other, "");
        };
        event.data = AppData::Admin(AdminData {
            protocol: AdminProtocol::DceRpc,
            step: AdminStep::Call,
            operation,
            ..AdminData::default()
        });
        Observation::App(event)
    }

    #[test]
    fn a_copied_program_and_its_service_are_told_in_the_first_second_also_while_learning() {
        let told = run(
            "remote_admin",
            &[
                step(0, 7, 9, AdminStep::Share, "\\\\srv\\admin$"),
                step(5, 7, 9, AdminStep::File, "updater.exe"),
                step(900, 7, 9, AdminStep::File, "svcctl"),
            ],
        );
        assert_eq!(told[0].severity, Severity::Medium);
        let last = told.last().map(|a| (a.severity, a.kind, a.title.clone()));
        let title = "10.0.0.7 copied the program updater.exe to 10.0.0.9 and had its services started";
        assert_eq!(last, Some((Severity::High, Kind::LateralMovement, title.to_owned())));
    }

    #[test]
    fn ordinary_files_and_what_was_always_done_are_silent() {
        let share = |ms, name| step(ms, 7, 9, AdminStep::Share, name);
        let files = [share(0, "\\\\srv\\docs"), step(5, 7, 9, AdminStep::File, "setup.exe"), share(9, "\\\\srv\\ipc$")];
        assert!(run("remote_admin", &files).is_empty(), "a program on an ordinary share");
        let daily: Vec<_> = (0..40).map(|day| step(day * DAY_MS / 4, 7, 9, AdminStep::Bind, "svcctl")).collect();
        assert!(run("remote_admin", &daily).is_empty(), "services looked at every six hours");
    }

    #[test]
    fn services_of_a_host_never_administered_before_are_low_after_the_learning_time() {
        let mut input = vec![step(0, 7, 9, AdminStep::Bind, "svcctl")];
        input.extend(quiet_day(10));
        input.push(step(DAY_MS + 5, 7, 11, AdminStep::Bind, "svcctl"));
        let told = run("remote_admin", &input);
        assert_eq!((told.len(), told[0].severity, told[0].dest.as_slice()), (1, Severity::Low, [ip(11)].as_slice()));
    }

    #[test]
    fn the_directorys_passwords_are_for_domain_controllers_only() {
        let bound = step(0, 7, 9, AdminStep::Bind, "drsuapi");
        assert_eq!(run("remote_admin", &[bound.clone(), call(9, 7, 12)]).len(), 0, "names are asked by members too");
        let told = run("remote_admin", &[bound.clone(), call(9, 7, 3)]);
        assert_eq!((told[0].attack.as_slice(), told[0].severity), (["T1003.006"].as_slice(), Severity::High));
        let mut kerberos = contact(-5, ip(30), ip(7), 88);
        kerberos.outcome = ContactOutcome::Answered;
        assert!(run("remote_admin", &[Observation::Contact(kerberos), bound, call(9, 7, 3)]).is_empty());
        let middle: Vec<_> = [0, 16, 12, 0, 3].iter().enumerate().map(|(i, op)| call(i as i64, 7, *op)).collect();
        assert_eq!(run("remote_admin", &middle).len(), 1, "the bind was before the capture");
    }

    #[test]
    fn a_list_of_all_services_is_a_scan_and_a_question_for_one_is_not() {
        let bound = step(0, 7, 9, AdminStep::Bind, "epmapper");
        assert_eq!(run("remote_admin", &[bound.clone(), call(9, 7, 2)])[0].kind, Kind::PortScan);
        assert!(run("remote_admin", &[bound, call(9, 7, 3)]).is_empty());
    }

    #[test]
    fn what_is_known_outlives_a_restart() {
        let mut past = vec![step(0, 7, 9, AdminStep::Bind, "svcctl")];
        past.extend(quiet_day(10));
        let mut detector = RemoteAdmin::new(&RemoteAdminConfig::default());
        super::super::synthetic::run_on(&mut detector, &past);
        let kept = detector.snapshot().unwrap_or_default();
        let mut after = RemoteAdmin::new(&RemoteAdminConfig::default());
        assert!(after.restore(&kept).is_ok());
        let input =
            [step(DAY_MS * 2, 7, 9, AdminStep::Bind, "svcctl"), step(DAY_MS * 2, 7, 10, AdminStep::Bind, "svcctl")];
        let told = super::super::synthetic::run_on(&mut after, &input);
        assert_eq!((told.len(), told[0].dest.as_slice()), (1, [ip(10)].as_slice()));
        assert!(RemoteAdmin::new(&RemoteAdminConfig::default()).restore(&kept[..kept.len() - 1]).is_err());
    }
}
