//! What a user can type after `tripline export` and `tripline report`. Owns names, help and examples; does nothing: `commands` acts.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use store::export::{Form, What};

/// Shown below the help of `export`.
pub const EXPORT_EXAMPLES: &str = "Examples:
  tripline export flows --since 24h -o csv -w flows.csv
  tripline export flows --since 2026-11-01 --until 2026-11-08 --where 'src_ip:10.0.0.0/8 dest_port:443' -o parquet -w week.parquet
  tripline export alerts --since 7d -o eve | jq .alert.signature
  tripline export incidents --where 'severity:>=high' -o pcapng -w evidence.pcapng
  tripline export series --where 'metric:bytes*' -o csv

A time is a duration back (24h, 7d), a day (2026-11-23), or RFC 3339. EXPR is the language of the dashboard's search fields.
Possible: flows csv json eve zeek parquet pcapng cicflowmeter; alerts eve json csv parquet; incidents csv json eve parquet pcapng;
hosts, series and scans csv json parquet.";

/// Shown below the help of `report`.
pub const REPORT_EXAMPLES: &str = "Examples:
  tripline report -w yesterday.html                      the last 24 hours, as a page
  tripline report --since 7d -o json | jq .summary
  tripline report --since 2026-11-01 --until 2026-12-01 -w november.html
  tripline report --since 30d -o csv -w incidents.csv
  tripline report --since 7d -w s3://my-bucket/reports/week.html";

/// `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// What to export
    #[arg(value_enum, value_name = "WHAT")]
    pub what: WhatName,
    /// Nothing earlier [default: everything that is kept]
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// Nothing later
    #[arg(long, value_name = "T")]
    pub until: Option<String>,
    /// Only what matches, for example 'dest_port:53 -src_ip:10.0.0.1 score:>=0.9'
    #[arg(long = "where", value_name = "EXPR", default_value = "", hide_default_value = true)]
    pub filter: String,
    /// Only what the data directory holds; nothing older from the archive
    #[arg(long)]
    pub local: bool,
    /// Output format [default: by the ending of OUT, else csv, of alerts eve]
    #[arg(short = 'o', long = "output", value_enum)]
    pub output: Option<FormName>,
    /// Write to this file instead of standard output; it appears when it is whole
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: Option<PathBuf>,
}

/// Kinds of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhatName {
    /// Flow records with what the models said of them
    Flows,
    /// One event for each anomalous flow and for each incident
    Alerts,
    /// Incidents
    Incidents,
    /// Hosts
    Hosts,
    /// Numbers over time: bytes, packets, flows, in the finest resolution kept that far back
    Series,
    /// Scans that were made
    Scans,
}

impl From<WhatName> for What {
    fn from(name: WhatName) -> Self {
        match name {
            WhatName::Flows => Self::Flows,
            WhatName::Alerts => Self::Alerts,
            WhatName::Incidents => Self::Incidents,
            WhatName::Hosts => Self::Hosts,
            WhatName::Series => Self::Series,
            WhatName::Scans => Self::Scans,
        }
    }
}

/// Output of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormName {
    /// Columns of the dashboard's lists
    Csv,
    /// One object a line with everything that is known
    Json,
    /// Suricata's EVE
    Eve,
    /// Zeek's conn.log
    Zeek,
    /// Apache Parquet
    Parquet,
    /// Packets that were saved with incidents
    Pcapng,
    /// `CICFlowMeter`'s 83 columns
    Cicflowmeter,
}

impl From<FormName> for Form {
    fn from(name: FormName) -> Self {
        match name {
            FormName::Csv => Self::Csv,
            FormName::Json => Self::JsonLines,
            FormName::Eve => Self::Eve,
            FormName::Zeek => Self::Zeek,
            FormName::Parquet => Self::Parquet,
            FormName::Pcapng => Self::Pcapng,
            FormName::Cicflowmeter => Self::Cicflowmeter,
        }
    }
}

/// `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Beginning
    #[arg(long, value_name = "T", default_value = "24h")]
    pub since: String,
    /// End [default: now]
    #[arg(long, value_name = "T")]
    pub until: Option<String>,
    /// Output format [default: by the ending of OUT, else html]
    #[arg(short = 'o', long = "output", value_enum)]
    pub output: Option<ReportForm>,
    /// Write to this file instead of standard output; it appears when it is whole. Also s3://bucket/name, gs:// and az://, with the
    /// credentials of [archive]
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: Option<PathBuf>,
}

/// Output of `report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// A self-contained page without a script
    Html,
    /// One object (tripline.report/1)
    Json,
    /// The incidents as a table
    Csv,
}
