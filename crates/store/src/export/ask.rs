//! What is asked of an export: kind of rows, form, filter, time. Owns which kind can be had in which form, and the words of a refusal.

use crate::query::{FLOW_FIELDS, HOST_FIELDS, INCIDENT_FIELDS, SCAN_FIELDS, SERIES_FIELDS};
use crate::{Field, Query, StoreError, TimeRange};

/// Why an export cannot be made, or was not whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It makes no sense, in words.
    #[error("{0}")]
    Refused(String),
    /// Nobody takes it, or there is no room for it.
    #[error("{0}")]
    Write(std::io::Error),
}

/// Kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Flow records with what the models said of them.
    Flows,
    /// One event for each anomalous flow and for each incident.
    Alerts,
    /// Incidents.
    Incidents,
    /// Hosts.
    Hosts,
    /// Numbers over time.
    Series,
    /// Scans.
    Scans,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Flows, Self::Alerts, Self::Incidents, Self::Hosts, Self::Series, Self::Scans];

    /// Name, as it is typed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Alerts => "alerts",
            Self::Incidents => "incidents",
            Self::Hosts => "hosts",
            Self::Series => "series",
            Self::Scans => "scans",
        }
    }

    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }

    /// Forms in which it can be had, the first by default.
    #[must_use]
    pub const fn forms(self) -> &'static [Form] {
        use Form::{Cicflowmeter, Csv, Eve, Json, JsonLines, Parquet, Pcapng, Zeek};
        match self {
            Self::Flows => &[Csv, Json, JsonLines, Eve, Zeek, Parquet, Pcapng, Cicflowmeter],
            Self::Alerts => &[Eve, Json, JsonLines, Csv, Parquet],
            Self::Incidents => &[Csv, Json, JsonLines, Eve, Parquet, Pcapng],
            Self::Hosts | Self::Series | Self::Scans => &[Csv, Json, JsonLines, Parquet],
        }
    }

    const fn fields(self) -> &'static [Field] {
        match self {
            Self::Flows => FLOW_FIELDS,
            Self::Alerts | Self::Incidents => INCIDENT_FIELDS,
            Self::Hosts => HOST_FIELDS,
            Self::Series => SERIES_FIELDS,
            Self::Scans => SCAN_FIELDS,
        }
    }
}

/// Forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated values (RFC 4180), the columns of the list.
    Csv,
    /// The 83 columns of `CICFlowMeter`.
    Cicflowmeter,
    /// One JSON array of the rows of the list.
    Json,
    /// One JSON object a line, with everything that is known.
    JsonLines,
    /// Suricata's EVE.
    Eve,
    /// Zeek's conn.log.
    Zeek,
    /// Apache Parquet.
    Parquet,
    /// Packets kept as evidence.
    Pcapng,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Csv,
        Self::Cicflowmeter,
        Self::Json,
        Self::JsonLines,
        Self::Eve,
        Self::Zeek,
        Self::Parquet,
        Self::Pcapng,
    ];

    /// Name, as the API has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Cicflowmeter => "cicflowmeter",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Eve => "eve",
            Self::Zeek => "zeek",
            Self::Parquet => "parquet",
            Self::Pcapng => "pcapng",
        }
    }

    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// Ending of a file's name.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv | Self::Cicflowmeter => "csv",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Eve => "eve.json",
            Self::Zeek => "conn.log",
            Self::Parquet => "parquet",
            Self::Pcapng => "pcapng",
        }
    }

    /// Media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv | Self::Cicflowmeter => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::JsonLines | Self::Eve => "application/x-ndjson",
            Self::Zeek => "text/tab-separated-values; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Pcapng => "application/x-pcapng",
        }
    }

    /// False for bytes that no terminal should be sent.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Parquet | Self::Pcapng)
    }
}

/// One export as it is asked for, checked.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Kind of rows.
    pub what: What,
    /// Form.
    pub form: Form,
    /// Flows by their end, incidents, hosts and scans when they overlap it, series by their buckets' start.
    pub range: TimeRange,
    /// Over the fields of the kind; None: nothing of the kind can match (alerts by a field that only flows have).
    pub(super) own: Option<Query>,
    /// The same over flows, for alerts.
    pub(super) flows: Option<Query>,
}

impl Ask {
    /// Checks what is asked for.
    ///
    /// # Errors
    /// A form that the kind does not have, a filter that is none.
    pub fn new(what: What, form: Form, filter: &str, range: TimeRange) -> Result<Self, ExportError> {
        if !what.forms().contains(&form) {
            let forms: Vec<&str> = what.forms().iter().map(|form| form.name()).collect();
            let (name, form, forms) = (what.name(), form.name(), forms.join(", "));
            return Err(ExportError::Refused(format!("{name} cannot be exported as {form}; they can as {forms}")));
        }
        let parse = |text: &str, fields| Query::parse(text, fields).map_err(StoreError::from);
        if what != What::Alerts {
            return Ok(Self { what, form, range, own: Some(parse(filter, what.fields())?), flows: None });
        }
        // An alert is of a flow or of an incident: a field that one of them lacks asks for the other.
        let (flows, own) = (parse(filter, FLOW_FIELDS), parse(filter, INCIDENT_FIELDS));
        if let (Err(error), Err(_)) = (&flows, &own) {
            let known = format!("{error}; or fields of incidents");
            return Err(ExportError::Refused(known));
        }
        let anomalous = flows.is_ok().then(|| parse(&format!("{filter} anomalous:true"), FLOW_FIELDS)).transpose()?;
        Ok(Self { what, form, range, own: own.ok(), flows: anomalous })
    }
}
