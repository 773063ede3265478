//! Damaged tables: bytes changed, removed and doubled in every format. A table is read or refused in words, never with a panic, and
//! what is read has as many truths as rows.
#![allow(clippy::unwrap_used)]

use evaluate::tables::{TableError, TablePlan, read};
use parquet::data_type::{ByteArrayType, DoubleType};
use parquet::file::writer::SerializedFileWriter;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::path::Path;
use std::sync::Arc;

/// Damaged copies of each table.
const COPIES: usize = 400;

fn parquet() -> Vec<u8> {
    let schema = "message m { required double bytes; optional binary proto (STRING); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let numbers: Vec<f64> = (0..40).map(f64::from).collect();
    column.typed::<DoubleType>().write_batch(&numbers, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let texts: Vec<parquet::data_type::ByteArray> =
        (0..20).map(|n| if n % 2 == 0 { "tcp".into() } else { "udp".into() }).collect();
    let there: Vec<i16> = (0..40).map(|n| n % 2).collect();
    column.typed::<ByteArrayType>().write_batch(&texts, Some(&there), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.into_inner().unwrap()
}

fn rows(line: impl Fn(u32) -> String) -> String {
    (0..40).map(line).collect::<Vec<_>>().join("\n")
}

fn whole() -> Vec<(&'static str, Vec<u8>)> {
    let csv = format!("bytes,proto,src_ip,start\n{}\n", rows(|n| format!("{n},tcp,10.0.0.{n},{}", 1_600_000_000 + n)));
    let zeek = format!(
        "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\tconn_state\tduration\n{}\n",
        rows(|n| format!("{}.5\t10.0.0.{n}\t10.1.0.1\tSF\t{n}", 1_600_000_000 + n))
    );
    let json = rows(|n| format!("{{\"bytes\": {n}, \"proto\": \"udp\", \"more\": {{\"x\": [1, {n}]}}}}"));
    vec![("csv", csv.into()), ("zeek", zeek.into()), ("json", json.into()), ("parquet", parquet())]
}

/// Rows read, and the width of the matrix that a plan makes of them.
fn take(path: &Path) -> Result<(usize, usize), TableError> {
    let table = read(&[path.to_owned()], &evaluate::tables::ReadOptions::default())?;
    let all: Vec<usize> = (0..table.raw.rows).collect();
    assert_eq!(table.info.len(), table.raw.rows);
    let plan = TablePlan::learn(&table, &all)?;
    let (matrix, _) = plan.apply(&table, &all)?;
    assert!(matrix.values.iter().all(|value| value.is_finite()));
    Ok((matrix.rows(), matrix.columns))
}

#[test]
fn whole_tables_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in whole() {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (rows, columns) = take(&path).unwrap();
        assert!(rows == 40 && columns > 0, "{name}: {rows} rows of {columns}");
    }
}

#[test]
fn damaged_tables_are_read_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(11);
    for (name, bytes) in whole() {
        let path = dir.path().join(name);
        let mut refused = 0;
        for _ in 0..COPIES {
            let mut copy = bytes.clone();
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..copy.len());
                match random.random_range(0..4) {
                    0 => copy[at] = random.random_range(0..=255_u8),
                    1 => drop(copy.remove(at)),
                    2 => copy.truncate(at.max(1)),
                    _ => copy.insert(at, [b'\n', b',', b'"', 0xff, 0][random.random_range(0..5)]),
                }
            }
            std::fs::write(&path, &copy).unwrap();
            match take(&path) {
                Ok((rows, _)) => assert!(rows <= copy.len()),
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().len() < 600 && !error.to_string().is_empty(), "{error}");
                }
            }
        }
        assert!(refused > COPIES / 20, "{name}: only {refused} of {COPIES} damaged copies were refused");
    }
}
