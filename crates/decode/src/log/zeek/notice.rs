//! Zeek's notice.log: what its scripts found worth telling, as another tool's alerts. Zeek gives them no severity; Tripline's own
//! list does.

use super::Row;
use crate::log::LogError;
use crate::log::build::{Between, alert, text};
use crate::log::fields;
use record::{LogEntry, Severity};

/// Parts of notices' names and how much they matter, the first that fits. What is not listed is medium.
const SEVERITIES: [(&str, Severity); 15] = [
    ("MalwareHashRegistry", Severity::High),
    ("Heartbleed", Severity::High),
    ("Intel::", Severity::High),
    ("SQL_Injection", Severity::High),
    ("Exploit", Severity::High),
    ("Backdoor", Severity::High),
    ("ATTACK::", Severity::High),
    ("CaptureLoss", Severity::Low),
    ("PacketFilter", Severity::Low),
    ("Weird::", Severity::Low),
    ("Invalid_Server_Cert", Severity::Low),
    ("Certificate_Expir", Severity::Low),
    ("Weak_", Severity::Low),
    ("Software", Severity::Low),
    ("Interesting_Hostname", Severity::Low),
];

pub(super) fn read(row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let note = row.get("note").ok_or(LogError::Cut)?;
    let mut between = row.between(None)?.unwrap_or_default();
    // `src` and `dst` are whom it is about, where it is not about one connection.
    for (name, end) in [("src", &mut between.src), ("dst", &mut between.dest)] {
        if let Some(addr) = row.get(name)
            && end.addr == record::IpAddr16::default()
        {
            end.addr = fields::address(&addr)?;
        }
    }
    if between.dest.port == 0 {
        between.dest.port = row.get("p").map_or(Ok(0), |port| fields::port(&port))?;
    }
    let mut notice = alert("Zeek", Between { ..between }, row.ts()?);
    let known = SEVERITIES.iter().find(|(part, _)| note.contains(part));
    notice.severity = known.map_or(Severity::Medium, |(_, severity)| *severity);
    notice.signature = text(&note);
    notice.category = text(&row.get("msg").unwrap_or_default());
    out.push(LogEntry::Alert(Box::new(notice)));
    Ok(())
}
