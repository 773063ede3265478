//! A filter as an SQL condition. Values are always parameters; only field names from the registry enter the text.

use super::{Compare, Condition, Field, FieldKind, Query, Subject, Test};
use crate::schema::SEGMENT;
use rusqlite::types::Value;

impl Query {
    /// Appends the condition to `sql` (` AND …` for each) and its values to `values`.
    pub(crate) fn append_sql(&self, sql: &mut String, values: &mut Vec<Value>) {
        for condition in &self.conditions {
            sql.push_str(" AND ");
            self.append_condition(condition, sql, values);
        }
    }

    /// The same inside one segment of the flows, whose number is parameter 1: addresses are searched by the segment's indexes.
    pub(crate) fn append_segment_sql(&self, sql: &mut String, values: &mut Vec<Value>) {
        for condition in &self.conditions {
            sql.push_str(" AND ");
            match condition.addresses(self.fields) {
                Some(columns) => append_addresses(&columns, &condition.test, sql, values),
                None => self.append_condition(condition, sql, values),
            }
        }
    }

    /// True when the flows asked for are best found by their addresses.
    pub(crate) fn asks_for_addresses(&self) -> bool {
        self.conditions.iter().any(|c| c.addresses(self.fields).is_some())
    }

    fn append_condition(&self, condition: &Condition, sql: &mut String, values: &mut Vec<Value>) {
        // An unknown (NULL) value does not match, and so is kept by an exclusion.
        sql.push_str(if condition.exclude { "NOT coalesce((" } else { "(" });
        let mut any = false;
        match condition.subject {
            Subject::Field(field) => append_field(field, &condition.test, &mut any, sql, values),
            Subject::Word => {
                let address = matches!(condition.test, Test::Addresses(..));
                for field in self.fields.iter().filter(|f| f.free) {
                    if matches!(field.kind, FieldKind::Ip) == address {
                        append_field(field, &condition.test, &mut any, sql, values);
                    }
                }
            }
        }
        if !any {
            sql.push('0');
        }
        sql.push_str(if condition.exclude { "), 0)" } else { ")" });
    }
}

impl Condition {
    /// The templates of the address columns of which one must fit; None for conditions of another kind.
    fn addresses(&self, fields: &'static [Field]) -> Option<Vec<&'static str>> {
        if self.exclude || !matches!(self.test, Test::Addresses(..)) {
            return None;
        }
        let fields: Vec<&Field> = match self.subject {
            Subject::Field(field) => vec![field],
            Subject::Word => fields.iter().filter(|f| f.free && matches!(f.kind, FieldKind::Ip)).collect(),
        };
        Some(fields.iter().flat_map(|f| f.sql.iter().copied()).collect())
    }
}

/// One column's index gives its rows in order; of several, each index gives row numbers.
fn append_addresses(columns: &[&str], test: &Test, sql: &mut String, values: &mut Vec<Value>) {
    let one = |template: &str, sql: &mut String, values: &mut Vec<Value>| {
        let (before, after) = template.split_once("{}").unwrap_or((template, ""));
        sql.push_str(before);
        append_address_test(test, sql, values);
        sql.push_str(after);
    };
    if let [column] = columns {
        sql.push('(');
        one(column, sql, values);
        sql.push(')');
        return;
    }
    sql.push_str("row IN (");
    for (place, column) in columns.iter().enumerate() {
        sql.push_str(if place == 0 {
            "SELECT row FROM flows WHERE "
        } else {
            " UNION ALL SELECT row FROM flows WHERE "
        });
        sql.push_str(SEGMENT);
        sql.push_str(" = ?1 AND ");
        one(column, sql, values);
    }
    sql.push(')');
}

fn append_address_test(test: &Test, sql: &mut String, values: &mut Vec<Value>) {
    let Test::Addresses(first, last) = test else { return };
    if first == last {
        sql.push_str("= ?");
        values.push(Value::Blob(first.0.to_vec()));
    } else {
        sql.push_str("BETWEEN ? AND ?");
        values.push(Value::Blob(first.0.to_vec()));
        values.push(Value::Blob(last.0.to_vec()));
    }
}

fn append_field(field: &Field, test: &Test, any: &mut bool, sql: &mut String, values: &mut Vec<Value>) {
    for template in field.sql {
        if *any {
            sql.push_str(" OR ");
        }
        *any = true;
        let (before, after) = template.split_once("{}").unwrap_or((template, ""));
        sql.push_str(before);
        append_test(field, test, sql, values);
        sql.push_str(after);
    }
}

fn append_test(field: &Field, test: &Test, sql: &mut String, values: &mut Vec<Value>) {
    match test {
        Test::Addresses(..) => append_address_test(test, sql, values),
        // A literal, so that the partial index over anomalous flows can serve it.
        Test::Number(..) if matches!(field.kind, FieldKind::Bool) => {
            sql.push_str(if matches!(test, Test::Number(_, n) if *n != 0.0) { "= 1" } else { "= 0" });
        }
        Test::Number(compare, number) => {
            sql.push_str(match compare {
                Compare::Equal => "= ?",
                Compare::Less => "< ?",
                Compare::LessEqual => "<= ?",
                Compare::Greater => "> ?",
                Compare::GreaterEqual => ">= ?",
            });
            let whole = number.fract() == 0.0 && number.abs() < 9e15;
            values.push(if whole { Value::Integer(*number as i64) } else { Value::Real(*number) });
        }
        Test::Text(text) => {
            sql.push_str("= ? COLLATE NOCASE");
            values.push(Value::Text(text.clone()));
        }
        Test::Pattern(pattern) => {
            sql.push_str("LIKE ? ESCAPE '\\'");
            values.push(Value::Text(like(pattern)));
        }
        Test::Present if matches!(field.kind, FieldKind::Text) => sql.push_str("<> ''"),
        Test::Present => sql.push_str("IS NOT NULL"),
    }
}

fn like(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 4);
    for c in pattern.chars() {
        match c {
            '*' => out.push('%'),
            '%' | '_' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
