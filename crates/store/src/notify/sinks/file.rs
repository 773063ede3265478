//! A file of JSON lines in EVE's form. Opened for each line, so that a rotated file is never written on. Accepted means written and
//! synchronised with the disk.

use super::super::config::{Channel, FileConfig};
use super::{Delivery, Sink, SinkKind};
use record::{Form, Message};
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

pub(super) const KIND: SinkKind = SinkKind {
    kind: "file",
    check: |channel| settings(channel).map(drop),
    form: |_| Form::Eve,
    target: |channel| channel.file.as_ref().map_or(String::new(), |file| file.path.display().to_string()),
    secrets: |_| Vec::new(),
    open: |channel| Ok(Box::new(File { path: settings(channel)?.path.clone() })),
};

struct File {
    path: PathBuf,
}

fn settings(channel: &Channel) -> Result<&FileConfig, String> {
    let file = channel.file.as_ref().ok_or("there is no table `file`")?;
    if file.path.as_os_str().is_empty() { Err("file.path is not set".to_owned()) } else { Ok(file) }
}

impl File {
    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&self.path)?;
        // A line that a full disk or a crash cut short must not take the next one with it.
        let cut = ends_within_a_line(&mut file)?;
        let text = if cut { format!("\n{line}\n") } else { format!("{line}\n") };
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }
}

fn ends_within_a_line(file: &mut std::fs::File) -> io::Result<bool> {
    if !file.metadata()?.is_file() || file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last[0] != b'\n')
}

impl Sink for File {
    fn deliver(&mut self, message: &Message) -> Delivery {
        match self.append(&message.line) {
            Ok(()) => Delivery::Accepted(format!("written to {}", self.path.display())),
            Err(error) => Delivery::later(format!("{}: {error}", self.path.display())),
        }
    }
}
