//! A pipe that a running capture writes into: says after a moment that nothing is there yet instead of sleeping until something is.
//! Knows no format.

use crate::wait::wait_readable;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How long a read waits before it says `WouldBlock`.
const WAIT_MS: i32 = 100;

/// See the module.
pub(super) struct Pipe {
    file: File,
    /// Waits for ever, as a file does: for those who read a header first.
    patient: Arc<AtomicBool>,
}

impl Pipe {
    /// Patient at first.
    pub(super) fn new(file: File) -> Self {
        Self { file, patient: Arc::new(AtomicBool::new(true)) }
    }

    /// Where patience is given up.
    pub(super) fn patience(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.patient)
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The descriptor blocks, so it is only read when something is there; its end counts as that.
        while !wait_readable(&[self.file.as_raw_fd()], WAIT_MS)? {
            if !self.patient.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        self.file.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::recognise::open_pipe;
    use crate::{FrameSource, PcapWriter};
    use record::{FrameHeader, LinkType, Timestamp};
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc;

    fn fifo(dir: &Path) -> PathBuf {
        let path = dir.join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// Batches until so many packets have come; the pipe is as good as endless, the looks are not.
    fn read(source: &mut dyn FrameSource, packets: usize) -> (usize, usize) {
        let (mut headers, mut found, mut empty): (Vec<FrameHeader>, _, _) = (Vec::new(), 0, 0);
        while found < packets && empty < 100 {
            assert!(source.next_batch(&mut headers).unwrap().is_some());
            found += headers.len();
            empty += usize::from(headers.is_empty());
        }
        (found, empty)
    }

    /// Each packet is written and flushed, and the next one only when it was read, in every packing.
    #[test]
    fn a_packet_is_there_when_it_is_written_and_not_when_the_buffer_is_full() {
        for packing in ["plain", "gzip", "zstd"] {
            let dir = tempfile::tempdir().unwrap();
            let path = fifo(dir.path());
            let (go, wait) = mpsc::channel::<()>();
            let writing = std::thread::spawn({
                let path = path.clone();
                move || {
                    let file = std::fs::File::options().write(true).open(path).unwrap();
                    let out: Box<dyn Write> = match packing {
                        "gzip" => Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast())),
                        "zstd" => Box::new(zstd::Encoder::new(file, 1).unwrap().auto_finish()),
                        _ => Box::new(file),
                    };
                    let mut pcap = PcapWriter::new(out, LinkType::ETHERNET, 96).unwrap();
                    for n in 0..3 {
                        pcap.write(Timestamp::from_parts(1_700_000_000 + n, 0), 60, &[7; 60]).unwrap();
                        pcap = flushed(pcap);
                        wait.recv().unwrap();
                    }
                }
            });
            let mut source = open_pipe(&path).unwrap();
            for _ in 0..3 {
                assert_eq!(read(source.as_mut(), 1).0, 1, "{packing}");
                let mut headers = Vec::new();
                assert!(source.next_batch(&mut headers).unwrap().is_some() && headers.is_empty(), "{packing}");
                go.send(()).unwrap();
            }
            writing.join().unwrap();
            let mut headers = Vec::new();
            while source.next_batch(&mut headers).unwrap().is_some() {}
            assert_eq!((source.stats().packets, source.stats().notes), (3, vec![]), "{packing}");
        }
    }

    fn flushed<W: Write>(pcap: PcapWriter<W>) -> PcapWriter<W> {
        PcapWriter::go_on(pcap.finish().unwrap())
    }

    /// What a pcapng block carries that is none of ours may come in parts as well.
    #[test]
    fn a_block_that_is_stepped_over_may_come_in_parts() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(dir.path());
        let word = |n: u32| n.to_le_bytes();
        let section =
            [word(0x0a0d_0d0a), word(28), word(0x1a2b_3c4d), word(1), word(u32::MAX), word(u32::MAX), word(28)];
        let interface = [word(1), word(20), word(1), word(0), word(20)];
        let packet = [word(6), word(36), word(0), word(0), word(7), word(4), word(60), word(9), word(36)];
        let (go, wait) = mpsc::channel::<()>();
        let writing = std::thread::spawn({
            let path = path.clone();
            move || {
                let mut file = std::fs::File::options().write(true).open(path).unwrap();
                file.write_all(&[section.concat(), interface.concat()].concat()).unwrap();
                file.write_all(&[word(4), word(1_000_000)].concat()).unwrap();
                wait.recv().unwrap();
                file.write_all(&vec![0; 500_000]).unwrap();
                wait.recv().unwrap();
                file.write_all(&vec![0; 499_992]).unwrap();
                file.write_all(&packet.concat()).unwrap();
                file.write_all(&packet.concat()[..20]).unwrap();
            }
        });
        let mut source = open_pipe(&path).unwrap();
        let mut headers = Vec::new();
        for _ in 0..2 {
            assert!(source.next_batch(&mut headers).unwrap().is_some() && headers.is_empty());
            go.send(()).unwrap();
        }
        assert_eq!(read(source.as_mut(), 1).0, 1);
        writing.join().unwrap();
        while source.next_batch(&mut headers).unwrap().is_some() {}
        assert!(source.stats().notes[0].starts_with("cut at byte"), "{:?}", source.stats().notes);
    }
}
