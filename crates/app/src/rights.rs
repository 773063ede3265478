//! The right to capture. Owns the words of the command that grants it.

/// The command that lets this program capture without being root.
pub fn setcap_command() -> String {
    let program = std::env::current_exe().map_or_else(|_| "tripline".to_owned(), |path| path.display().to_string());
    format!("sudo setcap cap_net_raw,cap_net_admin=eip {program}")
}
