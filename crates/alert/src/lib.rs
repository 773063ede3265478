//! Alerts and verdicts to incidents that a person can act on: grouping, severity, technique, advice, titles, and the alert
//! budget of the learned detectors. Pure: capture time comes in with the alerts; no clock, file or thread. Knows no
//! detector: what it needs of one stands in the [`record::Alert`].

mod advice;
mod budget;
mod config;
mod domains;
mod eve;
mod identity;
mod incident_manager;
mod merge;
pub mod notification;
mod roll_up;
mod rule;
mod severity;
mod suppress;
mod technique;
mod title;
pub mod units;

pub use advice::advice;
pub use budget::BudgetState;
pub use config::AlertConfig;
pub use eve::eve_event;
pub use identity::incident_id;
pub use incident_manager::{AlertCounters, IncidentManager};
pub use roll_up::RollUpConfig;
pub use rule::{checked as checked_rule, rule_suppression, rule_words};
pub use suppress::{covers, suppression, words};
pub use technique::techniques;
pub use title::quantity;
