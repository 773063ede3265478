//! Numbers about what the application said first: lengths, counts and entropy of names, never the names themselves.

use crate::group::{Group, log, ratio};
use crate::scale;
use record::{AppData, DnsData, FlowRecord, HttpData, TlsData};

/// The group.
pub(super) const GROUP: Group<FlowRecord> = Group {
    name: "application",
    columns: &[
        log("dns_name_bytes", "bytes", "length of the name asked for"),
        ratio("dns_name_entropy", "randomness of the name asked for"),
        log("dns_name_labels", "", "labels in the name asked for"),
        ratio("dns_failed", "name not found or refused"),
        log("tls_server_name_bytes", "bytes", "length of the TLS server name"),
        log("tls_alpn_count", "", "application protocols offered in TLS"),
        log("http_url_bytes", "bytes", "length of the HTTP request target"),
        ratio("http_error", "HTTP error status"),
    ],
    fill,
};

/// Highest entropy of a name's bytes, bits: about that of random base-32 text.
const NAME_ENTROPY_MAX_BITS: f64 = 5.0;

fn fill(flow: &FlowRecord, out: &mut Vec<f32>) {
    let (mut dns, mut tls, mut http) = ([0.0; 4], [0.0; 2], [0.0; 2]);
    if let Some(app) = flow.app.as_deref() {
        for data in [app.request.as_ref(), app.response.as_ref()].into_iter().flatten() {
            match data {
                AppData::Dns(message) => dns_values(message, &mut dns),
                AppData::Tls(hello) => tls = tls_values(hello),
                AppData::Http(head) => http_values(head, &mut http),
                AppData::Ssh(_)
                | AppData::Dhcp(_)
                | AppData::Ntp(_)
                | AppData::Control(_)
                | AppData::Admin(_)
                | AppData::Login(_)
                | AppData::Certificate(_) => {}
            }
        }
    }
    out.extend(dns);
    out.extend(tls);
    out.extend(http);
}

fn dns_values(message: &DnsData, values: &mut [f32; 4]) {
    let name = message.rrname.as_bytes();
    let labels = if name.is_empty() { 0 } else { name.split(|byte| *byte == b'.').count() };
    values[0] = values[0].max(scale::log(name.len() as f64));
    values[1] = values[1].max(scale::ratio(entropy_bits(name), NAME_ENTROPY_MAX_BITS));
    values[2] = values[2].max(scale::log(labels as f64));
    values[3] = values[3].max(scale::flag(!matches!(message.rcode.as_str(), "" | "NOERROR")));
}

fn tls_values(hello: &TlsData) -> [f32; 2] {
    [scale::log(hello.sni.len() as f64), scale::log(hello.alpn.len() as f64)]
}

fn http_values(head: &HttpData, values: &mut [f32; 2]) {
    values[0] = values[0].max(scale::log(head.url.len() as f64));
    values[1] = values[1].max(scale::flag(head.status >= 400));
}

/// Shannon entropy of the bytes, bits per byte.
fn entropy_bits(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    let term = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(term).sum()
}

#[cfg(test)]
mod tests {
    use super::entropy_bits;

    #[test]
    fn entropy_of_known_texts() {
        assert_eq!(entropy_bits(b""), 0.0);
        assert_eq!(entropy_bits(b"aaaa"), 0.0);
        assert!((entropy_bits(b"abcd") - 2.0).abs() < 1e-12);
    }
}
