//! What the models of the levels beside flows and packets say of themselves: in words, as members for the API, from a file. Owns no
//! model and no timetable; `level_models` trains them.

use super::status::Status;
use detect::series::{Group, SeriesModel};
use detect::stream::HostModel;
use detect::{DetectError, MemberInfo};
use evaluate::Judge;
use evaluate::watch::{MEMBER_P_VALUE, MemberWatch};
use serve::shapes::ModelMember;

/// Names of the members that forecast series.
const INTERFACES: &str = "lstm_interfaces";
const HOSTS: &str = "lstm_hosts";

/// What became of the host level, in words.
pub fn host_words(model: &HostModel) -> String {
    let (member, (rows, hosts, _)) = (model.member(), model.span());
    let kept = if member.admitted {
        "keeps its promise on those held out, so it raises alerts of its own"
    } else {
        "flags more of those held out than it promises, so it raises nothing"
    };
    format!("Learned {rows} minutes of {hosts} hosts; {kept}")
}

/// What became of a group of series, in words.
pub fn series_words(group: &Group) -> String {
    let (member, report, (series, steps)) = (group.member(), group.report(), group.span());
    let (what, one) = if is_of_interfaces(group) { ("interfaces", "interface") } else { ("hosts", "host") };
    let of = if series == 1 { one } else { what };
    let naive = report.loss_last.min(report.loss_season);
    let gain = (naive - report.loss).abs();
    let kept = match (member.admitted, report.admitted) {
        (true, _) => format!(
            "forecasts held-out steps better than the last or seasonal value by {gain:.2} nats a step, so it raises alerts of its own"
        ),
        (false, false) => format!(
            "the last or seasonal value forecasts held-out steps as well or better, by {gain:.2} nats a step, so it raises nothing"
        ),
        (false, true) => "flags more of the held-out steps than it promises, so it raises nothing".to_owned(),
    };
    format!("Learned {steps} steps of {series} {of}; {kept}")
}

/// What a level's file says of itself.
pub struct LevelTold {
    /// Schemas of what it learned.
    pub schema: String,
    /// Their columns.
    pub columns: usize,
    /// Members.
    pub members: Vec<MemberInfo>,
    /// In words.
    pub words: Vec<String>,
}

/// What the host level's file says.
pub fn told_of_hosts(bytes: &[u8]) -> std::result::Result<LevelTold, DetectError> {
    let schema = features::host_schema();
    let model = HostModel::from_bytes(bytes, schema)?;
    Ok(LevelTold {
        schema: schema.name.to_string(),
        columns: schema.features.len(),
        members: vec![model.member().clone()],
        words: vec![host_words(&model)],
    })
}

/// What the file of the level of series says.
pub fn told_of_series(bytes: &[u8]) -> std::result::Result<LevelTold, DetectError> {
    let schemas = evaluate::series_schemas();
    let model = SeriesModel::from_bytes(bytes, &schemas)?;
    let groups = model.groups();
    let known = schemas.iter().filter(|schema| groups.iter().any(|group| group.name() == schema.name));
    Ok(LevelTold {
        schema: groups.iter().map(Group::name).collect::<Vec<_>>().join(", "),
        columns: known.map(|schema| schema.features.len()).sum(),
        members: groups.iter().map(series_member).collect(),
        words: groups.iter().map(series_words).collect(),
    })
}

/// A group of series as a member with a name of its own.
fn series_member(group: &Group) -> MemberInfo {
    let name = if is_of_interfaces(group) { INTERFACES } else { HOSTS };
    MemberInfo { name: name.to_owned(), ..group.member().clone() }
}

fn is_of_interfaces(group: &Group) -> bool {
    group.name() == features::interface_series_schema().name
}

/// How the words of the members beside the ensemble are spread, each under the name that people see.
pub fn spread(judge: &mut Judge) -> Vec<MemberWatch> {
    let named = |name: &str, scores: &MemberWatch| MemberWatch { name: name.to_owned(), ..scores.clone() };
    let mut all = vec![
        named(detect::packet::MEMBER, judge.packets().scores()),
        named(detect::stream::MEMBER, judge.host_level().scores()),
    ];
    let of_series = judge.series_level().scores();
    all.extend([INTERFACES, HOSTS].iter().zip(of_series).map(|(name, scores)| named(name, scores)));
    all
}

/// The levels' members, for the API.
pub fn members(status: &Status) -> Vec<ModelMember> {
    let host = status.levels.host.iter().map(|model| ModelMember {
        why: host_words(model),
        ..member("host", "What a host does in a minute: contacts, bytes, names asked for", model.member())
    });
    let groups = status.levels.series.iter().flat_map(|model| model.groups());
    let series = groups.map(|group| {
        let looks_at = if is_of_interfaces(group) {
            "Counters of each interface, every ten seconds, against their forecast"
        } else {
            "Counters of each busy host, every ten seconds, against their forecast"
        };
        ModelMember { why: series_words(group), ..member("series", looks_at, &series_member(group)) }
    });
    host.chain(series).collect()
}

fn member(kind: &str, looks_at: &str, info: &MemberInfo) -> ModelMember {
    ModelMember {
        name: info.name.clone(),
        kind: kind.to_owned(),
        looks_at: looks_at.to_owned(),
        admitted: info.admitted,
        nominal_fpr: Some(MEMBER_P_VALUE),
        held_out_fpr: Some(info.false_positive_rate),
        threshold: Some(f64::from(info.threshold)),
        ..ModelMember::default()
    }
}
