//! A campaign as a JUnit report: a test case for the campaign, and one for each thing that it found.

use super::distinct::Distinct;
use crate::campaign::Summary;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The report, as XML. `text`: the summary, as people read it.
///
/// # Panics
///
/// Never: writing to memory does not fail.
pub(crate) fn xml(
    target: &str,
    summary: &Summary,
    found: &[Distinct],
    text: &str,
    elapsed: Duration,
) -> String {
    let mut suite = TestSuite::new(format!("asl-sim run {target}"));
    suite.set_time(elapsed);
    let passed = if found.is_empty() { Ok(()) } else { Err("it found what is listed below") };
    let mut campaign = TestCase::new("campaign", status(passed, "campaign"));
    campaign.set_classname(target).set_time(elapsed).set_system_out(text);
    suite.add_test_case(campaign);
    for one in found {
        let mut failed = status(Err(&one.what), &one.signature);
        failed.set_description(one.lines());
        let mut case = TestCase::new(&one.signature, failed);
        case.set_classname(target);
        suite.add_test_case(case);
    }
    for (signature, count) in &summary.known {
        let mut skipped = TestCaseStatus::skipped();
        skipped.set_message(format!("a known failure, of {count} runs"));
        let mut case = TestCase::new(signature, skipped);
        case.set_classname(target);
        suite.add_test_case(case);
    }
    let mut report = Report::new("asl-sim");
    report.set_time(elapsed).add_test_suite(suite);
    report.to_string().expect("writing to memory does not fail")
}

fn status(result: Result<(), &str>, sort: &str) -> TestCaseStatus {
    let Err(why) = result else { return TestCaseStatus::success() };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(why).set_type(sort);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::distinct::tests::{found, summary};

    #[test]
    fn a_junit_report_reads_as_it_does() {
        let text = "failed: 3 failures in 1,000 runs";
        insta::assert_snapshot!(xml("mine", &summary(), &found(), text, Duration::from_millis(1_930)));
    }

    #[test]
    fn a_campaign_that_found_nothing_is_one_test_that_passed() {
        let xml = xml("mine", &Summary::default(), &[], "passed", Duration::ZERO);
        assert!(
            xml.contains("tests=\"1\"") && xml.contains("failures=\"0\"") && !xml.contains("<failure"),
            "{xml}"
        );
    }
}
