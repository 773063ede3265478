//! Folders, S3, Google Cloud Storage and Azure Blob as a `Place`, by the kept library. Owns credentials, time limits and the runtime that
//! the library needs; no one outside sees any of it.

use super::config::{ArchiveConfig, Target};
use super::place::{Entry, Place};
use super::{ArchiveError, config};
use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_stream::StreamExt;

/// Most objects of one listing.
const OBJECTS_MAX: usize = 1_000_000;
/// A key of Google's that asks nobody for a token.
const NO_KEY: &str = r#"{"disable_oauth": true, "private_key": "", "private_key_id": "", "client_email": ""}"#;
/// Attempts of the library at one request; who archives waits and begins anew.
const RETRIES_MAX: usize = 2;

/// A place by the library.
pub(crate) struct Cloud {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    address: String,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl Cloud {
    /// Opens what the settings name. A folder is made; of a cloud nothing is asked yet.
    pub(crate) fn open(config: &ArchiveConfig) -> Result<Self, ArchiveError> {
        config.check().map_err(ArchiveError::Config)?;
        let target = config.target().map_err(ArchiveError::Config)?;
        // The one crypto library; somebody else may have said so already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let address = config.url.trim_end_matches('/').to_owned();
        let wrong = |e: object_store::Error| ArchiveError::Config(format!("archive.url {address}: {e}"));
        let (store, prefix): (Arc<dyn ObjectStore>, String) = match target {
            Target::Folder(path) => {
                let bad = |detail: String| ArchiveError::NotWritable { address: address.clone(), detail };
                std::fs::create_dir_all(&path).map_err(|e| bad(e.to_string()))?;
                let folder = LocalFileSystem::new_with_prefix(&path).map_err(|e| bad(e.to_string()))?;
                (Arc::new(folder.with_fsync(true).with_automatic_cleanup(false)), String::new())
            }
            Target::S3(bucket, prefix) => (Arc::new(s3(config, &bucket)?.build().map_err(wrong)?), prefix),
            Target::Google(bucket, prefix) => (Arc::new(google(config, &bucket)?.build().map_err(wrong)?), prefix),
            Target::Azure(account, container, prefix) => {
                (Arc::new(azure(config, &account, &container)?.build().map_err(wrong)?), prefix)
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .thread_name("archive-io")
            .enable_all()
            .build()
            .map_err(|e| ArchiveError::Other { address: address.clone(), detail: e.to_string() })?;
        Ok(Self { store, prefix, address, runtime: Some(runtime) })
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.is_empty() { Path::from(name) } else { Path::from(format!("{}/{name}", self.prefix)) }
    }

    fn wait<T>(&self, name: &str, work: impl Future<Output = object_store::Result<T>>) -> Result<T, ArchiveError> {
        let Some(runtime) = &self.runtime else {
            return Err(ArchiveError::Other { address: self.address.clone(), detail: "it is being closed".to_owned() });
        };
        runtime.block_on(work).map_err(|e| ArchiveError::of(&e, &self.address, name))
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Place for Cloud {
    fn put(&self, name: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        let path = self.path(name);
        self.wait(name, self.store.put(&path, PutPayload::from(bytes))).map(drop)
    }

    fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, ArchiveError> {
        let path = self.path(name);
        self.wait(name, self.store.get_range(&path, range))
    }

    fn list(&self, below: &str) -> Result<Vec<Entry>, ArchiveError> {
        let path = self.path(below.trim_end_matches('/'));
        let cut = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let (mut entries, mut objects) = (Vec::new(), self.store.list(Some(&path)));
        let gather = async {
            while let Some(object) = objects.next().await {
                let object = object?;
                let name = object.location.as_ref().get(cut..).unwrap_or_default().to_owned();
                entries.push(Entry { name, bytes: object.size });
                if entries.len() > OBJECTS_MAX {
                    break;
                }
            }
            Ok(())
        };
        match self.wait(below, gather) {
            // A folder that nothing was written to yet.
            Err(ArchiveError::Gone { .. }) => return Ok(Vec::new()),
            other => other?,
        }
        if entries.len() > OBJECTS_MAX {
            return Err(ArchiveError::TooMany { address: self.address.clone(), most: OBJECTS_MAX });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn delete(&self, name: &str) -> Result<(), ArchiveError> {
        let path = self.path(name);
        match self.wait(name, self.store.delete(&path)) {
            Err(ArchiveError::Gone { .. }) => Ok(()),
            other => other,
        }
    }

    fn address(&self) -> &str {
        &self.address
    }
}

fn revealed(secret: &crate::notify::secret::Secret, name: &str) -> Result<Option<String>, ArchiveError> {
    if secret.is_none() {
        return Ok(None);
    }
    secret.reveal().map(Some).map_err(|why| ArchiveError::Config(format!("archive.{name}: {why}")))
}

fn client(config: &ArchiveConfig) -> ClientOptions {
    let limit = Duration::from_secs(config.timeout_s);
    let options = ClientOptions::new().with_timeout(limit).with_connect_timeout(limit.min(Duration::from_secs(10)));
    let options = options.with_allow_http(config.allow_http);
    // An image without any certificate can still speak to a store beside it.
    options.with_no_system_certificates(config.endpoint.starts_with("http://"))
}

fn retry(config: &ArchiveConfig) -> RetryConfig {
    let retry_timeout = Duration::from_secs(config.timeout_s);
    RetryConfig { max_retries: RETRIES_MAX, retry_timeout, ..RetryConfig::default() }
}

fn s3(config: &config::ArchiveConfig, bucket: &str) -> Result<AmazonS3Builder, ArchiveError> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    builder = builder.with_client_options(client(config)).with_retry(retry(config));
    if !config.endpoint.is_empty() {
        builder = builder.with_endpoint(&config.endpoint);
    }
    if !config.region.is_empty() {
        builder = builder.with_region(&config.region);
    }
    if let Some(id) = revealed(&config.key_id, "key_id")? {
        builder = builder.with_access_key_id(id);
    }
    if let Some(key) = revealed(&config.key, "key")? {
        builder = builder.with_secret_access_key(key);
    }
    Ok(builder)
}

fn google(config: &ArchiveConfig, bucket: &str) -> Result<GoogleCloudStorageBuilder, ArchiveError> {
    let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
    builder = builder.with_client_options(client(config)).with_retry(retry(config));
    if !config.endpoint.is_empty() {
        builder = builder.with_base_url(&config.endpoint);
    }
    match revealed(&config.key, "key")? {
        Some(key) => Ok(builder.with_service_account_key(key)),
        // An emulator asks for no key.
        None if config.endpoint.starts_with("http://") => Ok(builder.with_service_account_key(NO_KEY)),
        None => Ok(builder),
    }
}

fn azure(config: &ArchiveConfig, account: &str, container: &str) -> Result<MicrosoftAzureBuilder, ArchiveError> {
    let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(container);
    builder = builder.with_client_options(client(config)).with_retry(retry(config)).with_allow_http(config.allow_http);
    if !account.is_empty() {
        builder = builder.with_account(account);
    }
    if let Some(id) = revealed(&config.key_id, "key_id")? {
        builder = builder.with_account(id);
    }
    if let Some(key) = revealed(&config.key, "key")? {
        builder = builder.with_access_key(key);
    }
    if !config.endpoint.is_empty() {
        builder = builder.with_endpoint(config.endpoint.clone());
    }
    Ok(builder)
}
