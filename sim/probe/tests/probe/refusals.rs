//! What cannot be probed is told in one line, soon, with a way out and without secrets.

use crate::quick;
use crate::servers::{Does, Server};
use asl_probe::{Options, Refused, RefusedKind, probe};
use std::time::{Duration, Instant};

const SECRET: &str = "hidden-secret";

/// Settings that hide what the environment says.
fn settings(endpoint: &str) -> Vec<(String, String)> {
    let all = [
        ("aws_endpoint", endpoint),
        ("aws_region", "us-east-1"),
        ("aws_access_key_id", "an-id"),
        ("aws_secret_access_key", SECRET),
        ("aws_token", SECRET),
        ("aws_allow_http", "true"),
        ("aws_skip_signature", "false"),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn refused_with(url: &str, settings: Vec<(String, String)>) -> Refused {
    let options = Options { request_timeout: Duration::from_millis(500), settings, ..quick() };
    let began = now();
    let refused = probe(url, &options, &mut |_| {}).expect_err("it is refused");
    assert!(now() - began < Duration::from_secs(5), "{refused} took {:?}", now() - began);
    for text in [&refused.line, &refused.hint] {
        assert!(!text.contains('\n') && !text.contains(SECRET) && text.chars().count() < 400, "{text}");
    }
    assert!(!refused.hint.is_empty(), "{refused}");
    refused
}

#[expect(clippy::disallowed_methods, reason = "the bound is in real time")]
fn now() -> Instant {
    Instant::now()
}

/// Probes a bucket at a server that does this.
fn refused_by(does: Does) -> Refused {
    let server = Server::new(does);
    let refused = refused_with("s3://bucket/some/where", settings(&server.endpoint));
    assert_eq!((refused.kind, refused.code()), (RefusedKind::Unavailable, 13), "{refused}");
    refused
}

#[track_caller]
fn says(refused: &Refused, words: &[&str]) {
    for word in words {
        assert!(refused.line.contains(word), "{word:?} is not in {:?}", refused.line);
    }
}

#[test]
fn a_server_that_never_answers_is_given_up_after_the_time_for_a_request() {
    let refused = refused_by(Does::Hangs);
    says(&refused, &["no whole answer from 127.0.0.1:", "no answer within 0.5 s"]);
    assert!(refused.hint.contains("an object may stand below s3://bucket/some/where/asl-sim-probe-"));
}

#[test]
fn a_server_that_closes_the_connection_is_told_as_that() {
    says(&refused_by(Does::Closes), &["no whole answer from 127.0.0.1:"]);
    says(&refused_by(Does::ClosesInTheMiddle), &["no whole answer from 127.0.0.1:"]);
}

#[test]
fn a_server_of_pages_for_browsers_is_no_bucket() {
    let page = "<!DOCTYPE html><html><body>Hello</body></html>";
    for status in ["200 OK", "404 Not Found", "403 Forbidden", "501 Unsupported method ('PUT')"] {
        let refused = refused_by(Does::Answers(status, "text/html", page));
        says(&refused, &["s3://bucket/some/where: ", "127.0.0.1:"]);
        if status != "200 OK" {
            says(&refused, &["is no bucket, but a page for browsers", &status[..3]]);
        }
    }
}

#[test]
fn a_server_that_says_yes_to_everything_is_no_bucket() {
    let refused = refused_by(Does::Answers("200 OK", "text/plain", "fine"));
    says(&refused, &["cannot write at 127.0.0.1:"]);
}

#[test]
fn who_may_not_write_is_told_so_by_the_code_of_the_answer() {
    let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><AWSAccessKeyId>hidden-secret</AWSAccessKeyId></Error>";
    let refused = refused_by(Does::Answers("403 Forbidden", "application/xml", body));
    says(&refused, &["may not write there: 403 AccessDenied"]);
    assert!(refused.hint.contains("credentials"));
}

#[test]
fn a_bucket_that_is_not_there_is_told_as_that() {
    let body =
        "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
    let refused = refused_by(Does::Answers("404 Not Found", "application/xml", body));
    says(&refused, &["there is no such bucket", "404 NoSuchBucket"]);
    assert!(refused.hint.contains("create the bucket"));
}

#[test]
fn a_server_with_trouble_of_its_own_is_told_by_its_status() {
    let refused =
        refused_by(Does::Answers("503 Slow Down", "application/xml", "<Error><Code>SlowDown</Code></Error>"));
    says(&refused, &["cannot write at 127.0.0.1:", ": 503 SlowDown"]);
    let refused = refused_by(Does::Answers("301 Moved Permanently", "application/xml", ""));
    assert!(refused.hint.contains("AWS_REGION"), "{refused:?}");
}

#[test]
fn an_endpoint_where_nobody_listens_is_told_by_its_address() {
    let server = Server::new(Does::Closes);
    let endpoint = server.endpoint.clone();
    drop(server);
    let refused = refused_with("s3://bucket", settings(&endpoint));
    assert_eq!(refused.kind, RefusedKind::Unavailable);
    says(&refused, &["cannot reach 127.0.0.1:", "refused"]);
}

#[test]
fn an_endpoint_by_http_must_be_allowed() {
    let mut settings = settings("http://127.0.0.1:9");
    settings.push(("aws_allow_http".to_owned(), "false".to_owned()));
    let refused = refused_with("s3://bucket", settings);
    assert!(refused.hint.contains("AWS_ALLOW_HTTP=true"), "{refused:?}");
}

#[test]
fn an_environment_without_credentials_is_refused_before_anything_is_asked() {
    let mut none = settings("http://127.0.0.1:9");
    let empty = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_web_identity_token_file",
        "aws_metadata_endpoint",
    ];
    none.extend(empty.map(|name| (name.to_owned(), String::new())));
    let refused = refused_with("s3://bucket", none);
    assert_eq!((refused.kind, refused.code()), (RefusedKind::Usage, 2));
    says(&refused, &["s3://bucket: the environment has no credentials for S3"]);
    let half = [("aws_access_key_id", "an-id"), ("aws_secret_access_key", "")];
    let half = half.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    says(&refused_with("s3://bucket", half), &["only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"]);
}

#[test]
fn an_endpoint_that_is_no_url_is_refused_and_its_password_is_not_told() {
    for endpoint in ["nonsense", "127.0.0.1:9000", "ftp://there", ""] {
        let refused = refused_with("s3://bucket", settings(endpoint));
        assert_eq!(refused.kind, RefusedKind::Usage, "{endpoint:?}");
        says(&refused, &["the endpoint that the environment or the settings name is no URL"]);
    }
    let refused =
        refused_with("s3://bucket", settings("http://user:hidden-secret@127.0.0.1:9/hidden-secret"));
    says(&refused, &["cannot reach 127.0.0.1:9"]);
}

#[test]
fn what_is_no_url_of_a_bucket_is_refused_with_what_would_be() {
    for url in ["bucket", "ftp://there/x", "s3:", "file://there/x", "http://there/x"] {
        let refused = refused_with(url, Vec::new());
        assert_eq!(refused.kind, RefusedKind::Usage, "{url}");
        assert!(refused.hint.contains("s3://BUCKET"), "{url}: {refused:?}");
    }
    for url in ["s3://id:hidden-secret@bucket/x", "s3://bucket/x?token=hidden-secret"] {
        let refused = refused_with(url, Vec::new());
        says(&refused, &["holds credentials or options"]);
    }
    let unknown = vec![("aws_nonsense".to_owned(), SECRET.to_owned())];
    let options = Options { settings: unknown, ..quick() };
    let refused = probe("s3://bucket", &options, &mut |_| {}).expect_err("there is no such setting");
    assert_eq!(refused.kind, RefusedKind::Usage);
}
