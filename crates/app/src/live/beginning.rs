//! What a process knows before its first packet: the numbers of the status, hosts and the models' log of earlier runs. Reads the store and
//! changes nothing.

use super::status::{self, ModelState, SourceState, Status};
use super::{Plan, retrain, wall_clock};
use crate::failure::{Context, Result};
use record::Timestamp;
use std::sync::Arc;
use store::{Read, Sqlite};

/// Steps in the life of the models that earlier runs kept.
pub(super) fn kept_log(store: &Sqlite) -> Result<retrain::Log> {
    let text = store.reader().setting(retrain::LOG_NAME).plain()?;
    // A log that cannot be read is no reason not to watch.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Every number at the start; what is stored is counted.
pub(super) fn first_status(plan: &mut Plan, store: &Sqlite) -> Result<Status> {
    let open =
        store::Query::parse("status:open over_budget:false step:false", store::query::INCIDENT_FIELDS).plain()?;
    let query = store::ListQuery { filter: open, range: store::TimeRange::default(), limit: 1, cursor: None };
    let incidents_open = store.reader().incidents(&query).plain()?.total;
    let sources = plan.sources.iter().map(|s| SourceState::new(s.name.clone(), s.kind)).collect();
    Ok(Status {
        mode: plan.mode,
        started: wall_clock(),
        now: Timestamp(0),
        sources,
        second: status::SecondState::default(),
        model: ModelState::Off,
        retraining: serve::shapes::Retraining::default(),
        models: Arc::default(),
        ensemble: None,
        flows_learned: 0,
        flows: 0,
        flows_anomalous: 0,
        hosts: 0,
        incidents_open,
        budget: alert::BudgetState::default(),
        judge_drops: record::Counters::default(),
        packet_model: None,
        levels: evaluate::LevelModels::default(),
        windows_judged: 0,
        steps_judged: 0,
        packets_judged: 0,
        notifications: Vec::new(),
        queue: 0,
        lag_ms: 0,
        threat_lists: serve::shapes::ThreatLists::default(),
        store: store.counters(),
        notices: std::mem::take(&mut plan.notices),
        folder: Vec::new(),
        part: plan.part,
        roles: Vec::new(),
        flows_not_handed_on: 0,
        host: None,
        csv_logs: None,
        archive: None,
        mongodb: None,
    })
}

/// The hosts of earlier runs, newest first, so that their counters go on.
pub(super) fn known_hosts(store: &Sqlite) -> Result<Vec<record::HostRecord>> {
    let reader = store.reader();
    let filter = store::Query::parse("", store::query::HOST_FIELDS).plain()?;
    let mut query = store::ListQuery {
        filter,
        range: store::TimeRange::default(),
        limit: store::read::PAGE_ROWS_MAX,
        cursor: None,
    };
    let mut hosts = Vec::new();
    loop {
        let page = reader.hosts(&query, store::HostSort::default()).plain()?;
        hosts.extend(page.items.into_iter().map(|row| row.host));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() || hosts.len() >= evaluate::hosts::HOSTS_MAX {
            return Ok(hosts);
        }
    }
}
