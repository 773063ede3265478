//! Whole tables through reading, meaning and plan: what each maker's file becomes, and what is refused in which words.
#![allow(clippy::unwrap_used)]

use super::*;
use record::FeatureKind;
use std::fmt::Write as _;

/// A file with this text, kept while the guard lives.
fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn table(text: &str) -> Prepared {
    let (_dir, path) = file("t.csv", text);
    read(&[path], &ReadOptions::default()).unwrap()
}

fn refused(text: &str) -> String {
    let (_dir, path) = file("t.csv", text);
    read(&[path], &ReadOptions::default()).unwrap_err().to_string()
}

fn all(table: &Prepared) -> Vec<usize> {
    (0..table.raw.rows).collect()
}

fn column(plan: &TablePlan, rows: &record::Matrix, name: &str) -> Vec<f32> {
    let schema = plan.schema();
    let place = schema.features.iter().position(|feature| feature.name == name).unwrap();
    (0..rows.rows()).map(|row| rows.row(row)[place]).collect()
}

#[test]
fn values_follow_the_stated_rules() {
    let train = table("bytes,share,delta,proto\n0,0.5,-3,tcp\n100,0.25,1,tcp\n1000,0,2,udp\nInfinity,1,NaN,tcp\n");
    let plan = TablePlan::learn(&train, &all(&train)).unwrap();
    let schema = plan.schema();
    let kinds: Vec<(&str, FeatureKind)> = schema.features.iter().map(|f| (&*f.name, f.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("bytes", FeatureKind::Log1p),
            ("share", FeatureKind::Linear),
            ("delta", FeatureKind::Linear),
            ("proto_tcp", FeatureKind::Linear),
            ("proto_udp", FeatureKind::Linear),
            ("proto_rarity", FeatureKind::Category),
        ]
    );
    let test = table("proto,share,bytes,delta\nicmp,,-,inf\nudp,2,10,-inf\n6,1,inf,nan\n");
    let (rows, notes) = plan.apply(&test, &all(&test)).unwrap();
    assert!(notes.is_empty());
    // Missing: 0 where training had nothing below 0; infinite: the largest finite value of training.
    assert_eq!(column(&plan, &rows, "bytes"), [0.0, 11_f32.ln(), 1001_f32.ln()]);
    assert_eq!(column(&plan, &rows, "share"), [0.0, 2.0, 1.0]);
    // Infinite: the ends of training (2 and −3); missing: its median (1), for it goes below 0.
    assert_eq!(column(&plan, &rows, "delta"), [2.0, -3.0, 1.0]);
    // Never seen: no flag, and the code that stands for it. Protocol 6 is tcp.
    assert_eq!(column(&plan, &rows, "proto_tcp"), [0.0, 0.0, 1.0]);
    assert_eq!(column(&plan, &rows, "proto_rarity"), [0.0, 2.0, 1.0]);
}

#[test]
fn what_names_a_row_or_a_moment_is_left_out() {
    let mut text = String::from("number,offset,start,src_ip,value,empty,fixed,label\n");
    for row in 0..200 {
        let _ = writeln!(
            text,
            "{},{},{},10.0.0.{},{},,7,x",
            5000 + row,
            f64::from(row) * 0.5,
            1_600_000_000 + row,
            row % 9,
            row * 7919 % 101
        );
    }
    let t = table(&text);
    let plan = TablePlan::learn(&t, &all(&t)).unwrap();
    let kept: Vec<&str> = plan.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(kept, ["value", "fixed"], "{:?}", plan.left_out);
    let (rows, _) = plan.apply(&t, &all(&t)).unwrap();
    // A constant column stays: a first change of it is strange.
    assert!(column(&plan, &rows, "fixed").iter().all(|value| *value == 8_f32.ln()));
    assert!(t.info[3].start.is_some() && t.info[3].source.is_some());
}

#[test]
fn columns_that_lack_or_hold_something_else_are_named() {
    let train = table("a,b,c\n1,2,x\n3,4,y\n");
    let plan = TablePlan::learn(&train, &all(&train)).unwrap();
    let lacking = table("a,d\n1,2\n");
    let error = plan.apply(&lacking, &all(&lacking)).unwrap_err().to_string();
    assert!(error.contains("lacks columns that the models learned from") && error.contains(": b, c;"), "{error}");
    let more = table("e,c,b,a,f_label\n9,x,2,1,z\n");
    assert!(
        plan.apply(&more, &all(&more)).unwrap().1[0].ends_with("are not used: e"),
        "{:?}",
        plan.apply(&more, &all(&more))
    );
    let text = table("a,b,c\n1,2,x\n1,many,x\n");
    let error = plan.apply(&text, &all(&text)).unwrap_err().to_string();
    assert!(error.ends_with("t.csv, line 3: column b is `many`, where the models learned numbers"), "{error}");
}

#[test]
fn the_plan_survives_its_artifact() {
    let train = table("a,b,dst_port,protocol\n1,x,80,6\n3,y,443,17\n2,y,443,17\n");
    let plan = TablePlan::learn(&train, &all(&train)).unwrap();
    let loaded: TablePlan = serde_json::from_slice(&serde_json::to_vec(&plan).unwrap()).unwrap();
    assert_eq!((loaded.schema().fingerprint(), &loaded), (plan.schema().fingerprint(), &plan));
    assert!(plan.schema().features.iter().any(|feature| feature.name == "service_group_rarity"));
    assert!(plan.schema().features.iter().all(|feature| !feature.name.contains("port")));
}

#[test]
fn files_that_are_no_tables_say_what_they_are() {
    assert!(refused("").contains("it is empty"));
    assert!(refused("a,b\n").contains("it holds no rows"));
    assert!(refused("a,b\n1,2\n3\n").contains("line 3: the row has 1 columns where 2"));
    let (_dir, path) = file("t.bin", "\u{1}\u{0}\u{2}");
    assert!(read(&[path], &ReadOptions::default()).unwrap_err().to_string().contains("neither a capture nor a table"));
    let drop = ReadOptions { drop: vec!["z".into()], ..ReadOptions::default() };
    let (_dir, path) = file("t.csv", "a,b\n1,2\n");
    assert!(read(&[path], &drop).unwrap_err().to_string().contains("--drop z"));
}

#[test]
fn too_many_columns_give_up_their_flags_first() {
    let head: Vec<String> = (0..260).map(|n| format!("c{n}")).collect();
    let row = |seed: usize| (0..260).map(|n| ((n * 31 + seed * 17) % 97).to_string()).collect::<Vec<_>>().join(",");
    let wide = table(&format!("{}\n{}\n{}\n", head.join(","), row(1), row(2)));
    let error = TablePlan::learn(&wide, &all(&wide)).unwrap_err().to_string();
    assert!(error.contains("260 columns are more than the 256") && error.contains("--drop"), "{error}");
    let text: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
    let row = |value: &str| vec![value; 100].join(",");
    let flags = table(&format!("{}\n{}\n{}\n{}\n", text.join(","), row("a"), row("b"), row("c")));
    let plan = TablePlan::learn(&flags, &all(&flags)).unwrap();
    assert!(
        plan.schema().features.len() <= 256
            && plan.columns.iter().filter(|c| matches!(c.coding, Coding::Rarity(_))).count() == 100
    );
}

const ZEEK: &str = "ts,uid,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,service,duration,orig_bytes,resp_bytes,conn_state,label\n\
    1545403816.96,CrDn,192.168.1.195,41040,185.244.25.235,80,tcp,,3.1,0,0,S0,Benign\n";
const NFSTREAM: &str = "src_ip,dst_ip,dst_port,protocol,bidirectional_first_seen_ms,bidirectional_last_seen_ms,\
    bidirectional_packets,src2dst_first_seen_ms,src_mac\n\
    10.0.0.1,10.0.0.2,53,17,1545403816000,1545403817000,4,1545403816000,00:10:18:cb:8c:13\n";
const OURS: &str = "flow_id,start,end,src_ip,dest_ip,dest_port,proto,pkts_toserver,bytes_toserver,community_id,src_mac\n\
    7,1545403816.5,1545403817.5,10.0.0.1,10.0.0.2,443,TCP,4,400,1:x=,00:10:18:cb:8c:13\n";

const EVE: &str = "{\"timestamp\":\"2018-12-21T15:00:00.000000+0000\",\"event_type\":\"alert\",\"src_ip\":\"10.0.0.1\",\"alert\":{\"gid\":1}}\n\
    {\"event_type\":\"flow\",\"flow_id\":7,\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\"dest_port\":53,\"proto\":\"UDP\",\
    \"flow\":{\"pkts_toserver\":1,\"bytes_toserver\":80,\"start\":\"2018-12-21T15:00:00.000000+0000\",\
    \"end\":\"2018-12-21T15:00:02.000000+0000\",\"alerted\":true}}\n";

fn nsl_kdd() -> String {
    let numbers: Vec<String> = (0..37).map(|n| n.to_string()).collect();
    format!("0,tcp,http,SF,{},normal,20\n", numbers.join(","))
}

/// The first release's names.
fn cicflowmeter() -> String {
    let directions = ["Fwd", "Bwd"];
    let parts =
        ["Packet Length Max", "Packet Length Min", "Packet Length Mean", "IAT Total", "IAT Mean", "IAT Max", "IAT Min"];
    let mut names: Vec<String> =
        directions.iter().flat_map(|d| parts.iter().map(move |p| format!("{d} {p}"))).collect();
    for name in [
        "Flow ID",
        " Source IP",
        " Source Port",
        " Destination IP",
        " Destination Port",
        " Protocol",
        " Timestamp",
        " Flow Duration",
        " Total Fwd Packets",
        " Total Backward Packets",
        "Init_Win_bytes_forward",
        "act_data_pkt_fwd",
        "Flow Bytes/s",
        " Label",
        "Attempted Category",
    ] {
        names.push(name.to_owned());
    }
    let value = |name: &String| match name.trim() {
        "Source IP" => "10.0.0.1",
        "Destination IP" => "10.0.0.2",
        "Timestamp" => "6/7/2017 3:30:01 PM",
        "Flow ID" => "a-b-c",
        "Label" => "BENIGN",
        "Flow Duration" => "2000000",
        _ => "80",
    };
    let values: Vec<&str> = names.iter().map(value).collect();
    format!("{}\n{}\n", names.join(","), values.join(","))
}

/// Runs over the registry: a new dialect needs a sample here.
#[test]
fn each_makers_table_is_recognised_by_its_dialect_alone_and_gives_nothing_away() {
    let samples = [nsl_kdd(), ZEEK.to_owned(), NFSTREAM.to_owned(), OURS.to_owned(), EVE.to_owned(), cicflowmeter()];
    assert_eq!(samples.len(), dialects::DIALECTS.len(), "a dialect without a sample");
    for (sample, own) in samples.iter().zip(dialects::DIALECTS) {
        let t = table(sample);
        assert_eq!(t.format, own.name);
        let claims = dialects::DIALECTS.iter().filter(|dialect| (dialect.recognise)(&t.raw)).count();
        assert_eq!(claims, 1, "{} is claimed twice", own.name);
        let plan = TablePlan::learn(&t, &[0]).unwrap();
        for feature in plan.schema().features.iter() {
            for banned in
                ["address", "mac", "_ip", "time", "label", "port", "alert", "difficulty", "category_", "uid", "seen"]
            {
                let rate_of_ports = own.name == "NSL-KDD" && feature.name == "dst_host_same_src_port_rate";
                assert!(
                    rate_of_ports || !feature.name.contains(banned),
                    "{}: {} reaches the models",
                    own.name,
                    feature.name
                );
            }
        }
    }
}

#[test]
fn who_and_when_are_kept_beside_the_features() {
    let t = table(ZEEK);
    assert_eq!(t.info[0].destination_port, Some(80));
    assert_eq!(t.info[0].end.unwrap().since(t.info[0].start.unwrap()), 3_100_000_000);
    let cic = table(&cicflowmeter());
    assert_eq!(cic.info[0].end.unwrap().since(cic.info[0].start.unwrap()), 2_000_000_000);
    assert_eq!(cic.info[0].source.unwrap().addr, "10.0.0.1".parse().ok());
    assert_eq!((cic.info[0].packets, cic.info[0].service_name), (160.0, Some(80)));
    let json = "{\"ts\":1545403816.96,\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"10.0.0.2\",\"conn_state\":\"SF\",\"duration\":1}\n";
    assert_eq!(table(json).format, "Zeek conn.log");
    let eve = table(EVE);
    assert_eq!((eve.raw.rows, eve.info[0].service_name), (1, Some(53)));
    assert_eq!(eve.info[0].end.unwrap().since(eve.info[0].start.unwrap()), 2_000_000_000);
    assert!(eve.raw.notes[0].contains("1 events that are no flows"));
    let kdd = table(&nsl_kdd());
    assert_eq!((kdd.meanings[41].role, kdd.meanings[42].role), (Role::Label, Role::Ignored));
    assert!(kdd.info[0].rate.is_some() && kdd.info[0].fan_out.is_some() && kdd.info[0].start.is_none());
}
