//! OpenID Connect: the code flow with PKCE, state and nonce, by the kept library; this file owns how much a provider may answer, how long
//! it may take, how many log-ins are on their way, and which role its claims stand for. Everything here blocks.

use super::config::{OidcConfig, pair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, TokenResponse,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::access::Role;

/// Longest answer of a provider.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// Log-ins on their way; the oldest goes.
const PENDING_MAX: usize = 1_000;
/// How long one may be on its way.
const PENDING: Duration = Duration::from_mins(10);
/// What the provider says of itself is asked again after so long: keys change.
const METADATA: Duration = Duration::from_mins(10);
/// Signatures that are believed: those that only the provider can make.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];
/// Where a provider sends browsers back to.
const CALLBACK: &str = "/api/v1/login/oidc/callback";

/// One that is on its way.
struct Pending {
    verifier: PkceCodeVerifier,
    nonce: Nonce,
    next: String,
    browser: String,
    begun: Instant,
}

/// Who came in.
#[derive(Debug)]
pub(crate) struct Came {
    /// Name.
    pub name: String,
    /// Who it is for the provider.
    pub subject: String,
    /// What its claims stand for.
    pub role: Role,
    /// Where the reader was.
    pub next: String,
}

/// The provider.
pub(crate) struct Provider {
    agent: ureq::Agent,
    secret: Option<ClientSecret>,
    metadata: Mutex<Option<(Instant, CoreProviderMetadata)>>,
    pending: Mutex<HashMap<String, Pending>>,
}

impl Provider {
    pub(crate) fn new(config: &OidcConfig) -> Result<Self, String> {
        Ok(Self {
            agent: agent(config)?,
            secret: secret(config)?,
            metadata: Mutex::new(None),
            pending: Mutex::new(HashMap::new()),
        })
    }

    /// One request of the library's.
    fn ask(&self, request: axum::http::Request<Vec<u8>>) -> Result<axum::http::Response<Vec<u8>>, ureq::Error> {
        let answer =
            if request.body().is_empty() { self.agent.run(request.map(|_| ()))? } else { self.agent.run(request)? };
        let (parts, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(axum::http::Response::from_parts(parts, bytes))
    }

    fn metadata(&self, config: &OidcConfig) -> Result<CoreProviderMetadata, String> {
        let mut kept = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, metadata)) = &*kept
            && at.elapsed() < METADATA
        {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(|e| format!("serve.oidc.issuer: {e}"))?;
        let found = CoreProviderMetadata::discover(&issuer, &|request| self.ask(request))
            .map_err(|e| format!("the identity provider {}: {}", config.issuer, chain(&e)))?;
        *kept = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Where the browser is sent to. `browser` is what it must show when it comes back.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn begin(&self, config: &OidcConfig, next: String, browser: String) -> Result<String, String> {
        let client = CoreClient::from_provider_metadata(
            self.metadata(config)?,
            ClientId::new(config.client_id.clone()),
            self.secret.clone(),
        )
        .set_redirect_uri(callback(config)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        for scope in &config.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|_, one| one.begun.elapsed() < PENDING);
        if pending.len() >= PENDING_MAX {
            let oldest = pending.iter().min_by_key(|(_, one)| one.begun).map(|(state, _)| state.clone());
            oldest.map(|state| pending.remove(&state));
        }
        let begun = Instant::now();
        pending.insert(state.secret().clone(), Pending { verifier, nonce, next, browser, begun });
        Ok(url.to_string())
    }

    /// What the browser brought back is looked at: each state once, from the browser that it was given to.
    ///
    /// # Errors
    /// A sentence for the audit log.
    pub(crate) fn end(&self, config: &OidcConfig, state: &str, code: &str, browser: &str) -> Result<Came, String> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(state);
        let pending = pending.filter(|one| one.begun.elapsed() < PENDING && super::secret::same(&one.browser, browser));
        let pending = pending.ok_or("this log-in was not begun in this browser, or too long ago")?;
        let client = CoreClient::from_provider_metadata(
            self.metadata(config)?,
            ClientId::new(config.client_id.clone()),
            self.secret.clone(),
        )
        .set_redirect_uri(callback(config)?);
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|e| e.to_string())?
            .set_pkce_verifier(pending.verifier)
            .request(&|request| self.ask(request))
            .map_err(|e| format!("the identity provider gave no token: {}", chain(&e)))?;
        let token = answer.id_token().ok_or("the identity provider gave no ID token: is the scope openid allowed?")?;
        token
            .claims(&client.id_token_verifier().set_allowed_algs(ALGORITHMS.to_vec()), &pending.nonce)
            .map_err(|e| format!("the ID token does not hold: {}", chain(&e)))?;
        // Verified: its claims are read as they are, whichever a provider has.
        let text = token.to_string();
        let body = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
        let claims: Value =
            body.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or("the ID token is no JSON")?;
        came(config, &claims, pending.next)
    }
}

fn came(config: &OidcConfig, claims: &Value, next: String) -> Result<Came, String> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str).map(str::to_owned);
    let name = text(&config.name_claim).filter(|name| super::is_name(name));
    let name =
        name.ok_or_else(|| format!("its claim {} names no user (letters, digits and .-_@+)", config.name_claim))?;
    let subject = text("sub").ok_or("its claim sub is missing")?;
    let role =
        role_of(config, claims).ok_or_else(|| format!("{name} has no role here: serve.oidc.roles, default_role"))?;
    Ok(Came { name, subject, role, next })
}

/// The highest that any value stands for.
fn role_of(config: &OidcConfig, claims: &Value) -> Option<Role> {
    let values: Vec<&str> = match claims.get(&config.role_claim).filter(|_| !config.role_claim.is_empty()) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mapped = config.roles.iter().filter_map(|text| pair(text));
    let best = mapped.filter(|(value, _)| values.contains(value)).map(|(_, role)| role).max();
    best.or_else(|| Role::parse(&config.default_role))
}

fn callback(config: &OidcConfig) -> Result<RedirectUrl, String> {
    let url = format!("{}{CALLBACK}", config.public_url.trim_end_matches('/'));
    RedirectUrl::new(url).map_err(|e| format!("serve.oidc.public_url: {e}"))
}

fn secret(config: &OidcConfig) -> Result<Option<ClientSecret>, String> {
    let path = &config.client_secret_file;
    if path.as_os_str().is_empty() {
        let given = &config.client_secret.0;
        return Ok((!given.is_empty()).then(|| ClientSecret::new(given.clone())));
    }
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("serve.oidc.client_secret_file {}: {e}", path.display()))?;
    Ok(text.lines().next().map(|line| ClientSecret::new(line.trim().to_owned())))
}

fn agent(config: &OidcConfig) -> Result<ureq::Agent, String> {
    let certificates: Vec<CertificateDer<'static>> = if config.ca_file.as_os_str().is_empty() {
        rustls_native_certs::load_native_certs().certs
    } else {
        let told = |e: &dyn std::fmt::Display| format!("serve.oidc.ca_file {}: {e}", config.ca_file.display());
        let read = CertificateDer::pem_file_iter(&config.ca_file).and_then(Iterator::collect);
        read.map_err(|e| told(&e))?
    };
    let roots: Vec<_> = certificates.iter().map(|cert| ureq::tls::Certificate::from_der(cert).to_owned()).collect();
    let tls = ureq::tls::TlsConfig::builder()
        .provider(ureq::tls::TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(ureq::tls::RootCerts::new_with_certs(&roots))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("tripline/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.into())
}

/// An error with what it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
