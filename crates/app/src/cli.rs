//! What a user can type. Owns names, help and examples; does nothing: `commands` acts, `config` resolves settings.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Watches a network live, learns what is normal there, and shows on a web dashboard what is not, and why.
#[derive(Debug, Parser)]
#[command(
    name = "tripline",
    version,
    max_term_width = 100,
    after_help = "Examples:
  sudo tripline run                         watch the default interface, dashboard on http://127.0.0.1:7070
  tripline demo                             the same on generated traffic with attacks in it
  tripline analyze capture.pcap.zst         incidents of a capture, with reasons
  tripline flows capture.pcap -o zeek       flow records as Zeek's conn.log"
)]
pub struct Cli {
    /// Settings shared by all commands.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Configuration file (TOML)
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Override one setting, for example --set alert.per_hour=2
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
    /// Where history, models and evidence are kept [default: the platform's data directory]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Say more (twice: everything)
    #[arg(short = 'v', long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Say only errors
    #[arg(short = 'q', long, global = true)]
    pub quiet: bool,
    /// How log lines are written on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
}

/// Threads that one call may ask for.
fn workers() -> clap::builder::RangedU64ValueParser<usize> {
    clap::builder::RangedU64ValueParser::new().range(1..=64)
}

/// Log line format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch interfaces or replay files, judge, store, and serve the dashboard
    #[command(after_help = "Examples:
  sudo tripline run -i eth0
  tripline run -r capture.pcap --speed max
  ssh host tcpdump -U -w - | tripline run -r -
  tripline run --pcap-listen 127.0.0.1:5555         fed by tcpdump -U -w - 'not port 5555' | nc 127.0.0.1 5555
  sudo tripline run -i eth0 -F 'not port 22'")]
    Run(RunArgs),
    /// The dashboard on generated traffic with attacks in it; nothing to prepare
    #[command(after_help = "Examples:
  tripline demo
  tripline demo --listen 127.0.0.1:8080 --seed 7")]
    Demo(DemoArgs),
    /// Files as fast as possible: incidents with reasons, then a summary
    #[command(after_help = "Examples:
  tripline analyze capture.pcap
  tripline analyze day.pcap.zst --train-first 1h -o json -w result.json
  tripline analyze - < capture.pcap
  tripline analyze capture.pcap --fail-on high      exit code 1 when something high or worse was found")]
    Analyze(AnalyzeArgs),
    /// Files to flow records
    #[command(after_help = "Examples:
  tripline flows capture.pcap -o csv -w flows.csv
  tripline flows a.pcap b.pcapng.gz -o zeek
  tripline flows capture.pcap -o parquet -w flows.parquet")]
    Flows(FlowsArgs),
    /// Learn models from captures or tables
    #[command(after_help = "Examples:
  tripline train office.pcap --out models/
  tripline train flows.csv --out models/ --label-column Label --benign BENIGN
  tripline train day.pcap --labels attacks.csv --out models/
  tripline train conn.log --rows 0-50% --out models/ --models isolation_forest,autoencoder")]
    Train(TrainArgs),
    /// Measure models on labelled captures or tables
    #[command(after_help = "Examples:
  tripline evaluate --model models/ attacks.csv --label-column Label --benign BENIGN
  tripline evaluate --model models/ attack.pcap --packet-labels labels.csv -o json
  tripline evaluate --model models/ week.pcap --labels attacks.csv -o html -w report.html")]
    Evaluate(EvaluateArgs),
    /// Make labelled traffic: an office, and attacks
    #[command(after_help = "Examples:
  tripline simulate --duration 10m -w office.pcap
  tripline simulate --scenario office,port_scan_fast --seed 7 -w scan.pcap --labels scan.csv
  tripline simulate --list")]
    Simulate(SimulateArgs),
    /// List the interfaces that can be watched
    Interfaces(InterfacesArgs),
    /// Write, show or check the configuration
    #[command(after_help = "Examples:
  tripline config init > tripline.toml
  tripline config show --set capture.promiscuous=true
  tripline config check -c tripline.toml")]
    Config(ConfigArgs),
    /// Kept versions of the models: list, show, verify, put one back
    #[command(after_help = "Examples:
  tripline models                           versions in the data directory
  tripline models show --model trained      what one has learned from, and its members
  tripline models verify                    exit code 2 when a file is damaged
  tripline models rollback 3                while no tripline runs on that directory")]
    Models(ModelsArgs),
    /// Who is told of incidents: state of the channels, a test message, failed ones again
    #[command(after_help = "Examples:
  tripline notify -c tripline.toml                        channels and what waits
  tripline notify -c tripline.toml --test                 a made-up incident through every channel
  tripline notify -c tripline.toml --test --channel mail  exit code 2 with the server's words if it refuses
  tripline notify -c tripline.toml --retry                failed messages back into the queue")]
    Notify(NotifyArgs),
    /// What is there, by nmap or connections of its own, and what changed; only targets inside scan.allow
    #[command(after_help = crate::scan_args::EXAMPLES)]
    Scan(crate::scan_args::ScanArgs),
    /// Rows of the store: flows, alerts, incidents, hosts, series, scans; also while `tripline run` writes it
    #[command(after_help = crate::export_args::EXPORT_EXAMPLES)]
    Export(crate::export_args::ExportArgs),
    /// What happened in a time, on one page: traffic, anomalies, incidents with reasons, scans, models, losses
    #[command(after_help = crate::export_args::REPORT_EXAMPLES)]
    Report(crate::export_args::ReportArgs),
    /// Users of the dashboard: add, passwd, role, remove, list; also while it runs
    #[command(after_help = crate::user_args::USER_EXAMPLES)]
    User(crate::user_args::UserArgs),
    /// Tokens of the API: create, revoke, list; also while it runs
    #[command(after_help = crate::user_args::TOKEN_EXAMPLES)]
    Token(crate::user_args::TokenArgs),
    /// Self-test: play a crafted capture and say which detections fired
    Check(CheckArgs),
    /// What would stop or hurt it on this machine, each with what to do; exit code 1 when something fails
    #[command(after_help = crate::commands::self_check::EXAMPLES)]
    SelfCheck(crate::commands::self_check::SelfCheckArgs),
    /// Ask a running Tripline whether it answers: exit code 0, else 1
    Health(crate::commands::health::HealthArgs),
    /// Manual pages into a folder
    #[command(hide = true)]
    Man {
        /// Folder
        dir: PathBuf,
    },
    /// Shell completions on standard output
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
}

/// `run`.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Interface to watch; may be given several times [default: the default route's, or host counters without the right to capture]
    #[arg(short = 'i', long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// File to replay: a capture, or a log (`-` is standard input); may be given several times
    #[arg(short = 'r', long = "read", value_name = "FILE", conflicts_with = "interfaces")]
    pub read: Vec<PathBuf>,
    /// Collect flow exports (NetFlow, IPFIX, sFlow) at this address; without a port at 2055, 4739 and 6343
    #[arg(long, value_name = "ADDR[:PORT]", conflicts_with = "read")]
    pub collect: Vec<String>,
    /// Take captures that others send by TCP at this address (tcpdump -U -w - 'not port PORT' | nc ADDR PORT)
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "read")]
    pub pcap_listen: Vec<String>,
    /// Filter in tcpdump's syntax, run in the kernel for interfaces
    #[arg(short = 'F', long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Where the dashboard listens [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Replay speed: 1 is the file's own pace, `max` is as fast as possible
    #[arg(long, value_name = "N|max", default_value = "1")]
    pub speed: String,
    /// Part of the work that this process does, with Apache Kafka between the parts ([kafka], [roles]) [default: all of it]
    #[arg(long, value_name = "ROLE,…", value_delimiter = ',')]
    pub role: Vec<Role>,
    /// Stop after this long, for example 30s
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,
}

/// Roles of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Source to features
    Sensor,
    /// Models and alerts
    Detector,
    /// Store and dashboard
    Server,
}

/// `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Where the dashboard listens [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Same seed, same traffic
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Stop after this long, for example 30s
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,
}

/// What flow exports inside captures are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exports {
    /// The flows they tell, in place of their packets
    Auto,
    /// The flows they tell, and nothing else of the capture
    Only,
    /// Packets like any other
    Ignore,
}

impl From<Exports> for decode::InCaptures {
    fn from(given: Exports) -> Self {
        match given {
            Exports::Auto => Self::Auto,
            Exports::Only => Self::Only,
            Exports::Ignore => Self::Ignore,
        }
    }
}

/// Output of `analyze`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnalyzeFormat {
    /// For people
    Text,
    /// One object (tripline.analysis/1)
    Json,
    /// Suricata's EVE, one alert a line
    Eve,
    /// A self-contained page
    Html,
}

/// `analyze`.
#[derive(Debug, Clone, Args)]
pub struct AnalyzeArgs {
    /// Captures (pcap, pcapng), captures or dumps of flow exports; plain, gzip, zstd; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Filter in tcpdump's syntax
    #[arg(short = 'F', long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// What flow exports inside captures are taken for [default: exports.in_captures]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub exports: Option<Exports>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = AnalyzeFormat::Text)]
    pub output: AnalyzeFormat,
    /// Write to this file instead of standard output
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: Option<PathBuf>,
    /// Learn from the beginning only, then judge the rest: a duration (10m, 1h) or a share of the time span (20%)
    #[arg(long, value_name = "DURATION|N%", conflicts_with = "model")]
    pub train_first: Option<String>,
    /// Judge with the models in this folder instead of learning
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Threads that decode and keep flows; the result is the same for any number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = workers())]
    pub workers: usize,
    /// Exit with 1 when an incident is this severe or worse
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<String>,
    /// Seed of the models
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Tell the progress on standard error in lines that a program reads: `progress total N`, `progress read N`
    #[arg(long, hide = true)]
    pub progress_lines: bool,
}

/// Output of `flows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FlowsFormat {
    /// `CICFlowMeter`'s column names
    Csv,
    /// All statistics, one object a line
    Json,
    /// Suricata's EVE
    Eve,
    /// Zeek's conn.log
    Zeek,
    /// Apache Parquet, the columns of json
    Parquet,
    /// Count only, write nothing
    None,
}

/// `flows`.
#[derive(Debug, Clone, Args)]
pub struct FlowsArgs {
    /// Captures (pcap, pcapng), captures or dumps of flow exports; plain, gzip, zstd; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Filter in tcpdump's syntax
    #[arg(short = 'F', long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// What flow exports inside captures are taken for [default: exports.in_captures]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub exports: Option<Exports>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = FlowsFormat::Csv)]
    pub output: FlowsFormat,
    /// Write to this file instead of standard output
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: Option<PathBuf>,
    /// Threads that decode and keep flows; the result is the same for any number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = workers())]
    pub workers: usize,
}

/// What `train` and `evaluate` read.
#[derive(Debug, Clone, Args)]
pub struct InputArgs {
    /// Captures, or tables: flow CSV, Zeek logs, JSON lines, Parquet, any rows of numbers and categories; gzip and zstd too
    #[arg(required = true, value_name = "INPUT")]
    pub files: Vec<PathBuf>,
    /// Attacks as CSV: start,end,src,dest,dest_port,kind; empty is any
    #[arg(long, value_name = "FILE", conflicts_with_all = ["packet_labels", "label_column"])]
    pub labels: Option<PathBuf>,
    /// A 0 or 1 for each packet, one a line; a file for each capture
    #[arg(long, value_name = "FILE", conflicts_with = "label_column")]
    pub packet_labels: Vec<PathBuf>,
    /// Column of the table that names the attack, by name or number from 1
    #[arg(long, value_name = "NAME", requires = "benign")]
    pub label_column: Option<String>,
    /// Values of that column that are no attack
    #[arg(long, value_name = "VALUE,…", value_delimiter = ',', requires = "label_column")]
    pub benign: Vec<String>,
    /// Column with the kind of attack, when it is another one
    #[arg(long, value_name = "NAME", requires = "label_column")]
    pub kind_column: Option<String>,
    /// Columns that are not used, by name or number from 1
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub drop: Vec<String>,
    /// Does the first line of a CSV name the columns?
    #[arg(long, value_enum, default_value_t = HeaderChoice::Auto)]
    pub header: HeaderChoice,
    /// Part of the rows in order of time, for example 0-50%
    #[arg(long, value_name = "FROM-TO%")]
    pub rows: Option<String>,
    /// Part of the benign rows among them, in order of time; attacks stay
    #[arg(long, value_name = "FROM-TO%")]
    pub benign_rows: Option<String>,
}

/// First line of a CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HeaderChoice {
    /// Names, when no cell is a number
    Auto,
    /// Names
    Yes,
    /// A row
    No,
}

/// What models are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrainKind {
    /// Flows of captures, or rows of a table
    Flow,
    /// Packets of captures: packet.model
    Packet,
    /// Minutes of hosts in captures: host.model
    Host,
    /// Series of interfaces and busy hosts in captures: series.model
    Series,
}

/// `train`.
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// Input and labels
    #[command(flatten)]
    pub input: InputArgs,
    /// Folder for the models; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What is modelled
    #[arg(long, value_enum, default_value_t = TrainKind::Flow)]
    pub kind: TrainKind,
    /// Forget the labels and leave this share of attacks among the benign rows, for example 0.4%: what does the guard bear?
    #[arg(long, value_name = "SHARE%")]
    pub leave_attacks: Option<String>,
    /// Verdicts given on a dashboard as further labels: its data directory; a process may be using it
    #[arg(long, value_name = "DIR")]
    pub verdicts: Option<PathBuf>,
    /// Models that vote [default: all that keep their promised rate of false positives]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub models: Vec<String>,
    /// Same input and seed, same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Output of `evaluate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvaluateFormat {
    /// For people
    Text,
    /// One object (tripline.evaluation/1)
    Json,
    /// A self-contained page with curves
    Html,
}

/// `evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    /// Input and labels
    #[command(flatten)]
    pub input: InputArgs,
    /// Folder with the models
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = EvaluateFormat::Text)]
    pub output: EvaluateFormat,
    /// Write to this file instead of standard output
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: Option<PathBuf>,
    /// Rate of false positives that thresholds are set for, from training alone [default: what training chose where attacks
    /// were labelled, else 0.01]
    #[arg(long, value_name = "RATE")]
    pub false_positive_rate: Option<f64>,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `simulate`.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Scenarios, separated by commas
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', default_value = "office")]
    pub scenario: Vec<String>,
    /// List the scenarios
    #[arg(long)]
    pub list: bool,
    /// Span of capture time
    #[arg(long, value_name = "D", default_value = "10m")]
    pub duration: String,
    /// At most this many packets a second
    #[arg(long, value_name = "PPS")]
    pub rate: Option<f64>,
    /// Same seed, same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// First packet's time, RFC 3339
    #[arg(long, value_name = "TIME", default_value = "2026-01-05T09:00:00Z")]
    pub start: String,
    /// Write a pcap file
    #[arg(short = 'w', long = "write", value_name = "OUT.pcap", required_unless_present_any = ["interface", "list"])]
    pub write: Option<PathBuf>,
    /// Write the labels: start,end,src,dest,dest_port,kind
    #[arg(long, value_name = "OUT.csv")]
    pub labels: Option<PathBuf>,
    /// Send on this interface at the traffic's own pace instead
    #[arg(short = 'i', long = "interface", value_name = "IFACE", conflicts_with = "write")]
    pub interface: Option<String>,
}

/// `interfaces`.
#[derive(Debug, Clone, Args)]
pub struct InterfacesArgs {
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
    pub output: ListFormat,
}

/// Output of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Text,
    /// One JSON array
    Json,
}

/// `config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigAction {
    /// Write a commented file with every setting and its default
    Init {
        /// Write to this file (never over an existing one) instead of standard output
        #[arg(short = 'w', long = "write", value_name = "OUT")]
        write: Option<PathBuf>,
        /// Only what a process of this role uses, every default commented out
        #[arg(long, value_enum, value_name = "ROLE")]
        role: Option<crate::settings::role_file::FileRole>,
    },
    /// Show the settings in force: defaults, file, environment, --set
    Show,
    /// Check the file and say what is wrong where
    Check,
}

/// `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
    pub output: ListFormat,
}

/// `notify`.
#[derive(Debug, Clone, Args)]
pub struct NotifyArgs {
    /// Send a made-up incident now, past queue, quiet hours and limits
    #[arg(long)]
    pub test: bool,
    /// Only this channel [default: all that are enabled]
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// Put messages that were given up back into the queue; a running tripline sends them within seconds
    #[arg(long, conflicts_with = "test")]
    pub retry: bool,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
    pub output: ListFormat,
}

/// `models`.
#[derive(Debug, Clone, Args)]
pub struct ModelsArgs {
    /// Folder of models [default: the data directory]
    #[arg(long, value_name = "DIR", global = true)]
    pub model: Option<PathBuf>,
    /// What to do; list when not said
    #[command(subcommand)]
    pub action: Option<ModelsAction>,
}

/// `models import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// ONNX file: trees, linear models, dense networks, as scikit-learn's and PyTorch's exporters write them
    #[arg(value_name = "ONNX")]
    pub onnx: PathBuf,
    /// Its manifest: name, features, scaling, meaning [default: the ONNX file's name with .toml]
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Benign captures or tables to calibrate it on; without any it stays in shadow until `run` trains again
    #[arg(long, value_name = "FILE")]
    pub calibrate: Vec<PathBuf>,
    /// Only print what the model answers for each row of this capture or table
    #[arg(long = "try", value_name = "FILE", conflicts_with = "calibrate")]
    pub try_rows: Option<PathBuf>,
    /// A model that takes longer for a row is muted, microseconds
    #[arg(long, value_name = "US", default_value_t = crate::live::importing::COST_MAX_US)]
    pub cost_max_us: f64,
}

/// What to do with models.
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsAction {
    /// Every models' file with its version, date and reason
    List {
        /// Output format
        #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
        output: ListFormat,
    },
    /// What a version learned from, its members and thresholds
    Show {
        /// Version [default: the one in use]
        version: Option<u64>,
        /// Which models: flow, packet, host, series
        #[arg(long, value_name = "KIND", default_value = crate::live::artifact::FLOW)]
        kind: String,
        /// Output format
        #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
        output: ListFormat,
    },
    /// Check every file's checksums and shape; exit code 2 when one is damaged
    Verify {
        /// Output format
        #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
        output: ListFormat,
    },
    /// Take in a model of your own from an ONNX file; only while no process uses the directory
    Import(ImportArgs),
    /// Put a kept version in place; only while no process uses the directory
    Rollback {
        /// Version, as `list` shows it
        version: u64,
        /// Which models: flow, packet, host, series
        #[arg(long, value_name = "KIND", default_value = crate::live::artifact::FLOW)]
        kind: String,
    },
}
