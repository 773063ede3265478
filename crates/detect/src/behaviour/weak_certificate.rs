//! Certificates that nobody can trust, on servers inside: out of their time by the capture's clock, or signed by themselves. Told once a
//! service, as something to put right; where clients are used to warnings, an attacker in the middle (ATT&CK T1557) is one more. Seen up to TLS 1.2; from 1.3
//! on certificates are encrypted. Owns the two rules; verifies no signature.

use super::lru::Lru;
use super::text::{self, alert, why};
use super::{Behaviour, Context, Wants};
use record::{Alert, AppData, AppEvent, CertificateData, Counters, IpAddr16, Kind, Observation, Severity};
use serde::{Deserialize, Serialize};

/// Settings of the detector of weak certificates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeakCertificateConfig {
    /// Services remembered as told. Default 4096.
    pub services_max: usize,
    /// Difference of clocks that is allowed, hours. Default 24.
    pub clock_error_h: u32,
}

impl Default for WeakCertificateConfig {
    fn default() -> Self {
        Self { services_max: 4096, clock_error_h: 24 }
    }
}

/// The detector.
pub struct WeakCertificate {
    config: WeakCertificateConfig,
    told: Lru<(IpAddr16, u16, i64), ()>,
}

const DAY_S: f64 = 86_400.0;

impl WeakCertificate {
    /// Builds it.
    #[must_use]
    pub fn new(config: &WeakCertificateConfig) -> Self {
        Self { told: Lru::new(config.services_max), config: config.clone() }
    }

    fn shown(&mut self, event: &AppEvent, certificate: &CertificateData, context: &Context, out: &mut Vec<Alert>) {
        let (low, high) = (event.key.low, event.key.high);
        let (server, client) = if event.from_low { (low, high) } else { (high, low) };
        if !context.home.contains(server.addr) {
            return;
        }
        let (now, allowed) = (event.ts.seconds(), i64::from(self.config.clock_error_h) * 3600);
        let expired_s = now - certificate.not_after_s;
        let early_s = certificate.not_before_s - now;
        let wrong = [
            (expired_s > allowed).then(|| format!("expired {:.0} days ago", expired_s as f64 / DAY_S)),
            (early_s > allowed).then(|| format!("begins in {:.0} days", early_s as f64 / DAY_S)),
            certificate.self_signed.then(|| "signed by itself".to_owned()),
        ];
        let words: Vec<String> = wrong.into_iter().flatten().collect();
        let key = (server.addr, server.port, certificate.not_after_s);
        if words.is_empty() || self.told.peek(&key).is_some() {
            return;
        }
        self.told.touch(&key, event.ts, || ());
        let mut a = alert(Kind::ProtocolMisuse, "weak_certificate", event.ts, event.ts, 1e-4);
        let subject: String = certificate.subject.chars().take(60).collect();
        a.title = format!(
            "{} {} shows a certificate {}: {subject}",
            server.addr,
            text::port(server.port),
            words.join(" and ")
        );
        a.src = vec![server.addr];
        a.dest = vec![client.addr];
        a.dest_port = vec![server.port];
        let past = expired_s.max(early_s).max(0) as f64 / DAY_S;
        a.why = vec![
            why("certificate_out_of_time_days", past, [0.0, allowed as f64 / DAY_S], "days", 0.6),
            why("certificate_self_signed", f64::from(u8::from(certificate.self_signed)), [0.0, 0.0], text::YES_NO, 0.4),
        ];
        a.packets = 1;
        a.severity = Severity::Low;
        a.story = format!("{} {}", server.addr, server.port);
        a.attack = vec!["T1557"];
        out.push(text::scored(a, 0.5));
    }
}

impl Behaviour for WeakCertificate {
    fn name(&self) -> &'static str {
        "weak_certificate"
    }
    fn wants(&self) -> Wants {
        Wants::CERTIFICATE
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Certificate(certificate) = &event.data
        {
            self.shown(event, certificate, context, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("services_evicted", self.told.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.told.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, mac, run};
    use super::*;

    const YEAR_S: i64 = 31_536_000;

    /// 10.0.0.1 (or an outside server) shows a certificate at `s`.
    fn shown(s: i64, server: IpAddr16, not_after_s: i64, self_signed: bool) -> Observation {
        let c = contact(s * 1000, ip(7), server, 443);
        let data =
            CertificateData { subject: "CN=intranet".into(), not_after_s, self_signed, ..CertificateData::default() };
        let from_low = c.key.low.addr == server;
        Observation::App(Box::new(AppEvent {
            ts: c.ts,
            key: c.key,
            from_low,
            src_mac: mac(1),
            data: AppData::Certificate(data),
        }))
    }

    #[test]
    fn an_expired_and_a_self_signed_one_are_told_once() {
        let seen: Vec<_> = (0..9).map(|n| shown(2 * YEAR_S + n, ip(1), YEAR_S, true)).collect();
        let alerts = run("weak_certificate", &seen);
        assert_eq!(alerts.len(), 1);
        assert!(
            alerts[0].title.ends_with("expired 365 days ago and signed by itself: CN=intranet"),
            "{}",
            alerts[0].title
        );
    }

    #[test]
    fn good_ones_and_servers_outside_are_silent() {
        let outside = IpAddr16::v4([203, 0, 113, 9]);
        let seen = [
            shown(YEAR_S, ip(1), 2 * YEAR_S, false),
            shown(YEAR_S + 3600, ip(2), YEAR_S, false),
            shown(2 * YEAR_S, outside, YEAR_S, true),
        ];
        assert!(run("weak_certificate", &seen).is_empty());
    }
}
