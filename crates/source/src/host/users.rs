//! Names of users by number, as /etc/passwd has them. Directory services are not asked: a number without a line stays a number.

use std::collections::HashMap;

/// Users remembered; more are numbers.
const USERS_MAX: usize = 65_536;
/// Readings between two looks at the file.
const READ_EVERY: u32 = 300;

/// The names.
#[derive(Default)]
pub struct Users {
    names: HashMap<u32, String>,
    asked: u32,
}

impl Users {
    /// Reads the file anew now and then; called once a reading.
    pub fn refresh(&mut self) {
        if self.asked.is_multiple_of(READ_EVERY) {
            let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            self.names = parse(&text);
        }
        self.asked = self.asked.wrapping_add(1);
    }

    /// The name, else the number as text.
    #[must_use]
    pub fn name(&self, uid: u32) -> String {
        self.names.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }
}

fn parse(text: &str) -> HashMap<u32, String> {
    let one = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    };
    let mut names = HashMap::new();
    for (uid, name) in text.lines().filter_map(one).take(USERS_MAX) {
        // The first of several names is the one that programs show.
        names.entry(uid).or_insert(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_strangers_stay_numbers() {
        let names = parse("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n\n:x:7:\nbroken\nmail:x:8:8::/:\n");
        assert_eq!(names.len(), 2);
        let users = Users { names, asked: 1 };
        assert_eq!(
            (users.name(0).as_str(), users.name(8).as_str(), users.name(4711).as_str()),
            ("root", "mail", "4711")
        );
    }
}
