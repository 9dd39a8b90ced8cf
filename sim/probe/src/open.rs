//! Opens the bucket that a URL names, as `asl_host::object::url` does: by the environment, with a client that does not repeat requests.
//! On S3 we build the client ourselves, since we also send requests of our own there.

use crate::credentials;
use crate::refused::Refused;
use crate::s3::{KeepClient, S3};
use crate::said::{innermost, one_line};
use asl_host::object::url as by_url;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme, RetryConfig};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::{Position, Url};

/// A bucket that can be asked.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) s3: Option<S3>,
    /// What keys begin with, if not the store sees to that.
    pub(crate) prefix: Path,
    /// How people know it.
    pub(crate) name: String,
    /// Where requests go, for messages; the same as the name if no server is asked.
    pub(crate) at: String,
    /// For a bucket in files, the directory.
    pub(crate) directory: Option<PathBuf>,
}

impl Bucket {
    /// A bucket that somebody else opened.
    pub(crate) fn opened(store: Arc<dyn ObjectStore>, name: &str) -> Bucket {
        let (name, at) = (name.to_owned(), name.to_owned());
        Bucket { store, s3: None, prefix: Path::default(), name, at, directory: None }
    }
}

/// What URLs look like.
const FORMS: &str = "use s3://BUCKET/PREFIX, az://CONTAINER, gs://BUCKET, file:///DIRECTORY or memory://NAME";

/// Settings that go before those of the environment.
type Settings = [(String, String)];

/// A builder of a vendor's client, as the environment and then the settings have it.
macro_rules! builder {
    ($builder:ident, $key:ident, $settings:expr) => {{
        let mut builder = $builder::from_env();
        for (name, value) in $settings {
            let key: $key =
                name.parse().map_err(|_| Refused::usage(format!("there is no setting {name}"), ""))?;
            builder = builder.with_config(key, value);
        }
        builder
    }};
}

/// Opens a bucket. Nothing is asked of it.
pub(crate) fn bucket(text: &str, settings: &Settings) -> Result<Bucket, Refused> {
    let url = Url::parse(text)
        .map_err(|why| Refused::usage(format!("this is no URL of a bucket: {why}"), FORMS))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(Refused::usage(
            "this URL holds credentials or options",
            "they belong into the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT, ...), not into the URL",
        ));
    }
    let missing = |missing| Refused::missing(text, missing);
    let mut at = text.to_owned();
    let mut hint = FORMS;
    match ObjectStoreScheme::parse(&url) {
        Ok((ObjectStoreScheme::AmazonS3, prefix)) => return on_s3(text, &url, prefix, settings),
        Ok((ObjectStoreScheme::MicrosoftAzure, _)) => {
            let builder = builder!(MicrosoftAzureBuilder, AzureConfigKey, settings);
            credentials::azure(&builder, url.scheme() == "https").map_err(missing)?;
            at = endpoint(text, builder.get_config_value(&AzureConfigKey::Endpoint), "Azure")?;
            hint = "check what the environment says (AZURE_...)";
        }
        Ok((ObjectStoreScheme::GoogleCloudStorage, _)) => {
            let builder = builder!(GoogleCloudStorageBuilder, GoogleConfigKey, settings);
            credentials::google(&builder).map_err(missing)?;
            at = endpoint(text, builder.get_config_value(&GoogleConfigKey::BaseUrl), "Google's storage")?;
            hint = "check what the environment says (GOOGLE_...)";
        }
        _ => {}
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let store = by_url::bucket_with(text, &settings);
    let store = store.map_err(|why| Refused::usage(without_kind(&one_line(&why.to_string())), hint))?;
    let directory = (url.scheme() == "file").then(|| url.to_file_path().ok()).flatten();
    Ok(Bucket { at, directory, ..Bucket::opened(store, text) })
}

/// A line without the crate's word for the kind of its error.
fn without_kind(line: &str) -> String {
    match line.split_once("Generic ") {
        Some((before, rest)) => {
            format!("{before}{}", rest.split_once(" error: ").map_or(rest, |(_, why)| why))
        }
        None => line.to_owned(),
    }
}

fn on_s3(text: &str, url: &Url, prefix: Path, settings: &Settings) -> Result<Bucket, Refused> {
    let (keep, never) = (KeepClient::default(), Duration::ZERO);
    let no_retry = RetryConfig { max_retries: 0, retry_timeout: never, ..RetryConfig::default() };
    let mut builder = builder!(AmazonS3Builder, AmazonS3ConfigKey, settings);
    credentials::s3(&builder).map_err(|missing| Refused::missing(text, missing))?;
    let signed = credentials::s3_signs(&builder);
    if !signed {
        // Never sent. Without it the crate looks for credentials where we ask it for the URL of a key.
        builder = builder.with_access_key_id("none").with_secret_access_key("none");
    }
    let said = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let said = said.iter().find_map(|key| builder.get_config_value(key));
    let at = endpoint(text, said, "Amazon's S3")?;
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_default();
    if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(Refused::usage(
            format!("{text}: {region:?} is no region"),
            "export AWS_REGION, as in us-east-1",
        ));
    }
    builder = builder.with_url(url.as_str()).with_retry(no_retry);
    let client = builder.with_http_connector(keep.clone()).build().map_err(|why| {
        Refused::usage(format!("{text}: {}", innermost(&why)), "check what the environment says (AWS_...)")
    })?;
    let http = keep.client().ok_or_else(|| Refused::usage(format!("{text}: no client was made"), ""))?;
    let s3 = S3::new(client.clone(), http, signed);
    Ok(Bucket { s3: Some(s3), prefix, at, ..Bucket::opened(Arc::new(client), text) })
}

/// The host and the port of an endpoint, and nothing else of it: it may hold a password. The crate panics on one that is no URL.
fn endpoint(text: &str, said: Option<String>, otherwise: &str) -> Result<String, Refused> {
    let Some(said) = said else { return Ok(otherwise.to_owned()) };
    let url = Url::parse(&said).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| {
        let line = format!("{text}: the endpoint that the environment or the settings name is no URL");
        Refused::usage(line, "an endpoint is https://HOST, or http://HOST:PORT (AWS_ENDPOINT for S3)")
    })?;
    Ok(url[Position::BeforeHost..Position::AfterPort].to_owned())
}
