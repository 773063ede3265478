//! nmap as a child process: its arguments (`arguments`) and its run (`child`). Owns which of its scripts may run.

mod arguments;
mod child;

pub use arguments::NmapScan;
pub use child::is_installed;

/// Scripts that may run: of nmap's category `safe`, each asks one question of a service and changes nothing.
pub const SCRIPTS: &[&str] = &[
    "banner",
    "dns-nsid",
    "http-server-header",
    "http-title",
    "imap-capabilities",
    "nbstat",
    "pop3-capabilities",
    "rdp-ntlm-info",
    "rpcinfo",
    "smb-os-discovery",
    "smb2-security-mode",
    "smb2-time",
    "smtp-commands",
    "ssh-hostkey",
    "ssl-cert",
];
