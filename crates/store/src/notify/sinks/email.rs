//! Mail by SMTP: plain text, HTML and a picture in one message. Accepted means that the server answered 2xx after the data
//! (RFC 5321 section 4.2.5): from then on delivering it is that server's duty.

use super::super::config::{Channel, EmailConfig, MailTls};
use super::super::tls;
use super::{Delivery, Sink, SinkKind, reveal, timeout};
use lettre::message::header::{ContentDisposition, ContentId, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport};
use record::{Form, Message, Severity};
use std::time::{Duration, SystemTime};

pub(super) const KIND: SinkKind = SinkKind {
    kind: "email",
    check,
    form: |_| Form::Mail,
    target: |channel| channel.email.as_ref().map_or(String::new(), |mail| mail.to.join(", ")),
    secrets: |channel| channel.email.iter().map(|mail| mail.password.clone()).collect(),
    open,
};

/// Replies that speak of the log-in and not of the message (RFC 4954, RFC 3207): the settings are wrong, the message is not.
const LOG_IN_REPLIES: [u16; 5] = [530, 534, 535, 538, 454];

struct Email {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
    host: String,
}

fn settings(channel: &Channel) -> Result<&EmailConfig, String> {
    channel.email.as_ref().ok_or_else(|| "there is no table `email`".to_owned())
}

fn mailbox(name: &str, text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|e| format!("email.{name} `{text}` is no address: {e}"))
}

fn check(channel: &Channel) -> Result<(), String> {
    let mail = settings(channel)?;
    if mail.host.is_empty() {
        return Err("email.host is not set".to_owned());
    }
    mailbox("from", &mail.from)?;
    if mail.to.is_empty() {
        return Err("email.to lists nobody".to_owned());
    }
    for to in &mail.to {
        mailbox("to", to)?;
    }
    if !mail.user.is_empty() && mail.tls == MailTls::None && !is_loopback(&mail.host) {
        return Err(
            "email.tls is `none` and email.user is set: the password would travel in the clear; set starttls or tls"
                .to_owned(),
        );
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn open(channel: &Channel) -> Result<Box<dyn Sink>, String> {
    let mail = settings(channel)?;
    let (tls, port) = match mail.tls {
        MailTls::None => (Tls::None, 25),
        MailTls::Starttls => (Tls::Required(parameters(mail)?), 587),
        MailTls::Tls => (Tls::Wrapper(parameters(mail)?), 465),
    };
    let mut transport = SmtpTransport::builder_dangerous(mail.host.as_str())
        .port(mail.port.unwrap_or(port))
        .tls(tls)
        .hello_name(ClientId::Domain(own_name()))
        .timeout(Some(timeout(channel)));
    if !mail.user.is_empty() {
        let password = reveal("email.password", &mail.password)?;
        transport = transport.credentials(Credentials::new(mail.user.clone(), password));
    }
    let to = mail.to.iter().map(|to| mailbox("to", to)).collect::<Result<_, _>>()?;
    let from = mailbox("from", &mail.from)?;
    Ok(Box::new(Email { transport: transport.build(), from, to, host: own_name() }))
}

fn parameters(mail: &EmailConfig) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(mail.host.clone()).certificate_store(CertificateStore::None);
    for authority in tls::authorities(mail.ca_file.as_deref())? {
        let authority = Certificate::from_der(authority.to_vec()).map_err(|e| e.to_string())?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build_rustls().map_err(|e| e.to_string())
}

/// This machine's name, for the greeting and the message's identity.
fn own_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .unwrap_or_else(|| "tripline.invalid".to_owned())
}

impl Email {
    fn compose(&self, message: &Message) -> Result<lettre::Message, String> {
        let told = |e: &dyn std::fmt::Display| format!("the mail could not be put together: {e}");
        let date = SystemTime::UNIX_EPOCH + Duration::from_nanos(message.at.0.max(0) as u64);
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(&message.subject)
            .date(date)
            // The same on every attempt: a server or reader can tell a repeat (RFC 5322 section 3.6.4).
            .message_id(Some(format!("<{}@{}>", message.key, self.host)))
            .user_agent("Tripline".to_owned());
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let page = SinglePart::builder().header(ContentType::TEXT_HTML).body(message.html.clone());
        let plain = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(message.text.clone());
        let parts = MultiPart::alternative().singlepart(plain);
        // A report has no picture.
        let parts = if message.picture.is_empty() {
            parts.singlepart(page)
        } else {
            let picture = SinglePart::builder()
                .header(ContentType::parse("image/png").map_err(|e| told(&e))?)
                .header(ContentDisposition::inline_with_name("incident.png"))
                .header(ContentId::from("<picture>".to_owned()))
                .body(message.picture.clone());
            parts.multipart(MultiPart::related().singlepart(page).singlepart(picture))
        };
        let parts = if message.pages.is_empty() {
            parts
        } else {
            let whole = MultiPart::mixed().multipart(parts);
            message.pages.iter().fold(whole, |whole, (name, page)| {
                whole.singlepart(Attachment::new(name.clone()).body(page.clone(), ContentType::TEXT_HTML))
            })
        };
        let mut mail = builder.multipart(parts).map_err(|e| told(&e))?;
        let headers = mail.headers_mut();
        // No answers of absent people to a machine (RFC 3834).
        set(headers, "Auto-Submitted", "auto-generated");
        if message.severity >= Severity::High {
            set(headers, "X-Priority", "1");
            set(headers, "Importance", "high");
        }
        set(headers, "X-Tripline-Delivery", &message.key);
        Ok(mail)
    }
}

fn set(headers: &mut lettre::message::header::Headers, name: &'static str, value: &str) {
    headers.insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
}

/// What went wrong; a socket's own word for a time-out helps nobody.
fn words(error: &lettre::transport::smtp::Error) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.downcast_ref::<std::io::Error>().is_some_and(super::is_time_out) {
            return format!("no answer in time ({error})");
        }
        cause = inner.source();
    }
    error.to_string()
}

impl Sink for Email {
    fn deliver(&mut self, message: &Message) -> Delivery {
        let mail = match self.compose(message) {
            Ok(mail) => mail,
            Err(why) => return Delivery::Refused(why),
        };
        match self.transport.send(&mail) {
            Ok(answer) => {
                let words = answer.message().collect::<Vec<_>>().join(" ");
                Delivery::Accepted(format!("{} {words}", answer.code()))
            }
            Err(error) => {
                let code = error.status().map(u16::from);
                let of_log_in = code.is_some_and(|code| LOG_IN_REPLIES.contains(&code));
                if error.is_permanent() && !of_log_in {
                    Delivery::Refused(error.to_string())
                } else {
                    Delivery::later(words(&error))
                }
            }
        }
    }
}
