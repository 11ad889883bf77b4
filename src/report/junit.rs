//! `JUnit` XML, the flavour that Jenkins and GitLab read: a suite per cluster, a case per constraint.
//!
//! Violated is a failure with the trace, unknown an error, vacuous and waived are skipped. Must never know: other formats.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::base::diag::Severity;
use crate::verify::verdict::{CheckResult, Verdict};

use super::names::Names;
use super::run::{ClusterReport, Run, Verified, hanging};
use super::trace::Teller;

/// The whole run.
pub fn render(run: &Run) -> String {
    let mut report = Report::new("kubeproof");
    for cluster in &run.clusters {
        report.add_test_suite(suite(run, cluster));
    }
    // A warning is no failure: a file left aside must not turn a green run red.
    let messages: Vec<String> = run
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| format!("{}: {}", d.code, d.message))
        .collect();
    if !messages.is_empty() {
        let mut suite = TestSuite::new("input");
        suite.add_test_case(failed_input(&messages));
        report.add_test_suite(suite);
    }
    report.to_string().unwrap_or_default()
}

fn suite(run: &Run, cluster: &ClusterReport) -> TestSuite {
    let mut suite = TestSuite::new(cluster.name.clone());
    if let Some(verified) = &cluster.verified {
        for result in &verified.results {
            suite.add_test_case(case(run, cluster, verified, result));
        }
    } else {
        let messages: Vec<String> = cluster
            .diagnostics
            .iter()
            .map(|d| format!("{}: {}", d.code, d.message))
            .collect();
        suite.add_test_case(failed_input(&messages));
    }
    suite
}

fn failed_input(messages: &[String]) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_type("input")
        .set_message("the input could not be verified")
        .set_description(messages.join("\n"));
    TestCase::new("input", status)
}

fn case(run: &Run, cluster: &ClusterReport, verified: &Verified, result: &CheckResult) -> TestCase {
    let status = match result.verdict {
        Verdict::Proven => TestCaseStatus::success(),
        Verdict::Vacuous | Verdict::Waived => {
            let mut status = TestCaseStatus::skipped();
            status
                .set_type(result.verdict.word())
                .set_message(result.detail.clone());
            status
        }
        Verdict::Unknown => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status
                .set_type("unknown")
                .set_message(result.detail.clone());
            status
        }
        Verdict::Violated => {
            let (message, trace) = violation(run, verified, result);
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_type("violated")
                .set_message(message)
                .set_description(trace);
            status
        }
    };
    let name = if result.id == result.constraint {
        result.id.clone()
    } else {
        format!("{} {}", result.id, result.constraint)
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(cluster.name.clone());
    let hangs: Vec<String> = hanging(result).collect();
    if !hangs.is_empty() {
        case.set_system_out(hangs.join("\n"));
    }
    case
}

/// What is violated in a sentence, and the trace; before it the pods that had to be added.
fn violation(run: &Run, verified: &Verified, result: &CheckResult) -> (String, String) {
    let mut told = vec![result.title.clone()];
    let mut trace = String::new();
    let Some(found) = &result.counterexample else {
        return (told.join("; "), trace);
    };
    // With pods added, everybody has another id.
    let names = match &found.beyond {
        Some(beyond) => Names::new(&beyond.cluster),
        None => Names::with_stages(&verified.cluster, &verified.lowered),
    };
    let teller = Teller {
        names: &names,
        network: found.network_in(&verified.lowered.network),
        sources: &run.sources,
    };
    if let Some(beyond) = &found.beyond {
        trace.push_str("with a pod that could be added:\n");
        trace.push_str(&beyond.yaml);
        trace.push('\n');
    }
    for message in &found.messages {
        if let Some(outcome) = message.trace.outcomes.first() {
            told.push(format!(
                "{} sends {}: {}",
                names.with_kind(message.sender),
                message.header,
                teller.fate(outcome)
            ));
        }
        trace.push_str(&teller.trace(&message.trace, ""));
    }
    (told.join("; "), trace)
}
