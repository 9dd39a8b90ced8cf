//! `asl-sim doctor`: what this machine offers.

use super::Status;
use super::args::DoctorArgs;
use super::error::{Error, plain};
use super::out::Out;
use crate::doctor::examine;
use crate::report::doctor::text;

pub(super) fn doctor(args: &DoctorArgs, out: &mut Out) -> Result<Status, Error> {
    let findings = examine(&args.location).map_err(|error| {
        let location = args.location.display().to_string();
        Error::new(format!("cannot look at {location:?}: {}", plain(&error)))
            .hint("name an existing directory with --location DIR")
    })?;
    out.text(&text(&findings, out.columns()));
    out.json(&findings);
    Ok(Status::Passed)
}
