//! Secrets that this program makes: session ids, tokens, what guards against requests of other sites. Owns their length and that what is
//! kept of them is a hash.

use crate::Problem;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a secret: 256 bits.
const SECRET_BYTES: usize = 32;
/// What an API token begins with, so that people and scanners know one when they see it.
pub const TOKEN_PREFIX: &str = "tl_";
/// Letters of a generated password: none that is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a generated password: 100 bits.
const PASSWORD_LETTERS: usize = 20;

fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this machine gave no random numbers; nothing was changed")
    })?;
    Ok(bytes)
}

/// A new secret as text.
///
/// # Errors
/// The machine has no randomness.
pub fn new_secret() -> Result<String, Problem> {
    Ok(URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?))
}

/// A new API token.
///
/// # Errors
/// The machine has no randomness.
pub fn new_token() -> Result<String, Problem> {
    Ok(format!("{TOKEN_PREFIX}{}", new_secret()?))
}

/// A password for people, in groups of five.
///
/// # Errors
/// The machine has no randomness.
pub fn new_password() -> Result<String, Problem> {
    let bytes = random::<PASSWORD_LETTERS>()?;
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    Ok(letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// What is kept of a secret.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    digest(&[secret.as_bytes()])
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// What a page must show beside its session when it changes something. It follows from the session's secret, so that nothing has to be
/// kept, and tells nothing of it.
pub(crate) fn csrf(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&[b"tripline csrf", secret.as_bytes()]))
}

/// Compares in a time that tells nothing: both sides are hashed first.
pub(crate) fn same(one: &str, other: &str) -> bool {
    hash(one) == hash(other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secrets_are_long_and_never_twice() {
        let (one, other) = (new_secret().unwrap(), new_secret().unwrap());
        assert!(one.len() == 43 && one != other);
        assert!(new_token().unwrap().starts_with("tl_"));
        let password = new_password().unwrap();
        assert_eq!((password.len(), password.matches('-').count()), (23, 3), "{password}");
        assert!(csrf(&one) != csrf(&other) && csrf(&one) == csrf(&one) && !csrf(&one).contains(&one));
        assert!(same("a", "a") && !same("a", "b"));
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]), "parts are kept apart");
    }
}
