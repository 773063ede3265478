//! Any bytes as datagrams of one exporter, each behind its length: read one after the other, so that templates and data meet. Bounds
//! hold, and what is kept can be written and read again.
#![no_main]

use decode::{Datagram, DecodeConfig, ExportConfig, ExportReader};
use libfuzzer_sys::fuzz_target;
use record::{IpAddr16, Timestamp};

fuzz_target!(|data: &[u8]| {
    let config = ExportConfig { exporters_max: 4, templates_max: 8, ..ExportConfig::default() };
    let mut reader = ExportReader::new(config.clone(), DecodeConfig::default());
    let (mut rest, mut flows) = (data, Vec::new());
    while let Some((head, more)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*head)).min(more.len());
        let (payload, next) = more.split_at(length);
        let exporter = IpAddr16::v4([192, 0, 2, payload.len() as u8 & 1]);
        reader.read(&Datagram { exporter, received: Timestamp(1 << 60), payload }, &mut flows);
        assert!(flows.len() <= payload.len() + data.len(), "no more flows than bytes");
        flows.clear();
        rest = next;
    }
    let states = reader.exporters();
    assert!(states.len() <= 4 && states.iter().all(|state| state.templates <= 8));
    let kept = reader.snapshot();
    let mut again = ExportReader::new(config, DecodeConfig::default());
    assert!(again.restore(&kept));
});
