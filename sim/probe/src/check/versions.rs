//! Versions and delete markers: the crate has no calls for them, so we ask on S3 only.

use super::{Found, acceptance, body};
use crate::ask::{Answer, Bench};
use crate::report::Seen;
use crate::s3::Ask;
use crate::said::{Kind, Said};
use crate::xml;
use object_store::path::Path;
use object_store::signer::Method;

/// A server that pages in circles is not followed for ever.
const PAGES_MAX: usize = 100;

/// Whether a bucket keeps versions.
#[derive(Clone, Debug)]
pub(crate) enum Versioning {
    On,
    /// It keeps those that there are, and makes no new ones.
    Suspended,
    Off,
    Unknown(Said),
}

impl Versioning {
    pub(crate) async fn of(bench: &Bench) -> Versioning {
        let reply = match bench.request(Ask::of_bucket().query("versioning", "")).await {
            Ok(reply) => reply,
            Err(said) => return Versioning::Unknown(said),
        };
        if !reply.body.contains("Versioning") {
            return Versioning::Unknown(Said::unable(
                "the server has no such call: it answers something else",
            ));
        }
        match xml::text_of(&reply.body, "Status") {
            Some("Enabled") => Versioning::On,
            Some("Suspended") => Versioning::Suspended,
            _ => Versioning::Off,
        }
    }

    /// What a check that needs versions says where there are none.
    fn needed(&self) -> Result<(), Said> {
        match self {
            Versioning::On => Ok(()),
            Versioning::Suspended => Err(Said::unable("versioning is suspended")),
            Versioning::Off => Err(Said::unable("versioning is off")),
            Versioning::Unknown(said) => Err(said.clone()),
        }
    }
}

/// A version of an object, or a delete marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) is_marker: bool,
}

/// The versions and markers of the keys that begin like this one. The first of a key is the newest.
pub(crate) async fn versions(bench: &Bench, below: &str) -> Answer<Vec<Version>> {
    let (mut found, mut next) = (Vec::new(), None::<(String, String)>);
    for _ in 0..PAGES_MAX {
        let mut ask = Ask::of_bucket().query("versions", "").query("prefix", below);
        if let Some((key, id)) = next {
            ask = ask.query("key-marker", key).query("version-id-marker", id);
        }
        let body = bench.request(ask).await?.body;
        if !body.contains("ListVersionsResult") {
            return Err(Said::unable("the server has no such call: it answers something else"));
        }
        found.extend(versions_in(&body, "Version"));
        found.extend(versions_in(&body, "DeleteMarker"));
        let marker = |name| xml::text_of(&body, name).map(xml::plain);
        next = marker("NextKeyMarker").map(|key| (key, marker("NextVersionIdMarker").unwrap_or_default()));
        if xml::text_of(&body, "IsTruncated") != Some("true") || next.is_none() {
            break;
        }
    }
    Ok(found)
}

fn versions_in(body: &str, element: &'static str) -> impl Iterator<Item = Version> {
    xml::all(body, element).filter_map(move |text| {
        let part = |name| xml::text_of(text, name).map(xml::plain);
        Some(Version { key: part("Key")?, id: part("VersionId")?, is_marker: element == "DeleteMarker" })
    })
}

/// Removes a version for good.
pub(crate) async fn delete_version(bench: &Bench, key: &Path, id: &str) -> Answer<()> {
    let ask = Ask::new(Method::DELETE, key).query("versionId", id);
    match bench.request(ask).await {
        Err(said) if !said.is(Kind::Absent) => Err(said),
        _ => Ok(()),
    }
}

async fn read_version(bench: &Bench, key: &Path, id: &str) -> Answer<String> {
    Ok(bench.request(Ask::new(Method::GET, key).query("versionId", id)).await?.body)
}

pub(crate) fn on(versioning: &Versioning) -> Found {
    match versioning {
        Versioning::On => Ok(Seen::kept("on")),
        other => other.needed().map(|()| Seen::kept("on")),
    }
}

pub(crate) async fn overwrite_keeps(bench: &Bench, versioning: &Versioning) -> Found {
    versioning.needed()?;
    let (key, first) = (bench.key("overwrite-keeps-version"), body("first"));
    bench.put(&key, &first).await?;
    bench.put(&key, &body("second")).await?;
    let versions = versions(bench, key.as_ref()).await?;
    for version in &versions {
        if read_version(bench, &key, &version.id).await?.as_bytes() == first {
            return Ok(Seen::kept(format!("{} versions listed, the one before is read", versions.len())));
        }
    }
    Ok(Seen::broken(format!("{} versions listed, none of them the one before", versions.len())))
}

pub(crate) async fn delete_leaves_marker(bench: &Bench, versioning: &Versioning) -> Found {
    versioning.needed()?;
    let (key, first) = (bench.key("delete-leaves-marker"), body("first"));
    bench.put(&key, &first).await?;
    bench.delete(&key).await?;
    let versions = versions(bench, key.as_ref()).await?;
    let marked = versions.iter().any(|version| version.is_marker);
    let mut read = false;
    for version in versions.iter().filter(|version| !version.is_marker) {
        read |= read_version(bench, &key, &version.id).await?.as_bytes() == first;
    }
    Ok(match (marked, read) {
        (true, true) => Seen::kept("a marker is listed, the version before is read"),
        (true, false) => Seen::broken("a marker is listed, the version before is gone"),
        (false, true) => Seen::broken("no marker is listed, the version before is read"),
        (false, false) => Seen::broken("no marker is listed, the version before is gone"),
    })
}

pub(crate) async fn create_over_marker(bench: &Bench, versioning: &Versioning) -> Found {
    versioning.needed()?;
    let (key, second) = (bench.key("create-over-marker"), body("second"));
    bench.put(&key, &body("first")).await?;
    bench.delete(&key).await?;
    if !versions(bench, key.as_ref()).await?.iter().any(|version| version.is_marker) {
        return Ok(Seen::not_offered("a DELETE leaves no marker"));
    }
    let answer = bench.create(&key, &second).await;
    acceptance(answer, bench.standing(&key).await? == Some(second))
}
