//! Passwords: argon2id with the parameters that OWASP gives (19 MiB, two passes, one lane). Owns how many are hashed at once, so that a
//! flood of log-ins eats neither memory nor the processors that judge packets.

use super::config::LoginConfig;
use crate::Problem;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::StatusCode;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// Memory of one hash, KiB.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes at once: 38 MiB together.
const AT_ONCE: usize = 2;
/// Log-ins that wait for one; more are told to come again.
const WAITING_MAX: usize = 32;
/// Bytes of a password.
pub(crate) const PASSWORD_BYTES_MAX: usize = 256;

fn argon2() -> Argon2<'static> {
    // The parameters are constants inside the library's bounds; its own defaults are the same.
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a password for keeping.
///
/// # Errors
/// The machine has no memory or no randomness.
pub fn hash_password(password: &str) -> Result<String, Problem> {
    let hashed: Result<PasswordHash, _> = argon2().hash_password(password.as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the password could not be hashed: {error}"))
    })
}

fn verify(password: &str, kept: &str) -> bool {
    PasswordHash::new(kept).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// A hash that no password has: what is compared with where there is no user, so that this takes as long.
fn nobody() -> &'static str {
    static NOBODY: OnceLock<String> = OnceLock::new();
    NOBODY.get_or_init(|| super::secret::new_secret().and_then(|secret| hash_password(&secret)).unwrap_or_default())
}

/// Why a password cannot be taken, or Ok.
///
/// # Errors
/// A sentence.
pub fn check_password(config: &LoginConfig, name: &str, password: &str) -> Result<(), String> {
    let (chars, least) = (password.chars().count(), usize::from(config.password_chars_min));
    if chars < least || password.len() > PASSWORD_BYTES_MAX {
        return Err(format!(
            "the password has {chars} characters; it must have {least} or more, and at most {PASSWORD_BYTES_MAX} bytes"
        ));
    }
    let mut kinds: Vec<char> = password.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() < 5 || password.to_lowercase().contains(&name.to_lowercase()) {
        return Err("the password is too easy: take other characters than a few, and not the user's name".to_owned());
    }
    Ok(())
}

/// Hashes on threads that may block, a bounded number at once.
#[derive(Clone)]
pub(crate) struct Hasher {
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        // Made now: the first wrong name must not take longer than the second.
        std::thread::spawn(nobody);
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(WAITING_MAX)) }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy =
            || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "many log in at this moment; try again in a few seconds");
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| busy())?;
        let work = move || {
            // Held until the work is done: a client that goes away does not free a place that is still in use.
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| busy())
    }

    /// Does the password fit? Takes as long where there is none to fit.
    ///
    /// # Errors
    /// Too many wait.
    pub(crate) async fn verify(&self, password: String, kept: Option<String>) -> Result<bool, Problem> {
        let work = move || {
            let fits = verify(&password, kept.as_deref().unwrap_or_else(|| nobody()));
            fits && kept.is_some()
        };
        self.run(work).await
    }

    /// Hashes for keeping.
    ///
    /// # Errors
    /// Too many wait, or the machine's.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.run(move || hash_password(&password)).await?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn only_the_password_fits() {
        let hasher = Hasher::new();
        let kept = hasher.hash("correct horse battery".to_owned()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(hasher.verify("correct horse battery".to_owned(), Some(kept.clone())).await.unwrap());
        assert!(!hasher.verify("correct horse batterz".to_owned(), Some(kept.clone())).await.unwrap());
        assert!(!hasher.verify("correct horse battery".to_owned(), None).await.unwrap());
        assert!(!hasher.verify(String::new(), Some(String::new())).await.unwrap());
        assert_ne!(kept, hash_password("correct horse battery").unwrap(), "salted");
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_and_not_piled_up() {
        let hasher = Hasher::new();
        let all: Vec<_> = (0..200)
            .map(|n| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.verify(format!("wrong {n}"), None).await.is_ok() })
            })
            .collect();
        let mut hashed = 0;
        for one in all {
            hashed += usize::from(one.await.unwrap());
        }
        assert!((1..200).contains(&hashed), "{hashed} of 200 were hashed");
    }

    #[test]
    fn weak_passwords_are_refused() {
        let config = LoginConfig::default();
        let long = "x1".repeat(200);
        for weak in ["short", "aaaaaaaaaaaaaaaa", "abababababababab", "I am ann, of course", &long] {
            assert!(check_password(&config, "ann", weak).is_err(), "{weak}");
        }
        assert!(check_password(&config, "ann", "correct horse battery").is_ok());
    }
}
