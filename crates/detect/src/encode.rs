//! From a schema's rows to models' rows: every category becomes its surprise, −ln of its share in training. Also keeps
//! what is normal for each column, for explanations. The raw category code never reaches a model.

use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{FeatureKind, Matrix, Schema};

/// Most codes kept per category; rarer ones count as unseen.
const CODES_MAX: usize = 4096;

/// Learned encoding.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    tables: Vec<Table>,
    /// 1 %, 50 % and 99 % of each encoded column.
    ranges: Vec<[f32; 3]>,
}

#[derive(Clone, Debug, PartialEq)]
struct Table {
    column: usize,
    /// Sorted by code.
    codes: Vec<u32>,
    surprises: Vec<f32>,
    unseen: f32,
}

impl Table {
    fn fit(column: usize, rows: &Matrix) -> Self {
        let mut seen: Vec<u32> = (0..rows.rows()).map(|row| code(rows.row(row)[column])).collect();
        seen.sort_unstable();
        let mut counts: Vec<(u32, usize)> = Vec::new();
        for code in seen {
            match counts.last_mut() {
                Some((last, count)) if *last == code => *count += 1,
                _ => counts.push((code, 1)),
            }
        }
        if counts.len() > CODES_MAX {
            counts.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
            counts.truncate(CODES_MAX);
            counts.sort_unstable();
        }
        let total = rows.rows() as f32 + 1.0;
        let surprise = |count: f32| (total / count).ln();
        Self {
            column,
            codes: counts.iter().map(|(code, _)| *code).collect(),
            surprises: counts.iter().map(|(_, count)| surprise(*count as f32)).collect(),
            unseen: surprise(0.5),
        }
    }

    fn surprise(&self, value: f32) -> f32 {
        self.codes.binary_search(&code(value)).map_or(self.unseen, |place| self.surprises[place])
    }
}

/// Saturating: negative values and NaN are code 0.
fn code(value: f32) -> u32 {
    value as u32
}

impl Encoder {
    /// Learns the categories' shares.
    #[must_use]
    pub fn fit(schema: &Schema, rows: &Matrix) -> Self {
        let categories = schema.features.iter().enumerate().filter(|(_, f)| f.kind == FeatureKind::Category);
        let tables = categories.map(|(column, _)| Table::fit(column, rows)).collect();
        Self { tables, ranges: vec![[0.0; 3]; schema.features.len()] }
    }

    /// Learns what is normal from encoded rows.
    pub fn fit_ranges(&mut self, encoded: &Matrix) {
        let mut column_values = Vec::with_capacity(encoded.rows());
        for column in 0..encoded.columns {
            column_values.clear();
            column_values.extend((0..encoded.rows()).map(|row| encoded.row(row)[column]));
            column_values.sort_by(f32::total_cmp);
            let at = |share: f64| {
                let place = (share * column_values.len().saturating_sub(1) as f64).round() as usize;
                column_values.get(place).copied().unwrap_or(0.0)
            };
            self.ranges[column] = [at(0.01), at(0.5), at(0.99)];
        }
    }

    /// Replaces categories and everything that is not finite, in place. `values` is row-major with the schema's columns.
    pub fn encode(&self, values: &mut [f32]) {
        for value in values.iter_mut() {
            if !value.is_finite() {
                *value = 0.0;
            }
        }
        for row in values.chunks_exact_mut(self.ranges.len().max(1)) {
            for table in &self.tables {
                row[table.column] = table.surprise(row[table.column]);
            }
        }
    }

    /// 1 %, 50 % and 99 % of a column in training, encoded.
    #[must_use]
    pub fn range(&self, column: usize) -> [f32; 3] {
        self.ranges[column]
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        out.u32(self.tables.len() as u32);
        for table in &self.tables {
            out.u32(table.column as u32);
            out.f32s(&[table.unseen]);
            out.u32s(&table.codes);
            out.f32s(&table.surprises);
        }
        out.f32s(self.ranges.as_flattened());
    }

    pub(crate) fn load(reader: &mut Reader<'_>, columns: usize) -> Result<Self, DetectError> {
        let mut tables = Vec::new();
        for _ in 0..reader.count(0, columns, "number of categories")? {
            let column = reader.count(0, columns - 1, "category column")?;
            let unseen = reader.f32s_of(1, "surprise of the unseen")?[0];
            let codes = reader.u32s()?;
            let surprises = reader.f32s_of(codes.len(), "surprises")?;
            if !codes.is_sorted() {
                return Err(DetectError::Damaged("category codes are out of order".to_owned()));
            }
            tables.push(Table { column, codes, surprises, unseen });
        }
        let flat = reader.f32s_of(columns * 3, "ranges")?;
        Ok(Self { tables, ranges: flat.chunks_exact(3).map(|range| [range[0], range[1], range[2]]).collect() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::Feature;

    static COLUMNS: [Feature; 2] = [
        Feature::fixed("size", "", FeatureKind::Log1p, "size"),
        Feature::fixed("service", "nats", FeatureKind::Category, "rarity"),
    ];
    static SCHEMA: Schema = Schema::fixed("test/1", &COLUMNS);

    #[test]
    fn a_rare_category_is_more_surprising_and_an_unseen_one_most() {
        let mut rows = Matrix::with_capacity(1000, 2);
        for row in 0..1000 {
            rows.push(&[row as f32, if row % 100 == 0 { 9.0 } else { 4.0 }]);
        }
        let mut encoder = Encoder::fit(&SCHEMA, &rows);
        let mut values = vec![1.0, 4.0, f32::NAN, 9.0, 3.0, 77.0];
        encoder.encode(&mut values);
        assert!(values[1] < values[3] && values[3] < values[5], "{values:?}");
        assert_eq!(values[2], 0.0);
        assert!((values[3] - (1001.0_f32 / 10.0).ln()).abs() < 1e-6);
        let mut encoded = rows.clone();
        encoder.encode(&mut encoded.values);
        encoder.fit_ranges(&encoded);
        assert_eq!(encoder.range(0), [10.0, 500.0, 989.0]);
        let mut writer = Writer::default();
        encoder.save(&mut writer);
        assert_eq!(Encoder::load(&mut Reader::new(&writer.bytes), 2).unwrap(), encoder);
    }
}
