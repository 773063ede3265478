//! What one host did to others by remote administration, as one growing story: which steps, to whom, in which words.

use super::text::{self, alert, plural, push_distinct, why};
use super::throttle::Throttle;
use record::{Alert, IpAddr16, Kind, Severity, Timestamp, timestamp::NS_PER_S};

/// One step of remote administration, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Action {
    /// The list of all RPC services was asked for.
    Listing,
    /// A program on an administrative share was opened.
    ProgramOpened,
    /// The service control manager was asked.
    Service,
    /// The task scheduler was asked.
    Task,
    /// WMI was asked.
    Wmi,
    /// A program was copied to an administrative share.
    ProgramCopied,
    /// A known tool that runs programs on other hosts.
    Tool,
    /// A copy of the directory was asked for.
    Replication,
    /// The transaction that only an implant answers to.
    Implant,
}

impl Action {
    const ALL: [Self; 9] = [
        Self::Listing,
        Self::ProgramOpened,
        Self::Service,
        Self::Task,
        Self::Wmi,
        Self::ProgramCopied,
        Self::Tool,
        Self::Replication,
        Self::Implant,
    ];

    /// Back from `as u8`.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// ATT&CK (Enterprise), most specific first.
    fn techniques(self) -> &'static [&'static str] {
        match self {
            Self::Listing => &["T1046"],
            Self::ProgramOpened => &["T1021.002"],
            Self::Service => &["T1569.002", "T1021.002"],
            Self::Task => &["T1053.005", "T1021.002"],
            Self::Wmi => &["T1047", "T1021.003"],
            Self::ProgramCopied => &["T1570", "T1021.002"],
            Self::Tool => &["T1569.002", "T1021.002", "T1570"],
            Self::Replication => &["T1003.006"],
            Self::Implant => &["T1210"],
        }
    }

    /// Machine name of the reason.
    fn feature(self) -> &'static str {
        match self {
            Self::Listing => "lists_of_rpc_services_asked",
            Self::ProgramOpened => "programs_opened_on_administrative_shares",
            Self::Service => "service_manager_sessions",
            Self::Task => "task_scheduler_sessions",
            Self::Wmi => "wmi_sessions",
            Self::ProgramCopied => "programs_copied_to_administrative_shares",
            Self::Tool => "steps_of_remote_execution_tools",
            Self::Replication => "copies_of_the_directory_asked",
            Self::Implant => "reserved_transactions",
        }
    }
}

/// The story of one host.
pub(super) struct Story {
    first: Timestamp,
    last: Timestamp,
    counts: [u32; Action::ALL.len()],
    dest: Vec<IpAddr16>,
    ports: Vec<u16>,
    program: String,
    severity: Severity,
    /// Severity and number of hosts when it was last told: news are told at once.
    told: (Severity, usize),
    throttle: Throttle,
}

impl Story {
    pub(super) fn new(first: Timestamp) -> Self {
        Self {
            first,
            last: first,
            counts: [0; Action::ALL.len()],
            dest: Vec::new(),
            ports: Vec::new(),
            program: String::new(),
            severity: Severity::Low,
            told: (Severity::Low, 0),
            throttle: Throttle::default(),
        }
    }

    fn steps(&self) -> u64 {
        self.counts.iter().map(|n| u64::from(*n)).sum()
    }

    /// Adds a step; true when the story should be told now.
    pub(super) fn add(
        &mut self,
        server: IpAddr16,
        port: u16,
        action: Action,
        name: &str,
        ts: Timestamp,
        severity: Severity,
    ) -> bool {
        self.last = self.last.max(ts);
        self.counts[action as usize] += 1;
        push_distinct(&mut self.dest, server);
        push_distinct(&mut self.ports, port);
        if matches!(action, Action::ProgramCopied | Action::Tool | Action::ProgramOpened) && self.program.is_empty() {
            self.program = name.rsplit('\\').next().unwrap_or_default().chars().take(48).collect();
        }
        self.severity = self.severity.max(severity);
        // Three hosts in one story are no single administrator's visit.
        if self.dest.len() >= 3 && self.severity == Severity::Medium {
            self.severity = Severity::High;
        }
        let news = (self.severity, self.dest.len());
        let due = self.throttle.due(self.steps(), ts) || news.0 > self.told.0;
        if due {
            self.told = news;
        }
        due
    }

    /// True when something came since it was told.
    pub(super) fn settled(&mut self, now: Timestamp) -> bool {
        self.throttle.settled(self.steps(), self.last, now, 0)
    }

    fn has(&self, action: Action) -> bool {
        self.counts[action as usize] > 0
    }

    fn strongest(&self) -> Action {
        Action::ALL.into_iter().rev().find(|action| self.has(*action)).unwrap_or(Action::Listing)
    }

    fn title(&self, src: IpAddr16) -> String {
        let whom = match self.dest.as_slice() {
            [one] => one.to_string(),
            many => plural(many.len() as u64, "host", "hosts"),
        };
        let program = &self.program;
        match self.strongest() {
            Action::Implant => {
                format!("{src} sent {whom} the SMB transaction that only an implant in the kernel answers")
            }
            Action::Replication => {
                format!("{src}, no domain controller, asked {whom} for a copy of the directory's passwords")
            }
            Action::Tool => format!("{src} ran programs on {whom} with a remote execution tool ({program})"),
            Action::ProgramCopied if self.has(Action::Service) => {
                format!("{src} copied the program {program} to {whom} and had its services started")
            }
            Action::ProgramCopied if self.has(Action::Task) => {
                format!("{src} copied the program {program} to {whom} and had a task scheduled")
            }
            Action::ProgramCopied => format!("{src} copied the program {program} to an administrative share of {whom}"),
            Action::Wmi => format!("{src} gave commands to {whom} over WMI, which it never did before"),
            Action::Task => format!("{src} used the task scheduler of {whom}, which it never did before"),
            Action::Service => format!("{src} used the service manager of {whom}, which it never did before"),
            Action::ProgramOpened => format!("{src} opened the program {program} on an administrative share of {whom}"),
            Action::Listing => format!("{src} asked {whom} for the list of all its RPC services"),
        }
    }

    /// The story as an alert; `watched_ns`: how long the network has been watched.
    pub(super) fn alert(&self, src: IpAddr16, watched_ns: i64) -> Alert {
        let strongest = self.strongest();
        let kind = if strongest == Action::Listing { Kind::PortScan } else { Kind::LateralMovement };
        let mut a = alert(kind, "remote_admin", self.first, self.last, 1e-3);
        a.title = self.title(src);
        let seen: Vec<_> = Action::ALL.into_iter().rev().filter(|action| self.has(*action)).collect();
        let share = 0.9 / seen.len().max(1) as f64;
        for action in &seen {
            a.why.push(why(action.feature(), f64::from(self.counts[*action as usize]), [0.0, 0.0], "", share));
        }
        let hours = watched_ns.max(0) as f64 / NS_PER_S as f64 / 3600.0;
        a.why.push(why("watched", hours, [0.0, 24.0], "h", 0.0));
        let mut techniques: Vec<&'static str> = Vec::new();
        for technique in seen.iter().flat_map(|action| action.techniques()) {
            push_distinct(&mut techniques, *technique);
        }
        a.attack = techniques;
        a.src = vec![src];
        a.dest.clone_from(&self.dest);
        a.dest_port.clone_from(&self.ports);
        a.packets = self.steps();
        a.severity = self.severity;
        a.story = format!("{src} administration");
        let score = match self.severity {
            Severity::Low => 0.5,
            Severity::Medium => 0.75,
            _ => 0.95,
        };
        text::scored(a, score)
    }
}
