//! A filter as an SQL condition. Values are always parameters; only field names from the registry enter the text.

use super::{Compare, Condition, Field, FieldKind, Query, Subject, Test};
use rusqlite::types::Value;

impl Query {
    /// Appends the condition to `sql` (` AND …` for each) and its values to `values`.
    pub(crate) fn append_sql(&self, sql: &mut String, values: &mut Vec<Value>) {
        for condition in &self.conditions {
            sql.push_str(" AND ");
            self.append_condition(condition, sql, values);
        }
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
        Test::Addresses(first, last) if first == last => {
            sql.push_str("= ?");
            values.push(Value::Blob(first.0.to_vec()));
        }
        Test::Addresses(first, last) => {
            sql.push_str("BETWEEN ? AND ?");
            values.push(Value::Blob(first.0.to_vec()));
            values.push(Value::Blob(last.0.to_vec()));
        }
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
