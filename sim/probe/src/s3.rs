//! Signed requests to S3 for what the crate `object_store` has no call for: versions, delete markers, uploads that are under way, conditions
//! on completions and deletions.
//!
//! The client, the credentials, the region and the URL of a key are those of the crate's own client: we keep the HTTP client that its
//! builder makes, and take URL and region from a URL that it presigns (without asking anybody). Requests are not repeated.
//!
//! Not handled: directory buckets (S3 Express, whose requests are signed with sessions), and buckets whose requester pays.

use crate::said::{Kind, Said};
use crate::xml;
use bytes::Bytes;
use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector,
};
use object_store::path::Path;
use object_store::signer::{HeaderValue, Method, Signer, Url};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A bucket of S3's that we can ask ourselves.
#[derive(Debug)]
pub(crate) struct S3 {
    pub(crate) client: AmazonS3,
    http: HttpClient,
    /// Whether requests are signed: a bucket may be open to everybody.
    signed: bool,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    key: Path,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// An answer of success.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) tag: Option<String>,
    pub(crate) body: String,
}

impl Ask {
    /// A request for a key, or for the bucket if the key is empty.
    pub(crate) fn new(method: Method, key: &Path) -> Ask {
        Ask { method, key: key.clone(), query: Vec::new(), headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn of_bucket() -> Ask {
        Ask::new(Method::GET, &Path::default())
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Ask {
        self.body = body.into();
        self
    }
}

impl S3 {
    pub(crate) fn new(client: AmazonS3, http: HttpClient, signed: bool) -> S3 {
        S3 { client, http, signed }
    }

    /// One attempt. An answer that is no success is an error, also if it says so in its body only.
    pub(crate) async fn send(&self, ask: Ask) -> Result<Reply, Said> {
        let request = self.request(ask).await?;
        let answer = self.http.execute(request).await.map_err(|error| Said::of_http(&error))?;
        let (head, body) = answer.into_parts();
        let body = body.bytes().await.map_err(|error| Said::of_http(&error))?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let status = head.status.as_u16();
        if !head.status.is_success() {
            return Err(Said::of_answer(status, head.status.canonical_reason().unwrap_or_default(), &body));
        }
        if xml::text_of(&body, "Error").is_some_and(|error| xml::text_of(error, "Code").is_some()) {
            return Err(Said::of_error_in_body(&body));
        }
        let tag = head.headers.get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Reply { tag, body })
    }

    async fn request(&self, ask: Ask) -> Result<HttpRequest, Said> {
        let (mut url, region) = self.place(&ask.key).await?;
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
            // A space is not always understood as a plus.
            let query = url.query().unwrap_or_default().replace('+', "%20");
            url.set_query(Some(&query));
        }
        let mut request = HttpRequest::new(HttpRequestBody::from(ask.body));
        *request.method_mut() = ask.method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| unsendable("URL"))?;
        for (name, value) in ask.headers {
            let value = HeaderValue::try_from(value).map_err(|_| unsendable("header"))?;
            request.headers_mut().insert(name, value);
        }
        if self.signed {
            let credential = self.client.credentials().get_credential().await;
            let credential = credential.map_err(|error| Said::of(&error))?;
            let signer = AwsAuthorizer::new(&credential, "s3", &region);
            signer.try_authorize(&mut request, None).map_err(|error| Said::of(&error))?;
        }
        Ok(request)
    }

    /// The URL of a key as the crate's client has it, and the region that it signs for.
    async fn place(&self, key: &Path) -> Result<(Url, String), Said> {
        let presigned = self.client.signed_url(Method::GET, key, Duration::from_mins(1)).await;
        let mut url = presigned.map_err(|error| Said::of(&error))?;
        // KEY-ID/DATE/REGION/s3/aws4_request
        let scope = url.query_pairs().find(|(name, _)| name == "X-Amz-Credential");
        let region = scope.and_then(|(_, scope)| scope.rsplit('/').nth(2).map(str::to_owned));
        url.set_query(None);
        Ok((url, region.ok_or_else(|| unsendable("region"))?))
    }
}

fn unsendable(what: &str) -> Said {
    Said::new(Kind::Failed, format!("the {what} cannot be made"))
}

/// Keeps the HTTP client that a builder makes last, which is the one for the bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeepClient {
    made: Arc<Mutex<Option<HttpClient>>>,
}

impl KeepClient {
    pub(crate) fn client(&self) -> Option<HttpClient> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HttpConnector for KeepClient {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }
}
