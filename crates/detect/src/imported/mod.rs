//! A user's own model from an ONNX file, with a small manifest that says which columns it reads, how they are scaled and
//! what its answer means. Owns the manifest and the way from rows to scores; calibration and votes are the ensemble's.
//! Files are taken for hostile: everything is bounded and checked, and what is not understood is refused by name. Which
//! operators are understood is in `ops`; why they are our own is in docs/decisions/0006-onnx.md.

mod manifest;
mod ops;
mod program;
mod proto;
mod shapes;
mod tensor;
#[cfg(test)]
mod tests;
mod trees;

pub use manifest::{Manifest, Meaning, Scaling, ValuesAre};
pub use program::FILE_BYTES_MAX;

use crate::DetectError;
use program::Program;
use record::{FeatureKind, Matrix, Schema};
use tensor::Tensor;

/// Rows of a batch where the file leaves it open.
const BATCH_ROWS: usize = 256;
/// How far two answers for the same row may be apart, relative: summing in another order rounds otherwise.
const SAME: f32 = 1e-4;

/// A checked model.
pub struct Imported {
    manifest: Manifest,
    program: Program,
    /// Columns of the schema in the model's order, and whether each is undone to its natural value.
    columns: Vec<(usize, bool)>,
    output: usize,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imported").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

impl Imported {
    /// Reads a file of bytes for rows of `schema` and tries it on two rows.
    ///
    /// # Errors
    /// Not an ONNX file, something in it that is not understood, a manifest that does not fit it or the schema, an answer
    /// that is no number or that depends on other rows: each says what. Never panics.
    pub fn read(bytes: &[u8], manifest: Manifest, schema: &Schema) -> Result<Self, DetectError> {
        let refused = |why: String| DetectError::Import { name: manifest.name.clone(), why };
        manifest.check().map_err(refused)?;
        let columns = columns(&manifest, schema).map_err(refused)?;
        let program = Program::read(bytes).map_err(refused)?;
        if let Some(expected) = program.columns.filter(|expected| *expected != columns.len()) {
            return Err(refused(format!("the file reads {expected} columns, the manifest names {}", columns.len())));
        }
        let names: Vec<&str> = program.outputs().collect();
        let output = match &manifest.output {
            None => names.len() - 1,
            Some(name) => names
                .iter()
                .position(|own| own == name)
                .ok_or_else(|| refused(format!("output {name} is not there; there are {}", names.join(", "))))?,
        };
        let imported = Self { program, columns, output, bytes: bytes.to_vec(), manifest };
        imported.try_out(schema.features.len())?;
        Ok(imported)
    }

    /// Name, from the manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// What it was read with.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The ONNX file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Rows that say whether answers hang together: a row alone, among others, in another place.
    fn try_out(&self, columns: usize) -> Result<(), DetectError> {
        let mut rows = Matrix::with_capacity(3, columns);
        for row in [0.0, 1.0, 2.5] {
            rows.push(&(0..columns).map(|column| row + 0.1 * (column % 7) as f32).collect::<Vec<_>>());
        }
        let together = self.answers(&rows)?;
        for row in [2, 0, 1] {
            let mut alone = Matrix::with_capacity(1, columns);
            alone.push(rows.row(row));
            let (one, among) = (self.answers(&alone)?[0], together[row]);
            if (one - among).abs() > SAME * (1.0 + among.abs()) {
                return Err(self.refused("its answer for a row depends on the other rows of the batch".to_owned()));
            }
        }
        Ok(())
    }

    fn refused(&self, why: String) -> DetectError {
        DetectError::Import { name: self.manifest.name.clone(), why }
    }

    /// What the model itself says of each row of the schema (not encoded): its chosen output and column, or the squared
    /// error of a reconstruction.
    ///
    /// # Errors
    /// The model fails on a batch, or answers with something that is no number.
    pub fn answers(&self, rows: &Matrix) -> Result<Vec<f32>, DetectError> {
        let batch = self.program.batch_rows.unwrap_or(BATCH_ROWS);
        let mut answers = Vec::with_capacity(rows.rows());
        let mut values = Vec::new();
        for part in rows.values.chunks(batch * rows.columns.max(1)) {
            let count = part.len() / rows.columns.max(1);
            let taken = self.program.batch_rows.unwrap_or(count);
            values.clear();
            for row in part.chunks_exact(rows.columns.max(1)) {
                self.prepare(row, &mut values);
            }
            values.resize(taken * self.columns.len(), 0.0);
            let input = Tensor::floats(vec![taken, self.columns.len()], values.clone());
            let output = self.program.run(input, self.output).map_err(|why| self.refused(why))?;
            let of_rows = self.read_answers(&output, &values, taken).map_err(|why| self.refused(why))?;
            answers.extend_from_slice(&of_rows[..count]);
        }
        Ok(answers)
    }

    /// A row as the model wants it.
    fn prepare(&self, row: &[f32], values: &mut Vec<f32>) {
        for (place, (column, natural)) in self.columns.iter().enumerate() {
            let value = row.get(*column).copied().filter(|value| value.is_finite()).unwrap_or(0.0);
            let value = if *natural { value.exp_m1() } else { value };
            values.push(self.manifest.scaling.as_ref().map_or(value, |scaling| scaling.of(place, value)));
        }
    }

    fn read_answers(&self, output: &Tensor, input: &[f32], rows: usize) -> Result<Vec<f32>, String> {
        let values = output.to_floats();
        let width = values.len() / rows.max(1);
        if width == 0 || width * rows != values.len() {
            return Err(format!("its output has the shape {:?} for {rows} rows", output.dims));
        }
        let answers: Vec<f32> = if self.manifest.meaning == Meaning::Reconstruction {
            if width != self.columns.len() {
                return Err(format!("it gives back {width} columns of {}", self.columns.len()));
            }
            let error = |(copy, row): (&[f32], &[f32])| {
                copy.iter().zip(row).map(|(a, b)| (a - b) * (a - b)).sum::<f32>() / width as f32
            };
            values.chunks_exact(width).zip(input.chunks_exact(width)).map(error).collect()
        } else {
            let column = self.manifest.column.unwrap_or(width - 1);
            if column >= width {
                return Err(format!("column {column} of an output with {width}"));
            }
            values.chunks_exact(width).map(|row| row[column]).collect()
        };
        if answers.iter().all(|answer| answer.is_finite()) {
            Ok(answers)
        } else {
            Err("its answer is no number".to_owned())
        }
    }

    /// Scores: higher is stranger. A batch on which it fails counts as not strange at all.
    #[must_use]
    pub fn scores(&self, rows: &Matrix) -> Vec<f32> {
        let sign = if self.manifest.meaning == Meaning::LowerIsStranger { -1.0 } else { 1.0 };
        let answers = self.answers(rows).unwrap_or_else(|_| vec![f32::MIN * sign; rows.rows()]);
        answers.into_iter().map(|answer| answer * sign).collect()
    }
}

/// The schema's columns that the manifest names.
fn columns(manifest: &Manifest, schema: &Schema) -> Result<Vec<(usize, bool)>, String> {
    let natural =
        |column: usize| manifest.values == ValuesAre::Natural && schema.features[column].kind == FeatureKind::Log1p;
    if manifest.features.is_empty() {
        return Ok((0..schema.features.len()).map(|column| (column, natural(column))).collect());
    }
    let find = |name: &String| {
        let found = schema.features.iter().position(|feature| feature.name == *name);
        found
            .map(|column| (column, natural(column)))
            .ok_or_else(|| format!("feature {name} is not in schema {}", schema.name))
    };
    manifest.features.iter().map(find).collect()
}
