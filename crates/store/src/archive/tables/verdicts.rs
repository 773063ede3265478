//! Verdicts: what the models said of each flow that was judged, member by member, and why.

use super::{ArchiveKind, Keys, Table, json, owned};
use crate::columnar::{COUNT, Cell, Column, JSON, NUMBER, TIME, WHOLE, YES_NO};
use crate::flow_blob::unpack_verdict;
use crate::formats::parquet::time;
use crate::{Reader, StoreError};
use record::{MemberScore, Timestamp, Why};
use std::sync::LazyLock;

static NAMES: LazyLock<Vec<(String, &'static str)>> = LazyLock::new(|| {
    owned(&[
        ("number", WHOLE),
        ("flow_id", COUNT),
        ("ts", TIME),
        ("score", NUMBER),
        ("p_value", NUMBER),
        ("anomalous", YES_NO),
        ("members", JSON),
        ("why", JSON),
    ])
});

/// Verdicts.
pub(super) struct Verdicts;

impl Table for Verdicts {
    fn kind(&self) -> ArchiveKind {
        ArchiveKind::Verdicts
    }
    fn columns(&self) -> &[(String, &'static str)] {
        &NAMES
    }
    fn time(&self) -> &'static str {
        "ts"
    }
    fn keys(&self, store: &Reader, after: i64, upto: i64, limit: usize) -> Result<Keys, StoreError> {
        // What is missed is counted with the flows.
        store.flow_keys(after, upto, limit, true).map(|keys| Keys { missed: 0, ..keys })
    }
    fn rows(&self, store: &Reader, numbers: &[i64]) -> Result<Vec<Vec<Cell>>, StoreError> {
        let found = store.flows_numbered(numbers)?;
        Ok(found
            .into_iter()
            .filter_map(|flow| {
                let (members, why) = unpack_verdict(&flow.verdict).unwrap_or_default();
                Some(vec![
                    Cell::Int64(flow.number),
                    Cell::count(flow.row.flow_id),
                    time(flow.row.end),
                    Cell::Double(flow.row.score?),
                    Cell::Double(flow.row.p_value.unwrap_or(1.0)),
                    Cell::Bool(flow.row.anomalous),
                    json(&members),
                    json(&why),
                ])
            })
            .collect())
    }
}

/// A verdict read back.
#[derive(Clone, Debug)]
pub struct ArchivedVerdict {
    /// The flow judged.
    pub flow_id: u64,
    /// When it ended.
    pub ts: Timestamp,
    /// 0 normal … 1 strange.
    pub score: f64,
    /// Combined p-value.
    pub p_value: f64,
    /// True above the threshold.
    pub anomalous: bool,
    /// Every member's view.
    pub members: Vec<MemberScore>,
    /// Why; empty unless anomalous.
    pub why: Vec<Why>,
}

/// A verdict of a row of all columns.
pub(in super::super) fn verdict_back(columns: &[Column], at: usize) -> Option<ArchivedVerdict> {
    let [_, flow_id, ts, score, p_value, anomalous, members, why] = columns else { return None };
    Some(ArchivedVerdict {
        flow_id: flow_id.whole(at).cast_unsigned(),
        ts: Timestamp(ts.whole(at).saturating_mul(1_000)),
        score: score.number(at)?,
        p_value: p_value.number(at)?,
        anomalous: anomalous.whole(at) != 0,
        members: serde_json::from_slice(members.bytes(at)).unwrap_or_default(),
        why: serde_json::from_slice(why.bytes(at)).unwrap_or_default(),
    })
}
