//! All hosts on a bucket, as data.

use super::Bucket;
use asl_mirrors::{AnyEnv, AnyHost};

/// What a bucket has to be like for a bug to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Conditions are atomic, and lists show everything.
    Nothing,
    /// Lists may be behind.
    StaleLists,
    /// Conditions are tested before the change, as a request of their own.
    ConditionsTestedApart,
}

/// A host on a bucket, with one planted bug or with none.
#[derive(Clone, Copy, Debug)]
pub struct Specimen {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub bug: &'static str,
    /// The invariant that it breaks, if anything is wrong.
    pub breaks: Option<&'static str>,
    /// The bucket on which it shows.
    pub on: Needs,
    /// Makes the host, with its own objects below a name.
    pub host: fn(Bucket, AnyEnv, &str) -> Box<dyn AnyHost>,
}

macro_rules! specimen {
    ($module:ident, $breaks:expr, $on:ident) => {
        Specimen {
            name: super::$module::NAME,
            bug: super::$module::BUG,
            breaks: $breaks,
            on: Needs::$on,
            host: |bucket, env, root| Box::new(super::$module::host(bucket, env, root)),
        }
    };
}

macro_rules! list {
    (usual: $($usual:ident),*; stale: $($stale:ident),*; apart: $($apart:ident),*; sound: $($sound:ident),*;) => {
        &[
            $(specimen!($usual, Some(super::$usual::BREAKS), Nothing),)*
            $(specimen!($stale, Some(super::$stale::BREAKS), StaleLists),)*
            $(specimen!($apart, Some(super::$apart::BREAKS), ConditionsTestedApart),)*
            $(specimen!($sound, None, Nothing),)*
        ]
    };
}

/// All of them, and then the host that they are made from.
pub static ALL: &[Specimen] = list! {
    usual:
        retry_appends_twice,
        own_put_is_conflict,
        conflict_409_is_exists,
        multipart_200_error,
        plain_put_log,
        fence_without_read,
        own_412_is_rival,
        usable_after_lost_put,
        freed_number_created_again,
        seal_before_complete;
    stale: list_is_truth;
    apart: conditions_tested_apart;
    sound: control;
};

/// One whose bug takes too many coincidences for a campaign of some thousand runs: a store that is destroyed with a request on its way,
/// created again, and read once that has landed.
pub static RARE: &[Specimen] =
    &[specimen!(late_put_into_new_store, Some(super::late_put_into_new_store::BREAKS), Nothing)];
