//! The report for people: verdict first, then what and why.
//!
//! Must never know: other formats, the terminal (colours are asked for by the caller).

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::lower::Lowered;
use crate::verify::verdict::{CheckResult, Verdict};

use super::counterexample;
use super::names::{Names, printable};
use super::run::{ClusterReport, Run, Verified, hanging};
use super::trace::place;

/// How much is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Only what is not proven.
    pub quiet: bool,
}

/// Styles of the verdicts; stripped where standard output is no terminal.
fn style(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Proven => AnsiColor::Green,
        Verdict::Violated => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Yellow,
        Verdict::Vacuous | Verdict::Waived => AnsiColor::BrightBlack,
    };
    color.on_default()
}

fn mark(verdict: Verdict) -> char {
    match verdict {
        Verdict::Proven => '✓',
        Verdict::Violated => '✗',
        Verdict::Unknown => '?',
        Verdict::Vacuous => '∅',
        Verdict::Waived => '~',
    }
}

/// The whole run.
pub fn render(run: &Run, options: Options) -> String {
    let mut out = String::new();
    for cluster in &run.clusters {
        render_cluster(&mut out, run, cluster, options);
        // A trace ends with an empty line already.
        if !out.ends_with("\n\n") {
            out.push('\n');
        }
    }
    let s = run.summary();
    let mut counts = Vec::new();
    for (count, verdict) in [
        (s.violated, Verdict::Violated),
        (s.unknown, Verdict::Unknown),
        (s.proven, Verdict::Proven),
        (s.vacuous, Verdict::Vacuous),
        (s.waived, Verdict::Waived),
    ] {
        if count > 0 {
            counts.push(format!("{count} {}", verdict.word()));
        }
    }
    if s.failed > 0 {
        counts.push(format!("{} not verified", plural(s.failed, "cluster")));
    }
    if counts.is_empty() {
        counts.push("nothing was checked".to_owned());
    }
    let _ = writeln!(
        out,
        "{}: {}",
        plural(s.clusters, "cluster"),
        counts.join(", ")
    );
    out
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

fn render_cluster(out: &mut String, run: &Run, report: &ClusterReport, options: Options) {
    let bold = Style::new().bold();
    let name = printable(&report.name);
    let path = if report.path == report.name {
        String::new()
    } else {
        format!("  {}", printable(&report.path))
    };
    let Some(verified) = &report.verified else {
        let red = style(Verdict::Violated).bold();
        let _ = writeln!(
            out,
            "{red}NOT VERIFIED{red:#}  {bold}{name}{bold:#}{path}: see the errors"
        );
        return;
    };
    let overall = overall(&verified.results);
    let tint = style(overall).bold();
    let _ = writeln!(
        out,
        "{tint}{}{tint:#}  {bold}{name}{bold:#}{path}",
        headline(overall)
    );
    let names = Names::with_stages(&verified.cluster, &verified.lowered);
    let mut results: Vec<&CheckResult> = verified.results.iter().collect();
    // What needs a person comes first.
    results.sort_by_key(|r| match r.verdict {
        Verdict::Violated => 0,
        Verdict::Unknown => 1,
        _ => 2,
    });
    let width = results
        .iter()
        .map(|r| label(r).chars().count())
        .max()
        .unwrap_or(0);
    for result in results {
        if options.quiet
            && matches!(
                result.verdict,
                Verdict::Proven | Verdict::Vacuous | Verdict::Waived
            )
        {
            continue;
        }
        let tint = style(result.verdict);
        let line = format!(
            "  {tint}{} {:8}{tint:#}  {:width$}  {}",
            mark(result.verdict),
            result.verdict.word(),
            label(result),
            printable(&result.title)
        );
        let _ = writeln!(out, "{}", line.trim_end());
        for hangs in hanging(result) {
            let _ = writeln!(out, "      {hangs}");
        }
        match &result.counterexample {
            Some(counterexample) => {
                let Some(beyond) = &counterexample.beyond else {
                    counterexample::render(out, run, verified, &names, counterexample);
                    continue;
                };
                let _ = writeln!(out, "      with a pod that could be added:\n");
                for line in beyond.yaml.lines() {
                    let _ = writeln!(out, "        {}", printable(line));
                }
                out.push('\n');
                let extended = Verified {
                    cluster: beyond.cluster.clone(),
                    lowered: Lowered::default(),
                    assumptions: Vec::new(),
                    results: Vec::new(),
                    findings: Vec::new(),
                };
                let names = Names::new(&extended.cluster);
                counterexample::render(out, run, &extended, &names, counterexample);
            }
            None if result.verdict != Verdict::Proven && !result.detail.is_empty() => {
                let _ = writeln!(out, "      {}", printable(&result.detail));
            }
            None => {}
        }
    }
    render_footer(out, run, verified, options);
}

/// The id, and the name where it says more.
fn label(result: &CheckResult) -> String {
    let id = printable(&result.id);
    if result.constraint == result.id {
        id
    } else {
        format!("{id} {}", printable(&result.constraint))
    }
}

fn render_footer(out: &mut String, run: &Run, verified: &Verified, options: Options) {
    for finding in &verified.findings {
        let at = finding
            .source
            .map(|span| format!("  {}", place(&run.sources, span)))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}: {} [{}]{at}",
            finding.severity,
            printable(&finding.message),
            finding.id
        );
    }
    if options.quiet {
        return;
    }
    let about_messages =
        |r: &&CheckResult| r.verdict == Verdict::Proven && r.detail.contains("messages");
    if let Some(result) = verified.results.iter().find(about_messages) {
        // What one of them hangs on is said there.
        let universe = result.detail.split("; with ").next().unwrap_or_default();
        let _ = writeln!(out, "  proven: for {universe}");
    }
    for assumption in &verified.assumptions {
        let _ = writeln!(
            out,
            "  assuming {}={}: {}",
            assumption.id, assumption.value, assumption.meaning
        );
    }
}

/// The worst of the verdicts: what the exit code says of the cluster.
fn overall(results: &[CheckResult]) -> Verdict {
    let has = |verdict| results.iter().any(|r| r.verdict == verdict);
    if has(Verdict::Violated) {
        Verdict::Violated
    } else if has(Verdict::Unknown) {
        Verdict::Unknown
    } else if has(Verdict::Proven) || has(Verdict::Waived) {
        Verdict::Proven
    } else {
        Verdict::Vacuous
    }
}

fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven | Verdict::Waived => "PROVEN",
        Verdict::Violated => "VIOLATED",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Vacuous => "NOTHING CHECKED",
    }
}
